package main

import (
	"time"

	"github.com/spf13/cobra"

	"alpr/internal/usage"
	"alpr/vehicle"
	"alpr/vehicle/report"
)

func newReportCmd() *cobra.Command {
	var f recordFlags
	var month string
	var isJSON bool
	c := &cobra.Command{
		Use:   "report --month 2031-05",
		Short: "Print a month's transparency report: numbers only",
		Long: `Print a month's transparency report, as Markdown or JSON: reads, hits by category,
what officers found, the share of misreads, the age of lists, and what was
deleted. It holds numbers only: no plate, time, place or person.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := time.Parse("2006-01", month)
			if err != nil {
				return usage.Errorf("--month %q: expected a month such as 2031-05", month)
			}
			return f.with(c, func(r *vehicle.Records) error {
				m, err := report.Of(c.Context(), r, from, time.Now())
				if err != nil {
					return err
				}
				if isJSON {
					return m.JSON(c.OutOrStdout())
				}
				return m.Markdown(c.OutOrStdout())
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&month, "month", time.Now().UTC().Format("2006-01"), "the month")
	c.Flags().BoolVar(&isJSON, "json", false, "print JSON")
	return c
}
