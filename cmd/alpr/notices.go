package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"alpr/store"
)

func newNoticesCmd() *cobra.Command {
	var f deskFlags
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
			print := func(notices []store.Notice) error {
				for _, n := range notices {
					if _, err := fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", n.At.Format(time.RFC3339), n); err != nil {
						return err
					}
				}
				return nil
			}
			if !isSeen {
				return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error { return print(d.store.Notices()) })
			}
			return f.workAs(c, func(d *desk, who store.Access) error {
				seen, err := d.store.SeeNotices(c.Context(), who)
				if err != nil {
					return err
				}
				return print(seen)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&isSeen, "seen", false, "take note of them all: they are not said any more")
	return c
}
