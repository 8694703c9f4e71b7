package pipeline

import (
	"bytes"
	"testing"

	"alpr"
)

// far is a photographer that says how far its pictures reach.
type far struct {
	named
	surroundings float64
	px           int
}

func (f far) Reach() (plate, surroundings float64, px int) { return 0.3, f.surroundings, f.px }

// TestStillsShowWhatTheFrameShows: as far as pictures reach around a plate, the
// parts that are kept hold what the frame shows, wherever in it the plate is; and
// they are a small part of it.
func TestStillsShowWhatTheFrameShows(t *testing.T) {
	f := &alpr.Frame{Camera: "front", Seq: 7, Width: 1280, Height: 720, Pix: make([]byte, 3*1280*720)}
	for i := range f.Pix {
		f.Pix[i] = byte(i*7 + i/3840)
	}
	for _, at := range [][2]float64{{600, 300}, {30, 20}, {1260, 700}} {
		p := plateAt(at[0], at[1], 60)
		s := keep(f, p, far{surroundings: 3, px: 1000})
		for _, part := range []struct {
			still
			reach float64
		}{{s.near, 0.3}, {s.around, 3}} {
			if n := len(part.frame.Pix); n != 3*part.frame.Width*part.frame.Height || 2*n > len(f.Pix) || part.frame.Seq != 7 {
				t.Fatalf("at %v: a part of %dx%d", at, part.frame.Width, part.frame.Height)
			}
			compareStill(t, f, p, part.still, int(part.reach*60))
		}
	}
}

// compareStill compares the pixels of a part with the frame's.
func compareStill(t *testing.T, f *alpr.Frame, p alpr.Plate, part still, reach int) {
	t.Helper()
	inPart := part.plate(p)
	for dy := -reach; dy <= reach; dy += 5 {
		for dx := -reach; dx <= reach; dx += 5 {
			x, y := int(p.Box.X)+dx, int(p.Box.Y)+dy
			if x < 0 || y < 0 || x >= f.Width || y >= f.Height {
				continue
			}
			px, py := x-int(part.corner.X), y-int(part.corner.Y)
			if px < 0 || py < 0 || px >= part.frame.Width || py >= part.frame.Height ||
				!bytes.Equal(part.frame.Pix[3*(py*part.frame.Width+px):][:3], f.Pix[3*(y*f.Width+x):][:3]) {
				t.Fatalf("the pixel %d, %d beside the plate is missing or another one", dx, dy)
			}
		}
	}
	if d := inPart.Box.X + part.corner.X - p.Box.X; d > 1e-3 || d < -1e-3 || inPart.Box.W != p.Box.W {
		t.Errorf("the plate is at %v of the part that begins at %v", inPart.Box, part.corner)
	}
}

// TestStillsAreShrunk: surroundings are kept no larger than their picture.
func TestStillsAreShrunk(t *testing.T) {
	f := &alpr.Frame{Width: 1920, Height: 1080, Pix: bytes.Repeat([]byte{10, 20, 30}, 1920*1080)}
	p := plateAt(900, 500, 220)
	s := keep(f, p, far{surroundings: 3, px: 640})
	if s.around.shrink != 2 || s.around.frame.Width > 960 || s.around.frame.Width < 600 {
		t.Errorf("surroundings %d pixels wide, shrunk by %d", s.around.frame.Width, s.around.shrink)
	}
	if got := s.around.plate(p); got.WidthPx() < 109 || got.WidthPx() > 111 {
		t.Errorf("the plate is %.1f pixels wide there, want 110", got.WidthPx())
	}
	if !bytes.Equal(s.around.frame.Pix[3000:3003], []byte{10, 20, 30}) {
		t.Errorf("a pixel is %v", s.around.frame.Pix[3000:3003])
	}
	if s.near.shrink != 1 {
		t.Error("the plate itself is kept as the frame shows it")
	}
	if s := keep(f, p, far{}); s.around.frame != nil {
		t.Error("surroundings that policy forbids are kept")
	}
	if s := keep(f, p, named{}); s.near.frame != f {
		t.Error("a photographer that does not say how far it reaches has to get the frame")
	}
}
