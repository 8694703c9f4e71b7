package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend/demobroker"
	"alpr/backend/simulate"
	"alpr/internal/usage"
	"alpr/sync/uplink"
)

func newSimulateCommand() *cobra.Command {
	cfg := simulate.Config{Uplink: uplink.DefaultConfig()}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Be a fleet of vehicles, for load tests",
		Long: `Simulate connects as many vehicles as asked for, each with the real uplink and its outbox in memory. They
record reads and hits of invented plates, lose their connection now and then, and wait for receipts: a consumer must run.
The report is one line of JSON.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "alpr-simulate-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			cfg.Dir = dir
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
			fleet, err := simulate.New(cfg, log)
			if err != nil {
				return &usage.Error{Err: err}
			}
			report, err := fleet.Run(cmd.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Uplink.Broker, "broker", "tcp://127.0.0.1:1883", "address of the broker")
	f.StringVar(&cfg.Uplink.CAFile, "ca", "", "PEM file: who signs the broker's certificate (for tls://)")
	f.StringVar(&cfg.CertDir, "cert-dir", "", "folder with sim-00001.pem and .key, and so on (for tls://)")
	f.StringVar(&cfg.Uplink.Agency, "agency", "simulated", "agency of all vehicles")
	f.BoolVar(&cfg.Uplink.CheckRights, "check-rights", cfg.Uplink.CheckRights, "check the rights at each connect, as vehicles do")
	f.IntVar(&cfg.Vehicles, "vehicles", 100, "how many")
	f.Float64Var(&cfg.ReadsPerHour, "reads-per-hour", 600, "of each vehicle")
	f.Float64Var(&cfg.HitShare, "hit-share", 0.001, "share of reads that raise a hit")
	f.IntVar(&cfg.Backlog, "backlog", 0, "reads that each vehicle starts with")
	f.DurationVar(&cfg.OutageEvery, "outage-every", 10*time.Minute, "mean time between outages of a vehicle; 0: none")
	f.DurationVar(&cfg.OutageFor, "outage-for", time.Minute, "mean length of an outage")
	f.DurationVar(&cfg.Duration, "duration", time.Minute, "how long to record")
	f.DurationVar(&cfg.Drain, "drain", 2*time.Minute, "how long to wait for the last receipts")
	f.DurationVar(&cfg.RampUp, "ramp-up", 10*time.Second, "vehicles start spread over this")
	f.Uint64Var(&cfg.Seed, "seed", 1, "same seed, same plates")
	return cmd
}

func newDemoBrokerCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "demo-broker",
		Short: "Run a broker for a demonstration, on this machine only",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLog(cmd)
			b, err := demobroker.New(address, log)
			if err != nil {
				return &usage.Error{Err: err}
			}
			// Whoever started it on port 0 reads here where it listens.
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), b.URL()); err != nil {
				return err
			}
			return b.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&address, "listen", "127.0.0.1:1883", "address on this machine; port 0: any free one, printed on standard output")
	return cmd
}
