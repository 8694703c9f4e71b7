package camera

import (
	"fmt"
	"image"

	"gocv.io/x/gocv"

	"alpr"
)

// toFrame makes a frame of m's pixels. Where m decoded into pix, pix becomes
// the frame's memory; otherwise the pixels are copied.
func toFrame(m *gocv.Mat, pix []byte) (alpr.Frame, error) {
	bgr := m
	if m.Type() != gocv.MatTypeCV8UC3 {
		converted := gocv.NewMat()
		defer converted.Close()
		if err := toBGR(m, &converted); err != nil {
			return alpr.Frame{}, err
		}
		bgr = &converted
	}
	f := alpr.Frame{Width: bgr.Cols(), Height: bgr.Rows(), Pix: pix}
	data, err := bgr.DataPtrUint8()
	if err != nil {
		return alpr.Frame{}, fmt.Errorf("read pixels: %w", err)
	}
	if len(pix) != len(data) || &pix[0] != &data[0] {
		f.Pix = bgr.ToBytes()
	}
	return f, nil
}

func toBGR(src, dst *gocv.Mat) error {
	code := gocv.ColorBGRAToBGR
	switch src.Channels() {
	case 1:
		code = gocv.ColorGrayToBGR
	case 4:
	default:
		return fmt.Errorf("convert a picture of %d channels to BGR: only 1, 3 and 4 are known", src.Channels())
	}
	if err := gocv.CvtColor(*src, dst, code); err != nil {
		return fmt.Errorf("convert a picture to BGR: %w", err)
	}
	return nil
}

// clip is the part of a box within the frame, in whole pixels.
func clip(b alpr.Box, width, height int) image.Rectangle {
	r := image.Rect(int(b.X), int(b.Y), int(b.X+b.W+0.5), int(b.Y+b.H+0.5))
	return r.Intersect(image.Rect(0, 0, width, height))
}

// SetThreads limits how many cores OpenCV uses for one picture, here and in
// every other package: OpenCV has one such setting a process.
func SetThreads(n int) { gocv.SetNumThreads(max(n, 1)) }
