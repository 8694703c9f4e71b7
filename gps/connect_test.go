package gps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"alpr"
)

func TestConnectReadsAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"/dev/ttyUSB0":          "",
		"COM3":                  "",
		"gpsd://localhost":      "",
		"gpsd://[::1]:2948/":    "",
		"tcp://10.0.0.1:60660":  "",
		"udp://:10110":          "",
		"tcp://10.0.0.1":        "name host and port",
		"tcp://:60660":          "name host and port",
		"udp://10.0.0.1":        "name host and port",
		"http://10.0.0.1:80":    "tcp://, udp:// or gpsd://",
		"tcp://10.0.0.1:x":      "write it as",
		"gpsd://localhost/ttyS": "write it as",
		"://":                   "write it as",
	} {
		_, protocol, err := Connect(address, 0)
		if want == "" {
			if err != nil || (protocol == GPSD) != strings.HasPrefix(address, "gpsd") {
				t.Errorf("%s: protocol %v, %v", address, protocol, err)
			}
			continue
		}
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", address, err)
		}
	}
}

// follow runs a receiver at an address until the test ends.
func follow(t *testing.T, address string) *Receiver {
	t.Helper()
	open, protocol, err := Connect(address, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReceiver(open, Options{Earliest: t0.Add(-time.Hour), MinBackoff: time.Millisecond, Protocol: protocol},
		slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// serve accepts one connection after the other, and hands each to talk.
func serve(t *testing.T, talk func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			talk(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestNMEAOverTCP(t *testing.T) {
	first := true
	address := serve(t, func(c net.Conn) {
		from := t0
		if !first { // the router has been restarted
			from = t0.Add(time.Minute)
		}
		first = false
		for _, line := range drive(from, 3) {
			fmt.Fprintf(c, "%s\r\n", line)
		}
		if from != t0 {
			io.Copy(io.Discard, c) //nolint:errcheck // until the receiver goes
		}
	})
	r := follow(t, "tcp://"+address)
	waitFor(t, r, func(s State) bool { return s.Sentences == 6 && s.HasFix && s.Connects == 2 })
	if f := r.past.at(t0.Add(time.Minute + 1500*time.Millisecond)); f.Quality != alpr.GPSFix || f.Age != 0 {
		t.Errorf("position %+v", f)
	}
}

func TestNMEAOverUDP(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	free.Close()
	r := follow(t, "udp://"+address)
	waitFor(t, r, func(s State) bool { return s.IsConnected })

	car, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer car.Close()
	stranger, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	for i, line := range drive(t0, 5) {
		fmt.Fprint(car, line) // no line end: the datagram is one
		waitFor(t, r, func(s State) bool { return s.Sentences == uint64(i+1) })
		fmt.Fprintf(stranger, "%s\r\n", nmea("GPRMC,120000.00,A,0100.0000,N,00200.0000,E,0,,010626,,,A"))
	}
	s := r.State()
	if !s.HasFix || s.Sentences != 5 || s.Rejected != 0 || s.LastFix.Lat != 28 {
		t.Errorf("state %+v", s)
	}
}

// tpv is gpsd's report of a position on the way of drive.
func tpv(after time.Duration) string {
	return fmt.Sprintf(`{"class":"TPV","device":"/dev/ttyUSB0","status":2,"mode":3,"time":"%s","lat":28.0,"lon":%.7f,"altMSL":12.5,"speed":10.0,"track":90.0}`,
		t0.Add(after).Format("2006-01-02T15:04:05.000Z"), -82.5+after.Seconds()*0.0001)
}

func TestGPSDReports(t *testing.T) {
	tests := []struct {
		name   string
		report string
		want   update
		err    error
	}{
		{name: "position", report: tpv(0), want: update{isNew: true, isDatedBySelf: true, satellites: 9, fix: alpr.Fix{At: t0, Lat: 28, Lon: -82.5,
			AltM: 12.5, SpeedMPS: 10, CourseDeg: 90, HDOP: 0.9, Satellites: 9, Quality: alpr.DGPSFix}}},
		{name: "of an older gpsd, standing", want: update{isNew: true, isDatedBySelf: true, satellites: 9, fix: alpr.Fix{At: t0, Lat: 28, Lon: -82.5,
			AltM: 7, SpeedMPS: 0.1, HDOP: 0.9, Satellites: 9, Quality: alpr.GPSFix}},
			report: `{"class":"TPV","mode":2,"time":"2026-06-01T12:00:00.000Z","lat":28,"lon":-82.5,"alt":7,"speed":0.1,"track":55}`},
		{name: "leap second", want: update{isNew: true, isDatedBySelf: true, satellites: 9, fix: alpr.Fix{At: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
			Lat: 28, Lon: -82.5, HDOP: 0.9, Satellites: 9, Quality: alpr.EstimatedFix}},
			report: `{"class":"TPV","mode":2,"status":5,"time":"2026-06-30T23:59:60.000Z","lat":28,"lon":-82.5}`},
		{name: "no fix", report: `{"class":"TPV","mode":1,"time":"2026-06-01T12:00:00.000Z"}`, want: update{isNew: true}},
		{name: "no time", report: `{"class":"TPV","mode":3,"lat":28,"lon":-82.5}`, want: update{isNew: true, isUndated: true, satellites: 9}},
		{name: "1980", report: `{"class":"TPV","mode":3,"time":"1980-01-06T00:00:00.000Z","lat":28,"lon":-82.5}`, err: ErrNotCredible},
		{name: "latitude over 90", report: `{"class":"TPV","mode":3,"time":"2026-06-01T12:00:00.000Z","lat":91,"lon":-82.5}`, err: ErrNotCredible},
		{name: "0, 0", report: `{"class":"TPV","mode":3,"time":"2026-06-01T12:00:00.000Z","lat":0,"lon":0}`, err: ErrNotCredible},
		{name: "no vehicle's speed", report: `{"class":"TPV","mode":3,"time":"2026-06-01T12:00:00.000Z","lat":28,"lon":-82.5,"speed":900}`, err: ErrNotCredible},
		{name: "no time of day", report: `{"class":"TPV","mode":3,"time":"yesterday","lat":28,"lon":-82.5}`, err: ErrGarbled},
		{name: "no receiver", report: `{"class":"DEVICES","devices":[]}`,
			want: update{trouble: "gpsd has no receiver: name its device to gpsd (DEVICES in /etc/default/gpsd)"}},
		{name: "receivers", report: `{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyUSB0"}]}`},
		{name: "error", report: `{"class":"ERROR","message":"Can't open"}`, want: update{trouble: "gpsd: Can't open"}},
		{name: "other", report: `{"class":"VERSION","release":"3.22"}`},
		{name: "no JSON", report: nmea(rmc(0, 30)), err: ErrGarbled},
		{name: "of another kind", report: `{"class":"TPV","lat":"north"}`, err: ErrGarbled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &gpsdDecoder{calendar: calendar{earliest: t0.Add(-time.Hour), isLive: true, wall: time.Now}}
			if _, err := d.decode(`{"class":"SKY","hdop":0.9,"satellites":[{"used":true},{"used":false}]}`); err != nil || d.satellites != 1 {
				t.Fatalf("%d satellites, %v", d.satellites, err)
			}
			if _, err := d.decode(`{"class":"SKY","hdop":0.9,"uSat":9}`); err != nil {
				t.Fatal(err)
			}
			got, err := d.decode(tt.report)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("got  %+v, %v\nwant %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestRealGPSD has Debian's gpsd read a receiver, which is a pseudo-terminal,
// and follows it.
func TestRealGPSD(t *testing.T) {
	master, slave := pseudoTerminal(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	var says bytes.Buffer
	gpsd := exec.Command(gpsdPath(t), "-N", "-n", "-S", port, slave)
	gpsd.Stderr = &says
	if err := gpsd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gpsd.Process.Signal(unix.SIGTERM); err != nil {
			t.Errorf("end gpsd: %v", err)
		}
		_ = gpsd.Wait() // it says that it was ended
		if t.Failed() {
			t.Logf("gpsd: %s", says.String())
		}
	})

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // a car from now on, ten fixes a second
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for start := time.Now().UTC(); ctx.Err() == nil; <-tick.C {
			at := time.Now().UTC()
			fmt.Fprintf(master, "%s\r\n%s\r\n", nmea(gga(at)), nmea(rmc(at.Sub(t0), 30-at.Sub(start).Seconds()*0.006)))
		}
	}()
	r := follow(t, "gpsd://"+address)
	waitFor(t, r, func(s State) bool { return s.HasFix && s.IsClockSeen })
	f := r.At(time.Now())
	if !f.IsValid() || Distance(f, alpr.Fix{Lat: 28, Lon: -82.5}) > 1000 || f.SpeedMPS < 9 || f.SpeedMPS > 11 {
		t.Errorf("position %+v", f)
	}
}

// gpsdPath is where Debian installs gpsd, or what the PATH says.
func gpsdPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"gpsd", "/usr/sbin/gpsd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("gpsd is missing: scripts/install-deps.sh test installs it")
	return ""
}

// rated is a port that sends sentences at one baud rate and noise at others.
type rated struct {
	right   bool
	isQuiet bool
	closed  *int
}

func (p *rated) Read(b []byte) (int, error) {
	time.Sleep(200 * time.Millisecond)
	switch {
	case p.isQuiet:
		return 0, nil
	case p.right:
		return copy(b, nmea(rmc(0, 30))+"\r\n"), nil
	}
	return copy(b, "\xf8\x00$\x80\n*"), nil
}

func (p *rated) Close() error { *p.closed++; return nil }

func TestBaudRateIsFoundOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, right := range usualBauds() {
			var tried []int
			closed := 0
			open := findBaud("/dev/ttyUSB0", func(_ string, baud int) (io.ReadCloser, error) {
				tried = append(tried, baud)
				return &rated{right: baud == right, closed: &closed}, nil
			})
			port, err := open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			heard := make([]byte, 512)
			n, err := port.Read(heard)
			if got := string(heard[:n]); err != nil || got != nmea(rmc(0, 30))+"\r\n" {
				t.Errorf("%d baud: what was heard first is lost: %q, %v", right, got, err)
			}
			if last := tried[len(tried)-1]; last != right || closed != len(tried)-1 {
				t.Errorf("%d baud: tried %v, closed %d", right, tried, closed)
			}
			tried = nil
			if _, err := open(t.Context()); err != nil || len(tried) != 1 {
				t.Errorf("%d baud: the second time tried %v, %v", right, tried, err)
			}
		}
	})
}

func TestBaudRateIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := 0
		for _, tt := range []struct {
			port rated
			err  error
			says string
		}{
			{rated{closed: &closed}, ErrGarbled, "is it the receiver's device"},
			{rated{isQuiet: true, closed: &closed}, ErrSilent, "cable"},
		} {
			open := findBaud("/dev/ttyUSB0", func(string, int) (io.ReadCloser, error) { return &tt.port, nil })
			_, err := open(t.Context())
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
		}
		if closed != 2*len(usualBauds()) {
			t.Errorf("%d ports closed", closed)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		open := findBaud("/dev/ttyUSB0", func(string, int) (io.ReadCloser, error) { return &rated{closed: &closed}, nil })
		if _, err := open(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestFixed(t *testing.T) {
	f := Fixed{Lat: 27.5, Lon: -82.5, AltM: 12}
	if got := f.At(t0); got != (alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, AltM: 12, Quality: alpr.FixedPosition}) || !got.IsValid() {
		t.Errorf("position %+v", got)
	}
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Fixed{{}, {Lat: 91}, {Lat: 1, Lon: 181}} {
		if err := bad.Check(); !errors.Is(err, ErrNotCredible) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// FuzzGPSD feeds any lines to a receiver of gpsd's reports.
func FuzzGPSD(f *testing.F) {
	f.Add([]byte(tpv(0) + "\n" + tpv(time.Second) + "\n" + `{"class":"SKY","hdop":0.9,"uSat":9}` + "\n" + tpv(2*time.Second)))
	f.Add([]byte(`{"class":"DEVICES","devices":[]}` + "\n" + `{"class":"TPV","mode":3,"time":"2016-12-31T23:59:60.5Z","lat":-90,"lon":180}`))
	f.Add([]byte(`{"class":"TPV","mode":3,"time":"2026-06-01T12:00:00Z","lat":1e400,"lon":0,"track":-1e308,"speed":-1}`))
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := NewReceiver(nil, Options{Earliest: earliestLog(), Protocol: GPSD}, slog.New(slog.DiscardHandler))
		dec := r.opts.talk()
		_ = dec.read(bytes.NewReader(sent), func(s string) { r.take(dec, s) })
		if s := r.State(); s.Panics != 0 {
			t.Fatalf("the decoder stumbled: %+v", s)
		}
		for _, fix := range r.past.fixes {
			checkFix(t, fix)
			checkFix(t, r.At(fix.At.Add(700*time.Millisecond)))
		}
	})
}

func TestStreamNoticesSilence(t *testing.T) {
	address := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) }) //nolint:errcheck // until the other side goes
	port, err := dial(address, "")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if n, err := port.Read(make([]byte, 10)); n != 0 || err != nil {
		t.Errorf("read %d, %v; want an empty read", n, err)
	}
	if _, err := dial("127.0.0.1:1", "")(t.Context()); err == nil || !strings.Contains(err.Error(), "right address") || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
