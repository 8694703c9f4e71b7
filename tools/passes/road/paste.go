package road

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"
)

func halfOf(m gocv.Mat) image.Point { return image.Pt(m.Cols()/2, m.Rows()/2) }

// bounds is the rectangle of pixels around a shape.
func bounds(q []gocv.Point2f) image.Rectangle {
	low, high := q[0], q[0]
	for _, p := range q[1:] {
		low.X, low.Y = min(low.X, p.X), min(low.Y, p.Y)
		high.X, high.Y = max(high.X, p.X), max(high.Y, p.Y)
	}
	return image.Rect(int(low.X)-1, int(low.Y)-1, int(high.X)+2, int(high.Y)+2)
}

// paste draws a texture onto a shape, its colours times gain plus add.
func paste(canvas *gocv.Mat, t texture, corners []gocv.Point2f, gain, add float64) error {
	r := bounds(corners).Intersect(image.Rect(0, 0, canvas.Cols(), canvas.Rows()))
	if r.Empty() {
		return nil
	}
	across := math.Hypot(float64(corners[1].X-corners[0].X), float64(corners[1].Y-corners[0].Y))
	from := t.level(across)
	w, h := float32(from.Cols()), float32(from.Rows())
	source := gocv.NewPoint2fVectorFromPoints([]gocv.Point2f{{X: 0, Y: 0}, {X: w, Y: 0}, {X: w, Y: h}, {X: 0, Y: h}})
	defer source.Close()
	moved := make([]gocv.Point2f, len(corners))
	for i, p := range corners {
		moved[i] = gocv.Point2f{X: p.X - float32(r.Min.X), Y: p.Y - float32(r.Min.Y)}
	}
	target := gocv.NewPoint2fVectorFromPoints(moved)
	defer target.Close()
	m := gocv.GetPerspectiveTransform2f(source, target)
	defer m.Close()
	patch := gocv.NewMat()
	defer patch.Close()
	if err := gocv.WarpPerspectiveWithParams(from, &patch, m, r.Size(), gocv.InterpolationLinear, gocv.BorderConstant, color.RGBA{}); err != nil {
		return fmt.Errorf("stand a picture on the road: %w", err)
	}
	mask := gocv.NewMatWithSizeFromScalar(gocv.NewScalar(255, 0, 0, 0), int(h), int(w), gocv.MatTypeCV8U)
	defer mask.Close()
	cover := gocv.NewMat()
	defer cover.Close()
	if err := gocv.WarpPerspectiveWithParams(mask, &cover, m, r.Size(), gocv.InterpolationLinear, gocv.BorderConstant, color.RGBA{}); err != nil {
		return fmt.Errorf("stand a picture on the road: %w", err)
	}
	return blend(canvas, r, patch, cover, gain, add)
}

// blend lays a patch over a part of the canvas. Colours of a patch with four
// channels are multiplied by its coverage already.
func blend(canvas *gocv.Mat, r image.Rectangle, patch, cover gocv.Mat, gain, add float64) error {
	to, err := canvas.DataPtrUint8()
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	from, err := patch.DataPtrUint8()
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	covered, err := cover.DataPtrUint8()
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	var lit [256]int
	for i := range lit {
		lit[i] = int(math.Min(255, float64(i)*gain))
	}
	channels, stride := patch.Channels(), 3*canvas.Cols()
	for y := range r.Dy() {
		for x := range r.Dx() {
			i := y*r.Dx() + x
			alpha := int(covered[i])
			if alpha == 0 {
				continue
			}
			if channels == 4 {
				alpha = alpha * int(from[4*i+3]) / 255
			}
			at := (r.Min.Y+y)*stride + 3*(r.Min.X+x)
			haze := int(add) * alpha / 255
			for k := range 3 {
				over := lit[from[channels*i+k]]
				to[at+k] = byte(min(255, int(to[at+k])*(255-alpha)/255+over*share(channels, int(covered[i]))/255+haze))
			}
		}
	}
	return nil
}

// share is how much of a colour counts: what is multiplied by its coverage counts
// in full.
func share(channels, cover int) int {
	if channels == 4 {
		return 255
	}
	return cover
}

// glow adds a disc that fades from its middle.
func glow(canvas *gocv.Mat, at image.Point, radius float64, tint color.RGBA) {
	pix, err := canvas.DataPtrUint8()
	if err != nil {
		return
	}
	r := image.Rect(at.X-int(3*radius), at.Y-int(3*radius), at.X+int(3*radius)+1, at.Y+int(3*radius)+1).
		Intersect(image.Rect(0, 0, canvas.Cols(), canvas.Rows()))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d := math.Hypot(float64(x-at.X), float64(y-at.Y)) / radius
			light := math.Exp(-d * d)
			i := 3 * (y*canvas.Cols() + x)
			for k, c := range [3]uint8{tint.B, tint.G, tint.R} {
				pix[i+k] = byte(math.Min(255, float64(pix[i+k])+light*float64(c)))
			}
		}
	}
}

// lineKernel spreads a pixel evenly along a way.
func lineKernel(dx, dy float64) gocv.Mat {
	half := int(math.Ceil(math.Max(math.Abs(dx), math.Abs(dy)) / 2))
	size := 2*half + 1
	k := gocv.NewMatWithSize(size, size, gocv.MatTypeCV32F)
	k.SetTo(gocv.NewScalar(0, 0, 0, 0))
	steps := 4*size + 1
	for i := range steps {
		t := float64(i)/float64(steps-1) - .5
		x, y := int(math.Round(float64(half)+t*dx)), int(math.Round(float64(half)+t*dy))
		k.SetFloatAt(y, x, k.GetFloatAt(y, x)+1/float32(steps))
	}
	return k
}
