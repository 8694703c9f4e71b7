package vehicle

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervised tells systemd that the car runs, and, where the unit has a
// watchdog, that it still does: every part of the status answered, and the
// pipeline goes on. A pipeline or a lock that hangs misses its beats, and
// systemd starts the program anew; a camera that hangs does not.
func (v *Vehicle) supervised(ctx context.Context) error {
	if ok, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		return fmt.Errorf("tell systemd that the car runs: %w", err)
	} else if !ok {
		<-ctx.Done() // nobody asks
		return nil
	}
	defer func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }()
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read the unit's watchdog: %w", err)
	}
	if within == 0 {
		<-ctx.Done()
		return nil
	}
	return v.beat(ctx, within/3)
}

// beat tells systemd every so often that the car runs, while it does.
func (v *Vehicle) beat(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var heart pulse
	for {
		v.status() // a part that hangs keeps this from returning
		if heart.beats(v.pipeline.Stats(), time.Now()) {
			if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
				return fmt.Errorf("tell systemd that the car still runs: %w", err)
			}
		} else {
			v.log.Error("the pipeline hangs: frames come and none is searched; the watchdog will start the program anew")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
