package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"alpr"
)

// TestACameraThatDoesNotAnswerKeepsNoOtherAway: one camera takes the connection
// and says nothing; another is opened meanwhile, and delivers.
func TestACameraThatDoesNotAnswerKeepsNoOtherAway(t *testing.T) {
	asked := make(chan struct{})
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	go func() {
		conn, err := mute.Accept()
		if err != nil {
			return
		}
		close(asked)
		<-t.Context().Done()
		_ = conn.Close()
	}()
	ctx, stop := context.WithCancel(t.Context())
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		run(ctx, "http://"+mute.Addr().String()+"/silent.mjpg", func(*alpr.Frame) {})
	}()
	<-asked
	begun := time.Now()
	got := make(chan time.Duration, 1)
	seeing, enough := context.WithCancel(ctx)
	run(seeing, motionJPEG(t, image.Pt(320, 240)).URL+"/front.mjpg", func(*alpr.Frame) {
		select {
		case got <- time.Since(begun):
		default:
		}
		enough()
	})
	// The mute camera is given up after four seconds at the earliest.
	if took := <-got; took > 3*time.Second {
		t.Errorf("the camera that works delivered after %s: it waited for the mute one", took)
	}
	stop()
	<-silent
}

func run(ctx context.Context, location string, emit func(*alpr.Frame)) {
	s, err := New(Config{Name: location, Location: location}, slog.New(slog.DiscardHandler))
	if err == nil {
		_ = s.Run(ctx, emit) // ends with ctx
	}
}

// TestACameraOfNoSizeIsRefused: a stream that begins with pictures of two columns
// is not taken; OpenCV would go on with that size when the camera has its own again.
func TestACameraOfNoSizeIsRefused(t *testing.T) {
	if _, err := openCapture(Config{Location: motionJPEG(t, image.Pt(2, 600)).URL + "/front.mjpg"}); err == nil || !strings.Contains(err.Error(), "2×600") {
		t.Errorf("opened, or refused without the size: %v", err)
	}
	v, err := openCapture(Config{Location: motionJPEG(t, image.Pt(320, 240)).URL + "/front.mjpg"})
	if err != nil {
		t.Fatal(err)
	}
	v.close()
}

// motionJPEG serves grey pictures of a size, twenty a second.
func motionJPEG(t *testing.T, size image.Point) *httptest.Server {
	t.Helper()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rectangle{Max: size}), nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", picture.Len(), picture.Bytes()); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// TestReachSaysWhatIsWrong: what answers is left to FFmpeg; what cannot be a
// camera is named, and no password with it.
func TestReachSaysWhatIsWrong(t *testing.T) {
	serve := func(status int, kind, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server.URL + "/main?user=admin&pwd=Zq9plain"
	}
	rtsp := speaking(t, "RTSP/1.0 401 Unauthorized\r\n\r\n")
	for _, tt := range []struct{ name, location, want string }{
		{"a stream of another kind", serve(200, "video/mp4", "x"), ""},
		{"a login that FFmpeg may know", serve(401, "text/html", "no"), ""},
		{"a page", serve(200, "text/html; charset=utf-8", "<html>"), "a page comes from there"},
		{"nothing there", serve(404, "text/plain", ""), "404"},
		{"nothing at all", serve(200, "video/mp4", ""), "nothing comes"},
		{"RTSP that asks for a login", "rtsp://admin:Zq9plain@" + rtsp + "/main", ""},
		{"no RTSP", "rtsp://admin:Zq9plain@" + speaking(t, "SSH-2.0-x\r\n") + "/main", "no RTSP"},
		{"another protocol", "rtmp://127.0.0.1:1/main", ""},
	} {
		err := reach(t.Context(), tt.location)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "Zq9plain") {
			t.Errorf("%s: the password is shown: %v", tt.name, err)
		}
	}
	gone, stop := context.WithCancelCause(t.Context())
	stop(errors.New("the program ends"))
	if err := reach(gone, "rtsp://"+rtsp+"/main"); err == nil || !strings.Contains(err.Error(), "the program ends") {
		t.Errorf("asked while the program ends: %v", err)
	}
}

// speaking listens and greets each who connects.
func speaking(t *testing.T, greeting string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(greeting))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}
