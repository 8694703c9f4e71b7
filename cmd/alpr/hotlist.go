package main

import (
	"time"

	"github.com/spf13/cobra"

	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

const hotlistHelp = `Import, look at and change the lists of wanted plates.

A change takes effect at once in a running alpr. Every command that shows or
changes entries is in the audit log, so it asks who does it and why.`

func newHotlistCmd() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "hotlist",
		Short: "Import, look at and change the lists of wanted plates",
		Long:  hotlistHelp,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f.add(c)
	c.AddCommand(
		newHotlistImportCmd(&f),
		newHotlistLintCmd(),
		newHotlistListCmd(&f),
		newHotlistShowCmd(&f),
		newHotlistAddCmd(&f),
		newHotlistRemoveCmd(&f),
		newHotlistCheckCmd(&f),
		newHotlistRollbackCmd(&f),
		newHotlistDropCmd(&f),
		newHotlistStatsCmd(&f),
		newCurveCmd(),
		newMeasureCmd(),
	)
	return c
}

func newHotlistListCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Name the lists, their versions and their age",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(r *vehicle.Records) error {
				return admin.PrintLists(c.Context(), r, time.Now(), c.OutOrStdout())
			})
		},
	}
}

func newHotlistRollbackCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback LIST",
		Short: "Put the version before the one in use back in use",
		Long: `Put the version before the one in use back in use. The version that is left is
dropped: another rollback goes one further back. The last three are kept.`,
		Example: `  alpr hotlist rollback state --officer 4711 --purpose "today's file is wrong"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.Rollback(c.Context(), r, who, args[0], c.OutOrStdout())
			})
		},
	}
}

func newHotlistDropCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "drop LIST",
		Short:   "Delete a list with all its versions",
		Example: `  alpr hotlist drop "state (1)" --officer 4711 --purpose "imported under a wrong name"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.DropList(c.Context(), r, who, args[0], c.OutOrStdout())
			})
		},
	}
}

func newHotlistRemoveCmd(f *recordFlags) *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "remove ID",
		Short: "Take an entry out: it alerts no more",
		Long: `Take an entry out: it alerts no more. Without --list it is one of the officers'
own entries. With --list the list gets a new version without the entry; the
next import of its source brings the entry back if the source still lists it.`,
		Example: `  alpr hotlist remove m-20310502-1 --officer 4711 --purpose "recovered"
  alpr hotlist remove V100000001 --list state --officer 4711 --purpose "recovered, returns checked"`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.RemoveEntry(c.Context(), r, who, list, args[0])
			})
		},
	}
	c.Flags().StringVar(&list, "list", "", "the list that has the entry (default: officers' own entries)")
	return c
}

func newHotlistShowCmd(f *recordFlags) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:     "show LIST",
		Short:   "Print the entries of a list",
		Example: `  alpr hotlist show state --limit 20 --officer 4711 --purpose "check the import"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.ShowList(c.Context(), r, who, args[0], limit, c.OutOrStdout())
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 50, "print so many entries; 0: all")
	return c
}

func newHotlistAddCmd(f *recordFlags) *cobra.Command {
	var in admin.NewEntry
	c := &cobra.Command{
		Use:   "add PLATE",
		Short: "Add an entry of your own: reason, case number and expiry are required",
		Example: `  alpr hotlist add ABC123 --state US-FL --reason "armed robbery" --case 31-0815 --expires 12h \
      --officer 4711 --purpose "BOLO from dispatch" --past`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				in.Plate = args[0]
				return admin.AddEntry(c.Context(), r, who, in, c.OutOrStdout())
			})
		},
	}
	flags := c.Flags()
	e := &in.Entry
	flags.StringVar(&e.State, "state", "", "issuing state, ISO 3166 such as US-FL; empty: any")
	flags.StringVar(&e.Reason, "reason", "", "why the plate is wanted (required)")
	flags.StringVar(&e.CaseNumber, "case", "", "case number (required)")
	flags.StringVar(&in.Expires, "expires", "", "when it ends: 12h, 3d, or 2031-05-02T18:00:00Z (required)")
	flags.StringVar(&e.Category, "category", "BOLO", "category")
	flags.StringVar(&in.Priority, "priority", "normal", "low, normal or high")
	flags.StringVar(&e.Caution, "caution", "", "what the officer must know")
	flags.StringVar(&e.Vehicle.Make, "make", "", "make of the vehicle")
	flags.StringVar(&e.Vehicle.Model, "model", "", "model of the vehicle")
	flags.StringVar(&e.Vehicle.Colour, "colour", "", "colour of the vehicle")
	flags.StringVar(&e.Vehicle.Year, "year", "", "year of the vehicle")
	flags.BoolVar(&e.IsCovert, "covert", false, "alert without sound or light")
	flags.BoolVar(&in.MatchesOld, "past", false, "also compare with the reads on record")
	return c
}

func newHotlistCheckCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "check PLATE",
		Short: "Say what a plate would alert, and why not",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.Check(c.Context(), r, who, args[0], time.Now(), c.OutOrStdout())
			})
		},
	}
}

func newHotlistStatsCmd(f *recordFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count the entries in use by list, category and whether they alert",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(r *vehicle.Records) error {
				return admin.PrintStats(c.Context(), r, time.Now(), c.OutOrStdout())
			})
		},
	}
}
