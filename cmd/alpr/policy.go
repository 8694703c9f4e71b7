package main

import (
	"github.com/spf13/cobra"

	"alpr/internal/usage"
	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

const policyHelp = `What the agency allows to be kept, and for how long, is in the configuration under
"policy". Without a valid policy nothing is stored. The backend may tighten it,
never loosen it.`

func newPolicyCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Show the retention policy in force and the shipped profiles; keep the safe list",
		Long:  policyHelp,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPolicyShowCmd(), newPolicyProfilesCmd(), newPolicyRestoreCmd(), newSafeListCmd())
	return c
}

func newPolicyShowCmd() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the policy in force, as configured and as tightened by the backend",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(r *vehicle.Records) error {
				return admin.PrintPolicy(c.Context(), r, c.OutOrStdout())
			})
		},
	}
	f.add(c)
	return c
}

func newPolicyRestoreCmd() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "restore",
		Short: "Put the configured policy in force after what was in force was lost",
		Long: `Put the configured policy in force after what was in force was lost to damage, for
which nothing new has been kept since. See first with the backend what it has
tightened: that is lost, too. Without such a loss this is refused.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error { return r.Store.Rules().Restore(c.Context(), who) })
		},
	}
	f.add(c)
	return c
}

func newPolicyProfilesCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles",
		Short: "Print the shipped retention profiles",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return admin.PrintProfiles(c.OutOrStdout())
		},
	}
}

func newSafeListCmd() *cobra.Command {
	var f recordFlags
	var file string
	c := &cobra.Command{
		Use:   "safelist add|remove|count [PLATE…]",
		Short: "Keep the plates whose reads vanish before storage",
		Long: `Keep the plates whose reads vanish before storage, unless they are on a hotlist.
Only keyed hashes of them are kept: the list can be added to and taken from, and
nobody can read it.`,
		Example: `  alpr policy safelist add --file members.txt --officer 0815 --purpose "opt-out register"
  alpr policy safelist remove ABC123 --officer 0815 --purpose "left the register"`,
		Args:      cobra.MinimumNArgs(1),
		ValidArgs: []string{"add", "remove", "count"},
		RunE: func(c *cobra.Command, args []string) error {
			plates, err := admin.Plates(args[1:], file)
			if err != nil {
				return err
			}
			switch args[0] {
			case "count":
				return f.with(c, func(r *vehicle.Records) error { return admin.CountSafe(c.Context(), r, c.OutOrStdout()) })
			case "add":
				return f.as(c, func(r *vehicle.Records, who store.Access) error {
					return r.Store.SafeList().Add(c.Context(), who, plates)
				})
			case "remove":
				return f.as(c, func(r *vehicle.Records, who store.Access) error {
					return r.Store.SafeList().Remove(c.Context(), who, plates)
				})
			}
			return usage.Errorf("unknown action %q: expected add, remove or count", args[0])
		},
	}
	f.add(c)
	c.Flags().StringVar(&file, "file", "", "a file with one plate a line")
	return c
}
