package pipeline

import (
	"math"

	"alpr"
)

// reacher is a Photographer that says what its pictures show: how far the plate's
// own and that of its surroundings reach, in plate widths (0: there is none), and
// how many pixels wide the latter is at most. The rest of a frame is let go.
type reacher interface {
	Reach() (plate, surroundings float64, px int)
}

// still is a part of a frame that is kept for a picture.
type still struct {
	frame  *alpr.Frame
	corner alpr.Point // where the part begins in the frame
	shrink int        // frame pixels for each of the part's, in both directions
}

// stills are what is kept of a frame until its pictures are taken: around shows
// the surroundings, where near does not. Of the whole frame a track would hold six
// megabytes, of a 4K camera's 25.
type stills struct{ near, around still }

// keep is what a photographer needs of a frame to take a plate's pictures.
func keep(f *alpr.Frame, p alpr.Plate, photographer Photographer) stills {
	r, ok := photographer.(reacher)
	if !ok || len(f.Pix) < 3*f.Width*f.Height {
		return stills{near: still{frame: f, shrink: 1}}
	}
	plate, surroundings, px := r.Reach()
	s := stills{near: cut(f, p, plate, 0)}
	if surroundings > 0 {
		s.around = cut(f, p, surroundings, px)
	}
	return s
}

// cut is the part of a frame that reaches so many plate widths around a plate. It
// is shrunk by a whole number to about px pixels, where px is not 0.
func cut(f *alpr.Frame, p alpr.Plate, reach float64, px int) still {
	const spare = 2 // pixels
	width := math.Max(float64(p.Box.W), p.WidthPx())
	beyond := width*reach + 0.15*width + spare // in which the corners lie, too
	x0, y0 := clamp(float64(p.Box.X)-beyond, f.Width), clamp(float64(p.Box.Y)-beyond, f.Height)
	x1, y1 := clamp(float64(p.Box.X+p.Box.W)+beyond+1, f.Width), clamp(float64(p.Box.Y+p.Box.H)+beyond+1, f.Height)
	if x1 <= x0 || y1 <= y0 {
		return still{frame: f, shrink: 1}
	}
	k := 1
	if px > 0 {
		k = max(1, (x1-x0)/px) // no fewer pixels than the picture has
	}
	part := *f
	part.Width, part.Height = max(1, (x1-x0)/k), max(1, (y1-y0)/k)
	part.Pix = shrunk(f, x0, y0, part.Width, part.Height, k)
	return still{&part, alpr.Point{X: float32(x0), Y: float32(y0)}, k}
}

func clamp(v float64, most int) int { return int(math.Max(0, math.Min(v, float64(most)))) }

// shrunk copies a part of a frame, each pixel the mean of k by k.
func shrunk(f *alpr.Frame, x0, y0, width, height, k int) []byte {
	pix := make([]byte, 0, 3*width*height)
	stride := 3 * f.Width
	for y := range height {
		from := f.Pix[(y0+y*k)*stride+3*x0:]
		if k == 1 {
			pix = append(pix, from[:3*width]...)
			continue
		}
		for x := range width {
			for c := range 3 {
				sum := 0
				for dy := range k {
					for dx := range k {
						sum += int(from[dy*stride+3*(x*k+dx)+c])
					}
				}
				pix = append(pix, byte(sum/(k*k)))
			}
		}
	}
	return pix
}

// plate is a plate of the frame as the part shows it.
func (s *still) plate(p alpr.Plate) alpr.Plate {
	k := float32(max(s.shrink, 1))
	for i := range p.Corners {
		p.Corners[i].X = (p.Corners[i].X - s.corner.X) / k
		p.Corners[i].Y = (p.Corners[i].Y - s.corner.Y) / k
	}
	p.Box.X, p.Box.Y = (p.Box.X-s.corner.X)/k, (p.Box.Y-s.corner.Y)/k
	p.Box.W, p.Box.H = p.Box.W/k, p.Box.H/k
	return p
}
