package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(want) {
		t.Errorf("the folder holds %v, want %v", all, want)
	}
}

func TestWriteReplacesWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, text := range []string{"one", "two"} {
		if err := Write(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	errHalf := errors.New("half")
	err = WriteTo(path, 0o600, func(w io.Writer) error {
		if _, err := io.WriteString(w, "thr"); err != nil {
			return err
		}
		return errHalf
	})
	if !errors.Is(err, errHalf) || content(t, path) != "two" {
		t.Errorf("half a write: %v, the file holds %q", err, content(t, path))
	}
	only(t, dir, "a")
}

func TestCreateReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := Create(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) || content(t, path) != "one" {
		t.Errorf("%v, the file holds %q", err, content(t, path))
	}
	only(t, dir, "key")
}

// What root writes for a service is the service's still: else its next start
// could not read it.
func TestRootsFileBelongsToWhomItBelonged(t *testing.T) {
	service, next := 1234, 1235
	if os.Geteuid() != 0 { // only root can give a file away: then it stays our own
		service, next = os.Geteuid(), os.Geteuid()
	}
	dir := t.TempDir()
	if err := os.Chown(dir, service, -1); err != nil {
		t.Fatal(err)
	}
	owner := func(path string) int {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Sys().(*syscall.Stat_t).Uid)
	}
	path := filepath.Join(dir, "users")
	if err := Write(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := owner(path); got != service {
		t.Errorf("a new file belongs to %d, its folder to %d", got, service)
	}
	if err := os.Chown(path, next, -1); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := owner(path); got != next {
		t.Errorf("replaced, it belongs to %d", got)
	}
}
