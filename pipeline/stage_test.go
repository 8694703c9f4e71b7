package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alpr"
)

// failing is networks that fail while it is so, each in its own way.
type failing struct {
	*scene
	detects, reads func() error
}

func (f failing) Detect(fr *alpr.Frame) ([]alpr.Plate, error) {
	if err := f.detects(); err != nil {
		return nil, err
	}
	return f.scene.Detect(fr)
}

func (f failing) Read(fr *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	if err := f.reads(); err != nil {
		return nil, err
	}
	return f.scene.Read(fr, plates)
}

func sound() error { return nil }

// TestAStageThatFailsGoesOn: whatever of the networks fails, and however long,
// the pipeline goes on, says it once, has the networks opened anew, and reads
// again once that has worked.
func TestAStageThatFailsGoesOn(t *testing.T) {
	errChoked := errors.New("the network choked")
	for name, tt := range map[string]struct {
		isPanic, isReader bool
		says              string
	}{
		"detector":          {says: "plates are NOT found"},
		"detector panics":   {isPanic: true, says: "plates are NOT found"},
		"recogniser":        {isReader: true, says: "plates are NOT read"},
		"recogniser panics": {isReader: true, isPanic: true, says: "plates are NOT read"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				isBroken, attempts := true, 0
				fail := func() error {
					if isBroken && tt.isPanic {
						panic("burst")
					}
					if isBroken {
						return errChoked
					}
					return nil
				}
				// One car in view from the first frame on, so that there is always something to read;
				// the second comes after the mend.
				f := failing{newScene(1, 30, 130, car{text: "XYZ9876", path: stands(300, 300, 100, 0, 90)}, car{text: "ABC1234", path: stands(600, 400, 100, 100, 104)}), fail, sound}
				if tt.isReader {
					f.detects, f.reads = sound, fail
				}
				k := &keeper{}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				var p *Pipeline
				p, logged, wait := live(t, ctx, Parts{Sources: []Source{paced{f.scene}}, Detector: f, Reader: f, Recorder: k, Random: seeded(1),
					Renew: func(error) error {
						if attempts++; attempts < 4 {
							return errors.New("the file of the network cannot be read")
						}
						isBroken = false
						return nil
					}})
				time.Sleep(2 * time.Second)
				if s := p.Stats().Stages; len(s) != 1 || !strings.Contains(s[0], tt.says) {
					t.Errorf("after two seconds of failures: %q", s)
				}
				if err := wait(); err != nil {
					t.Fatal(err)
				}
				if s := p.Stats().Stages; len(s) != 0 {
					t.Errorf("still says %q", s)
				}
				if got := inOrder(k.newest()); len(got) == 0 || got[len(got)-1] != "ABC1234" {
					t.Errorf("read %v after the mend", got)
				}
				if attempts != 4 {
					t.Errorf("opened anew %d times", attempts)
				}
				for text, n := range map[string]int{"does not work": 1, "works again": 1, "cannot be opened anew": 3, "were opened anew": 1} {
					if got := strings.Count(logged.String(), text); got != n {
						t.Errorf("%q is said %d times, want %d:\n%s", text, got, n, logged)
					}
				}
			})
		})
	}
}

// TestRenewalBacksOff: networks that stay broken for an hour are tried again
// and again, ever more seldom, and the log is not filled.
func TestRenewalBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		f := failing{newScene(1, 10, 3600), func() error { return errors.New("the network choked") }, sound}
		p, logged, wait := live(t, t.Context(), Parts{Sources: []Source{paced{f.scene}}, Detector: f, Reader: f, Recorder: &keeper{},
			Renew: func(error) error { attempts++; return errors.New("gone") }})
		if err := wait(); !errors.Is(err, errStage) {
			t.Errorf("the pictures ended with %v, though nothing was found in them", err)
		}
		if attempts < 60 || attempts > 70 {
			t.Errorf("tried %d times in an hour", attempts)
		}
		if lines := strings.Count(logged.String(), "\n"); lines > 250 {
			t.Errorf("%d lines in the log", lines)
		}
		if p.Stats().FramesIn < 35000 {
			t.Errorf("%d frames", p.Stats().FramesIn)
		}
	})
}

// TestARecordingWaitsForTheMend: a recording in a car whose networks can be opened anew is played on.
func TestARecordingWaitsForTheMend(t *testing.T) {
	isBroken := true
	f := failing{newScene(1, 30, 6, car{text: "ABC1234", path: stands(600, 400, 100, 3, 5)}), func() error {
		if isBroken {
			return errors.New("the network choked")
		}
		return nil
	}, sound}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	k := &keeper{}
	p, err := New(cfg, Parts{Sources: []Source{f.scene}, Detector: f, Reader: f, Recorder: k, Log: slog.New(slog.DiscardHandler),
		Renew: func(error) error { isBroken = false; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := texts(k.recorded); len(got) != 1 || got[0] != "ABC1234" {
		t.Errorf("read %v", got)
	}
}
