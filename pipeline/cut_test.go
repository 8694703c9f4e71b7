package pipeline

import (
	"bytes"
	"testing"

	"alpr"
)

// TestCutShowsWhatTheFrameShows: around the plate, as far as pictures reach, a part
// holds the same pixels, wherever in the frame the plate is; and far less memory.
func TestCutShowsWhatTheFrameShows(t *testing.T) {
	f := &alpr.Frame{Camera: "front", Seq: 7, Width: 1280, Height: 720, Pix: make([]byte, 3*1280*720)}
	for i := range f.Pix {
		f.Pix[i] = byte(i*7 + i/3840)
	}
	for _, at := range [][2]float64{{600, 300}, {30, 20}, {1260, 700}} {
		p := plateAt(at[0], at[1], 60)
		part, corner := cut(f, p, 3)
		if part == f || len(part.Pix) != 3*part.Width*part.Height || 2*len(part.Pix) > len(f.Pix) || part.Seq != 7 || part.Camera != "front" {
			t.Fatalf("at %v: a part of %dx%d", at, part.Width, part.Height)
		}
		inPart := moved(p, corner)
		for dy := -200; dy <= 200; dy += 20 {
			for dx := -200; dx <= 200; dx += 20 {
				x, y := int(p.Corners[0].X)+dx, int(p.Corners[0].Y)+dy
				if x < 0 || y < 0 || x >= f.Width || y >= f.Height {
					continue
				}
				px, py := x-int(p.Corners[0].X)+int(inPart.Corners[0].X), y-int(p.Corners[0].Y)+int(inPart.Corners[0].Y)
				want := f.Pix[3*(y*f.Width+x):][:3]
				if px < 0 || py < 0 || px >= part.Width || py >= part.Height || !bytes.Equal(part.Pix[3*(py*part.Width+px):][:3], want) {
					t.Fatalf("at %v: the pixel %d, %d beside the plate is another one", at, dx, dy)
				}
			}
		}
	}
	if whole, _ := cut(f, plateAt(600, 300, 60), wholeFrame); whole != f {
		t.Error("a photographer that does not say how far it reaches has to get the frame")
	}
	if large, _ := cut(f, plateAt(600, 300, 400), 3); large != f {
		t.Error("of a plate that fills the frame nothing can be saved")
	}
}
