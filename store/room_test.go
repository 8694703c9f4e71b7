package store

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"alpr"
)

// tinyDisk is a folder on a file system of a few megabytes, to be filled. Where
// none may be mounted, the process's own files may not grow instead.
type tinyDisk struct {
	t   *testing.T
	dir string

	isMounted bool
	limit     syscall.Rlimit
}

func newTinyDisk(t *testing.T) *tinyDisk {
	t.Helper()
	d := &tinyDisk{t: t, dir: t.TempDir()}
	d.isMounted = syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size=4m") == nil
	t.Cleanup(func() {
		d.empty()
		if !d.isMounted {
			return
		}
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *tinyDisk) filler() string { return filepath.Join(d.dir, "filler") }

func (d *tinyDisk) fill() {
	d.t.Helper()
	if !d.isMounted {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &d.limit); err != nil {
			d.t.Fatal(err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16 << 10, Max: d.limit.Max}); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	f, err := os.Create(d.filler())
	if err != nil {
		d.t.Fatal(err)
	}
	junk := make([]byte, 4096)
	_, err = rand.Read(junk)
	for err == nil {
		_, err = f.Write(junk)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *tinyDisk) empty() {
	if !d.isMounted {
		if d.limit.Cur != 0 {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &d.limit); err != nil {
				d.t.Error(err)
			}
		}
		return
	}
	if err := os.Remove(d.filler()); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Error(err)
	}
}

// TestFullDiskAtTheStart: the store opens all the same, its lists and open hits
// are there, audit records wait in memory, and with room all is written.
func TestFullDiskAtTheStart(t *testing.T) {
	for name, isKilled := range map[string]bool{"closed": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			disk := newTinyDisk(t)
			f := open(t, func(c *Config) { c.Path = filepath.Join(disk.dir, "car", "store.db") })
			info := HotlistInfo{List: "stolen", Version: "1", Entries: 1}
			if err := f.Lists().Save(t.Context(), officer, info, func(yield func([]byte) bool) { yield([]byte("a list")) }); err != nil {
				t.Fatal(err)
			}
			r := f.read("STLN01")
			if err := keepRead(t.Context(), f, r, []alpr.Hit{f.hit(r)}); err != nil {
				t.Fatal(err)
			}
			if isKilled { // what a process that was killed leaves: the write-ahead log, with all that is in it
				f.abandon(disk.dir)
			} else if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			disk.fill()
			f.checkFullStart()
			disk.empty()
			f.regain(t.Context())
			f.checkRegained()
		})
	}
}

// abandon goes on with a copy of the files as they are now.
func (f *fixture) abandon(dir string) {
	f.t.Helper()
	to := filepath.Join(dir, "copy")
	if err := os.Mkdir(to, 0o700); err != nil {
		f.t.Fatal(err)
	}
	for _, name := range []string{"store.db", "store.db-wal", "store.db.lock", "device.key"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(f.cfg.Path), name))
		if err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.cfg.Path = filepath.Join(to, "store.db")
}

func (f *fixture) checkFullStart() {
	t, ctx := f.t, context.Background()
	t.Helper()
	s, err := Open(ctx, f.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("it does not open on a full disk: %v", err)
	}
	f.Store = s
	lists, err := s.Lists().All(ctx)
	if err != nil || len(lists) != 1 {
		t.Fatalf("lists %v, %v", lists, err)
	}
	for chunk, err := range s.Lists().Load(ctx, lists[0]) {
		if err != nil || string(chunk) != "a list" {
			t.Errorf("the list on disk: %q, %v", chunk, err)
		}
	}
	if _, hits, err := s.Reads().OpenHits(ctx); err != nil || len(hits) != 1 {
		t.Errorf("open hits %v, %v", hits, err)
	}
	if err := keepRead(ctx, s, f.read("WAIT01"), nil); !errors.Is(err, ErrFull) && !errors.Is(err, ErrIO) {
		t.Errorf("recording on a full disk: %v", err)
	}
	if err := s.AuditLog().Audit(ctx, alpr.AuditRecord{Officer: "o1", Action: alpr.ActionLogin}); err != nil {
		t.Errorf("nobody can log in on a full disk: %v", err)
	}
	if _, err := s.Reads().Lookup(ctx, officer, "STLN01", 10); err == nil {
		t.Error("a look-up that cannot be put on record is answered")
	}
	if _, waiting, cause := s.Recorder().Unrecorded(); cause == nil || waiting != 1 {
		t.Errorf("it says %v, %d waiting", cause, waiting)
	}
	s.cfg.MayLookUnrecorded = true
	if reads, err := s.Reads().Lookup(ctx, officer, "STLN01", 10); err != nil || len(reads) != 1 {
		t.Errorf("a look-up that policy allows: %v, %v", reads, err)
	}
	s.regain(ctx) // without room it changes nothing
	if _, waiting, _ := s.Recorder().Unrecorded(); waiting != 2 {
		t.Errorf("%d records wait of 2", waiting)
	}
	f.clock.Add(time.Minute)
}

func (f *fixture) checkRegained() {
	t, ctx := f.t, context.Background()
	t.Helper()
	if _, waiting, cause := f.Recorder().Unrecorded(); cause != nil || waiting != 0 {
		t.Fatalf("with room again: %v, %d waiting", cause, waiting)
	}
	f.record(f.read("AFTER1"))
	if _, err := f.AuditLog().Check(ctx, nil, nil); err != nil {
		t.Errorf("the audit log: %v", err)
	}
	for _, action := range []alpr.AuditAction{alpr.ActionLogin, alpr.ActionLookup} {
		if n := f.count("SELECT count(*) FROM audit WHERE record LIKE '%\"" + string(action) + "\"%'"); n != 1 {
			t.Errorf("%d records of %q", n, action)
		}
	}
	if len(f.Notices().All()) == 0 {
		t.Error("nothing says that records were written late")
	}
}

// TestLateRecordsAreBounded: memory does not fill instead of the disk.
func TestLateRecordsAreBounded(t *testing.T) {
	f := open(t, nil)
	for range maxLate {
		if err := f.later(alpr.AuditRecord{Officer: "o1", Action: alpr.ActionLogin}, ErrFull); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.later(alpr.AuditRecord{Officer: "o1", Action: alpr.ActionLogin}, ErrFull); !errors.Is(err, ErrFull) {
		t.Errorf("one more than there is room for: %v", err)
	}
	f.room.late = nil
}
