package main

import (
	"github.com/spf13/cobra"

	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/admin"
)

func newLookupCmd() *cobra.Command {
	var f recordFlags
	var limit int
	c := &cobra.Command{
		Use:   "lookup PLATE",
		Short: "Find the reads of a plate that are still on record",
		Long: `Find the reads of a plate that are still on record, newest first. Reads that the
retention policy has deleted are not there. The look-up is in the audit log,
with officer and purpose, before it is answered; the plate is there as a keyed
hash only.`,
		Example: `  alpr lookup ABC123 --officer 4711 --purpose "case 31-0815"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return admin.Lookup(c.Context(), r, who, args[0], limit, c.OutOrStdout())
			})
		},
	}
	f.add(c)
	c.Flags().IntVar(&limit, "limit", 100, "show so many reads at most")
	return c
}
