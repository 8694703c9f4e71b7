package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"alpr/store"
)

func newLookupCmd() *cobra.Command {
	var f deskFlags
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
			return f.workAs(c, func(d *desk, who store.Access) error {
				reads, err := d.store.Lookup(c.Context(), who, args[0], limit)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "TIME\tREAD\tTEXT\tSURE\tCAMERA\tPOSITION")
				for _, r := range reads {
					fmt.Fprintf(w, "%s\t%s\t%s\t%.1f%%\t%s\t%s\n", r.At.Format(time.RFC3339), r.ID, r.Text.Text, 100*r.Text.Confidence, r.Camera, whereText(r.Fix))
				}
				return w.Flush()
			})
		},
	}
	f.add(c)
	c.Flags().IntVar(&limit, "limit", 100, "show so many reads at most")
	return c
}
