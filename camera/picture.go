package camera

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
)

// ErrEmptyPicture reports a box that shows nothing of the frame.
var ErrEmptyPicture = errors.New("the box lies outside the frame")

// Encode makes a JPEG of the part of the frame within box, scaled down to
// maxWidth pixels where it is wider (0: never). Quality is 1..100.
func Encode(f *alpr.Frame, box alpr.Box, maxWidth, quality int) (alpr.Picture, error) {
	m, err := picture.Wrap(f)
	if err != nil {
		return alpr.Picture{}, err
	}
	defer m.Close()
	r := clip(box, f.Width, f.Height)
	if r.Empty() {
		return alpr.Picture{}, fmt.Errorf("cut %v out of a frame of %dx%d: %w", box, f.Width, f.Height, ErrEmptyPicture)
	}
	part := m.Region(r)
	defer part.Close()
	if maxWidth <= 0 || r.Dx() <= maxWidth {
		return encodeJPEG(part, quality)
	}
	small := gocv.NewMat()
	defer small.Close()
	size := image.Pt(maxWidth, max(1, r.Dy()*maxWidth/r.Dx()))
	if err := gocv.Resize(part, &small, size, 0, 0, gocv.InterpolationArea); err != nil {
		return alpr.Picture{}, fmt.Errorf("scale a picture: %w", err)
	}
	return encodeJPEG(small, quality)
}

// EncodePlate makes a JPEG of the plate rectified by its corners: as if seen
// from straight ahead, at its own resolution but at least minWidth pixels wide.
// margin widens it on each side, as a fraction of the plate's width and height.
func EncodePlate(f *alpr.Frame, p alpr.Plate, margin float64, minWidth, quality int) (alpr.Picture, error) {
	m, err := picture.Wrap(f)
	if err != nil {
		return alpr.Picture{}, err
	}
	defer m.Close()
	w, h := p.WidthPx(), p.HeightPx()
	if !(w >= 1) || !(h >= 1) || w > 1e5 || h > 1e5 {
		return alpr.Picture{}, fmt.Errorf("rectify a plate of %.1fx%.1f pixels: %w", w, h, ErrEmptyPicture)
	}
	scale := max(1, float64(minWidth)/w)
	outW, outH := int(math.Round(w*scale*(1+2*margin))), int(math.Round(h*scale*(1+2*margin)))
	mx, my := float32(w*scale*margin), float32(h*scale*margin)
	to := [4]alpr.Point{
		{X: mx, Y: my},
		{X: float32(outW) - mx, Y: my},
		{X: float32(outW) - mx, Y: float32(outH) - my},
		{X: mx, Y: float32(outH) - my},
	}
	from, onto := pointVector(p.Corners), pointVector(to)
	defer from.Close()
	defer onto.Close()
	transform := gocv.GetPerspectiveTransform2f(from, onto)
	defer transform.Close()
	rectified := gocv.NewMat()
	defer rectified.Close()
	err = gocv.WarpPerspectiveWithParams(m, &rectified, transform, image.Pt(outW, outH),
		gocv.InterpolationLinear, gocv.BorderReplicate, color.RGBA{})
	if err != nil {
		return alpr.Picture{}, fmt.Errorf("rectify a plate: %w", err)
	}
	return encodeJPEG(rectified, quality)
}

func pointVector(points [4]alpr.Point) gocv.Point2fVector {
	v := make([]gocv.Point2f, len(points))
	for i, p := range points {
		v[i] = gocv.Point2f{X: p.X - 0.5, Y: p.Y - 0.5} // OpenCV counts from pixel centres
	}
	return gocv.NewPoint2fVectorFromPoints(v)
}

func encodeJPEG(m gocv.Mat, quality int) (alpr.Picture, error) {
	buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, m, []int{int(gocv.IMWriteJpegQuality), min(max(quality, 1), 100)})
	if err != nil {
		return alpr.Picture{}, fmt.Errorf("encode JPEG: %w", err)
	}
	defer buf.Close()
	b := append([]byte(nil), buf.GetBytes()...)
	return alpr.Picture{JPEG: b, SHA256: sha256.Sum256(b), Width: m.Cols(), Height: m.Rows()}, nil
}
