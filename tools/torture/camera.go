package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// framesPerSecond is the pace of both cameras.
const framesPerSecond = 8

// mood is what a camera does instead of sending what it sees.
type mood int

const (
	moodWell    mood = iota
	moodStalled      // connected, and silent
	moodRefused      // no connection is taken
	moodWrong        // answers with a page of text
	moodCut          // every JPEG ends half-way
	moodGarbage      // bytes that are no picture between the pictures
	moodHuge         // a header that claims 30000×30000 pixels
)

// camera is a network camera: MJPEG over HTTP (multipart/x-mixed-replace), as
// many have it. It sends an empty street until a car passes.
type camera struct {
	name   string
	url    string
	server *http.Server

	mu       sync.Mutex
	mood     mood
	street   []byte
	script   [][]byte          // what is sent next, a frame a tick
	began    chan time.Time    // told when the first frame of the script is sent
	seen     time.Time         // when the last frame with a car was sent
	watchers map[*watch]bool   // open connections
	taken    time.Time         // when the newest connection was taken
	streets  map[[2]int][]byte // empty streets by size
}

// watch is one connection: the newest frame waits for it, older ones are gone.
type watch struct {
	frames chan []byte
	cut    context.CancelFunc
}

// startCamera serves a camera on a free port of loopback until the test ends.
func startCamera(t testing.TB, name string) *camera {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &camera{name: name, url: "http://" + l.Addr().String() + "/" + name + ".mjpg", watchers: map[*watch]bool{}, streets: map[[2]int][]byte{}}
	if err := c.resize(sceneWidth, sceneHeight); err != nil {
		t.Fatal(err)
	}
	c.server = &http.Server{Handler: http.HandlerFunc(c.serve), ReadHeaderTimeout: 5 * time.Second,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(64 << 10) // a car that falls behind sees new pictures, not old ones
			}
			return ctx
		}}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("camera %s: %v", name, err)
		}
	})
	done.Go(func() { c.tick(ctx) })
	t.Cleanup(func() {
		stop()
		c.disconnect()
		if err := c.server.Close(); err != nil {
			t.Error(err)
		}
		done.Wait()
	})
	return c
}

// tick hands each connection a frame at the camera's pace.
func (c *camera) tick(ctx context.Context) {
	tick := time.NewTicker(time.Second / framesPerSecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			c.send(now)
		}
	}
}

func (c *camera) send(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	frame := c.street
	if len(c.script) > 0 {
		frame, c.script, c.seen = c.script[0], c.script[1:], now
		if c.began != nil {
			c.began <- now
			c.began = nil
		}
	}
	for w := range c.watchers {
		select {
		case w.frames <- frame:
		default:
		}
	}
}

// serve is one connection.
func (c *camera) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	me := &watch{frames: make(chan []byte, 1), cut: cut}
	c.mu.Lock()
	m := c.mood
	if m != moodRefused && m != moodWrong {
		c.watchers[me] = true
		c.taken = time.Now()
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers, me)
	}()
	switch m {
	case moodRefused:
		panic(http.ErrAbortHandler) // closes the connection without an answer
	case moodWrong:
		fmt.Fprintln(w, "<html>The camera's password has expired.</html>")
		return
	default:
	}
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
	out := http.NewResponseController(w)
	for {
		select {
		case <-ctx.Done():
			panic(http.ErrAbortHandler)
		case frame := <-me.frames:
			for _, part := range c.parts(frame) {
				if err := writePart(w, out, part); err != nil {
					return
				}
			}
		}
	}
}

// parts is what the camera's mood makes of a frame.
func (c *camera) parts(frame []byte) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.mood {
	case moodStalled:
		return nil
	case moodCut:
		return [][]byte{frame[:len(frame)/2]}
	case moodGarbage:
		return [][]byte{[]byte("\xff\xd8\xff\xdb\x00garbage\x00\xff\xd9"), frame}
	case moodHuge:
		return [][]byte{hugeJPEG()}
	default:
		return [][]byte{frame}
	}
}

// hugeJPEG is a frame that claims 30000×30000 pixels and holds none.
func hugeJPEG() []byte {
	return []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" +
		"\xff\xc0\x00\x11\x08\x75\x30\x75\x30\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01" +
		"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00\x00\xff\xd9")
}

func writePart(w http.ResponseWriter, out *http.ResponseController, part []byte) error {
	if err := out.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(part), part); err != nil {
		return err
	}
	return out.Flush()
}

func (c *camera) become(m mood) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mood = m
}

// disconnect cuts every connection.
func (c *camera) disconnect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.watchers {
		w.cut()
	}
}

// resize makes the empty street another size: the car sees the picture change
// in the middle of a stream.
func (c *camera) resize(width, height int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := [2]int{width, height}
	if c.streets[size] == nil {
		p, err := picture(street(width, height), nil, 0)
		if err != nil {
			return err
		}
		c.streets[size] = p
	}
	c.street = c.streets[size]
	return nil
}

// pass lets a car drive by, a second after the one before at least, and gives
// the instant of its first frame.
func (c *camera) pass(ctx context.Context, frames [][]byte) (time.Time, error) {
	for !c.isFree() {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return time.Time{}, err
		}
	}
	began := make(chan time.Time, 1)
	c.mu.Lock()
	c.script, c.began = frames, began
	c.mu.Unlock()
	select {
	case at := <-began:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// leave lets the car that passes drive on: its alert is there.
func (c *camera) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = c.script[:min(len(c.script), framesPerSecond/2)]
}

// isFree says whether the street has been empty for a second.
func (c *camera) isFree() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.script) == 0 && time.Since(c.seen) > time.Second
}

// connected says since when the newest connection stands.
func (c *camera) connected() (since time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken, len(c.watchers) > 0
}
