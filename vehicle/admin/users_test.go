package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a person at a terminal: what is written to keys is typed, and what
// the terminal shows is read from it.
func terminal(t *testing.T) (keys, tty *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	fd := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return keys, tty
}

// TestAPasswordIsNotShown types a password at a terminal: it is taken, and does not
// stand on the screen.
func TestAPasswordIsNotShown(t *testing.T) {
	keys, tty := terminal(t)
	var prompt bytes.Buffer
	type result struct {
		password string
		err      error
	}
	done := make(chan result, 1)
	go func() {
		p, err := ReadPassword(tty, &prompt)
		done <- result{p, err}
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for isEchoing(t, tty) && t.Context().Err() == nil { // who types sees the prompt first
		select {
		case r := <-done:
			t.Fatalf("it ended before anybody typed: %+v", r)
		case <-tick.C:
		}
	}
	if _, err := keys.WriteString("correct horse\n"); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.err != nil || r.password != "correct horse" {
		t.Errorf("took %q, %v", r.password, r.err)
	}
	if !strings.Contains(prompt.String(), "not shown") {
		t.Errorf("asked %q", prompt.String())
	}
	screen, fd := make([]byte, 256), int(keys.Fd())
	if err := unix.SetNonblock(fd, true); err != nil { // it may show nothing at all
		t.Fatal(err)
	}
	if n, err := unix.Read(fd, screen); n > 0 && strings.Contains(string(screen[:n]), "horse") {
		t.Errorf("the screen shows %q, %v", screen[:n], err)
	}
	if !isEchoing(t, tty) {
		t.Error("the terminal is left without echo")
	}
}

func isEchoing(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestAPasswordFromAPipe(t *testing.T) {
	for in, want := range map[string]string{"correct horse\nmore\n": "correct horse", "no newline": "no newline", "dos\r\n": "dos"} {
		if got, err := ReadPassword(strings.NewReader(in), io.Discard); err != nil || got != want {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	if _, err := ReadPassword(strings.NewReader("\n"), io.Discard); !errors.Is(err, errNoPassword) {
		t.Errorf("an empty line gives %v", err)
	}
}
