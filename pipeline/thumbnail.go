package pipeline

import "alpr"

// A thumbnail is a frame's brightness in a coarse grid: enough to say that
// nothing in it has moved.
const (
	thumbWidth  = 64
	thumbHeight = 36
	// changed is by how much, of 255, the brightest change of a cell must differ:
	// a sensor's noise at night is 5 a pixel, and a cell the mean of sixteen.
	changed = 6
)

type thumbnail struct {
	isTaken bool
	cell    [thumbHeight][thumbWidth]int16
}

// newThumbnail takes sixteen pixels of each cell. A frame that is too small for
// that has no thumbnail.
func newThumbnail(f *alpr.Frame) (t thumbnail) {
	if f.Width < 4*thumbWidth || f.Height < 4*thumbHeight || len(f.Pix) < 3*f.Width*f.Height {
		return t
	}
	t.isTaken = true
	for y := range thumbHeight {
		for x := range thumbWidth {
			sum := 0
			for k := range 16 {
				px := (4*x + k%4) * f.Width / (4 * thumbWidth)
				py := (4*y + k/4) * f.Height / (4 * thumbHeight)
				sum += int(f.Pix[3*(py*f.Width+px)+1]) // green
			}
			t.cell[y][x] = int16(sum / 16)
		}
	}
	return t
}

// isLike says whether nothing has moved between two frames.
func (t *thumbnail) isLike(o *thumbnail) bool {
	if !t.isTaken || !o.isTaken {
		return false
	}
	for y := range t.cell {
		for x := range t.cell[y] {
			if d := t.cell[y][x] - o.cell[y][x]; d > changed || d < -changed {
				return false
			}
		}
	}
	return true
}
