package detect

import (
	"fmt"
	"image"

	"gocv.io/x/gocv"
)

// pyramid is a frame and its halves, made as they are needed. Halving is a
// plain mean of four pixels, many times faster than one long step, keeps every
// pixel's share, and all views of a wide frame take from the same halves.
type pyramid struct {
	levels []gocv.Mat // levels[i] is the frame at scale 1/2^i
}

// newPyramid takes over the frame.
func newPyramid(frame gocv.Mat) *pyramid { return &pyramid{levels: []gocv.Mat{frame}} }

func (p *pyramid) close() {
	for i := range p.levels {
		_ = p.levels[i].Close() // gocv's Close never fails
	}
}

func (p *pyramid) bounds() image.Rectangle {
	return image.Rect(0, 0, p.levels[0].Cols(), p.levels[0].Rows())
}

// part is what v shows, from the level that is scaled down by less than two.
// The caller closes it.
func (p *pyramid) part(v view) (gocv.Mat, error) {
	level, r := 0, v.part
	for r.Dx() >= 2*v.width && r.Dy() >= 2*v.height {
		level++
		r = image.Rect(r.Min.X/2, r.Min.Y/2, r.Max.X/2, r.Max.Y/2)
	}
	for len(p.levels) <= level {
		if err := p.halve(); err != nil {
			return gocv.Mat{}, err
		}
	}
	return p.levels[level].Region(r), nil
}

func (p *pyramid) halve() error {
	last := &p.levels[len(p.levels)-1]
	w, h := last.Cols()/2, last.Rows()/2
	even := last.Region(image.Rect(0, 0, 2*w, 2*h))
	defer even.Close()
	half := gocv.NewMat()
	if err := gocv.Resize(even, &half, image.Pt(w, h), 0, 0, gocv.InterpolationArea); err != nil {
		_ = half.Close()
		return fmt.Errorf("halve the frame: %w", err)
	}
	p.levels = append(p.levels, half)
	return nil
}
