package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/console"
	"alpr/store"
	"alpr/vehicle"
)

const userHelp = `Officers log in to the console with accounts of this vehicle: a file that holds
no password, only slow hashes of them. The name is written into every record
of what the officer does. Adding and removing an account is in the audit log.`

func newUserCmd() *cobra.Command {
	var f deskFlags
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

// account changes an account once that is in the audit log. A technician who
// sets the vehicle up is no officer: nobody needs to be named.
func (f *deskFlags) account(c *cobra.Command, action alpr.AuditAction, name string, change func(vehicle.Config) error) error {
	who := store.Access{Officer: cmp.Or(f.officer, "system"), Purpose: cmp.Or(f.purpose, "accounts of the console")}
	return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error {
		if err := d.store.Audit(c.Context(), accessRecord(who, action, name)); err != nil {
			return err
		}
		return change(d.cfg)
	})
}

func newUserAddCmd(f *deskFlags) *cobra.Command {
	var full, agency string
	c := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add an account, or give one a new password: the password is read from standard input",
		Example: "  alpr user add 4711 --full 'Officer Smith'\n  echo \"$PASSWORD\" | alpr user add 4711",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := vehicle.LoadConfig(f.config)
			if err != nil {
				return err
			}
			password, err := readPassword(c.InOrStdin(), c.ErrOrStderr())
			if err != nil {
				return err
			}
			u, err := console.NewUser(args[0], cmp.Or(agency, cfg.Agency), full, password)
			if err != nil {
				return err
			}
			return f.account(c, alpr.ActionAccountAdded, u.Name, func(cfg vehicle.Config) error {
				if err := os.MkdirAll(filepath.Dir(cfg.Console.UsersFile), 0o700); err != nil {
					return fmt.Errorf("make the folder for accounts: %w", err)
				}
				return console.SaveUser(cfg.Console.UsersFile, u)
			})
		},
	}
	c.Flags().StringVar(&full, "full", "", "name shown on the page")
	c.Flags().StringVar(&agency, "agency", "", "agency written into records (default: the configuration's)")
	return c
}

func newUserListCmd(f *deskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := vehicle.LoadConfig(f.config)
			if err != nil {
				return err
			}
			users, err := console.LoadUsers(cfg.Console.UsersFile)
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(users)) {
				u := users[name]
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%s\t%s\t%s\n", u.Name, u.Agency, u.Full); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newUserRemoveCmd(f *deskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an account",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.account(c, alpr.ActionAccountRemoved, args[0], func(cfg vehicle.Config) error {
				return console.RemoveUser(cfg.Console.UsersFile, args[0])
			})
		},
	}
}

var errNoPassword = errors.New("no password on standard input")

// readPassword takes one line. A terminal shows what is typed: it says so.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprint(prompt, "Password (at least 8 characters, shown as you type): ")
		}
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errNoPassword
	}
	return line, nil
}
