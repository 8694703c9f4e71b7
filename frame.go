package alpr

import "time"

// Frame is one picture of one camera. It is immutable once published: any
// number of goroutines may read it, none may write to Pix.
type Frame struct {
	Camera     string    // name from the configuration, or the file's name
	Seq        uint64    // counts every frame the camera delivered, drops included, from 1
	CapturedAt time.Time // the instant the shutter opened, as well as the source knows it
	Width      int       // pixels
	Height     int       // pixels
	Pix        []byte    // BGR, 8 bit, row by row without padding: len = 3·Width·Height
}

// Point is a place in a frame, in pixels, origin at the top-left corner of the
// top-left pixel.
type Point struct {
	X float32 `json:"x"`
	Y float32 `json:"y"`
}

// Box is an axis-parallel rectangle in pixels.
type Box struct {
	X float32 `json:"x"`
	Y float32 `json:"y"`
	W float32 `json:"w"`
	H float32 `json:"h"`
}

// Plate is a licence plate found in a frame.
type Plate struct {
	Corners [4]Point // top-left, top-right, bottom-right, bottom-left as seen by a person reading it
	Box     Box      // as the detector gave it; close to, but not computed from, Corners
	Score   float32  // 0..1: how sure the detector is that this is a plate
}

// WidthPx is the mean length of the plate's upper and lower edge, in pixels.
func (p Plate) WidthPx() float64 {
	return (dist(p.Corners[0], p.Corners[1]) + dist(p.Corners[3], p.Corners[2])) / 2
}

// HeightPx is the mean length of the plate's left and right edge, in pixels.
func (p Plate) HeightPx() float64 {
	return (dist(p.Corners[0], p.Corners[3]) + dist(p.Corners[1], p.Corners[2])) / 2
}

// Corners of the box, from the top left clockwise.
func (b Box) Corners() [4]Point {
	return [4]Point{{b.X, b.Y}, {b.X + b.W, b.Y}, {b.X + b.W, b.Y + b.H}, {b.X, b.Y + b.H}}
}

// IoU is the intersection of two boxes over their union, 0 where either is empty.
func (b Box) IoU(o Box) float64 {
	w := min(b.X+b.W, o.X+o.W) - max(b.X, o.X)
	h := min(b.Y+b.H, o.Y+o.H) - max(b.Y, o.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	inter := float64(w) * float64(h)
	union := float64(b.W)*float64(b.H) + float64(o.W)*float64(o.H) - inter
	if union <= 0 {
		return 0
	}
	return inter / union
}
