package picture

import (
	"image"

	"gocv.io/x/gocv"

	"alpr"
)

// An interlaced camera takes the even rows of a frame and then the odd ones: on a car
// that moves, the two fields show its plate in two places, and rows that should be
// alike are not.
const (
	// combed is how much more a row differs from the next than from the one after
	// that, above which a plate is seen in two places. Of 3,600 plates of ordinary
	// pictures with as many rows none has more than 0.94; moved by 2 px or more
	// between the fields they have 1.4 and more.
	combed = 1.15
	// leastRows is the height in pixels from which that can be told: lower letters
	// change as much from row to row.
	leastRows = 20
	// around is how much of the plate's size is kept on each side.
	around = 0.3
)

// IsCombed reports whether the plate is seen in two places at once, in the even rows
// and in the odd ones.
func IsCombed(f *gocv.Mat, p alpr.Plate) bool {
	r := region(f, p, 0)
	if r.Dy() < leastRows || r.Dx() < 4 {
		return false
	}
	pix, err := f.DataPtrUint8()
	if err != nil {
		return false
	}
	stride := 3 * f.Cols()
	var next, afterNext int
	for y := r.Min.Y; y+2 < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			i := y*stride + 3*x + 1 // green
			a, b, c := int(pix[i]), int(pix[i+stride]), int(pix[i+2*stride])
			next += abs(a - b)
			afterNext += abs(a - c)
		}
	}
	return float64(next) > combed*float64(afterNext) && next > r.Dx()*r.Dy() // and not by a flat picture's noise
}

// Field is what one field of the frame, the even rows or the odd ones, shows of a
// plate and around it, the rows between drawn from those above and below; and where
// the plate is there. The Mat must be closed.
func Field(f *gocv.Mat, p alpr.Plate, odd bool) (gocv.Mat, alpr.Plate, error) {
	r := region(f, p, around)
	first := r.Min.Y
	if (first%2 == 1) != odd {
		first++
	}
	pix, err := f.DataPtrUint8()
	if err != nil {
		return gocv.Mat{}, p, err
	}
	width, stride := 3*r.Dx(), 3*f.Cols()
	row := func(y int) []byte {
		y = max(min(y, last(r.Max.Y, first)), first)
		return pix[y*stride+3*r.Min.X:][:width]
	}
	out := make([]byte, 0, width*r.Dy())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		if (y-first)%2 == 0 {
			out = append(out, row(y)...)
			continue
		}
		above, below := row(y-1), row(y+1)
		for i := range above {
			out = append(out, byte((int(above[i])+int(below[i])+1)/2))
		}
	}
	for i := range p.Corners {
		p.Corners[i].X -= float32(r.Min.X)
		p.Corners[i].Y -= float32(r.Min.Y)
	}
	p.Box.X -= float32(r.Min.X)
	p.Box.Y -= float32(r.Min.Y)
	m, err := WrapBytes(out, r.Dx(), r.Dy())
	return m, p, err
}

// last is the last row before end of the field that begins with first.
func last(end, first int) int { return first + (end-1-first)/2*2 }

// region is the plate's hull in whole pixels of the frame, with as much of its size on
// each side as margin says.
func region(f *gocv.Mat, p alpr.Plate, margin float32) image.Rectangle {
	low, high := p.Corners[0], p.Corners[0]
	for _, c := range p.Corners[1:] {
		low = alpr.Point{X: min(low.X, c.X), Y: min(low.Y, c.Y)}
		high = alpr.Point{X: max(high.X, c.X), Y: max(high.Y, c.Y)}
	}
	w, h := margin*(high.X-low.X), margin*(high.Y-low.Y)
	r := image.Rect(int(low.X-w), int(low.Y-h), int(high.X+w)+1, int(high.Y+h)+1)
	return r.Intersect(image.Rect(0, 0, f.Cols(), f.Rows()))
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
