package vehicle

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr/pipeline"
)

func TestPulse(t *testing.T) {
	start := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	type look struct {
		after    time.Duration
		in, done uint64
		failed   uint64
		broken   bool
		want     bool
	}
	for name, looks := range map[string][]look{
		"frames are searched":    {{0, 10, 10, 0, false, true}, {time.Hour, 20, 20, 0, false, true}},
		"no camera sends":        {{0, 10, 10, 0, false, true}, {time.Hour, 10, 10, 0, false, true}, {2 * time.Hour, 10, 10, 0, false, true}},
		"frames fail":            {{0, 10, 0, 10, false, true}, {time.Minute, 20, 0, 20, false, true}},
		"networks are opened":    {{0, 10, 10, 0, true, true}, {time.Hour, 20, 10, 0, true, true}},
		"frames come, none goes": {{0, 10, 10, 0, false, true}, {30 * time.Second, 20, 10, 0, false, true}, {61 * time.Second, 30, 10, 0, false, false}},
		"it goes on again":       {{0, 10, 10, 0, false, true}, {61 * time.Second, 30, 10, 0, false, false}, {62 * time.Second, 31, 11, 0, false, true}},
	} {
		var p pulse
		for i, l := range looks {
			st := pipeline.Stats{FramesIn: l.in, FramesDone: l.done, StageErrors: l.failed}
			if l.broken {
				st.Stages = []string{"detection does not work"}
			}
			if got := p.beats(st, start.Add(l.after)); got != l.want {
				t.Errorf("%s, look %d: %v, want %v", name, i, got, l.want)
			}
		}
	}
}

// TestSystemdHearsTheCar runs a car as a unit with a watchdog does, and asks for
// its metrics meanwhile.
func TestSystemdHearsTheCar(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "300000")
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	cfg.Cameras[0].RealTime = true
	cfg.Metrics.Listen = freeAddress(t)
	v, err := New(t.Context(), cfg, Options{OnSourcesEnd: func(ctx context.Context, _ *Vehicle) error { <-ctx.Done(); return nil }}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	heard := func() string {
		b := make([]byte, 256)
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(b)
		if err != nil {
			t.Fatalf("systemd hears nothing: %v", err)
		}
		return string(b[:n])
	}
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := heard(); got != want {
			t.Errorf("systemd hears %q, want %q", got, want)
		}
	}
	if body := get(t, "http://"+cfg.Metrics.Listen+"/metrics"); !strings.Contains(body, `alpr_camera_frames_total{camera="front"}`) {
		t.Errorf("metrics without the camera:\n%s", body)
	}
	stop()
	if err := errors.Join(<-ended, v.Close()); err != nil {
		t.Error(err)
	}
	for heard() != "STOPPING=1" { // beats may still be on their way
	}
}

// freeAddress is a port that nobody has now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	c := http.Client{Timeout: 30 * time.Second}
	for {
		answer, err := c.Get(url)
		if errors.Is(err, os.ErrDeadlineExceeded) || t.Context().Err() != nil {
			t.Fatal(err)
		}
		if err != nil {
			continue // not listening yet
		}
		body, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
}
