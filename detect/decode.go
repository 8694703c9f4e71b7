package detect

import (
	"cmp"
	"image"
	"math"
	"slices"

	"alpr"
)

// rowLength of the model's output: score, x1, y1, x2, y2, then the corners
// from the top left clockwise, in input pixels.
const rowLength = 13

// candidate is a plate as one view showed it, in frame pixels.
type candidate struct {
	score   float32
	box     alpr.Box
	corners [4]alpr.Point
}

// decode adds to found the plates of one view's output that score enough.
// Plates that an edge of the view inside the frame may cut are left out:
// another view shows them whole.
func decode(found []candidate, rows []float32, minScore float32, v view, frame image.Rectangle) []candidate {
	sx, sy := v.scale()
	dx, dy := float32(v.part.Min.X), float32(v.part.Min.Y)
	for ; len(rows) >= rowLength; rows = rows[rowLength:] {
		if !(rows[0] >= minScore) { // false for NaN too
			continue
		}
		c := candidate{score: rows[0]}
		c.box = alpr.Box{
			X: rows[1]/sx + dx, Y: rows[2]/sy + dy,
			W: (rows[3] - rows[1]) / sx, H: (rows[4] - rows[2]) / sy,
		}
		for i := range c.corners {
			c.corners[i] = alpr.Point{X: rows[5+2*i]/sx + dx, Y: rows[6+2*i]/sy + dy}
		}
		if !c.isSound() || isCut(c.box, v.part, frame) {
			continue
		}
		found = append(found, c)
	}
	return found
}

// isSound refuses boxes without an area, and numbers that are none.
func (c *candidate) isSound() bool {
	sum := c.box.X + c.box.Y + c.box.W + c.box.H
	for _, p := range c.corners {
		sum += p.X + p.Y
	}
	return !math.IsNaN(float64(sum)) && !math.IsInf(float64(sum), 0) && c.box.W > 1 && c.box.H > 1
}

// isCut says whether a box touches an edge of the part that is not an edge of
// the frame.
func isCut(b alpr.Box, part, frame image.Rectangle) bool {
	const near = 2 // pixels
	return part.Min.X > frame.Min.X && b.X < float32(part.Min.X+near) ||
		part.Min.Y > frame.Min.Y && b.Y < float32(part.Min.Y+near) ||
		part.Max.X < frame.Max.X && b.X+b.W > float32(part.Max.X-near) ||
		part.Max.Y < frame.Max.Y && b.Y+b.H > float32(part.Max.Y-near)
}

// maxInside is how much of a plate may lie in a better one. Two views may show
// one plate as a whole and as a part, whose overlap over union is small.
const maxInside = 0.7

// Of a plate seen whole in one view and as a part in another, the part may
// score a little better. The whole is preferred if it is larger by wholeRatio
// in area and scores at most wholeLoss less: half a plate reads as a wrong
// text with confidence.
const (
	wholeRatio = 1.3
	wholeLoss  = 0.15
)

// Something on or at a plate much larger than itself is its sticker, a stacked
// word or the dealer's advertisement: the body of the car is around a plate, no
// other car. It is less than stickerHeight of the plate's height, and its centre
// at most stickerReach of that height beside the plate.
const (
	stickerHeight = 1. / 3
	stickerReach  = 1. / 4
)

// suppress keeps, of plates that overlap, the best (greedy non-maximum
// suppression), and gives them as the caller sees them. It reorders found.
func suppress(found []candidate, maxIoU float64, width, height int) []alpr.Plate {
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	kept := found[:0]
	for _, c := range found {
		same := slices.IndexFunc(kept, func(k candidate) bool {
			return k.box.IoU(c.box) > maxIoU || inside(c.box, k.box) > maxInside || isSticker(c.box, k.box)
		})
		switch {
		case same < 0:
			kept = append(kept, c)
		case isWholeOf(c, kept[same]):
			kept[same] = c
		}
	}
	slices.SortStableFunc(kept, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	var plates []alpr.Plate
	for _, c := range kept {
		if p, ok := c.plate(width, height); ok {
			plates = append(plates, p)
		}
	}
	return plates
}

// isWholeOf says whether part shows only a part of the plate that c shows.
func isWholeOf(c, part candidate) bool {
	return c.box.W*c.box.H > wholeRatio*part.box.W*part.box.H &&
		c.score > part.score-wholeLoss && inside(c.box, part.box) > maxInside
}

// isSticker says whether b is so small and so near that it belongs to plate.
func isSticker(b, plate alpr.Box) bool {
	reach := stickerReach * plate.H
	x, y := b.X+b.W/2, b.Y+b.H/2
	return b.H < stickerHeight*plate.H &&
		x > plate.X-reach && x < plate.X+plate.W+reach && y > plate.Y-reach && y < plate.Y+plate.H+reach
}

// inside is the share of the smaller box that lies in the other.
func inside(a, b alpr.Box) float64 {
	w := min(a.X+a.W, b.X+b.W) - max(a.X, b.X)
	h := min(a.Y+a.H, b.Y+b.H) - max(a.Y, b.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return float64(w) * float64(h) / min(float64(a.W)*float64(a.H), float64(b.W)*float64(b.H))
}

// plate clips the box to the frame; ok is false where nothing is left.
func (c *candidate) plate(width, height int) (p alpr.Plate, ok bool) {
	x1, y1 := max(c.box.X, 0), max(c.box.Y, 0)
	x2, y2 := min(c.box.X+c.box.W, float32(width)), min(c.box.Y+c.box.H, float32(height))
	if x2-x1 < 1 || y2-y1 < 1 {
		return alpr.Plate{}, false
	}
	p = alpr.Plate{Corners: c.corners, Box: alpr.Box{X: x1, Y: y1, W: x2 - x1, H: y2 - y1}, Score: c.score}
	if !areCredible(c.corners, c.box) {
		p.Corners = c.box.Corners()
	}
	return p, true
}

// areCredible says whether the corners make a convex shape, clockwise from the
// top left, that fills the box about as a plate turned within it would. Corners
// that do not would rectify to nonsense; the box is the better guess then.
func areCredible(q [4]alpr.Point, b alpr.Box) bool {
	var area float32
	for i := range q {
		p, n, m := q[i], q[(i+1)%4], q[(i+2)%4]
		if (n.X-p.X)*(m.Y-n.Y)-(n.Y-p.Y)*(m.X-n.X) <= 0 {
			return false
		}
		area += p.X*n.Y - n.X*p.Y
	}
	share := area / 2 / (b.W * b.H)
	return share > 0.3 && share < 1.7
}
