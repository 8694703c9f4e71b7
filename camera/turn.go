package camera

import (
	"fmt"
	"math"

	"gocv.io/x/gocv"

	"alpr"
)

// OpenCV's properties that gocv has no names for (videoio.hpp, 4.6).
const (
	orientationMeta = gocv.VideoCaptureProperties(48) // degrees, from the container
	orientationAuto = gocv.VideoCaptureProperties(49) // whether OpenCV turns frames itself
)

// turn is how a recording's frames are turned to stand upright: by what its
// container says of how the camera was held.
type turn int

const (
	upright turn = iota
	clockwise
	upsideDown
	counterClockwise
)

// turnOf takes the turning over from OpenCV 4.6, which gives the angle of the
// container's matrix counter-clockwise and then turns clockwise (opencv issue
// 22088).
func turnOf(v *gocv.VideoCapture) turn {
	v.Set(orientationAuto, 0)
	degrees := v.Get(orientationMeta)
	if math.IsNaN(degrees) || math.IsInf(degrees, 0) {
		return upright
	}
	quarters := int(math.Round(math.Mod(-degrees, 360) / 90))
	return turn((quarters%4 + 4) % 4)
}

// frame makes a frame of m, turned. Where nothing is to be turned and m decoded
// into pix, pix becomes its memory.
func (t turn) frame(m *gocv.Mat, pix []byte) (alpr.Frame, error) {
	if t == upright {
		return toFrame(m, pix)
	}
	turned := gocv.NewMat()
	defer turned.Close()
	flag := map[turn]gocv.RotateFlag{clockwise: gocv.Rotate90Clockwise, upsideDown: gocv.Rotate180Clockwise, counterClockwise: gocv.Rotate90CounterClockwise}[t]
	if err := gocv.Rotate(*m, &turned, flag); err != nil {
		return alpr.Frame{}, fmt.Errorf("turn a frame: %w", err)
	}
	return toFrame(&turned, nil)
}
