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

// feed hands a receiver a line as if it had just arrived.
func feed(r *Receiver, dec talk, line string) {
	_ = dec.read(strings.NewReader(line+"\r\n"), func(s string) { r.take(dec, s) }) // ends with the line
}

// drive is what a receiver sends over some seconds from a satellite instant on.
func drive(from time.Time, seconds int) []string {
	var lines []string
	for i := range seconds {
		lines = append(lines, nmea(rmc(from.Sub(t0)+time.Duration(i)*time.Second, 30-float64(i)*0.006)))
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
	dec := newLiveDecoder(t0.Add(-time.Hour))
	for range 2 * allGarbled {
		feed(r, dec, "\xf8\x00\x80x")
	}
	if s := r.State(); !strings.Contains(s.Trouble, "baud rate") || s.Garbled != 2*allGarbled {
		t.Errorf("state %+v", s)
	}
	if n := strings.Count(logged.String(), "baud rate"); n != 1 {
		t.Errorf("told %d times", n)
	}
	feed(r, dec, nmea(rmc(0, 30)))
	if s := r.State(); s.Trouble != "" || s.HasFix {
		t.Errorf("after a first sentence, which nothing confirms yet: %+v", s)
	}
	feed(r, dec, nmea(rmc(time.Second, 30)))
	if s := r.State(); s.Trouble != "" || !s.HasFix {
		t.Errorf("after a sentence: %+v", s)
	}
}

// gga makes a valid GGA body of an instant.
func gga(at time.Time) string {
	return fmt.Sprintf("GNGGA,%s,2800.0000,N,08230.0000,W,1,09,0.9,655.0,M,-24.1,M,,", at.Format("150405.00"))
}

// TestReceiverWithoutDate has a receiver that sends GGA alone: the day is the
// system clock's where that clock agrees, and else it is said what to do.
func TestReceiverWithoutDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := time.Now().Add(-24 * time.Hour)
		for _, wrong := range []time.Duration{0, 2 * time.Second, time.Hour} {
			var logged bytes.Buffer
			r := NewReceiver(nil, Options{Earliest: early}, slog.New(slog.NewTextHandler(&logged, nil)))
			dec := newLiveDecoder(early)
			for range 8 {
				time.Sleep(time.Second)
				feed(r, dec, nmea(gga(time.Now().UTC().Add(wrong))))
			}
			s := r.State()
			source, _ := r.TimeSource(time.Now())
			if source != alpr.TimeSystem || s.IsClockSeen {
				t.Errorf("clock %v off: time from %s, %+v: a clock was checked against its own date", wrong, source, s)
			}
			isRight := wrong < clockAgrees
			if f := r.At(time.Now()); s.HasFix != isRight || f.IsValid() != isRight || (s.Trouble == "") != isRight {
				t.Errorf("clock %v off: %+v at %+v", wrong, s, f)
			}
			if !isRight && (!strings.Contains(s.Trouble, "RMC") || !strings.Contains(s.Trouble, "9 satellites") ||
				strings.Count(logged.String(), "cannot be used") != 1 || s.Undated != 8) {
				t.Errorf("state %+v\n%s", s, logged.String())
			}
			feed(r, dec, nmea("GNZDA,"+time.Now().UTC().Add(wrong).Format("150405.00,02,01,2006")+",00,00"))
			for range 3 {
				time.Sleep(time.Second)
				feed(r, dec, nmea(gga(time.Now().UTC().Add(wrong))))
				feed(r, dec, nmea("GNZDA,"+time.Now().UTC().Add(wrong).Format("150405.00,02,01,2006")+",00,00"))
			}
			if s := r.State(); !s.HasFix || s.Trouble != "" || !s.IsClockSeen {
				t.Errorf("clock %v off, with a date from the receiver: %+v", wrong, s)
			}
		}
	})
}

func TestReceiverWithoutSpeed(t *testing.T) {
	r := NewReceiver(nil, Options{Earliest: t0.Add(-time.Hour)}, slog.New(slog.DiscardHandler))
	dec := newLiveDecoder(t0.Add(-time.Hour))
	for i := range 5 {
		at := t0.Add(time.Duration(i) * time.Second)
		feed(r, dec, nmea("GNZDA,"+at.Format("150405.00,02,01,2006")+",00,00"))
		feed(r, dec, nmea(fmt.Sprintf("GNGLL,28%07.4f,N,08230.0000,W,%s,A,A", float64(i)*0.01, at.Format("150405.00"))))
	}
	if f := r.State().LastFix; f.SpeedMPS < 18 || f.SpeedMPS > 19 || f.CourseDeg != 0 {
		t.Errorf("18.5 m/s to the north, from positions alone: %+v", f)
	}
}

func TestReceiverVoidTalkerBesideValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := time.Now().Add(-24 * time.Hour)
		r := NewReceiver(nil, Options{Earliest: early}, slog.New(slog.DiscardHandler))
		dec := newLiveDecoder(early)
		const void = "GPRMC,,V,,,,,,,,,,N"
		for i := range 5 {
			time.Sleep(time.Second)
			feed(r, dec, nmea(rmc(time.Now().UTC().Sub(t0), 30))+"\r\n"+nmea(void))
			if s := r.State(); s.HasFix != (i > 0) {
				t.Errorf("second %d: %+v", i, s)
			}
		}
		for range 3 {
			time.Sleep(time.Second)
			feed(r, dec, nmea(void))
		}
		if s := r.State(); s.HasFix {
			t.Errorf("three seconds without a position: %+v", s)
		}
	})
}

func TestReceiverRefusesYearsAhead(t *testing.T) {
	var logged bytes.Buffer
	r := NewReceiver(nil, Options{}, slog.New(slog.NewTextHandler(&logged, nil)))
	dec := newLiveDecoder(r.opts.Earliest)
	for i := range 10 {
		feed(r, dec, nmea(rmc(rollover+time.Duration(i)*time.Second, 30)))
	}
	if s := r.State(); s.HasFix || s.Rejected != 10 || !strings.Contains(s.Trouble, "years ahead") {
		t.Errorf("state %+v", s)
	}
	if n := strings.Count(logged.String(), "cannot be used"); n != 1 {
		t.Errorf("told %d times", n)
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

func TestReceiverWithoutChecksums(t *testing.T) {
	r := NewReceiver(nil, Options{Earliest: t0.Add(-time.Hour)}, slog.New(slog.DiscardHandler))
	dec := newLiveDecoder(t0.Add(-time.Hour))
	var log strings.Builder
	for i := range allGarbled {
		fmt.Fprintf(&log, "$%s\r\n", rmc(time.Duration(i)*time.Second, 30))
	}
	feed(r, dec, log.String())
	if s := r.State(); !strings.Contains(s.Trouble, "without a checksum") || s.HasFix || s.Garbled != allGarbled {
		t.Errorf("state %+v", s)
	}
	if _, err := ReadRecording(strings.NewReader(log.String())); !errors.Is(err, ErrNoPosition) || !strings.Contains(err.Error(), "20 sentences without a checksum") {
		t.Errorf("error %v", err)
	}
}

func TestReadRecording(t *testing.T) {
	log := strings.Join(append(drive(t0, 4), "$GPRMC,half a li", strings.Repeat("x", 2000), ""), "\r\n")
	rec, err := ReadRecording(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	if want := (LogStats{Sentences: 4, Garbled: 2, Unsummed: 1, Fixes: 4}); rec.Stats() != want {
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

// TestRecordingOneFalseStamp wants the track of a log to be the same with one
// stamp in it that cannot be right, wherever it stands.
func TestRecordingOneFalseStamp(t *testing.T) {
	good, err := ReadRecording(strings.NewReader(strings.Join(drive(t0, 20), "\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []time.Duration{10 * time.Second, 3 * time.Minute, 24 * time.Hour, -time.Minute, -365 * 24 * time.Hour} {
		for place := range 20 {
			if place == 0 && off == -time.Minute || place == 19 && off > 0 {
				continue // a fix before or after a gap: no sign that it is false
			}
			log := drive(t0, 20)
			log[place] = nmea(rmc(time.Duration(place)*time.Second+off, 30-float64(place)*0.006))
			rec, err := ReadRecording(strings.NewReader(strings.Join(log, "\n")))
			if err != nil {
				t.Fatal(err)
			}
			if late := rec.Start().Sub(good.Start()); late != 0 && (place > 0 || late != time.Second) {
				t.Errorf("line %d %v off: begins %v late", place, off, late)
			}
			for s := 1.25; s < 18; s++ {
				at := t0.Add(time.Duration(s * float64(time.Second)))
				if f := rec.At(at); Distance(f, good.At(at)) > 0.1 || f.Age != 0 {
					t.Errorf("line %d %v off: at %g s %+v", place, off, s, f)
				}
			}
			if s := rec.Stats(); s.Rejected != 1 || s.Fixes != 19 {
				t.Errorf("line %d %v off: %+v", place, off, s)
			}
		}
	}
}

// TestRecordingWithoutDate reads GGA alone: the day comes from outside, or it is
// said what is missing.
func TestRecordingWithoutDate(t *testing.T) {
	log := nmea(gga(t0)) + "\n" + nmea(gga(t0.Add(time.Second))) + "\n"
	_, err := ReadRecording(strings.NewReader(log))
	if !errors.Is(err, ErrNoPosition) || !strings.Contains(err.Error(), "RMC or ZDA") {
		t.Errorf("error %v", err)
	}
	rec, err := ReadRecordingNear(strings.NewReader(log), t0.Add(-5*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if f := rec.At(t0); !rec.Start().Equal(t0) || f.Quality != alpr.GPSFix || f.Satellites != 9 {
		t.Errorf("begins at %v with %+v", rec.Start(), f)
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
