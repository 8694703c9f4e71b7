package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
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
			cfg, err := loadConfig(path)
			if err != nil {
				return err
			}
			return runVehicle(c.Context(), cfg, c.ErrOrStderr())
		},
	}
	addConfigFlag(c, &path)
	return c
}

func addConfigFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "config", "alpr.yaml", "the configuration file")
}

func runVehicle(ctx context.Context, cfg config, errs io.Writer) (err error) {
	log := newLog(cfg.Log, errs)
	hardened := hardenProcess()
	v, err := newVehicle(ctx, cfg, vehicleParts{whenOver: sendRest}, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	for _, weak := range hardened {
		log.Warn(weak)
	}
	go func() {
		if url, err := v.console.URL(ctx); err == nil {
			log.Info("the officer's page", "address", url)
		}
	}()
	err = v.Run(ctx)
	st := v.pipeline.Stats()
	log.Info("stopped", "frames", st.FramesDone, "dropped", st.FramesDropped, "reads", st.Reads, "alerts", st.Alerts, "hits", st.Hits, "lost", st.Lost)
	return err
}

// sendRest gives the uplink a moment to send what the last passes recorded.
// What is not sent by then waits in the outbox for the next start.
func sendRest(ctx context.Context, v *vehicle) error {
	if v.uplink == nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	if err := v.waitSent(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func newLog(c logConfig, w io.Writer) *slog.Logger {
	opt := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
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
			if _, err := loadConfig(path); err != nil {
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
			_, err := c.OutOrStdout().Write(exampleConfig)
			return err
		},
	})
	return c
}
