package uplink

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDamagedAlbumBeginsAnew: the list of pictures to send keeps nothing else
// from being sent.
func TestDamagedAlbumBeginsAnew(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"cut":    func(p string) error { return os.WriteFile(p, []byte(`{"waiting":[{"sha`), 0o600) },
		"empty":  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"a FIFO": func(p string) error { return syscall.Mkfifo(p, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "pictures.json")
			if err := harm(path); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			a, err := openUploads(dir, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil || a.list.Answered == nil {
				t.Fatalf("%+v, %v", a, err)
			}
			if _, err := os.Lstat(path + ".damaged"); err != nil || !strings.Contains(log.String(), "set aside") {
				t.Errorf("it is not set aside and said: %v: %s", err, log.String())
			}
			if err := a.save(); err != nil {
				t.Error(err)
			}
		})
	}
}
