package camera

import (
	"fmt"
	"math"

	"alpr"
)

// Photographer takes the pictures that are kept of a read, from the very frame
// that was read. It holds no state, and is safe for concurrent use.
type Photographer struct {
	// Quality of the JPEGs, 1..100.
	Quality int
	// CropWidth is the least width in pixels of the rectified plate's picture.
	CropWidth int
	// ContextScale is how far the picture of the surroundings reaches to each
	// side, in widths of a US plate (0.3 m), a third more upwards and as far
	// down: with 3 the whole rear of a car, roof and wheels. A long plate's
	// width is taken for what it is. 0: the policy allows no such picture, and
	// none is taken.
	ContextScale float64
	// ContextWidth is the greatest width in pixels of that picture.
	ContextWidth int
}

// cropMargin keeps the plate's frame in its picture: a person verifying a read
// wants to see the state's name and the screws too.
const cropMargin = 0.15

const (
	longScale = 0.586 // a US plate's width, as a share of the European one's (0.305 of 0.520 m)
	isLong    = 3.4   // seen from the side a long plate is still longer than this
	upwards   = 4.0 / 3
)

// Reach is how far the two pictures reach around a plate, in its widths, and how
// many pixels wide the one of the surroundings is at most.
func (p Photographer) Reach() (plate, surroundings float64, px int) {
	return 2 * cropMargin, upwards * math.Max(0, p.ContextScale), p.ContextWidth
}

// around is the part of the frame that shows the car's whole rear or front.
func (p Photographer) around(plate alpr.Plate) alpr.Box {
	b := plate.Box
	width := plate.WidthPx()
	if b.H > 0 && width/float64(b.H) > isLong {
		width *= longScale
	}
	reach := float32(p.ContextScale * width)
	return alpr.Box{X: b.X - reach, Y: b.Y - upwards*reach, W: b.W + 2*reach, H: b.H + (1+upwards)*reach}
}

// Photograph makes the picture of the rectified plate, and that of the plate
// with its surroundings, empty where the policy allows none.
func (p Photographer) Photograph(f *alpr.Frame, plate alpr.Plate) (crop, surroundings alpr.Picture, err error) {
	crop, err = EncodePlate(f, plate, cropMargin, p.CropWidth, p.Quality)
	if err != nil {
		return alpr.Picture{}, alpr.Picture{}, fmt.Errorf("photograph a plate: %w", err)
	}
	if p.ContextScale <= 0 {
		return crop, alpr.Picture{}, nil
	}
	surroundings, err = Encode(f, p.around(plate), p.ContextWidth, p.Quality)
	if err != nil {
		return alpr.Picture{}, alpr.Picture{}, fmt.Errorf("photograph a plate's surroundings: %w", err)
	}
	return crop, surroundings, nil
}
