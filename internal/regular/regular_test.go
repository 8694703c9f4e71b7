package regular_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alpr/internal/regular"
)

// TestWhatIsNoFileIsRefusedAtOnce would hang with a plain open: a FIFO without a
// writer waits for ever.
func TestWhatIsNoFileIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	fifo, link, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "socket")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Symlink(filepath.Join(dir, "nothing"), link)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for path, says := range map[string]string{fifo: "a FIFO", link: "nothing, which is not there", socket: "a socket", dir: "a folder", "/dev/null": "a device"} {
		for name, open := range map[string]func() error{
			"open":   func() error { _, err := regular.Open(path); return err },
			"create": func() error { _, err := regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); return err },
			"read":   func() error { _, err := regular.ReadFile(path); return err },
			"check":  func() error { return regular.Check(path) },
		} {
			if err := open(); !errors.Is(err, regular.ErrKind) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s %s: %v", name, path, err)
			}
		}
	}
}

func TestOrdinaryFilesOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if _, err := regular.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	f, err := regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := regular.ReadFile(path); string(text) != "text" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("piped"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	p, err := regular.OpenPiped("/proc/self/fd/" + fdName(r))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if text, err := io.ReadAll(p); string(text) != "piped" || err != nil {
		t.Errorf("a pipe that the shell hands over: %q, %v", text, err)
	}
}

func fdName(f *os.File) string {
	link := ""
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, n := range names {
		a, errA := os.Stat(n)
		b, errB := f.Stat()
		if errA == nil && errB == nil && os.SameFile(a, b) {
			link = filepath.Base(n)
			break
		}
	}
	return link
}
