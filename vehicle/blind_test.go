package vehicle

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/models/modelstest"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// liveStill is a live camera before which nothing moves.
type liveStill struct{ frame *alpr.Frame }

func (liveStill) Name() string        { return "front" }
func (liveStill) State() camera.State { return camera.State{IsOpen: true} }

func (l liveStill) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for seq := uint64(1); ; seq++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			f := *l.frame
			f.Camera, f.Seq, f.CapturedAt = "front", seq, now.UTC()
			emit(&f)
		}
	}
}

// TestACarWithoutNetworksIsNotDark: networks that cannot be opened at the start end
// nothing else. Page and backend are told, and plates are read as soon as the
// networks can be opened.
func TestACarWithoutNetworksIsNotDark(t *testing.T) {
	pictures, texts := standstill(t)
	still, err := camera.ReadPicture(filepath.Join(modelstest.Root(t), "demo/still.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := carOf(t, pictures, "")
	whole := cfg.Models.Dir
	cfg.Models.Dir = filepath.Join(t.TempDir(), "models")
	v := vehicleWith(t, cfg, Options{Sources: []Source{liveStill{still}}})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	if _, err := v.URL(ctx); err != nil {
		t.Fatalf("there is no page: %v", err)
	}
	_, told := v.health()
	for who, said := range map[string][]string{"page": v.status().Problems, "backend": told} {
		if text := strings.Join(said, "\n"); !strings.Contains(text, "plates are NOT found") || !strings.Contains(text, "manifest.json") {
			t.Errorf("the %s is told %q", who, said)
		}
	}
	if err := os.Symlink(whole, cfg.Models.Dir); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return v.networks.Trouble() == nil && v.Stats().Observations > 20 })
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	kept, err := vehicletest.Kept(t.Context(), v.store)
	if err != nil {
		t.Fatal(err)
	}
	isRead := func(r alpr.Read) bool {
		return slices.Contains(texts, r.Text.Text) && r.DetectorVersion != "" && r.RecogniserVersion != ""
	}
	if !slices.ContainsFunc(kept, isRead) {
		t.Errorf("%d reads: %q, of %q", len(kept), plates(kept), texts)
	}
	if n := v.store.Notices().All(); !slices.ContainsFunc(n, func(n store.Notice) bool { return n.Part == store.PartNetworks }) {
		t.Errorf("notices %v", n)
	}
}
