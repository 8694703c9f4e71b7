package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"alpr/vehicle"
)

const runHelp = `Run everything in the car: read plates from the cameras, tag them with the
position, check them against the hotlists, alert the officer on the console
page, keep reads and hits in the store, and send them to the backend whenever
there is a connection.

It goes on without a satellite receiver (reads then carry no position and say
so) and without a backend (reads wait in the outbox). It stops at Ctrl-C or
SIGTERM, after recording the passes that are open, and when every camera is a
recording that has ended.`

func newRunCmd() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:     "run --config alpr.yaml",
		Short:   "Run everything in the car",
		Long:    runHelp,
		Example: "  alpr config example > alpr.yaml     (fill in agency, vehicle, cameras, policy)\n  alpr doctor --config alpr.yaml\n  alpr run --config alpr.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := vehicle.Enter(path)
			if err != nil {
				return err
			}
			return vehicle.Run(c.Context(), cfg, version, c.ErrOrStderr())
		},
	}
	addConfigFlag(c, &path)
	return c
}

func addConfigFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "config", "alpr.yaml", "the configuration file")
}

func newConfigCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Print an example configuration, or check one",
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var path string
	check := &cobra.Command{
		Use:   "check --config alpr.yaml",
		Short: "Check a configuration file without running anything",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := vehicle.LoadConfig(path); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s is a valid configuration\n", path)
			return err
		},
	}
	addConfigFlag(check, &path)
	c.AddCommand(check, &cobra.Command{
		Use:     "example",
		Short:   "Print a configuration file with every key, its default and what it means",
		Example: "  alpr config example > alpr.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(vehicle.ExampleConfig())
			return err
		},
	})
	return c
}
