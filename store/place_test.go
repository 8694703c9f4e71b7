package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alpr"
)

// TestUnusableStoreIsSetAsideAndSaid: whatever lies in the place of the store or
// its key, alpr run starts, nothing is deleted, and what happened is said and on
// record; a command refuses where it may only stand in the wrong place.
func TestUnusableStoreIsSetAsideAndSaid(t *testing.T) {
	for name, c := range map[string]struct {
		harm    func(t *testing.T, path string) error
		aside   string // mark of the file that was moved away
		says    string
		refused error // what a command gets; nil: it opens, too
	}{
		"emptied":  {func(_ *testing.T, p string) error { return os.Truncate(p, 0) }, markEmpty, "0 bytes", nil},
		"one byte": {func(_ *testing.T, p string) error { return os.Truncate(p, 1) }, markEmpty, "1 bytes", nil},
		"gone":     {func(_ *testing.T, p string) error { return os.Remove(p) }, "", "was gone", nil},
		"a FIFO": {func(_ *testing.T, p string) error {
			return replace(p, func() error { return syscall.Mkfifo(p, 0o600) })
		}, markNotAFile, "a FIFO", nil},
		"a folder": {func(_ *testing.T, p string) error { return replace(p, func() error { return os.Mkdir(p, 0o700) }) }, markNotAFile, "a folder", nil},
		"a link": {func(_ *testing.T, p string) error {
			return replace(p, func() error { return os.Symlink("/nowhere", p) })
		}, markNotAFile, "which is not there", nil},
		"no key":  {func(_ *testing.T, p string) error { return os.Remove(keyOf(p)) }, markOtherKey, "the device key is missing", ErrKeyMissing},
		"bad key": {func(_ *testing.T, p string) error { return os.WriteFile(keyOf(p), []byte("no key"), 0o600) }, markOtherKey, "not a device key", ErrKeyBad},
		"other key": {func(_ *testing.T, p string) error {
			return os.WriteFile(keyOf(p), []byte(strings.Repeat("ab", 32)), 0o600)
		}, markOtherKey, "another device key", ErrKeyWrong},
		"key is a FIFO": {func(_ *testing.T, p string) error {
			return replace(keyOf(p), func() error { return syscall.Mkfifo(keyOf(p), 0o600) })
		}, markOtherKey, "a FIFO", nil},
		"foreign": {foreign, markForeign, "another program's database", ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.record(f.read("AAA111"))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(t, f.cfg.Path); err != nil {
				t.Fatal(err)
			}
			if c.refused != nil {
				if s, err := Open(t.Context(), f.cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, c.refused) {
					t.Errorf("a command: %v, %v", s, err)
				}
			}
			f.cfg.MayRenew = true
			var log bytes.Buffer
			s, err := Open(t.Context(), f.cfg, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			f.Store = s
			said := fmt.Sprint(f.Notices().All())
			if !strings.Contains(said, c.says) || !strings.Contains(log.String(), c.says) {
				t.Errorf("it says %s, and logs %s", said, log.String())
			}
			if aside, err := filepath.Glob(f.cfg.Path + c.aside + "*"); err != nil || c.aside != "" && len(aside) == 0 {
				t.Errorf("nothing was moved aside: %v", err)
			}
			if n := f.count("SELECT count(*) FROM audit WHERE record LIKE '%\"" + string(alpr.ActionSetAside) + "\"%'"); n == 0 {
				t.Error("it is not in the audit log")
			}
			f.record(f.read("BBB222"))
			f.reopen()
			if again := fmt.Sprint(f.Notices().All()); !strings.Contains(again, c.says) {
				t.Errorf("after another start it is not said any more: %s", again)
			}
		})
	}
}

func keyOf(path string) string { return filepath.Join(filepath.Dir(path), "device.key") }

func replace(path string, with func() error) error { return errors.Join(os.Remove(path), with()) }

func foreign(t *testing.T, path string) error {
	t.Helper()
	if err := os.Remove(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x')")
	return errors.Join(err, db.Close())
}

// TestWhatIsNoFileBesideTheStoreHangsNoStart: SQLite would wait for a FIFO.
func TestWhatIsNoFileBesideTheStoreHangsNoStart(t *testing.T) {
	for _, suffix := range []string{"-journal", "-wal", "-shm", ".is-damaged", ".lock"} {
		t.Run(suffix, func(t *testing.T) {
			f := open(t, nil)
			f.record(f.read("AAA111"))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			path := f.cfg.Path + suffix
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			f.reopen()
			if n := f.count("SELECT count(*) FROM reads"); n != 1 {
				t.Errorf("%d reads of 1", n)
			}
			if said := fmt.Sprint(f.Notices().All()); suffix != ".lock" && !strings.Contains(said, "a FIFO") {
				t.Errorf("it says %s", said)
			}
		})
	}
}

// TestDeviceKeyWithAFlippedBitIsPutRight: the key's file costs nobody the store.
func TestDeviceKeyWithAFlippedBitIsPutRight(t *testing.T) {
	for _, at := range []int{0, 31, 63} {
		for _, bit := range []byte{1, 0x10, 0x80} {
			f := open(t, nil)
			f.record(f.read("AAA111"))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			key := keyOf(f.cfg.Path)
			text, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			whole := bytes.Clone(text)
			text[at] ^= bit
			if err := os.WriteFile(key, text, 0o600); err != nil {
				t.Fatal(err)
			}
			f.reopen()
			if n := f.count("SELECT count(*) FROM reads"); n != 1 || len(f.Notices().All()) == 0 {
				t.Errorf("byte %d ^ %x: %d reads of 1, it says %v", at, bit, n, f.Notices().All())
			}
			if now, err := os.ReadFile(key); err != nil || !bytes.Equal(now, whole) {
				t.Errorf("byte %d ^ %x: the key's file is not put right: %v", at, bit, err)
			}
		}
	}
}

func TestExposedDeviceKeyIsTightenedAndSaid(t *testing.T) {
	f := open(t, func(c *Config) { c.MayRenew = true })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(keyOf(f.cfg.Path), 0o644); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	info, err := os.Stat(keyOf(f.cfg.Path))
	if err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(fmt.Sprint(f.Notices().All()), "others could read") {
		t.Errorf("mode %v, %v; it says %v", info.Mode(), err, f.Notices().All())
	}
}

func TestStoreInUseIsNotMovedAside(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("AAA111"))
	f.noteDamage(errors.New("malformed"))
	if s, err := Open(t.Context(), f.cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrInUse) {
		t.Errorf("a second program moved the file of a running one aside: %v, %v", s, err)
	}
	f.record(f.read("BBB222"))
	if err := os.Remove(f.markPath()); err != nil {
		t.Fatal(err)
	}
}

// TestNoticesStandUntilSeen: and who took note is on record.
func TestNoticesStandUntilSeen(t *testing.T) {
	f := open(t, nil)
	f.Notices().Note(t.Context(), PartFiles, "something happened")
	f.Notices().Note(t.Context(), PartFiles, "something happened")
	f.reopen()
	if n := f.Notices().All(); len(n) != 1 || n[0].N != 2 {
		t.Fatalf("%v", n)
	}
	if _, err := f.Notices().See(t.Context(), officer); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if n := f.Notices().All(); len(n) != 0 {
		t.Errorf("still said: %v", n)
	}
	if n := f.count("SELECT count(*) FROM audit WHERE record LIKE '%notices seen%'"); n != 1 {
		t.Errorf("%d audit records of it", n)
	}
}
