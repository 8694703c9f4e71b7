package vehicle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenFilesAreTightenedAndSaid: what others may use is said by the doctor,
// and taken from them at the start.
func TestOpenFilesAreTightenedAndSaid(t *testing.T) {
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.DataDir = filepath.Join(dir, "data")
	cfg.Console.TLSKey, cfg.Uplink.KeyFile, cfg.Console.UsersFile = filepath.Join(dir, "page.key"), filepath.Join(dir, "uplink.key"), filepath.Join(dir, "users")
	for path, mode := range map[string]os.FileMode{cfg.Console.TLSKey: 0o644, cfg.Uplink.KeyFile: 0o604, cfg.Console.UsersFile: 0o640} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
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
	for _, f := range ExposedFiles(&cfg) {
		told = append(told, f.String())
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
