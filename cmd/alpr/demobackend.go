package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// demoBackend is the other side of the demonstration: alpr-backend as broker
// and as consumer, in processes of their own, as an agency would run it.
type demoBackend struct {
	broker   string // its address, as the configuration takes it
	children []*exec.Cmd
	printed  sync.WaitGroup
}

// startBackend starts broker and consumer, and tells what the consumer keeps.
func startBackend(ctx context.Context, say *sayer, errs io.Writer) (*demoBackend, error) {
	exe, err := backendProgram()
	if err != nil {
		return nil, err
	}
	address, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	b := &demoBackend{broker: "tcp://" + address}
	if err := b.start(exe, errs, nil, "demo-broker", "--quiet", "--listen", address); err != nil {
		return nil, err
	}
	if err := waitForPort(ctx, address); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	if err := b.start(exe, errs, say, "consume", "--quiet", "--broker", b.broker, "--sink", "ndjson:-"); err != nil {
		return nil, errors.Join(err, b.stop())
	}
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

// start runs the program until stop. Ctrl-C reaches only alpr itself: the
// backend ends after the vehicle has sent its last reads.
func (b *demoBackend) start(exe string, errs io.Writer, say *sayer, args ...string) error {
	c := exec.Command(exe, args...) //nolint:noctx // stop ends it, later than the context
	c.Stderr = errs
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if say != nil {
		out, err := c.StdoutPipe()
		if err != nil {
			return fmt.Errorf("start alpr-backend: %w", err)
		}
		b.printed.Go(func() { printEvents(out, say) })
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start alpr-backend %s: %w", args[0], err)
	}
	b.children = append(b.children, c)
	return nil
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

func waitForPort(ctx context.Context, address string) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the broker: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// demoEvent is what the demonstration shows of an event that arrived.
type demoEvent struct {
	Type string `json:"type"`
	Data struct {
		Text       string  `json:"text"`
		Confidence float64 `json:"confidence"`
		Preview    bool    `json:"preview"`
		Withdrawn  bool    `json:"withdrawn"`
		Advice     string  `json:"advice"`
		Read       struct {
			Text string `json:"text"`
		} `json:"read"`
		Entry struct {
			Plate  string `json:"plate"`
			Reason string `json:"reason"`
		} `json:"entry"`
	} `json:"data"`
}

// printEvents tells of each event that the consumer has kept, until it ends.
func printEvents(r io.Reader, say *sayer) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e demoEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			say.line("backend received: %s", lines.Text())
			continue
		}
		if words := e.words(); words != "" {
			say.line("backend received: %s", words)
		}
	}
}

func (e demoEvent) words() string {
	switch e.Type {
	case "alpr.read.v1":
		return fmt.Sprintf("read %-9s %5.1f %%", e.Data.Text, 100*e.Data.Confidence)
	case "alpr.hit.v1":
		if e.Data.Withdrawn {
			return fmt.Sprintf("HIT WITHDRAWN %s", e.Data.Entry.Plate)
		}
		return fmt.Sprintf("HIT  %s read, %s listed: %s. %s", e.Data.Read.Text, e.Data.Entry.Plate, e.Data.Entry.Reason, e.Data.Advice)
	case "alpr.disposition.v1":
		return "disposition of an officer"
	}
	return ""
}

// sayer writes what the demonstration does, whole lines at a time.
type sayer struct {
	mu sync.Mutex
	w  io.Writer
}

func newSayer(w io.Writer) *sayer { return &sayer{w: w} }

// step tells what happens now.
func (s *sayer) step(format string, args ...any) { s.line("==> "+format, args...) }

func (s *sayer) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, format+"\n", args...) // a closed terminal is no reason to stop
}
