package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"alpr/console"
	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

const userHelp = `Officers log in to the console with accounts of this vehicle: a file that holds
no password, only slow hashes of them. The name is written into every record
of what the officer does. Adding and removing an account is in the audit log.`

func newUserCmd() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "user",
		Short: "Add, list or remove the accounts that may open the console",
		Long:  userHelp,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f.add(c)
	c.AddCommand(newUserAddCmd(&f), newUserListCmd(&f), newUserRemoveCmd(&f))
	return c
}

func newUserAddCmd(f *recordFlags) *cobra.Command {
	var full, agency, role string
	c := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add an account, or give one a new password: the password is read from standard input",
		Example: "  alpr user add 4711 --full 'Officer Smith'\n  echo \"$PASSWORD\" | alpr user add 4711",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := vehicle.Enter(f.config.path, f.config.overlays...)
			if err != nil {
				return err
			}
			password, err := admin.ReadPassword(c.InOrStdin(), c.ErrOrStderr())
			if err != nil {
				return err
			}
			user, err := console.NewUser(args[0], cmp.Or(agency, cfg.Agency), full, password)
			if err != nil {
				return err
			}
			if user.Role, err = console.ParseRole(role); err != nil {
				return err
			}
			return f.with(c, func(r *vehicle.Records) error { return admin.AddUser(c.Context(), r, f.technician(), user) })
		},
	}
	c.Flags().StringVar(&role, "role", "officer", "what he may do: officer, supervisor or technician")
	c.Flags().StringVar(&full, "full", "", "name shown on the page")
	c.Flags().StringVar(&agency, "agency", "", "agency written into records (default: the configuration's)")
	return c
}

func newUserListCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := vehicle.Enter(f.config.path, f.config.overlays...)
			if err != nil {
				return err
			}
			return admin.PrintUsers(cfg, c.OutOrStdout())
		},
	}
}

func newUserRemoveCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an account",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.with(c, func(r *vehicle.Records) error { return admin.RemoveUser(c.Context(), r, f.technician(), args[0]) })
		},
	}
}

// technician is who changes accounts: somebody who sets the vehicle up is no
// officer, and need not be named.
func (f *recordFlags) technician() store.Access {
	return store.Access{Officer: cmp.Or(f.officer, "system"), Purpose: cmp.Or(f.purpose, "accounts of the console")}
}
