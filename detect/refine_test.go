package detect

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
	"alpr/models/modelstest"
)

// The fixture leaves corners where they are, or on a green ground moves them
// right by a tenth of the cut, which is 1.4 plates wide.
func TestRefineMovesCorners(t *testing.T) {
	grey := scene(640, 480, rect(160, 200, 80, 32), rect(400, 104, 80, 32))
	green := *grey
	green.Pix = slices.Clone(grey.Pix)
	for i := 0; i < len(green.Pix); i += 3 {
		if green.Pix[i+1] == 90 { // not a plate
			green.Pix[i], green.Pix[i+1], green.Pix[i+2] = 0, 255, 0
		}
	}
	for name, tt := range map[string]struct {
		frame *alpr.Frame
		shift float64
	}{"grey": {grey, 0}, "green": {&green, 0.1 * 1.4 * 80}} {
		plates, err := newDetector(t, Options{}).Detect(tt.frame)
		if err != nil {
			t.Fatal(err)
		}
		if len(plates) != 2 {
			t.Fatalf("%s: %d plates, want 2", name, len(plates))
		}
		for _, p := range plates {
			for i, c := range p.Box.Corners() {
				got := p.Corners[i]
				if math.Abs(float64(got.X-c.X)-tt.shift) > 0.1 || math.Abs(float64(got.Y-c.Y)) > 0.1 {
					t.Errorf("%s: corner %d is %v, want %v moved right by %.1f", name, i, got, c, tt.shift)
				}
			}
		}
	}
}

// The green ground moves corners, except of a plate that has none of it around.
func TestRefineLeavesAPlateThatFillsTheFrame(t *testing.T) {
	const width, height = 320, 160
	f := alpr.Frame{Width: width, Height: height, Pix: make([]byte, 3*width*height)}
	for i := 1; i < len(f.Pix); i += 3 {
		f.Pix[i] = 255
	}
	d := newDetector(t, Options{})
	frame, err := picture.Wrap(&f)
	if err != nil {
		t.Fatal(err)
	}
	defer frame.Close()
	for name, tt := range map[string]struct {
		box     alpr.Box
		isMoved bool
	}{
		"in the middle":       {alpr.Box{X: 100, Y: 60, W: 100, H: 40}, true},
		"at an edge":          {alpr.Box{X: 0, Y: 60, W: 100, H: 40}, true},
		"fills the frame":     {alpr.Box{X: 4, Y: 4, W: 312, H: 152}, false},
		"as wide, at its top": {alpr.Box{X: 0, Y: 0, W: 320, H: 80}, false},
	} {
		plates := []alpr.Plate{{Box: tt.box, Corners: tt.box.Corners()}}
		if err := d.refine(&frame, d.surrounded(plates, width, height)); err != nil {
			t.Fatal(err)
		}
		if isMoved := plates[0].Corners != tt.box.Corners(); isMoved != tt.isMoved {
			t.Errorf("%s: moved %t, want %t", name, isMoved, tt.isMoved)
		}
	}
}

func TestMoveCornersRefusesNonsense(t *testing.T) {
	box := alpr.Box{X: 10, Y: 20, W: 100, H: 30}
	nan := float32(math.NaN())
	for name, found := range map[string][]float32{
		"crossed":     {0.8, 0.3, 0.2, 0.3, 0.8, 0.7, 0.2, 0.7},
		"a point":     {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
		"no number":   {nan, 0.3, 0.8, 0.3, 0.8, 0.7, 0.2, 0.7},
		"all the cut": {-0.1, -0.1, 1.1, -0.1, 1.1, 1.1, -0.1, 1.1},
	} {
		p := alpr.Plate{Box: box, Corners: box.Corners()}
		moveCorners(&p, found, 0.2, 0.5)
		if p.Corners != box.Corners() {
			t.Errorf("%s: corners became %v", name, p.Corners)
		}
	}
}

func TestOntoSquare(t *testing.T) {
	quad := [4]alpr.Point{{X: 10, Y: 12}, {X: 90, Y: 30}, {X: 80, Y: 66}, {X: 14, Y: 40}}
	onto := ontoSquare(quad)
	for i, at := range [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		got := onto(at[0], at[1])
		if math.Hypot(float64(got.X-quad[i].X), float64(got.Y-quad[i].Y)) > 1e-3 {
			t.Errorf("corner %d: got %v, want %v", i, got, quad[i])
		}
	}
	// Perspective keeps lines straight, so the middle is where the diagonals cross.
	m := onto(0.5, 0.5)
	for i := range 2 {
		a, b := quad[i], quad[i+2]
		off := float64((m.X-a.X)*(b.Y-a.Y) - (m.Y-a.Y)*(b.X-a.X))
		if math.Abs(off) > 0.01 {
			t.Errorf("the middle %v lies off the diagonal %v to %v", m, a, b)
		}
	}
}

// BenchmarkRefine times the closer look at one plate with the shipped network.
func BenchmarkRefine(b *testing.B) {
	set := modelstest.OpenTrained(b, models.Auto)
	d, err := New(set.Detector, set.Corners, Options{})
	if err != nil {
		b.Fatal(err)
	}
	f := scene(1280, 720)
	frame, err := picture.Wrap(f)
	if err != nil {
		b.Fatal(err)
	}
	defer frame.Close()
	for _, wide := range []float32{60, 150, 400} {
		b.Run(fmt.Sprintf("%gpx", wide), func(b *testing.B) {
			box := alpr.Box{X: 400, Y: 300, W: wide, H: wide / 3}
			for b.Loop() {
				if err := d.refine(&frame, []*alpr.Plate{{Box: box, Corners: box.Corners()}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
