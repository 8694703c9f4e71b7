package demo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"alpr"
	"alpr/sync/event"
)

// demoBackend is the other side of the demonstration: alpr-backend as broker
// and as consumer, in processes of their own, as an agency would run it.
type demoBackend struct {
	broker   string // its address, as the configuration takes it
	children []*exec.Cmd
	printed  sync.WaitGroup
}

// startBackend starts broker and consumer, and tells what the consumer keeps.
func startBackend(say *narrator, errs io.Writer) (*demoBackend, error) {
	exe, err := backendProgram()
	if err != nil {
		return nil, err
	}
	b := &demoBackend{}
	out, err := b.start(exe, errs, "demo-broker", "--quiet", "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(out, &b.broker); err != nil {
		return nil, errors.Join(fmt.Errorf("start a broker: it did not say where it listens: %w", err), b.stop())
	}
	if out, err = b.start(exe, errs, "consume", "--quiet", "--broker", b.broker, "--sink", "ndjson:-"); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	b.printed.Go(func() { printEvents(out, say) })
	return b, nil
}

// backendProgram is alpr-backend beside this program.
func backendProgram() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	path := filepath.Join(filepath.Dir(exe), "alpr-backend")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the demonstration needs alpr-backend beside alpr (make build makes both): %w", err)
	}
	return path, nil
}

// start runs the program until stop, and returns its standard output. Ctrl-C
// reaches only alpr itself: the backend ends after the vehicle has sent its
// last reads.
func (b *demoBackend) start(exe string, errs io.Writer, args ...string) (io.Reader, error) {
	c := exec.Command(exe, args...) //nolint:noctx // stop ends it, later than the context
	c.Stderr = errs
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start alpr-backend: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start alpr-backend %s: %w", args[0], err)
	}
	b.children = append(b.children, c)
	return out, nil
}

// stop ends consumer and broker, in this order.
func (b *demoBackend) stop() error {
	var errs []error
	for i := len(b.children) - 1; i >= 0; i-- {
		c := b.children[i]
		if err := c.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, fmt.Errorf("stop alpr-backend: %w", err))
		}
		if i == len(b.children)-1 {
			b.printed.Wait()
		}
		var exit *exec.ExitError
		if err := c.Wait(); err != nil && !errors.As(err, &exit) {
			errs = append(errs, fmt.Errorf("stop alpr-backend: %w", err))
		}
	}
	return errors.Join(errs...)
}

// printEvents tells of each event that the consumer has kept, until it ends.
func printEvents(r io.Reader, say *narrator) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		switch words, err := eventWords(lines.Bytes()); {
		case err != nil:
			say.line("backend received something that is no event: %v", err)
		case words != "":
			say.line("backend received: %s", words)
		}
	}
}

// eventWords is an event in one line, "" where it says nothing of a car.
func eventWords(line []byte) (string, error) {
	e, err := event.Decode(line)
	if err != nil {
		return "", err
	}
	switch e.Type {
	case event.TypeRead:
		var r event.Read
		err = json.Unmarshal(e.Data, &r)
		return fmt.Sprintf("read %-10s %-6s %5.1f %%, %d frames", r.Plate.Text, r.Plate.State, 100*r.Plate.Confidence, r.FramesUsed), err
	case event.TypeHit:
		var h event.Hit
		err = json.Unmarshal(e.Data, &h)
		if h.IsWithdrawn {
			why := "the whole pass does not bear it out"
			if w := h.Withdrawal; w != nil && w.Reason != string(alpr.WithdrawnUnread) {
				why = "its entry is " + w.Reason
			}
			return fmt.Sprintf("ALERT WITHDRAWN %s: %s", h.Entry.Plate, why), err
		}
		return fmt.Sprintf("LEAD %s read, %s listed (%s), state: %s. %s", h.Read.Plate.Text, h.Entry.Plate, h.Entry.Reason, h.StateCheck, h.Advice), err
	case event.TypeDisposition:
		return "an officer's disposition", nil
	}
	return "", nil
}

// narrator tells what the demonstration does, whole lines at a time.
type narrator struct {
	mu sync.Mutex
	w  io.Writer
}

func newNarrator(w io.Writer) *narrator { return &narrator{w: w} }

// step tells what happens now.
func (s *narrator) step(format string, args ...any) { s.line("==> "+format, args...) }

func (s *narrator) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, format+"\n", args...) // a closed terminal is no reason to stop
}
