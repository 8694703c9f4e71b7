package vehicle

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr"
	"alpr/console"
	"alpr/hotlist"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// fillable is a folder whose disk can be filled and emptied: a file system of a
// few megabytes where one may be mounted, else files that may not grow.
func fillable(t *testing.T) (dir string, fill, empty func()) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		signal.Ignore(syscall.SIGXFSZ)
		set := func(to uint64) func() {
			return func() {
				if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: to, Max: limit.Max}); err != nil {
					t.Error(err)
				}
			}
		}
		t.Cleanup(set(limit.Cur))
		return dir, set(16 << 10), set(limit.Cur) // the log of go test itself is smaller
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	fill = func() {
		f, err := os.Create(filler)
		junk := make([]byte, 4096)
		for err == nil {
			_, err = f.Write(junk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir, fill, func() {
		if err := os.Remove(filler); err != nil {
			t.Error(err)
		}
	}
}

// carOnAFullDisk is a car with a listed plate before its camera, on a disk that
// was filled before it starts.
func carOnAFullDisk(t *testing.T) (v *Vehicle, cfg Config, texts []string, empty func()) {
	t.Helper()
	pictures, texts := standstill(t)
	dir, fill, empty := fillable(t)
	cfg = carOf(t, pictures, "")
	cfg.DataDir = filepath.Join(dir, "data")
	cfg.Uplink.StateDir = filepath.Join(cfg.DataDir, "uplink")
	log := slog.New(slog.NewTextHandler(t.Output(), nil))

	s, err := store.Open(t.Context(), cfg.StoreOptions(), log)
	if err != nil {
		t.Fatal(err)
	}
	match, err := hotlist.NewMatcher(cfg.Hotlist)
	if err != nil {
		t.Fatal(err)
	}
	wanted := alpr.Entry{ID: "1", PlateGiven: texts[0], Plate: texts[0], Reason: "test", Category: "stolen vehicle", Priority: alpr.PriorityHigh}
	list, err := hotlist.FromEntries("wanted", "1", time.Now(), []alpr.Entry{wanted})
	if err != nil {
		t.Fatal(err)
	}
	if err := NewLists(s, match, cfg.Hotlist, log).Replace(t.Context(), store.Access{Officer: "test", Purpose: "test"}, list); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fill()

	v, err = New(t.Context(), cfg, Options{IsDemo: true}, log)
	if err != nil {
		t.Fatalf("it does not start on a full disk: %v", err)
	}
	return v, cfg, texts, empty
}

// TestAlertsOnAFullDisk starts the whole vehicle on a full disk: a listed plate
// alerts, which cannot be recorded, and that is said; with room, everything is
// on record.
func TestAlertsOnAFullDisk(t *testing.T) {
	v, cfg, texts, empty := carOnAFullDisk(t)
	ended := make(chan error, 1)
	go func() { ended <- v.Run(context.WithoutCancel(t.Context())) }()
	waitUntil(t, func() bool { return v.pipeline.Stats().Hits > 0 && v.pipeline.Stats().Unrecorded > 0 })
	if st := v.status(); st.Store.Level != console.LevelDown {
		t.Errorf("the page says of the storage: %+v", st.Store)
	}
	if _, problems := v.health(); !strings.Contains(strings.Join(problems, "\n"), "store: ") {
		t.Errorf("the backend is not told: %q", problems)
	}
	empty()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	checkOnRecord(t, cfg, texts)
}

// TestAnAnswerThatWaitsIsRecordedAtTheStop: its alert waits itself, and is recorded
// when the page is closed already.
func TestAnAnswerThatWaitsIsRecordedAtTheStop(t *testing.T) {
	v, cfg, _, empty := carOnAFullDisk(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	url, err := v.URL(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var hit alpr.Hit
	waitUntil(t, func() bool {
		v.hits.mu.Lock()
		defer v.hits.mu.Unlock()
		for _, h := range v.hits.open {
			hit = h.hit
		}
		return !hit.ID.IsZero() && v.pipeline.Stats().Unrecorded > 0
	})
	if err := v.hits.Dispose(ctx, answerTo(t, hit)); !errors.Is(err, alpr.ErrNotYetRecorded) {
		t.Errorf("the answer: %v", err)
	}
	stop()
	waitUntil(t, func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		return err != nil || c.Close() != nil
	})
	empty()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	s, err := store.Open(t.Context(), cfg.StoreOptions(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, open, err := s.Reads().OpenHits(t.Context())
	if err != nil || len(open) > 0 {
		t.Errorf("open are %v, %v", open, err)
	}
}

func waitUntil(t *testing.T, isSo func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for !isSo() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not come so far")
		}
	}
}

func checkOnRecord(t *testing.T, cfg Config, texts []string) {
	t.Helper()
	s, err := store.Open(t.Context(), cfg.StoreOptions(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	kept, err := vehicletest.Kept(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	checkTexts(t, "the store", plates(kept), texts)
	if _, hits, err := s.Reads().OpenHits(t.Context()); err != nil || len(hits) != 1 {
		t.Errorf("hits on record: %v, %v", hits, err)
	}
	if _, err := s.AuditLog().Check(t.Context(), nil, nil); err != nil {
		t.Errorf("the audit log: %v", err)
	}
}

// TestVehicleStartsWithoutWhatCannotBeUsed: neither the uplink's files nor a
// store that cannot be opened keep the page from answering.
func TestVehicleStartsWithoutWhatCannotBeUsed(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	cfg.Uplink.Broker, cfg.Uplink.CAFile = "tls://127.0.0.1:1", filepath.Join(t.TempDir(), "gone.pem")
	cfg.Uplink.CertFile, cfg.Uplink.KeyFile = cfg.Uplink.CAFile, cfg.Uplink.CAFile
	blocker := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.DataDir = filepath.Join(blocker, "data") // no folder can be made there
	cfg.Console.UsersFile = filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(cfg.Console.UsersFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := New(t.Context(), cfg, Options{}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(v.status().Problems, "\n")
	if !strings.Contains(said, "NO connection to the backend") || !strings.Contains(said, "NOTHING is kept") {
		t.Errorf("the page says %q", said)
	}
	folder := v.volatile
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the store in memory is left behind: %v", err)
	}
}
