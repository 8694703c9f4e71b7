package main

import (
	"github.com/spf13/cobra"

	"alpr/hotlist"
	"alpr/hotlist/simulation"
	"alpr/vehicle/alertsim"
	"alpr/vehicle/networks"
)

const curveHelp = `Simulate traffic past a list, and print how often plates that are not on it alert
and how often plates that are on it do not, at each threshold. The reader errs
as it did on real plates (errors.json, made by "alpr hotlist measure"). The list
and the traffic are made up: states issue plates in sequence, one text is issued
by several, and the list is drawn from all of them. docs/agency/matching.md has the
figures of the shipped reader.`

func newCurveCmd() *cobra.Command {
	o := alertsim.Options{Plan: simulation.Plan{Policy: hotlist.DefaultAlertPolicy()}}
	c := &cobra.Command{
		Use:   "curve",
		Short: "Simulate false and missed alerts at each threshold",
		Long:  curveHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return alertsim.Curve(c.Context(), o, c.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.Model, "errors", "", "an error model (default: the shipped reader's)")
	flags.IntVar(&o.Entries, "entries", 1_000_000, "entries of the list")
	flags.IntVar(&o.Passes, "passes", 1_000_000, "passes of plates that are not on it")
	flags.IntVar(&o.Wanted, "wanted", 100_000, "passes of plates that are")
	flags.StringVar(&o.Home, "home", "US-FL", "state of most of the traffic")
	flags.Float64Var(&o.MinConfidence, "min-confidence", 0, "do not compare reads that are less sure")
	flags.BoolVar(&o.IsPictureOnly, "picture-only", false, "match what the picture alone says, without what issuers' serials look like")
	flags.BoolVar(&o.IsHomeKnown, "home-known", true, "the policy names the home state")
	flags.Float64Var(&o.Policy.UnreadState, "unread-state", o.Policy.UnreadState, "probability of the listed state where it was not read")
	flags.Uint64Var(&o.Seed, "seed", 1, "another number makes other plates")
	return c
}

const measureHelp = `Measure how the reader errs: read cropped plates whose text is known, and write
what it said of each character and state. Each folder holds labels.jsonl, one
line a picture: {"image", "plates": [{"text", "region"}]}. The characters of all
plates are mixed: no plate can be put together from the file.`

func newMeasureCmd() *cobra.Command {
	var n networks.Options
	var output string
	c := &cobra.Command{
		Use:   "measure FOLDER…",
		Short: "Measure how the reader errs on plates whose text is known",
		Long:  measureHelp,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, folders []string) error {
			return alertsim.Measure(c.Context(), n, folders, output, c.OutOrStdout())
		},
	}
	addNetworkFlags(c, &n)
	c.Flags().StringVarP(&output, "output", "o", "errors.json.gz", "file to write")
	return c
}
