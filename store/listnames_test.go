package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr"
)

// wanted keeps a list and an entry made in the car.
func (f *fixture) wanted(version string) {
	f.t.Helper()
	info := HotlistInfo{List: "state", Version: version, Entries: 2, PublishedAt: day0}
	if err := f.Lists().Save(f.t.Context(), officer, info, chunks("two ", "plates")); err != nil {
		f.t.Fatal(err)
	}
	e := alpr.Entry{ID: "m" + version, List: "manual", Plate: "ABC123", Reason: "stolen", CaseNumber: "31-1", Expires: day0.Add(240 * time.Hour)}
	if err := f.Manual().Add(f.t.Context(), officer, e); err != nil {
		f.t.Fatal(err)
	}
}

// killed opens a copy of the files as kill -9 leaves them, spoilt.
func (f *fixture) killed(spoil func(path string) error) {
	f.t.Helper()
	dir := f.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSuffix(f.cfg.Path, "/store.db"))); err != nil {
		f.t.Fatal(err)
	}
	f.cfg.Path, f.cfg.KeyPath, f.cfg.MayRenew = dir+"/store.db", "", true
	if err := os.Chmod(dir+"/device.key", 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := spoil(f.cfg.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Fatal(err)
	}
	f.reopen()
}

// TestListsNeverStandInTheWriteAheadLogAlone: whatever becomes of the log after a
// kill, the lists and entries that were taken are in the store, nothing is missed,
// and what stood in the log's place is said to have replaced it.
func TestListsNeverStandInTheWriteAheadLogAlone(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"removed": func(p string) error { return os.Remove(p + "-wal") },
		"emptied": func(p string) error { return os.Truncate(p+"-wal", 0) },
		"a FIFO": func(p string) error {
			return replace(p+"-wal", func() error { return syscall.Mkfifo(p+"-wal", 0o600) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.wanted("1")
			f.wanted("2")
			f.killed(spoil)
			if h, ok := f.active("state"); !ok || h.Version != "2" || f.content(h) != "two plates" {
				t.Errorf("in use is %+v", h)
			}
			if entries, err := f.Manual().All(t.Context()); err != nil || len(entries) != 2 {
				t.Errorf("%d entries made in the car, %v", len(entries), err)
			}
			said := fmt.Sprint(f.Notices().All())
			if strings.Contains(said, "gone from the store") {
				t.Errorf("it misses what is there: %s", said)
			}
			if name == "a FIFO" && !strings.Contains(said, "may be lost") {
				t.Errorf("it does not say what may be lost: %s", said)
			}
		})
	}
}

// TestALostListIsNamed: a list, a version or an entry that was in use and is gone
// without a trace in the store is named until somebody has taken note, once.
func TestALostListIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		lose string // what somebody, or something, does to the tables
		says []string
	}{
		"list":    {"DELETE FROM hotlists WHERE list = 'state'", []string{`hotlist state, version "2" (2 entries) was in use`, "do NOT alert", "Import it again"}},
		"version": {"DELETE FROM hotlists WHERE version = '2'; UPDATE hotlists SET state = 'active' WHERE version = '1'", []string{`version "2"`, `version "1" is in use in its place`}},
		"entries": {"DELETE FROM manual_entries WHERE id = 'm2'", []string{"entries of the hotlist made in this car are gone from the store (1)", "Make them again"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.wanted("1")
			f.wanted("2")
			if _, err := f.w.ExecContext(t.Context(), c.lose); err != nil {
				t.Fatal(err)
			}
			f.killed(func(string) error { return nil })
			said := fmt.Sprint(f.Notices().All())
			for _, s := range c.says {
				if !strings.Contains(said, s) {
					t.Errorf("it does not say %s: %s", s, said)
				}
			}
			if n := len(f.Notices().All()); n != 1 {
				t.Errorf("%d notices: %s", n, said)
			}
			f.reopen()
			if again := f.Notices().All(); len(again) != 1 || again[0].N != 1 {
				t.Errorf("said again: %v", again)
			}
		})
	}
}

// TestAnEmptiedStoreNamesItsLists: a fresh store in the place of one that is gone.
func TestAnEmptiedStoreNamesItsLists(t *testing.T) {
	f := open(t, nil)
	f.wanted("1")
	f.killed(func(p string) error { return errors.Join(os.Truncate(p, 0), os.Remove(p+"-wal")) })
	said := fmt.Sprint(f.Notices().All())
	for _, s := range []string{`hotlist state, version "1"`, "entries of the hotlist made in this car are gone from the store (1)"} {
		if !strings.Contains(said, s) {
			t.Errorf("it does not say %s: %s", s, said)
		}
	}
}

// TestWhatIsTakenOffIsNotMissed: what people and retention take off is named
// nowhere, also where the program is killed right after, and a damaged file of
// names says nothing.
func TestWhatIsTakenOffIsNotMissed(t *testing.T) {
	f := open(t, nil)
	f.wanted("1")
	f.wanted("2")
	if _, err := f.Lists().Rollback(t.Context(), officer, "state"); err != nil {
		t.Fatal(err)
	}
	if err := f.Manual().Remove(t.Context(), officer, "m1"); err != nil {
		t.Fatal(err)
	}
	f.killed(func(string) error { return nil })
	if err := f.Lists().Drop(t.Context(), officer, "state"); err != nil {
		t.Fatal(err)
	}
	f.clock.Add(300 * 24 * time.Hour)
	if _, err := f.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.clock.Set(day0) // the retention clock goes on
	f.killed(func(string) error { return nil })
	f.wanted("3")
	f.killed(func(p string) error {
		text, err := os.ReadFile(p + ".lists")
		if err != nil {
			return err
		}
		return os.WriteFile(p+".lists", []byte(strings.Replace(string(text), `"id":`, `"ie":`, 1)), 0o600)
	})
	if said := f.Notices().All(); len(said) > 0 {
		t.Errorf("it says %v", said)
	}
}

// TestRulesNeverStandInTheWriteAheadLogAlone: what the backend has tightened or
// forbidden, and the safe list, outlive the loss of the log.
func TestRulesNeverStandInTheWriteAheadLogAlone(t *testing.T) {
	f := open(t, nil)
	for name, change := range map[string]func() error{
		"tightened": func() error { return f.Rules().Tighten(t.Context(), alpr.RetainRead, 7*24*time.Hour) },
		"forbidden": func() error { return f.Rules().Forbid(t.Context(), "Fines") },
		"safe":      func() error { return f.SafeList().Add(t.Context(), officer, []string{"SAFE01"}) },
	} {
		if err := change(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.killed(func(p string) error { return os.Remove(p + "-wal") })
	}
	if got := time.Duration(f.Rules().InForce().Retention.Reads); got != 7*24*time.Hour {
		t.Errorf("reads are kept for %s", got)
	}
	if got, err := f.Rules().Forbidden(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("forbidden are %v, %v", got, err)
	}
	if n, err := f.SafeList().Count(t.Context()); err != nil || n != 1 {
		t.Errorf("%d plates are safe, %v", n, err)
	}
}
