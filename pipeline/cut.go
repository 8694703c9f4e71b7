package pipeline

import (
	"math"

	"alpr"
)

// reacher is a Photographer that says how far its pictures reach around a plate,
// in plate widths. Of frames that only such a one is to see, the rest is let go.
type reacher interface{ Reach() float64 }

// wholeFrame is the reach of a Photographer that does not say.
const wholeFrame = -1

// reachOf is how much of a frame a photographer needs.
func reachOf(p Photographer) float64 {
	if p == nil {
		return 0
	}
	if r, ok := p.(reacher); ok {
		return r.Reach()
	}
	return wholeFrame
}

// cut is the part of a frame around a plate, and where it begins in the frame. A
// track would else hold on to six megabytes, and to 25 of a 4K camera. The frame
// itself is given where nothing would be saved.
func cut(f *alpr.Frame, p alpr.Plate, reach float64) (*alpr.Frame, alpr.Point) {
	const spare = 2 // pixels
	if reach == wholeFrame || len(f.Pix) < 3*f.Width*f.Height {
		return f, alpr.Point{}
	}
	width := math.Max(float64(p.Box.W), p.WidthPx())
	beyond := width*(reach+0.5) + spare // in which the corners lie, too
	x0, y0 := clamp(float64(p.Box.X)-beyond, f.Width), clamp(float64(p.Box.Y)-beyond, f.Height)
	x1, y1 := clamp(float64(p.Box.X+p.Box.W)+beyond+1, f.Width), clamp(float64(p.Box.Y+p.Box.H)+beyond+1, f.Height)
	if x1 <= x0 || y1 <= y0 || 2*(x1-x0)*(y1-y0) > f.Width*f.Height {
		return f, alpr.Point{}
	}
	part := *f
	part.Width, part.Height = x1-x0, y1-y0
	part.Pix = make([]byte, 0, 3*part.Width*part.Height)
	for row := y0; row < y1; row++ {
		part.Pix = append(part.Pix, f.Pix[3*(row*f.Width+x0):3*(row*f.Width+x1)]...)
	}
	return &part, alpr.Point{X: float32(x0), Y: float32(y0)}
}

func clamp(v float64, most int) int { return int(math.Max(0, math.Min(v, float64(most)))) }

// moved is a plate as the part of the frame that begins at corner shows it.
func moved(p alpr.Plate, corner alpr.Point) alpr.Plate {
	for i := range p.Corners {
		p.Corners[i].X -= corner.X
		p.Corners[i].Y -= corner.Y
	}
	p.Box.X -= corner.X
	p.Box.Y -= corner.Y
	return p
}
