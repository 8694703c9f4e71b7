package vehicle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/internal/contain"
	"alpr/models/modelstest"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// TestAPartThatEndsIsStartedAgain: with an error, a panic or without either, as
// often as it takes; it is said once, and shown while it is so.
func TestAPartThatEndsIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		log := slog.New(slog.NewTextHandler(&logged, nil))
		k := newKeeper(contain.New(log), log)
		ctx, stop := context.WithCancel(t.Context())
		began, starts := time.Now(), 0
		k.keep(ctx, "uplink", func(ctx context.Context) error {
			starts++
			switch {
			case starts == 1:
				return nil
			case starts == 2:
				panic("burst")
			case starts < 10:
				return errors.New("the port is gone")
			}
			if said := k.problems(time.Now()); len(said) != 1 || !strings.Contains(said[0], "uplink: has ended") || !strings.Contains(said[0], "the port is gone") {
				t.Errorf("says %q", said)
			}
			if said := k.problems(time.Now().Add(time.Hour)); len(said) != 0 {
				t.Errorf("still says %q an hour later", said)
			}
			stop()
			return ctx.Err()
		})
		if took := time.Since(began); starts != 10 || took != (1+2+4+8+16+4*30)*time.Second {
			t.Errorf("%d starts in %s", starts, took)
		}
		if n := strings.Count(logged.String(), "a part has ended"); n != 3 { // three causes
			t.Errorf("said %d times:\n%s", n, &logged)
		}
	})
}

// leaving is a camera whose source ends though it should go on.
type leaving struct {
	Source
	starts int
}

func (l *leaving) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	l.starts++
	if l.starts < 3 {
		return fmt.Errorf("source %d is gone", l.starts)
	}
	emit(&alpr.Frame{Camera: l.Name(), Seq: 1})
	<-ctx.Done()
	return ctx.Err()
}

func TestACameraThatEndsIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, err := camera.New(camera.Config{Location: "/dev/video9"}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		l := &leaving{Source: src}
		tap := newTap(l)
		tap.keep = newKeeper(contain.New(log), log).keep
		ctx, stop := context.WithCancel(t.Context())
		if err := tap.Run(ctx, func(*alpr.Frame) { stop() }); !errors.Is(err, context.Canceled) || l.starts != 3 || tap.newest.Load() == nil {
			t.Errorf("%d starts, %v", l.starts, err)
		}
	})
}

// TestAPortThatIsTakenStopsNothing: the car reads and records all the same, and
// who looks after it is told.
func TestAPortThatIsTakenStopsNothing(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	pictures, texts := standstill(t)
	cfg := carOf(t, pictures, "")
	cfg.Console.Listen = other.Addr().String()
	var problems []string
	v := vehicleWith(t, cfg, Options{OnSourcesEnd: func(_ context.Context, v *Vehicle) error {
		_, problems = v.health()
		return nil
	}})
	if err := v.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(problems, "\n"); !strings.Contains(said, "NO officer's page") || !strings.Contains(said, "another program") {
		t.Errorf("the backend is told %q", said)
	}
	kept, err := vehicletest.Kept(t.Context(), v.store)
	if err != nil {
		t.Fatal(err)
	}
	checkTexts(t, "the store", plates(kept), texts)
}

func vehicleWith(t *testing.T, cfg Config, parts Options) *Vehicle {
	t.Helper()
	v, err := New(t.Context(), cfg, parts, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// TestNetworksThatBreakAreOpenedAnew: the sessions of the shipped networks are
// gone; the pictures behind the first second of failures are read, and what was
// is said until somebody has taken note.
func TestNetworksThatBreakAreOpenedAnew(t *testing.T) {
	pictures, texts := standstill(t)
	still, err := os.ReadFile(filepath.Join(modelstest.Root(t), "demo/still.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 28 { // 38 with those of standstill: 30 are lost before the networks are opened anew
		if err := os.WriteFile(filepath.Join(pictures, fmt.Sprintf("1%02d.jpg", i)), still, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v := vehicleWith(t, carOf(t, pictures, ""), Options{})
	if err := v.networks.Close(); err != nil {
		t.Fatal(err)
	}
	if err := v.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, err := vehicletest.Kept(t.Context(), v.store)
	if err != nil {
		t.Fatal(err)
	}
	checkTexts(t, "the store", plates(kept), texts)
	if n := v.store.Notices().All(); !slices.ContainsFunc(n, func(n store.Notice) bool { return n.Part == store.PartNetworks }) {
		t.Errorf("notices %v", n)
	}
	if gauges, _ := v.health(); gauges["stage_errors"] != 30 {
		t.Errorf("%v frames were lost", gauges["stage_errors"])
	}
}
