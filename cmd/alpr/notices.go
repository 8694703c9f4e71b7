package main

import (
	"github.com/spf13/cobra"

	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

func newNoticesCmd() *cobra.Command {
	var f recordFlags
	var isSeen bool
	c := &cobra.Command{
		Use:   "notices",
		Short: "Print what befell the store: damage found, and what was made of it",
		Long: `Print what befell the store: files and rows that were damaged, lists that are not
in use for it, and what was put in their place. The page, the doctor and the
backend say the same until somebody has taken note with --seen.`,
		Example: "  alpr notices\n  alpr notices --seen --officer 0815 --purpose \"list imported again\"",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if isSeen {
				return f.as(c, func(r *vehicle.Records, who store.Access) error {
					return admin.SeeNotices(c.Context(), r, who, c.OutOrStdout())
				})
			}
			return f.with(c, func(r *vehicle.Records) error { return admin.PrintNotices(r.Store.Notices().All(), c.OutOrStdout()) })
		},
	}
	f.add(c)
	c.Flags().BoolVar(&isSeen, "seen", false, "take note of them all: they are not said any more")
	return c
}
