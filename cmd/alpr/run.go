package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alpr/vehicle"
)

const runHelp = `Run everything in the car: read plates from the cameras, tag them with the
position, check them against the hotlists, alert the officer on the console
page, keep reads and hits in the store, and send them to the backend whenever
there is a connection.

It goes on without a satellite receiver (reads then carry no position and say
so) and without a backend (reads wait in the outbox). It stops at Ctrl-C or
SIGTERM, after recording the passes that are open, and when every camera is a
recording that has ended.

At SIGHUP (systemctl reload alpr) it reads the configuration again: hotlist,
log.level and the page's words are in force at once, the log and the page name
the keys that wait for a restart, and a file that cannot be used changes nothing.`

func newRunCmd() *cobra.Command {
	var config configFlags
	c := &cobra.Command{
		Use:     "run --config alpr.yaml",
		Short:   "Run everything in the car",
		Long:    runHelp,
		Example: "  alpr config example > alpr.yaml     (fill in agency, vehicle, cameras, policy)\n  alpr doctor --config alpr.yaml\n  alpr run --config alpr.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ask := make(chan os.Signal, 1)
			signal.Notify(ask, syscall.SIGHUP)
			defer signal.Stop(ask)
			cfg, err := vehicle.Enter(config.path, config.overlays...)
			if err != nil {
				return err
			}
			collectSooner()
			load := func() (vehicle.Config, error) { return vehicle.LoadConfig(config.path, config.overlays...) }
			return vehicle.Run(c.Context(), cfg, version, c.ErrOrStderr(), ask, load)
		},
	}
	config.add(c.Flags())
	return c
}

// collectSooner has memory collected as soon as a third of it may be free: frames
// are large and hold no pointers, so that it costs little. Who sets GOGC decides.
func collectSooner() {
	if _, isSet := os.LookupEnv("GOGC"); !isSet {
		debug.SetGCPercent(35)
	}
}

// configFlags say where the configuration is.
type configFlags struct {
	path     string
	overlays []string
}

func (f *configFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "config", "alpr.yaml", "the configuration file")
	flags.StringArrayVar(&f.overlays, "overlay", nil, "a file whose keys override the configuration's; may be given again")
}

func newConfigCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Print an example configuration, or check one",
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var config configFlags
	check := &cobra.Command{
		Use:   "check --config alpr.yaml",
		Short: "Check a configuration file without running anything",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := vehicle.LoadConfig(config.path, config.overlays...); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s is a valid configuration\n", strings.Join(append([]string{config.path}, config.overlays...), " with "))
			return err
		},
	}
	config.add(check.Flags())
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
