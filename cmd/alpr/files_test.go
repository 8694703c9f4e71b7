package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenFilesAreTightenedAndSaid: what others may use is said by the doctor,
// and taken from them at the start.
func TestOpenFilesAreTightenedAndSaid(t *testing.T) {
	o := newOffice(t)
	cfg, err := loadConfig(o.config)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Console.TLSKey = o.write("page.key", "key")
	cfg.Uplink.KeyFile = o.write("uplink.key", "key")
	cfg.Console.UsersFile = o.write("users", "")
	for path, mode := range map[string]os.FileMode{cfg.Console.TLSKey: 0o644, cfg.Uplink.KeyFile: 0o604, cfg.Console.UsersFile: 0o640} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cfg.DataDir, 0o777); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, f := range checkFiles(&cfg) {
		told = append(told, f.text)
	}
	notes := tightenFiles(&cfg)
	for _, what := range []string{"the data folder", "the page's TLS key", "the uplink's TLS key", "the accounts file"} {
		if !strings.Contains(strings.Join(told, "\n"), what) || !strings.Contains(strings.Join(notes, "\n"), what) {
			t.Errorf("of %s the doctor says %q, the start %q", what, told, notes)
		}
	}
	for path, want := range map[string]os.FileMode{cfg.Console.TLSKey: 0o640, cfg.Uplink.KeyFile: 0o600, cfg.Console.UsersFile: 0o600, cfg.DataDir: 0o770} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, not %v: %v", path, info.Mode(), want, err)
		}
	}
	if again := tightenFiles(&cfg); len(again) != 0 {
		t.Errorf("said again: %q", again)
	}
}

// TestWhatIsNoFileStopsNoCommand: a FIFO in a file's place is refused at once,
// where a plain open would wait for ever.
func TestWhatIsNoFileStopsNoCommand(t *testing.T) {
	o := newOffice(t)
	fifo := filepath.Join(o.dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "check", "--config", fifo},
		{"hotlist", "import", "--config", o.config, "--officer", "1", "--purpose", "p", fifo},
		{"hotlist", "import", "--config", o.config, "--officer", "1", "--purpose", "p", "--map", fifo, o.write("list.csv", "Plate\nABC123\n")},
		{"audit", "verify", fifo},
		{"policy", "safelist", "add", "--config", o.config, "--officer", "1", "--purpose", "p", "--file", fifo},
		{"read", fifo},
	} {
		if out, err := o.try(args...); err == nil {
			t.Errorf("alpr %s: %s", strings.Join(args, " "), out)
		}
	}
	cfg, err := loadConfig(o.config)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Console.UsersFile, cfg.Console.TLSKey = fifo, fifo
	var told []string
	for _, f := range checkFiles(&cfg) {
		told = append(told, f.text)
	}
	if strings.Count(strings.Join(told, "\n"), "a FIFO") != 2 {
		t.Errorf("the doctor says %q", told)
	}
}

func TestCoreDumpsAreOff(t *testing.T) {
	weak := hardenProcess()
	for _, w := range weak {
		if w != swapAdvice && !strings.Contains(w, "swapped") {
			t.Errorf("it could not be hardened: %s", w)
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 {
		t.Errorf("core dumps of %d bytes: %v", limit.Cur, err)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("dumpable %d, %v", dumpable, err)
	}
	t.Cleanup(func() { // other tests of this process look into /proc/self
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			t.Error(err)
		}
		if err := unix.Munlockall(); err != nil {
			t.Error(err)
		}
	})
}
