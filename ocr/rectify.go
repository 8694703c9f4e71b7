package ocr

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/models"
)

// maxOversampling bounds the work on a plate that fills a large picture.
const maxOversampling = 8

// rectify shows the plate in to as from straight ahead, widened by the margin
// and stretched to fill.
func rectify(frame, to *gocv.Mat, p alpr.Plate, m models.Margin) error {
	width, height := to.Cols(), to.Rows()
	n := oversampling(p.WidthPx()*(1+2*m.X)/float64(width), p.HeightPx()*(1+2*m.Y)/float64(height))
	target := to
	if n > 1 {
		large := gocv.NewMat()
		defer large.Close()
		target = &large
	}
	size := image.Pt(n*width, n*height)
	transform := perspective(p.Corners, size, m)
	defer transform.Close()
	err := gocv.WarpPerspectiveWithParams(*frame, target, transform, size,
		gocv.InterpolationLinear, gocv.BorderReplicate, color.RGBA{})
	if err != nil {
		return fmt.Errorf("rectify a plate: %w", err)
	}
	if n > 1 {
		return stretch(*target, to)
	}
	return nil
}

// oversampling is how many times finer than the network's input a plate is to
// be sampled, so that no stroke of a large plate falls between two samples.
func oversampling(x, y float64) int {
	n := math.Round(max(x, y))
	if !(n > 1) {
		return 1
	}
	return int(min(n, maxOversampling))
}

// perspective maps the plate's corners to where they stand in a picture of the
// given size that the margin surrounds.
func perspective(corners [4]alpr.Point, size image.Point, m models.Margin) gocv.Mat {
	w, h := float64(size.X), float64(size.Y)
	left, top := w*m.X/(1+2*m.X), h*m.Y/(1+2*m.Y)
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

// stretch scales a whole picture to fill to.
func stretch(from gocv.Mat, to *gocv.Mat) error {
	how := gocv.InterpolationLinear
	if from.Cols() > to.Cols() || from.Rows() > to.Rows() {
		how = gocv.InterpolationArea // linear interpolation would skip pixels
	}
	if err := gocv.Resize(from, to, image.Pt(to.Cols(), to.Rows()), 0, 0, how); err != nil {
		return fmt.Errorf("scale a plate: %w", err)
	}
	return nil
}
