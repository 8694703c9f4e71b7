package gps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"alpr"
)

// port is a connection that plays back lines, a step of time apart, and then fails.
type port struct {
	lines []string
	step  time.Duration
	end   error
	done  chan struct{}
}

func (p *port) Read(b []byte) (int, error) {
	if len(p.lines) == 0 && p.end == nil {
		<-p.done
		return 0, os.ErrClosed
	}
	if len(p.lines) == 0 {
		return 0, p.end
	}
	time.Sleep(p.step) // inside a synctest bubble: the bubble's clock
	n := copy(b, p.lines[0]+"\r\n")
	p.lines = p.lines[1:]
	return n, nil
}

func (p *port) Close() error { close(p.done); return nil }

// drive is what a receiver sends over some seconds from a satellite instant on.
func drive(from time.Time, seconds int) []string {
	var lines []string
	for i := range seconds {
		lines = append(lines, sentence(rmc(from.Sub(t0)+time.Duration(i)*time.Second, 30-float64(i)*0.006)))
	}
	return lines
}

func TestReceiverReconnectsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC() // the bubble's clock starts in the year 2000
		early := now.Add(-24 * time.Hour)
		ports := []*port{
			{lines: append(drive(now.Add(900*time.Millisecond), 5), "$GPRMC,garbled*00"), step: time.Second, end: io.EOF},
			{lines: drive(now.Add(20*time.Second), 3), step: time.Second},
		}
		opened := 0
		open := func(context.Context) (io.ReadCloser, error) {
			opened++
			switch opened {
			case 1, 4:
				p := ports[0]
				ports = ports[1:]
				p.done = make(chan struct{})
				return p, nil
			}
			return nil, errors.New("open serial: not there")
		}
		var logged bytes.Buffer
		r := NewReceiver(open, Options{Earliest: early}, slog.New(slog.NewTextHandler(&logged, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()

		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		if s := r.State(); !s.IsConnected || !s.HasFix || s.Sentences != 5 {
			t.Errorf("after five seconds: %+v", s)
		}
		if f := r.At(time.Now()); !f.IsValid() || f.Quality != alpr.GPSFix {
			t.Errorf("position while connected: %+v", f)
		}
		if source, within := r.TimeSource(time.Now()); source != alpr.TimeGPS || within > time.Second {
			t.Errorf("time from %s within %v", source, within)
		}

		time.Sleep(2 * time.Second) // the cable is out
		synctest.Wait()
		if s := r.State(); s.IsConnected || s.HasFix || s.Garbled != 1 || s.Trouble == "" {
			t.Errorf("with the cable out: %+v", s)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if s := r.State(); !s.IsConnected || s.Connects != 2 || s.Sentences != 8 {
			t.Errorf("after the cable is back: %+v", s)
		}
		if n := strings.Count(logged.String(), "not there"); n != 1 {
			t.Errorf("the same trouble was told %d times:\n%s", n, logged.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestReceiverNoticesSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReceiver(func(context.Context) (io.ReadCloser, error) { return silent{}, nil },
			Options{Silence: 5 * time.Second}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(5200 * time.Millisecond)
		synctest.Wait()
		if s := r.State(); !strings.Contains(s.Trouble, "silent") {
			t.Errorf("trouble is %q", s.Trouble)
		}
		cancel()
		<-done
	})
}

func TestReceiverSuspectsTheBaudRate(t *testing.T) {
	var logged bytes.Buffer
	r := NewReceiver(nil, Options{Earliest: t0.Add(-time.Hour)}, slog.New(slog.NewTextHandler(&logged, nil)))
	dec := newDecoder(t0.Add(-time.Hour))
	for range 2 * allGarbled {
		r.take(dec, "\xf8\x00\x80x", true)
	}
	if s := r.State(); !strings.Contains(s.Trouble, "baud rate") || s.Garbled != 2*allGarbled {
		t.Errorf("state %+v", s)
	}
	if n := strings.Count(logged.String(), "baud rate"); n != 1 {
		t.Errorf("told %d times", n)
	}
	r.take(dec, sentence(rmc(0, 30)), true)
	if s := r.State(); s.Trouble != "" || !s.HasFix {
		t.Errorf("after a sentence: %+v", s)
	}
}

// silent is a port whose reads time out, as go.bug.st/serial reports it.
type silent struct{}

func (silent) Read([]byte) (int, error) { time.Sleep(time.Second); return 0, nil }
func (silent) Close() error             { return nil }

// TestSerialOnPseudoTerminal runs the real serial code against a terminal that
// the kernel makes, and pulls the plug.
func TestSerialOnPseudoTerminal(t *testing.T) {
	master, slave := pseudoTerminal(t)
	var logged bytes.Buffer
	r := NewReceiver(Serial(slave, 9600), Options{Earliest: t0.Add(-time.Hour), MinBackoff: time.Millisecond},
		slog.New(slog.NewTextHandler(&logged, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()

	waitFor(t, r, func(s State) bool { return s.IsConnected })
	for _, l := range drive(t0, 3) {
		fmt.Fprintf(master, "%s\r\n", l)
	}
	waitFor(t, r, func(s State) bool { return s.HasFix && s.Sentences == 3 })
	master.Close()
	waitFor(t, r, func(s State) bool { return !s.IsConnected })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// pseudoTerminal returns the end a receiver would write to, and the name of
// the device the product reads.
func pseudoTerminal(t *testing.T) (*os.File, string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("open a pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatalf("unlock the pseudo-terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatalf("number of the pseudo-terminal: %v", err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", n)
}

func waitFor(t *testing.T, r *Receiver, ok func(State) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok(r.State()) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("state stayed %+v", r.State())
		}
	}
}

func TestSerialMissingDevice(t *testing.T) {
	_, err := Serial("/dev/no-such-receiver", 9600)(t.Context())
	if err == nil || !strings.Contains(err.Error(), "/dev/no-such-receiver") || !strings.Contains(err.Error(), "plugged in") {
		t.Errorf("error is %v", err)
	}
}

func TestReadRecording(t *testing.T) {
	log := strings.Join(append(drive(t0, 4), "$GPRMC,half a li", strings.Repeat("x", 2000), ""), "\r\n")
	rec, err := ReadRecording(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	if want := (LogStats{Sentences: 4, Garbled: 2, Fixes: 4}); rec.Stats() != want {
		t.Errorf("stats %+v, want %+v", rec.Stats(), want)
	}
	if !rec.Start().Equal(t0) || !rec.End().Equal(t0.Add(3*time.Second)) {
		t.Errorf("from %v to %v", rec.Start(), rec.End())
	}
	if f := rec.At(t0.Add(1500 * time.Millisecond)); f.Age != 0 || f.Quality != alpr.GPSFix {
		t.Errorf("between two fixes: %+v", f)
	}
	if source, _ := rec.TimeSource(t0); source != alpr.TimeFile {
		t.Errorf("time from %s", source)
	}
	_, err = ReadRecording(strings.NewReader("this is no log\n"))
	if !errors.Is(err, ErrNoPosition) {
		t.Errorf("error %v", err)
	}
}

func ExampleReadRecording() {
	rec, err := ReadRecording(strings.NewReader(strings.Join(drive(t0, 10), "\n")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fix := rec.At(rec.Start().Add(1500 * time.Millisecond))
	fmt.Printf("%.5f %.5f, %.1f m/s, course %.0f\n", fix.Lat, fix.Lon, fix.SpeedMPS, fix.CourseDeg)
	// Output: 28.00000 -82.49985, 10.0 m/s, course 90
}
