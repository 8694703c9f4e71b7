package camera

import (
	"fmt"

	"alpr"
)

// Photographer takes the pictures that are kept of a read, from the very frame
// that was read. It holds no state, and is safe for concurrent use.
type Photographer struct {
	// Quality of the JPEGs, 1..100.
	Quality int
	// CropWidth is the least width in pixels of the rectified plate's picture.
	CropWidth int
	// ContextScale is how far the picture of the surroundings reaches, in
	// plate widths to each side; half as far up and down. 0: the policy
	// allows no such picture, and none is taken.
	ContextScale float64
	// ContextWidth is the greatest width in pixels of that picture.
	ContextWidth int
}

// cropMargin keeps the plate's frame in its picture: a person verifying a read
// wants to see the state's name and the screws too.
const cropMargin = 0.15

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
	reach := float32(p.ContextScale * plate.WidthPx())
	b := plate.Box
	surroundings, err = Encode(f, alpr.Box{
		X: b.X - reach, Y: b.Y - reach/2, W: b.W + 2*reach, H: b.H + reach,
	}, p.ContextWidth, p.Quality)
	if err != nil {
		return alpr.Picture{}, alpr.Picture{}, fmt.Errorf("photograph a plate's surroundings: %w", err)
	}
	return crop, surroundings, nil
}
