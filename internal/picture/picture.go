// Package picture holds what detect, ocr and camera all do with OpenCV: give it
// a frame's pixels, and cut a plate out of them as seen from straight ahead.
package picture

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"alpr"
)

// ErrFrame reports a frame whose pixels do not fit its size.
var ErrFrame = errors.New("bad frame")

// maxOversampling bounds the work on a plate that fills a large picture.
const maxOversampling = 8

// Wrap gives OpenCV the frame's pixels without copying. The Mat must be closed,
// and must not be written to.
func Wrap(f *alpr.Frame) (gocv.Mat, error) {
	if f.Width <= 0 || f.Height <= 0 || len(f.Pix) != 3*f.Width*f.Height {
		return gocv.Mat{}, fmt.Errorf("%w: %d bytes for %dx%d pixels", ErrFrame, len(f.Pix), f.Width, f.Height)
	}
	return WrapBytes(f.Pix, f.Width, f.Height)
}

// WrapBytes gives OpenCV BGR pixels without copying; what is drawn goes there.
func WrapBytes(pix []byte, width, height int) (gocv.Mat, error) {
	m, err := gocv.NewMatFromBytes(height, width, gocv.MatTypeCV8UC3, pix)
	if err != nil {
		return gocv.Mat{}, fmt.Errorf("wrap %dx%d pixels: %w", width, height, err)
	}
	return m, nil
}

// Rectify shows the plate with these corners (top left first, clockwise) as
// from straight ahead, stretched to fill to. It reaches beyond the plate on each
// side by marginX of its width and marginY of its height; where that leaves the
// frame, the frame's edge is repeated.
func Rectify(frame, to *gocv.Mat, p alpr.Plate, marginX, marginY float64) error {
	width, height := to.Cols(), to.Rows()
	n := oversampling(p.WidthPx()*(1+2*marginX)/float64(width), p.HeightPx()*(1+2*marginY)/float64(height))
	target := to
	if n > 1 {
		large := gocv.NewMat()
		defer large.Close()
		target = &large
	}
	size := image.Pt(n*width, n*height)
	transform := perspective(p.Corners, size, marginX, marginY)
	defer transform.Close()
	err := gocv.WarpPerspectiveWithParams(*frame, target, transform, size,
		gocv.InterpolationLinear, gocv.BorderReplicate, color.RGBA{})
	if err != nil {
		return fmt.Errorf("rectify a plate: %w", err)
	}
	if n > 1 {
		return shrink(*target, to)
	}
	return nil
}

// oversampling is how many times finer than the picture wanted a plate is to be
// sampled, so that no stroke of a large plate falls between two samples.
func oversampling(x, y float64) int {
	n := math.Round(max(x, y))
	if !(n > 1) {
		return 1
	}
	return int(min(n, maxOversampling))
}

// perspective maps the plate's corners to where they stand in a picture of the
// given size that the margin surrounds.
func perspective(corners [4]alpr.Point, size image.Point, marginX, marginY float64) gocv.Mat {
	w, h := float64(size.X), float64(size.Y)
	left, top := w*marginX/(1+2*marginX), h*marginY/(1+2*marginY)
	onto := [4]alpr.Point{
		{X: float32(left), Y: float32(top)},
		{X: float32(w - left), Y: float32(top)},
		{X: float32(w - left), Y: float32(h - top)},
		{X: float32(left), Y: float32(h - top)},
	}
	from, to := vector(corners), vector(onto)
	defer from.Close()
	defer to.Close()
	return gocv.GetPerspectiveTransform2f(from, to)
}

// vector gives OpenCV points of ours, which count from the top-left corner of
// the top-left pixel, as its own, which count from that pixel's centre.
func vector(points [4]alpr.Point) gocv.Point2fVector {
	v := make([]gocv.Point2f, len(points))
	for i, p := range points {
		v[i] = gocv.Point2f{X: p.X - 0.5, Y: p.Y - 0.5}
	}
	return gocv.NewPoint2fVectorFromPoints(v)
}

// shrink averages a whole picture down to fill to; linear interpolation would
// skip pixels.
func shrink(from gocv.Mat, to *gocv.Mat) error {
	if err := gocv.Resize(from, to, image.Pt(to.Cols(), to.Rows()), 0, 0, gocv.InterpolationArea); err != nil {
		return fmt.Errorf("scale a plate: %w", err)
	}
	return nil
}
