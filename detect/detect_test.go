package detect

import (
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
	"alpr/models/modelstest"
)

// scene is a grey frame with magenta rectangles, which the fixture network
// takes for plates of 80x32 input pixels.
func scene(w, h int, plates ...image.Rectangle) *alpr.Frame {
	f := &alpr.Frame{Camera: "test", Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	for i := range f.Pix {
		f.Pix[i] = 90
	}
	for _, r := range plates {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				copy(f.Pix[3*(y*w+x):], []byte{255, 0, 255})
			}
		}
	}
	return f
}

func rect(x, y, w, h int) image.Rectangle { return image.Rect(x, y, x+w, y+h) }

func boxOf(r image.Rectangle) alpr.Box {
	return alpr.Box{X: float32(r.Min.X), Y: float32(r.Min.Y), W: float32(r.Dx()), H: float32(r.Dy())}
}

func newDetector(tb testing.TB, o Options) *Detector {
	tb.Helper()
	set := modelstest.Open(tb)
	d, err := New(set.Detector, set.Corners, o)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestDetectMapsBackToTheFrame(t *testing.T) {
	tests := []struct {
		name   string
		w, h   int
		plates []image.Rectangle
	}{
		{"nothing", 640, 480, nil},
		{"small picture, odd size", 501, 269, []image.Rectangle{rect(200, 100, 80, 32)}},
		{"two plates", 640, 480, []image.Rectangle{rect(40, 60, 80, 32), rect(400, 300, 80, 32)}},
		{"720p", 1280, 720, []image.Rectangle{rect(1000, 600, 133, 53)}},
		{"1080p", 1920, 1080, []image.Rectangle{rect(100, 900, 160, 64), rect(1600, 80, 160, 64)}},
		{"portrait", 1080, 1920, []image.Rectangle{rect(500, 1500, 168, 67)}},
		{"4K, far plates in two tiles", 3840, 2160, []image.Rectangle{rect(100, 120, 164, 66), rect(3500, 2000, 164, 66)}},
	}
	d := newDetector(t, Options{IsStill: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plates, err := d.Detect(scene(tt.w, tt.h, tt.plates...))
			if err != nil {
				t.Fatal(err)
			}
			if len(plates) != len(tt.plates) {
				t.Fatalf("got %d plates, want %d: %.300v", len(plates), len(tt.plates), plates)
			}
			for _, want := range tt.plates {
				if best := bestIoU(plates, boxOf(want)); best < 0.65 {
					t.Errorf("plate %v is overlapped by %.2f at best: %+v", want, best, plates)
				}
			}
		})
	}
}

func bestIoU(plates []alpr.Plate, b alpr.Box) float64 {
	best := 0.0
	for _, p := range plates {
		best = max(best, p.Box.IoU(b))
	}
	return best
}

func TestSearchesDownscaledWhereNothingIsSure(t *testing.T) {
	// The fixture is sure of a whole magenta window only.
	sure, unsure := scene(320, 160, rect(100, 40, 80, 32)), scene(320, 160, rect(100, 40, 80, 18))
	for _, tt := range []struct {
		name       string
		frame      *alpr.Frame
		isStill    bool
		downscaled string // of six frames, those searched downscaled
	}{
		{"still, sure", sure, true, "......"},
		{"still, unsure", unsure, true, "xxxxxx"},
		{"video, sure", sure, false, "......"},
		{"video, unsure", unsure, false, "x..x.."},
	} {
		// With a threshold this low a downscaled search adds boxes of twice the size.
		d := newDetector(t, Options{IsStill: tt.isStill, MinScore: 0.05})
		var downscaled strings.Builder
		for range len(tt.downscaled) {
			if _, err := d.Detect(tt.frame); err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(d.found, func(c candidate) bool { return c.box.W > 120 }) {
				downscaled.WriteByte('x')
			} else {
				downscaled.WriteByte('.')
			}
		}
		if downscaled.String() != tt.downscaled {
			t.Errorf("%s: searched downscaled %s, want %s", tt.name, downscaled.String(), tt.downscaled)
		}
	}
}

func TestVideoVisitsEveryTileInTurn(t *testing.T) {
	d := newDetector(t, Options{})
	f := scene(3840, 2160, rect(3500, 2000, 164, 66)) // too small for the view of the whole
	n := len(d.plan.tiles(f.Width, f.Height))
	seen := 0
	for range 2 * n {
		plates, err := d.Detect(f)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(plates)
	}
	if seen < 2 {
		t.Errorf("in two rounds of %d frames the plate was seen %d times, want 2 at least", n, seen)
	}
}

// TestTilesWherePlatesComeFromAreLookedAtSooner: and no other is left out.
func TestTilesWherePlatesComeFromAreLookedAtSooner(t *testing.T) {
	const n = 6
	o := newTileOrder(n)
	looks := make([]int, n)
	for frame := range 120 {
		i := o.next()
		if frame < n && i != frame {
			t.Errorf("frame %d: tile %d", frame, i)
		}
		looks[i]++
		found := 0
		if i == 4 {
			found = 1
		}
		o.searched(i, found)
	}
	for i, k := range looks {
		if i == 4 && k < 30 || i != 4 && (k < 12 || k >= looks[4]) {
			t.Errorf("looks %v", looks)
			break
		}
	}
}

// TestDetectInRegions: plates are found in the regions given and nowhere else, at
// the places where a search of the whole finds them.
func TestDetectInRegions(t *testing.T) {
	d := newDetector(t, Options{})
	for _, plate := range []image.Rectangle{rect(300, 200, 80, 32), rect(1700, 900, 164, 66), rect(900, 500, 400, 160)} {
		f := scene(1920, 1080, plate, rect(40, 800, 80, 32))
		around := alpr.Box{X: float32(plate.Min.X) - float32(plate.Dx()), Y: float32(plate.Min.Y) - float32(plate.Dy()), W: 3 * float32(plate.Dx()), H: 3 * float32(plate.Dy())}
		found, err := d.DetectIn(f, []alpr.Box{around})
		if err != nil {
			t.Fatal(err)
		}
		want := alpr.Box{X: float32(plate.Min.X), Y: float32(plate.Min.Y), W: float32(plate.Dx()), H: float32(plate.Dy())}
		if len(found) != 1 || found[0].Box.IoU(want) < 0.6 {
			t.Errorf("%v: found %+v", plate, found)
		}
	}
	if found, err := d.DetectIn(scene(640, 480, rect(200, 100, 80, 32)), nil); err != nil || len(found) != 0 {
		t.Errorf("in no region: %v, %v", found, err)
	}
}

func TestTurnsAreKeptForEachCamera(t *testing.T) {
	d := newDetector(t, Options{})
	a, b := scene(3840, 2160), scene(3840, 2160)
	b.Camera = "other"
	for range 3 {
		if _, err := d.Detect(a); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Detect(b); err != nil {
		t.Fatal(err)
	}
	if d.turn["test"] != 3 || d.turn["other"] != 1 {
		t.Errorf("turns %v", d.turn)
	}
}

func TestDetectRefusesBadFrames(t *testing.T) {
	d := newDetector(t, Options{})
	for _, f := range []alpr.Frame{{}, {Width: 10, Height: 10, Pix: make([]byte, 5)}, {Width: -1, Height: 1}} {
		if _, err := d.Detect(&f); !errors.Is(err, picture.ErrFrame) {
			t.Errorf("%dx%d gave %v", f.Width, f.Height, err)
		}
	}
	if _, err := d.Detect(scene(1, 1)); err != nil {
		t.Errorf("one pixel gave %v", err)
	}
}

func TestNewRefusesAnotherNetwork(t *testing.T) {
	set := modelstest.Open(t)
	if _, err := New(set.Reader, set.Corners, Options{}); err == nil || !strings.Contains(err.Error(), "try the detector") {
		t.Errorf("a reader for a detector: got %v", err)
	}
	if _, err := New(set.Detector, set.Reader, Options{}); err == nil || !strings.Contains(err.Error(), "try the corner model") {
		t.Errorf("a reader for a corner model: got %v", err)
	}
}

func TestViewsCoverEveryPlate(t *testing.T) {
	sizes := []image.Point{
		{640, 480}, {1280, 720}, {1920, 1080}, {1920, 1200}, {2560, 1440}, {2592, 1944}, {3840, 2160},
		{4096, 2160}, {4000, 3000}, {2160, 3840}, {5120, 1440}, {7680, 4320},
	}
	plan := newDetector(t, Options{}).plan
	for _, size := range sizes {
		w := plan.whole(size.X, size.Y)
		views := append([]view{w}, plan.tiles(size.X, size.Y)...)
		for _, v := range views {
			pw, ph := v.padded()
			if pw%stride != 0 || ph%stride != 0 || pw*ph > plan.Budget {
				t.Errorf("%v: a view's input is %dx%d", size, pw, ph)
			}
			if sx, sy := v.scale(); sx > 1 || math.Abs(float64(sx/sy-1)) > 0.02 {
				t.Errorf("%v: a view is scaled by %g and %g", size, sx, sy)
			}
		}
		frame := image.Rect(0, 0, size.X, size.Y)
		for _, plate := range []image.Point{{40, 16}, {90, 60}} {
			for y := 0; y+plate.Y <= size.Y; y += 37 {
				for x := 0; x+plate.X <= size.X; x += 23 {
					b := boxOf(rect(x, y, plate.X, plate.Y))
					if widestView(views, b, frame) < 18.5 {
						t.Fatalf("%v: a plate %v at (%d,%d) is under 18.5 pixels wide in every view", size, plate, x, y)
					}
				}
			}
		}
	}
}

// widestView is how wide the box is in the input that shows it whole and best.
func widestView(views []view, b alpr.Box, frame image.Rectangle) float32 {
	var best float32
	for _, v := range views {
		r := image.Rect(int(b.X), int(b.Y), int(b.X+b.W), int(b.Y+b.H))
		if sx, _ := v.scale(); r.In(v.part) && !isCut(b, v.part, frame) {
			best = max(best, b.W*sx)
		}
	}
	return best
}

func TestSuppress(t *testing.T) {
	box := func(x, y, w, h float32, score float32) candidate {
		b := alpr.Box{X: x, Y: y, W: w, H: h}
		return candidate{score: score, box: b, corners: b.Corners()}
	}
	tests := []struct {
		name  string
		found []candidate
		want  []float32 // scores
	}{
		{"none", nil, nil},
		{"same plate twice", []candidate{box(10, 10, 100, 30, 0.6), box(14, 11, 100, 30, 0.9)}, []float32{0.9}},
		{"neighbours stay", []candidate{box(10, 10, 100, 30, 0.9), box(112, 10, 100, 30, 0.8)}, []float32{0.9, 0.8}},
		{"a part of a plate goes", []candidate{box(10, 10, 100, 30, 0.9), box(20, 12, 40, 25, 0.8)}, []float32{0.9}},
		{"the whole of a part comes instead", []candidate{box(10, 10, 60, 30, 0.9), box(10, 10, 100, 30, 0.8)}, []float32{0.8}},
		{"but not if it is much less sure", []candidate{box(10, 10, 60, 30, 0.9), box(10, 10, 100, 30, 0.7)}, []float32{0.9}},
		{"the surest is first all the same", []candidate{box(10, 10, 60, 30, 0.9), box(10, 10, 100, 30, 0.8), box(300, 10, 60, 30, 0.85)}, []float32{0.85, 0.8}},
		{"a sticker beside its plate goes", []candidate{box(100, 200, 290, 160, 0.85), box(78, 324, 41, 30, 0.55)}, []float32{0.85}},
		{"and an advertisement under it", []candidate{box(100, 200, 290, 120, 0.85), box(200, 330, 45, 27, 0.5)}, []float32{0.85}},
		{"a far plate above a near one stays", []candidate{box(100, 200, 290, 160, 0.85), box(200, 110, 60, 30, 0.5)}, []float32{0.85, 0.5}},
		{"as does one of its size beside it", []candidate{box(100, 200, 100, 40, 0.85), box(205, 200, 60, 24, 0.5)}, []float32{0.85, 0.5}},
		{"a large find that is less sure takes none away", []candidate{box(100, 200, 290, 160, 0.5), box(78, 324, 41, 30, 0.85)}, []float32{0.85, 0.5}},
		{"outside the frame goes", []candidate{box(-50, 10, 40, 20, 0.9), box(700, 10, 40, 20, 0.9)}, nil},
		{"suppressed by the outside one all the same", []candidate{box(-90, 10, 100, 20, 0.9)}, []float32{0.9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := suppress(tt.found, 0.5, 640, 480)
			if len(got) != len(tt.want) {
				t.Fatalf("got %+v, want scores %v", got, tt.want)
			}
			for i := range got {
				if got[i].Score != tt.want[i] {
					t.Errorf("plate %d scores %g, want %g", i, got[i].Score, tt.want[i])
				}
				b := got[i].Box
				if b.X < 0 || b.Y < 0 || b.X+b.W > 640 || b.Y+b.H > 480 {
					t.Errorf("plate %d is not clipped: %+v", i, b)
				}
			}
		})
	}
}

func TestCornersThatCannotBeAreReplaced(t *testing.T) {
	b := alpr.Box{X: 100, Y: 100, W: 100, H: 40}
	square := b.Corners()
	leaning := [4]alpr.Point{{X: 102, Y: 95}, {X: 201, Y: 108}, {X: 198, Y: 144}, {X: 99, Y: 131}}
	tests := []struct {
		name    string
		corners [4]alpr.Point
		isKept  bool
	}{
		{"leaning", leaning, true},
		{"mirrored", [4]alpr.Point{square[1], square[0], square[3], square[2]}, false},
		{"crossed", [4]alpr.Point{square[0], square[2], square[1], square[3]}, false},
		{"one point", [4]alpr.Point{square[0], square[0], square[0], square[0]}, false},
		{"far too small", alpr.Box{X: 140, Y: 110, W: 20, H: 10}.Corners(), false},
		{"far too large", alpr.Box{X: 0, Y: 0, W: 300, H: 200}.Corners(), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plates := suppress([]candidate{{score: 0.9, box: b, corners: tt.corners}}, 0.5, 640, 480)
			want := square
			if tt.isKept {
				want = tt.corners
			}
			if plates[0].Corners != want {
				t.Errorf("got %v, want %v", plates[0].Corners, want)
			}
		})
	}
}

func TestDecodeIgnoresNonsense(t *testing.T) {
	nan := float32(math.NaN())
	good := []float32{0.9, 10, 10, 90, 40, 10, 10, 90, 10, 90, 40, 10, 40}
	with := func(i int, v float32) []float32 {
		row := append([]float32(nil), good...)
		row[i] = v
		return row
	}
	v := newDetector(t, Options{}).plan.whole(640, 480)
	for name, row := range map[string][]float32{
		"low score": with(0, 0.1), "no score": with(0, nan), "no box": with(3, nan),
		"infinite corner": with(8, float32(math.Inf(1))), "empty box": with(3, 10), "turned box": with(4, 5),
	} {
		if got := decode(nil, row, 0.5, v, v.part); len(got) != 0 {
			t.Errorf("%s gave %+v", name, got)
		}
	}
	if got := decode(nil, good, 0.5, v, v.part); len(got) != 1 {
		t.Errorf("a good row gave %+v", got)
	}
}

// BenchmarkStages times what a frame costs, stage by stage, with the network
// that is shipped.
func BenchmarkStages(b *testing.B) {
	set := modelstest.OpenTrained(b, models.Auto)
	d, err := New(set.Detector, set.Corners, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []image.Point{{640, 480}, {1280, 720}, {1920, 1080}, {3840, 2160}} {
		f := scene(size.X, size.Y, rect(100, 100, 160, 50))
		v := d.plan.whole(size.X, size.Y)
		w, h := v.padded()
		bound, err := d.model.Bind(1, h, w)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(size.String()+"/scale", func(b *testing.B) {
			for b.Loop() {
				m, err := picture.Wrap(f)
				if err != nil {
					b.Fatal(err)
				}
				p := newPyramid(m)
				if err := fill(bound.In, p, v); err != nil {
					b.Fatal(err)
				}
				p.close()
			}
		})
		b.Run(size.String()+"/network", func(b *testing.B) {
			for b.Loop() {
				if err := bound.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
		rows, _, err := bound.Output(0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(size.String()+"/decode", func(b *testing.B) {
			for b.Loop() {
				d.found = decode(d.found[:0], rows, d.minScore, v, v.part)
				suppress(d.found, d.maxIoU, size.X, size.Y)
			}
		})
		b.Run(size.String()+"/whole", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Detect(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
