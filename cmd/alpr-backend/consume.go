package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"alpr/backend"
	"alpr/internal/logkey"
	"alpr/internal/usage"
)

func newConsumeCommand() *cobra.Command {
	cfg := backend.DefaultConsumeConfig()
	var sink, signKey, metricsAddr string
	cmd := &cobra.Command{
		Use:   "consume",
		Short: "Keep what vehicles publish, exactly once, in a database or a file",
		Long: `Consume takes part in a shared subscription: start as many instances as the load
needs, each with its own --client-id. A message is acknowledged, and the vehicle gets its receipt, only
after the transaction that keeps it. What fails the schema is kept as a dead letter.`,
		Example: "  alpr-backend consume --sink ndjson:-\n  alpr-backend consume --sink postgres://alpr@db/alpr --broker tls://broker:8883 --ca ca.pem --cert me.pem --key me.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if signKey != "" {
				s, err := backend.LoadSigner(signKey)
				if err != nil {
					return err
				}
				cfg.Signer = &s
			}
			return consume(cmd, cfg, sink, metricsAddr)
		},
	}
	addBrokerFlags(cmd, &cfg.Broker)
	f := cmd.Flags()
	f.StringVar(&cfg.Broker.ClientID, "client-id", hostClientID(), "our name at the broker: unique, and the same after a restart")
	f.StringVar(&sink, "sink", "ndjson:-", "where to keep events: postgres://…, sqlite:FILE, ndjson:FILE, or ndjson:- to print them")
	f.StringVar(&cfg.Source, "source", "", "nats://host:4222,…: read from a NATS cluster's streams; --broker, its MQTT gateway, is then for answers alone")
	f.IntVar(&cfg.Replicas, "replicas", cfg.Replicas, "of the streams that --source makes where they are missing")
	f.StringVar(&cfg.Group, "group", cfg.Group, "name of the shared subscription")
	f.StringVar(&cfg.Receiver, "receiver", "", "keep what vehicles' owners release to this receiver, instead of being the agency's backend")
	f.IntVar(&cfg.BatchEvents, "batch-events", cfg.BatchEvents, "close a transaction at so many events")
	f.DurationVar(&cfg.BatchWait, "batch-wait", cfg.BatchWait, "or when it is so old")
	f.BoolVar(&cfg.HasReceipts, "receipts", cfg.HasReceipts, "tell vehicles what is kept, so that they let it go")
	f.StringVar(&signKey, "sign-key", "", "private key file from keygen, with the scope receipt: sign receipts")
	f.StringVar(&metricsAddr, "metrics", "", "serve Prometheus metrics at http://ADDRESS/metrics, such as 127.0.0.1:9464")
	return cmd
}

func consume(cmd *cobra.Command, cfg backend.ConsumeConfig, target, metricsAddr string) (err error) {
	ctx, log := cmd.Context(), newLog(cmd)
	sink, err := backend.OpenSink(ctx, target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	if db, ok := sink.(*backend.Postgres); ok {
		if err := db.Ping(ctx); err != nil {
			log.Warn("the database is not there yet; nothing is acknowledged until it is", logkey.Error, err)
		}
	}
	metrics := backend.NewMetrics()
	c, err := backend.NewConsumer(cfg, sink, metrics, log)
	if err != nil {
		return &usage.Error{Err: err}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.Run(ctx) })
	if metricsAddr != "" {
		l, err := net.Listen("tcp", metricsAddr)
		if err != nil {
			return usage.Errorf("serve metrics: %w", err)
		}
		group.Go(func() error { return serveMetrics(ctx, l, metrics) })
	}
	return group.Wait()
}

func serveMetrics(ctx context.Context, l net.Listener, m http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // Serve reports it
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
