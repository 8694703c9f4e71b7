package torture

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

var (
	forTime = flag.Duration("time", 0, "how long; 0: a minute, with the same seed each time")
	seed    = flag.Uint64("seed", 0, "what decides the faults; 0: another each time")
	from    = flag.Int("from", 1, "the first step that is tried")
	only    = flag.String("only", "", "a regular expression: only faults whose names match")
	within  = flag.Duration("within", 0, "from a frame to its alert; 0: 1 s in a long run, 5 s in a test")
)

// TestTorture is a minute of what `make torture` does for an hour.
func TestTorture(t *testing.T) {
	cfg := Config{Root: rootOf(t), Seed: *seed, Time: *forTime, Within: *within, From: *from}
	if cfg.Time == 0 { // setting up is part of the minute, where that leaves anything
		cfg.Time, cfg.Seed, cfg.Until = 15*time.Second, 1, time.Now().Add(50*time.Second)
	}
	if *only != "" {
		cfg.Only = regexp.MustCompile(*only)
	}
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64N(1 << 32)
	}
	if cfg.Within == 0 {
		cfg.Within = time.Second
		if *forTime == 0 {
			cfg.Within = 5 * time.Second // other tests have the processor, too
		}
	}
	dir, err := os.MkdirTemp("", "torture-")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Dir = dir
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what was written is in %s; do it again with: make torture SEED=%d", dir, cfg.Seed)
		} else if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	t.Logf("seed %d, in %s", cfg.Seed, dir)
	g := newRig(t.Context(), t, cfg)
	g.run(t.Context())
	t.Logf("seed %d\n%s", cfg.Seed, g.figures)
}

// rootOf is the checkout's top folder.
func rootOf(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("find the checkout: %v", err)
	}
	return dir
}
