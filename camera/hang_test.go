package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alpr"
)

// hanging is a camera that sends at a pace, and then holds C code for ever (here:
// until it is let go).
type hanging struct {
	fakeCapture
	every, openFor time.Duration
	left           int
	letGo          chan struct{}
	opens          int
}

func (h *hanging) open(Config) (capture, error) {
	h.opens++
	if h.openFor > 0 {
		<-h.letGo
		return nil, errors.New("let go")
	}
	return h, nil
}

func (h *hanging) next() (alpr.Frame, float64, bool) {
	if h.left == 0 {
		<-h.letGo
		return alpr.Frame{}, 0, false
	}
	h.left--
	time.Sleep(h.every) // the bubble's clock
	return alpr.Frame{Width: testWidth, Height: testHeight, Pix: codedFrame(1)}, 0, true
}

func live(t *testing.T, open func(Config) (capture, error)) *Source {
	t.Helper()
	s, err := New(Config{Name: "front", Location: "rtsp://camera/main"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	s.reach, s.stream, s.open = nil, nil, open
	return s
}

// TestRunEndsWhateverTheCameraDoes: a camera that hangs while it is opened, or
// while it delivers, keeps nobody from stopping.
func TestRunEndsWhateverTheCameraDoes(t *testing.T) {
	for name, h := range map[string]*hanging{"opening": {openFor: 1}, "delivering": {left: 2, every: time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			h.letGo = make(chan struct{})
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
			defer stop()
			begun := time.Now()
			if err := live(t, h.open).Run(ctx, func(*alpr.Frame) {}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(begun); took != 4*time.Second {
				t.Errorf("%s: ended after %s, asked to after 4 s", name, took)
			}
			close(h.letGo)
		})
	}
}

// TestSilenceFollowsThePace: one picture in five seconds is no camera that comes
// and goes; one that sent ten a second is lost after five.
func TestSilenceFollowsThePace(t *testing.T) {
	for _, tt := range []struct {
		every        time.Duration
		frames       int
		lost, within time.Duration // after the last frame
	}{
		{5 * time.Second, 12, 15 * time.Second, 14 * time.Second},
		{100 * time.Millisecond, 50, 5 * time.Second, 4 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &hanging{left: tt.frames, every: tt.every, letGo: make(chan struct{})}
			s := live(t, h.open)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = s.Run(ctx, func(*alpr.Frame) {}) // ends with ctx
			}()
			time.Sleep(time.Duration(tt.frames)*tt.every + tt.within)
			if st := s.State(); st.Frames != uint64(tt.frames) || st.Opened != 1 || st.LastError != "" || st.Pace != tt.every {
				t.Errorf("every %s: %+v", tt.every, st)
			}
			time.Sleep(tt.lost - tt.within + time.Second/10)
			if st := s.State(); !strings.Contains(st.LastError, errLost.Error()) {
				t.Errorf("every %s: not lost after %s of silence: %+v", tt.every, tt.lost, st)
			}
			time.Sleep(10 * time.Minute)
			if h.opens != maxReaders {
				t.Errorf("every %s: %d calls hang at once, want %d at most", tt.every, h.opens, maxReaders)
			}
			stop()
			<-done
			close(h.letGo)
		})
	}
}

// TestServersThatCloseAtOnceAreTriedAgain: with growing pauses, ten seconds at most.
func TestServersThatCloseAtOnceAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens := 0
		s := live(t, func(Config) (capture, error) { opens++; return nil, errors.New("closed") })
		ctx, stop := context.WithTimeout(t.Context(), 95*time.Second)
		defer stop()
		_ = s.Run(ctx, func(*alpr.Frame) {}) // ends with ctx
		if opens != 13 {
			t.Errorf("tried %d times in 95 s, want 13", opens)
		}
	})
}

// TestACameraThatHangsInFFmpeg: it is in OpenCV's hands, which opens one stream at
// a time; a camera that sends pictures over HTTP is seen meanwhile, and both stop
// when they are to.
func TestACameraThatHangsInFFmpeg(t *testing.T) {
	asked := make(chan struct{}, 64)
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		_, _ = fmt.Fprint(w, "x")
		w.(http.Flusher).Flush()
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer hangs.Close()
	defer hangs.CloseClientConnections() // FFmpeg still holds one
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx, hangs.URL+"/main", func(*alpr.Frame) {})
	}()
	for range 3 { // for the kind of stream, for a sign of life, by FFmpeg
		<-asked
	}
	begun := time.Now()
	seeing, seen := context.WithCancel(ctx)
	run(seeing, motionJPEG(t, image.Pt(320, 240)).URL+"/front.mjpg", func(*alpr.Frame) { seen() })
	if took := time.Since(begun); took > openWithin*time.Millisecond-time.Second {
		t.Errorf("the camera that works delivered after %s: it waited for the one that hangs", took)
	}
	stop()
	begun = time.Now()
	<-ended
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("stopped after %s", took)
	}
}
