package detect

import (
	"fmt"
	"image"

	"alpr"
	"alpr/internal/picture"
)

// The input's size for one region of a frame. One size for all of them keeps the
// model's memory; a plate is a third to a quarter of it wide.
const (
	regionWidth  = 256
	regionHeight = 160
)

// RegionCost is what the search of one region costs beside that of a whole frame
// of 1080p.
const RegionCost = float64(regionWidth*regionHeight) / (960 * 544)

// DetectIn finds plates in parts of a frame alone, as Detect gives them. A region
// is widened to the model's shape, and searched no larger than the frame shows
// it; a plate that a region cuts is left out.
func (d *Detector) DetectIn(f *alpr.Frame, regions []alpr.Box) ([]alpr.Plate, error) {
	frame, err := picture.Wrap(f)
	if err != nil {
		return nil, fmt.Errorf("detect plates: %w", err)
	}
	p := newPyramid(frame)
	defer p.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = d.found[:0]
	for _, r := range regions {
		if err := d.search(p, regionView(r, f.Width, f.Height)); err != nil {
			return nil, fmt.Errorf("detect plates: %w", err)
		}
	}
	plates := suppress(d.found, d.maxIoU, f.Width, f.Height)
	if err := d.refine(&frame, d.surrounded(plates, f.Width, f.Height)); err != nil {
		return nil, fmt.Errorf("find corners: %w", err)
	}
	return plates, nil
}

// regionView is the part of a frame around a region, of the model's shape, and
// moved so that it lies within the frame.
func regionView(r alpr.Box, width, height int) view {
	w := max(float64(r.W), float64(r.H)*regionWidth/regionHeight, regionWidth)
	h := w * regionHeight / regionWidth
	w, h = min(w, float64(width)), min(h, float64(height))
	x := max(0, min(float64(r.X)+float64(r.W)/2-w/2, float64(width)-w))
	y := max(0, min(float64(r.Y)+float64(r.H)/2-h/2, float64(height)-h))
	part := image.Rect(int(x), int(y), int(x)+int(w), int(y)+int(h))
	scale := min(1, regionWidth/float64(part.Dx()), regionHeight/float64(part.Dy()))
	return view{part: part, width: scaled(float64(part.Dx()), scale), height: scaled(float64(part.Dy()), scale)}
}
