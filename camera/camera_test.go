package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alpr"
)

const (
	testWidth  = 320
	testHeight = 64
	codeBits   = 8
)

// codedFrame is a BGR frame that carries its number as black and white blocks,
// which no codec here destroys.
func codedFrame(n int) []byte {
	pix := make([]byte, 3*testWidth*testHeight)
	for y := range testHeight {
		for x := range testWidth {
			v := byte(32)
			if n>>(x*codeBits/testWidth)&1 == 1 {
				v = 224
			}
			copy(pix[3*(y*testWidth+x):], []byte{v, v, v})
		}
	}
	return pix
}

func codeOf(f *alpr.Frame) int {
	n := 0
	for b := range codeBits {
		x := (2*b + 1) * f.Width / (2 * codeBits)
		if f.Pix[3*(f.Height/2*f.Width+x)] > 128 {
			n |= 1 << b
		}
	}
	return n
}

// makeVideo encodes n coded frames with the real ffmpeg.
func makeVideo(t *testing.T, name string, n int, args ...string) string {
	t.Helper()
	var raw bytes.Buffer
	for i := range n {
		raw.Write(codedFrame(i))
	}
	path := filepath.Join(t.TempDir(), name)
	args = append([]string{
		"-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24",
		"-s", fmt.Sprintf("%dx%d", testWidth, testHeight), "-r", "10", "-i", "-",
	}, append(args, "-y", path)...)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
	cmd.Stdin = &raw
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func collect(t *testing.T, c Config) ([]*alpr.Frame, error) {
	t.Helper()
	s, err := New(c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	var frames []*alpr.Frame
	err = s.Run(t.Context(), func(f *alpr.Frame) { frames = append(frames, f) })
	return frames, err
}

func TestVideoIsFrameAccurate(t *testing.T) {
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	constant := func(i int) time.Duration { return time.Duration(i) * 100 * time.Millisecond }
	tests := []struct {
		name string
		file string
		args []string
		at   func(int) time.Duration
	}{
		{"h264 with B-frames", "a.mp4", []string{"-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p"}, constant},
		{"mjpeg", "a.avi", []string{"-c:v", "mjpeg", "-q:v", "3"}, constant},
		{"matroska", "a.mkv", []string{"-c:v", "mpeg4"}, constant},
		{
			"variable rate", "v.mp4",
			[]string{"-vf", "setpts=if(lt(N\\,5)\\,N\\,N+10)/(10*TB)", "-vsync", "vfr", "-c:v", "libx264", "-pix_fmt", "yuv420p"},
			func(i int) time.Duration {
				if i < 5 {
					return constant(i)
				}
				return constant(i + 10)
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const n = 25
			path := makeVideo(t, tt.file, n, tt.args...)
			frames, err := collect(t, Config{Location: path, Start: start})
			if err != nil {
				t.Fatal(err)
			}
			if len(frames) != n {
				t.Fatalf("got %d frames, want %d", len(frames), n)
			}
			for i, f := range frames {
				if codeOf(f) != i || f.Seq != uint64(i+1) || f.Camera != tt.file {
					t.Errorf("frame %d: shows %d, seq %d, camera %q", i, codeOf(f), f.Seq, f.Camera)
				}
				if f.Width != testWidth || f.Height != testHeight || len(f.Pix) != 3*testWidth*testHeight {
					t.Fatalf("frame %d is %dx%d with %d bytes", i, f.Width, f.Height, len(f.Pix))
				}
				if got, want := f.CapturedAt.Sub(start), tt.at(i); (got - want).Abs() > time.Millisecond {
					t.Errorf("frame %d at %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestFramesKeepTheirPixels(t *testing.T) {
	path := makeVideo(t, "a.avi", 8, "-c:v", "mjpeg", "-q:v", "3")
	frames, err := collect(t, Config{Location: path})
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(frames); i++ {
		if &frames[i].Pix[0] == &frames[i-1].Pix[0] {
			t.Fatalf("frames %d and %d share memory", i-1, i)
		}
	}
}

func TestRecordingsThatFail(t *testing.T) {
	whole := makeVideo(t, "a.mp4", 60, "-c:v", "libx264", "-g", "5", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	emptyDir := t.TempDir()
	tests := []struct {
		name     string
		location string
		is       error
		says     string
		frames   bool
	}{
		{"missing", filepath.Join(dir, "none.mp4"), os.ErrNotExist, "check the path", false},
		{"empty", put("empty.mp4", nil), ErrDamaged, "empty", false},
		{"no video", put("text.mp4", []byte("this is no video at all")), ErrDamaged, "not a video", false},
		{"cut before its frames", put("head.mp4", content[:200]), ErrDamaged, "cut short", false},
		{"cut in the middle", put("half.mp4", content[:len(content)*6/10]), ErrDamaged, "frames could be decoded", true},
		{"folder without pictures", emptyDir, ErrNoPictures, "JPEG", false},
		{"missing picture", filepath.Join(dir, "none.jpg"), os.ErrNotExist, "check the path", false},
		{"pattern without match", filepath.Join(dir, "x_%04d.jpg"), ErrNoPictures, "JPEG", false},
		{"damaged picture", put("bad.jpg", []byte("xx")), ErrNoFrames, "no frame", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frames, err := collect(t, Config{Location: tt.location})
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v saying %q", err, tt.is, tt.says)
			}
			if tt.frames != (len(frames) > 0) {
				t.Errorf("got %d frames", len(frames))
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []Config{
		{},
		{Location: "rtsp://"},
		{Location: "a.mp4", FPS: -1},
		{Location: "a.mp4", FPS: math.NaN()},
		{Location: "/dev/video0", Width: -1},
	} {
		if _, err := New(c, quiet()); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestKindOf(t *testing.T) {
	tests := []struct {
		location string
		want     kind
	}{
		{"/dev/video0", kindDevice},
		{"/dev/v4l/by-id/usb-cam", kindDevice},
		{"rtsp://10.0.0.2:554/main", kindNetwork},
		{"http://10.0.0.2/mjpg", kindNetwork},
		{"drive.mp4", kindVideo},
		{"Drive.JPG", kindPictures},
		{"img_%04d.jpg", kindPictures},
		{"pics/*.png", kindPictures},
		{t.TempDir(), kindPictures},
	}
	for _, tt := range tests {
		if got, err := kindOf(tt.location); err != nil || got != tt.want {
			t.Errorf("kindOf(%q) = %v, %v; want %v", tt.location, got, err, tt.want)
		}
	}
}

func TestMissingDeviceNamesItself(t *testing.T) {
	_, err := openCapture(Config{Location: "/dev/video-none"})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/dev/video-none") {
		t.Errorf("got %v", err)
	}
	_, err = openCapture(Config{Location: "/dev/null"})
	if err == nil || !strings.Contains(err.Error(), "not a free video device") {
		t.Errorf("got %v", err)
	}
}

func writePicture(t *testing.T, path string, n int) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, testWidth, testHeight))
	pix := codedFrame(n)
	for i := range testWidth * testHeight {
		v := pix[3*i]
		img.Set(i%testWidth, i/testWidth, color.RGBA{v, v, v, 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPictures(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"img_2.jpg", "img_10.jpg", "img_1.jpg"} {
		writePicture(t, filepath.Join(dir, name), i+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "img_3.jpg"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{dir, filepath.Join(dir, "*.jpg"), filepath.Join(dir, "img_%d.jpg")} {
		frames, err := collect(t, Config{Location: location, FPS: 2})
		if err != nil {
			t.Fatal(err)
		}
		var codes []int
		var at []time.Duration
		for _, f := range frames {
			codes = append(codes, codeOf(f))
			at = append(at, f.CapturedAt.Sub(time.Unix(0, 0)))
		}
		if !slices.Equal(codes, []int{3, 1, 2}) {
			t.Errorf("%s: order %v, want img_1, img_2, img_10", location, codes)
		}
		// The broken third picture keeps its place in time.
		if want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond}; !slices.Equal(at, want) {
			t.Errorf("%s: times %v, want %v", location, at, want)
		}
	}
}

func TestCompareNatural(t *testing.T) {
	names := []string{"b1", "a10", "a9", "a010", "a1b2", "a", "a1b10"}
	slices.SortFunc(names, compareNatural)
	if want := []string{"a", "a1b2", "a1b10", "a9", "a10", "a010", "b1"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestRecordingClock(t *testing.T) {
	start := time.Unix(1000, 0)
	c := recordingClock{start: start, step: 40 * time.Millisecond}
	var got []time.Duration
	for _, ms := range []float64{0, 33.333, 0, 0, 200, 150} {
		got = append(got, c.at(ms).Sub(start))
	}
	want := []time.Duration{
		0, 33333 * time.Microsecond, 66666 * time.Microsecond, 99999 * time.Microsecond,
		200 * time.Millisecond, 233333 * time.Microsecond,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPaceFollowsTheRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{isOn: true}
		began := time.Now()
		for i := range 5 {
			if err := p.wait(t.Context(), time.Unix(0, 0).Add(time.Duration(i)*100*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(began); got != 400*time.Millisecond {
			t.Errorf("five frames took %v, want 400ms", got)
		}
	})
}

func TestAgeOf(t *testing.T) {
	tests := []struct {
		name  string
		stamp float64
		now   time.Duration
		want  time.Duration
		ok    bool
	}{
		{"just now", 5000, 5020 * time.Millisecond, 20 * time.Millisecond, true},
		{"no stamp", 0, 5 * time.Millisecond, 0, false},
		{"another clock", 1.7e12, 5 * time.Second, 0, false},
		{"stale", 1000, 9 * time.Second, 0, false},
	}
	for _, tt := range tests {
		got, ok := ageOf(tt.stamp, tt.now)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: got %v, %v", tt.name, got, ok)
		}
	}
}

// fakeCamera is a live source that plays what it was given, one opening after
// the other.
type fakeCamera struct {
	openings [][]int // the frames of each; nil: cannot be opened
	opened   int
}

type fakeCapture struct{ codes []int }

func (c *fakeCamera) open(Config) (capture, error) {
	c.opened++
	if c.opened > len(c.openings) || c.openings[c.opened-1] == nil {
		return nil, errors.New("no camera there")
	}
	return &fakeCapture{c.openings[c.opened-1]}, nil
}

func (c *fakeCapture) next() (alpr.Frame, float64, bool) {
	if len(c.codes) == 0 {
		return alpr.Frame{}, 0, false
	}
	f := alpr.Frame{Width: testWidth, Height: testHeight, Pix: codedFrame(c.codes[0])}
	c.codes = c.codes[1:]
	return f, 0, true
}

func (c *fakeCapture) frames() float64 { return 0 }
func (c *fakeCapture) fps() float64    { return 10 }
func (c *fakeCapture) close()          {}

func TestLiveSourceReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeCamera{openings: [][]int{{1, 2}, nil, nil, {3}}}
		var logged bytes.Buffer
		s, err := New(Config{Name: "rear", Location: "rtsp://u:secret@camera/main", Latency: 80 * time.Millisecond},
			slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		s.reach, s.open = nil, fake.open
		ctx, cancel := context.WithCancel(t.Context())
		var got []int
		var seqs []uint64
		err = s.Run(ctx, func(f *alpr.Frame) {
			got, seqs = append(got, codeOf(f)), append(seqs, f.Seq)
			if age := time.Since(f.CapturedAt); age != 80*time.Millisecond {
				t.Errorf("frame %d is %v old, want the latency", codeOf(f), age)
			}
			if codeOf(f) == 3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		if !slices.Equal(got, []int{1, 2, 3}) || !slices.Equal(seqs, []uint64{1, 2, 3}) {
			t.Errorf("frames %v with seq %v", got, seqs)
		}
		if st := s.State(); st.Opened != 2 || st.Frames != 3 || st.IsOpen || st.LastError != "" {
			t.Errorf("state %+v", st)
		}
		if text := logged.String(); strings.Contains(text, "secret") || strings.Count(text, "no camera there") != 1 {
			t.Errorf("log should mention each failure once and no password:\n%s", text)
		}
	})
}

func TestEncode(t *testing.T) {
	f := &alpr.Frame{Width: testWidth, Height: testHeight, Pix: codedFrame(0b10110001)}
	p, err := Encode(f, alpr.Box{X: -10, Y: -10, W: 1000, H: 1000}, 160, 90)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds().Dx() != 160 || p.Width != 160 || p.Height != 32 || img.Bounds().Dy() != 32 {
		t.Errorf("picture is %v, says %dx%d", img.Bounds(), p.Width, p.Height)
	}
	if r, _, _, _ := img.At(10, 16).RGBA(); r>>8 < 200 {
		t.Errorf("the first block is %d, want white", r>>8)
	}
	if _, err := Encode(f, alpr.Box{X: 400, Y: 0, W: 10, H: 10}, 0, 90); !errors.Is(err, ErrEmptyPicture) {
		t.Errorf("a box outside gave %v", err)
	}
	if _, err := Encode(&alpr.Frame{Width: 5, Height: 5, Pix: []byte{1}}, alpr.Box{W: 5, H: 5}, 0, 90); err == nil {
		t.Error("a frame whose pixels do not fit its size was accepted")
	}
}

func TestEncodePlateRectifies(t *testing.T) {
	// A quadrilateral of four coloured quarters, seen at an angle.
	f := &alpr.Frame{Width: 200, Height: 100, Pix: make([]byte, 3*200*100)}
	for y := range 100 {
		for x := range 200 {
			if x >= 100+(y-50)/2 { // the dividing line leans with the plate
				f.Pix[3*(y*200+x)] = 255
			}
		}
	}
	p := alpr.Plate{Corners: [4]alpr.Point{{X: 45, Y: 40}, {X: 145, Y: 40}, {X: 155, Y: 60}, {X: 55, Y: 60}}}
	pic, err := EncodePlate(f, p, 0, 200, 95)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(pic.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if w != 200 {
		t.Errorf("the plate is %d wide, want 200", w)
	}
	for _, y := range []int{2, h - 3} {
		_, _, left, _ := img.At(w/2-10, y).RGBA()
		_, _, right, _ := img.At(w/2+10, y).RGBA()
		if left>>8 > 80 || right>>8 < 170 {
			t.Errorf("at row %d blue is %d and %d beside the middle: the edge still leans", y, left>>8, right>>8)
		}
	}
	for _, bad := range []alpr.Plate{{}, {Corners: [4]alpr.Point{{X: float32(math.NaN())}}}} {
		if _, err := EncodePlate(f, bad, 0.1, 100, 90); !errors.Is(err, ErrEmptyPicture) {
			t.Errorf("corners %v gave %v", bad.Corners, err)
		}
	}
}

func BenchmarkDecodeVideo(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.mp4")
	cmd := exec.CommandContext(b.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	frames := 0
	for b.Loop() {
		s, err := New(Config{Location: path}, quiet())
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Run(b.Context(), func(*alpr.Frame) { frames++ }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(frames), "ms/frame")
}

func BenchmarkEncodeContext(b *testing.B) {
	f := &alpr.Frame{Width: 1920, Height: 1080, Pix: make([]byte, 3*1920*1080)}
	for b.Loop() {
		if _, err := Encode(f, alpr.Box{X: 400, Y: 300, W: 800, H: 600}, 640, 80); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTheWholeRearIsInThePicture: a car 1.85 m wide and 1.5 m high, its plate at
// the bumper or the lid, of US or European size, with roof, wheels and both sides.
func TestTheWholeRearIsInThePicture(t *testing.T) {
	for name, tt := range map[string]struct{ plateW, plateH, above float32 }{
		"US plate on the lid": {0.305, 0.152, 0.95}, "US plate at the bumper": {0.305, 0.152, 0.45}, "European plate": {0.52, 0.11, 0.75},
	} {
		const metre = 200 // pixels
		x, y := float32(900), float32(700)
		plate := alpr.Plate{Box: alpr.Box{X: x - tt.plateW*metre/2, Y: y - tt.plateH*metre/2, W: tt.plateW * metre, H: tt.plateH * metre}}
		b := plate.Box
		plate.Corners = [4]alpr.Point{{X: b.X, Y: b.Y}, {X: b.X + b.W, Y: b.Y}, {X: b.X + b.W, Y: b.Y + b.H}, {X: b.X, Y: b.Y + b.H}}
		got := Photographer{ContextScale: 3}.around(plate)
		roof, ground := y-(1.5-tt.above)*metre, y+tt.above*metre
		if got.X > x-0.925*metre || got.X+got.W < x+0.925*metre || got.Y > roof || got.Y+got.H < ground {
			t.Errorf("%s: the picture is %+v, the car reaches from %.0f to %.0f and %.0f to %.0f", name, got, x-0.925*metre, x+0.925*metre, roof, ground)
		}
		if got.W > 2.6*metre {
			t.Errorf("%s: the picture is %.1f m wide", name, got.W/metre)
		}
	}
}

func TestPhotograph(t *testing.T) {
	f := &alpr.Frame{Width: 640, Height: 360, Pix: make([]byte, 3*640*360)}
	plate := alpr.Plate{
		Box:     alpr.Box{X: 300, Y: 200, W: 80, H: 20},
		Corners: [4]alpr.Point{{X: 300, Y: 200}, {X: 380, Y: 200}, {X: 380, Y: 220}, {X: 300, Y: 220}},
	}
	p := Photographer{Quality: 85, CropWidth: 160, ContextScale: 2, ContextWidth: 200}
	crop, around, err := p.Photograph(f, plate)
	if err != nil {
		t.Fatal(err)
	}
	if crop.Width != 208 || crop.Height != 52 { // twice the size, and the margin
		t.Errorf("the plate's picture is %dx%d", crop.Width, crop.Height)
	}
	if around.Width != 200 || around.Height != 179 { // 267x240 before scaling: a long plate's reach is 94 pixels
		t.Errorf("the picture of the surroundings is %dx%d", around.Width, around.Height)
	}
	p.ContextScale = 0
	if _, around, err = p.Photograph(f, plate); err != nil || around.JPEG != nil {
		t.Errorf("a policy without surroundings gave %d bytes, %v", len(around.JPEG), err)
	}
}
