package vehicle

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"alpr/internal/host"
	"alpr/internal/logkey"
	"alpr/pipeline"
)

// sendWithin bounds how long the last records are sent at the end.
const sendWithin = 10 * time.Second

// Run runs the car of a configuration until ctx ends, or until every camera's
// recording has, and logs to errs. At each pulse of ask it takes over what load
// then reads.
func Run(ctx context.Context, cfg Config, version string, errs io.Writer, ask <-chan os.Signal, load func() (Config, error)) (err error) {
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	log := newLog(cfg.Log.Format, level, errs)
	hardened := host.Harden()
	v, err := New(ctx, cfg, Options{Version: version, OnSourcesEnd: sendRest, Reload: &Reload{Ask: ask, Load: load, Level: level}}, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	for _, weak := range hardened {
		log.Warn(weak)
	}
	go func() {
		if url, err := v.URL(ctx); err == nil {
			log.Info("the officer's page", logkey.Address, url)
		}
	}()
	err = v.Run(ctx)
	st := v.Stats()
	log.Info("stopped", logkey.Frames, st.FramesDone, logkey.Dropped, st.FramesDropped, logkey.Reads, st.Reads, logkey.Alerts, st.Alerts, logkey.Hits, st.Hits, logkey.Lost, st.Lost)
	return err
}

// sendRest gives the uplink a moment to send what the last passes recorded.
// What is not sent by then waits in the outbox for the next start.
func sendRest(ctx context.Context, v *Vehicle) error {
	if v.uplink == nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, sendWithin)
	defer stop()
	if err := v.WaitSent(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// NewLog is a log as configured.
func NewLog(c LogConfig, w io.Writer) *slog.Logger { return newLog(c.Format, c.Level, w) }

func newLog(format string, level slog.Leveler, w io.Writer) *slog.Logger {
	opt := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// URL is the address of the officer's page, once it answers.
func (v *Vehicle) URL(ctx context.Context) (string, error) { return v.console.URL(ctx) }

// Stats count what the pipeline has done so far.
func (v *Vehicle) Stats() pipeline.Stats { return v.pipeline.Stats() }

// Lists are the hotlists in use.
func (v *Vehicle) Lists() *Lists { return v.lists }

// WaitSent waits until nothing recorded is left to send, or ctx ends.
func (v *Vehicle) WaitSent(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := v.store.Outbox().Depth(ctx)
		if err != nil {
			return err
		}
		waiting := d.Unreceipted
		for _, n := range d.Waiting {
			waiting += n
		}
		if waiting == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
