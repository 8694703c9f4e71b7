package detect

import (
	"errors"
	"fmt"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
)

// refineBatch is how many plates go through the corner model at once.
const refineBatch = 8

// leastShown is the share of a plate and its surroundings that the frame has to
// show for the closer look at it. The corner model knows plates on a car; a
// plate that fills the picture has nothing around it to tell its corners by.
const leastShown = 0.7

// surrounded is the plates that the frame shows with their surroundings, to be
// changed in place.
func (d *Detector) surrounded(plates []alpr.Plate, width, height int) []*alpr.Plate {
	var list []*alpr.Plate
	margin := d.corners.Entry.Margin
	for i := range plates {
		if shown(plates[i].Box, margin, float64(width), float64(height)) >= leastShown {
			list = append(list, &plates[i])
		}
	}
	return list
}

// shown is the share of a box with its margin that lies in a frame.
func shown(b alpr.Box, margin models.Margin, width, height float64) float64 {
	w, h := float64(b.W), float64(b.H)
	x, y := float64(b.X)-margin.X*w, float64(b.Y)-margin.Y*h
	w, h = w*(1+2*margin.X), h*(1+2*margin.Y)
	inX := min(x+w, width) - max(x, 0)
	inY := min(y+h, height) - max(y, 0)
	return max(inX, 0) * max(inY, 0) / (w * h)
}

// refine moves the corners of the plates to where a closer look finds them. The
// detector sees all of the frame at a fraction of its size; the corner model
// sees one plate and its surroundings, so that a reader gets a plate seen from
// aside as from straight ahead.
func (d *Detector) refine(frame *gocv.Mat, plates []*alpr.Plate) error {
	in, margin := d.corners.Entry.Input, d.corners.Entry.Margin
	size := 3 * in.Height * in.Width
	for len(plates) > 0 {
		n := min(len(plates), refineBatch)
		b, err := d.corners.Bind(n, in.Height, in.Width)
		if err != nil {
			return err
		}
		for i, p := range plates[:n] {
			cut, err := picture.WrapBytes(b.In[i*size:(i+1)*size], in.Width, in.Height)
			if err != nil {
				return err
			}
			if err := errors.Join(picture.Rectify(frame, &cut, *p, margin.X, margin.Y), cut.Close()); err != nil {
				return err
			}
		}
		if err := b.Run(); err != nil {
			return err
		}
		found, shape, err := b.Output(0)
		if err != nil {
			return err
		}
		if len(found) != n*8 {
			return fmt.Errorf("%w: corners have shape %v, want [%d 4 2]", ErrModel, shape, n)
		}
		for i := range n {
			moveCorners(plates[i], found[i*8:(i+1)*8], margin.X, margin.Y)
		}
		plates = plates[n:]
	}
	return nil
}

// moveCorners takes over corners given as fractions of the cut, where they are
// credible.
func moveCorners(p *alpr.Plate, found []float32, marginX, marginY float64) {
	onto := ontoSquare(p.Corners)
	var moved [4]alpr.Point
	for i := range moved {
		moved[i] = onto(float64(found[2*i])*(1+2*marginX)-marginX, float64(found[2*i+1])*(1+2*marginY)-marginY)
	}
	if areCredible(moved, p.Box) {
		p.Corners = moved
	}
}

// ontoSquare maps the unit square onto the corners (top left first, clockwise)
// as a camera does: the projective map of Heckbert, Fundamentals of Texture
// Mapping and Image Warping, 1989, section 2.2.3.
func ontoSquare(q [4]alpr.Point) func(u, v float64) alpr.Point {
	var x, y [4]float64
	for i, p := range q {
		x[i], y[i] = float64(p.X), float64(p.Y)
	}
	dx1, dx2, sx := x[1]-x[2], x[3]-x[2], x[0]-x[1]+x[2]-x[3]
	dy1, dy2, sy := y[1]-y[2], y[3]-y[2], y[0]-y[1]+y[2]-y[3]
	det := dx1*dy2 - dx2*dy1
	g, h := (sx*dy2-dx2*sy)/det, (dx1*sy-sx*dy1)/det
	return func(u, v float64) alpr.Point {
		w := g*u + h*v + 1
		return alpr.Point{
			X: float32(((x[1]-x[0]+g*x[1])*u + (x[3]-x[0]+h*x[3])*v + x[0]) / w),
			Y: float32(((y[1]-y[0]+g*y[1])*u + (y[3]-y[0]+h*y[3])*v + y[0]) / w),
		}
	}
}
