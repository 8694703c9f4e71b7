package camera

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"gocv.io/x/gocv"

	"alpr"
)

// capture is an opened video stream.
type capture interface {
	// next decodes the next frame and its time in milliseconds since the
	// stream's start (0 where the stream does not say). ok is false at the end.
	next() (f alpr.Frame, ms float64, ok bool)
	// frames is how many frames the container claims; 0 when it does not.
	frames() float64
	fps() float64
	close()
}

// networkOptions make network cameras come over TCP (UDP loses packets and
// smears plates), end a connection that is silent for longer than any camera
// is (microseconds, as maxSilence), and throw away what arrived while the stream
// was being examined: those frames are old.
const networkOptions = "rtsp_transport;tcp|timeout;60000000|fflags;nobuffer"

// OpenCV's own bounds in milliseconds (CAP_PROP_OPEN_TIMEOUT_MSEC and
// CAP_PROP_READ_TIMEOUT_MSEC, which gocv has no names for). OpenCV opens one
// stream at a time in the whole process, so that opening is bounded closely.
const (
	openTimeout = 53
	readTimeout = 54
	openWithin  = 6_000
	readWithin  = 60_000
)

// quietFFmpeg is AV_LOG_FATAL: what FFmpeg says about a damaged packet is for
// its developers; the source reports the consequence in one line of its own.
const quietFFmpeg = "8"

// openCapture opens a file, network camera or device.
func openCapture(c Config) (capture, error) {
	k, err := kindOf(c.Location)
	if err != nil {
		return nil, err
	}
	switch k {
	case kindDevice:
		return openDevice(c)
	case kindPipeline:
		return openPipeline(c.Location)
	case kindVideo:
		info, err := os.Stat(c.Location)
		if err != nil {
			return nil, fmt.Errorf("open video: %w: check the path", err)
		}
		if info.Size() == 0 {
			return nil, fmt.Errorf("open video %s: %w: the file is empty", c.Location, ErrDamaged)
		}
	default: // a network camera is not looked for before it is opened
	}
	v, err := openFFmpeg(c.Location, k)
	if err != nil {
		return nil, err
	}
	opened := newVideoCapture(v)
	if err := checkSize(opened.width, opened.height); err != nil && (opened.width > 0 || opened.height > 0) {
		opened.close()
		return nil, fmt.Errorf("open video %s: %w: %w", Shown(c.Location), ErrDamaged, err)
	}
	if k == kindNetwork && (opened.width < minSide || opened.height < minSide) {
		opened.close()
		return nil, fmt.Errorf("open camera %s: it sends pictures of %d×%d pixels, too few for a plate: set its stream to 1280×720 or more",
			Shown(c.Location), opened.width, opened.height)
	}
	return opened, nil
}

// minSide is the least width and height of a network camera's pictures. OpenCV
// goes on with the size that a stream began with, so that one which is changing
// must not be taken for good.
const minSide = 64

func openError(k kind, location string) error {
	if k == kindNetwork {
		return fmt.Errorf("open camera %s: no video from there: check address, user, password and cable", Shown(location))
	}
	return fmt.Errorf("open video %s: %w: not a video, cut short before its index, or a codec that FFmpeg lacks", location, ErrDamaged)
}

// environment guards what OpenCV takes from the process's environment while it
// opens a stream: it knows no other way to pass options to FFmpeg.
var environment sync.Mutex //nolint:gochecknoglobals // the environment is the process's

func openFFmpeg(location string, k kind) (v *gocv.VideoCapture, err error) {
	environment.Lock()
	defer environment.Unlock()
	restore := []func() error{}
	defer func() {
		for _, undo := range restore {
			err = errors.Join(err, undo())
		}
	}()
	set := map[string]string{"OPENCV_FFMPEG_LOGLEVEL": quietFFmpeg}
	if k == kindNetwork {
		set["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = networkOptions
	}
	for key, value := range set {
		if _, isSet := os.LookupEnv(key); isSet {
			continue // somebody knows better
		}
		if err := os.Setenv(key, value); err != nil {
			return nil, fmt.Errorf("set up FFmpeg: %w", err)
		}
		restore = append(restore, func() error { return os.Unsetenv(key) })
	}
	if k == kindNetwork {
		if location, err = address(location); err != nil {
			return nil, err
		}
	}
	bounds := []gocv.VideoCaptureProperties{openTimeout, openWithin, readTimeout, readWithin}
	v, err = gocv.VideoCaptureFileWithAPIParams(location, gocv.VideoCaptureFFmpeg, bounds)
	if err != nil || !v.IsOpened() {
		return nil, errors.Join(openError(k, location), v.Close())
	}
	return v, nil
}

func openDevice(c Config) (capture, error) {
	if _, err := os.Stat(c.Location); err != nil {
		return nil, fmt.Errorf("open camera: %w: check the cable, and v4l2-ctl --list-devices", err)
	}
	v, err := gocv.VideoCaptureFileWithAPI(c.Location, gocv.VideoCaptureV4L2)
	if err != nil || !v.IsOpened() {
		return nil, errors.Join(
			fmt.Errorf("open camera %s: not a free video device: is another program using it, and is the user in group video?", c.Location),
			v.Close())
	}
	// MJPG first: over USB, raw frames of 1080p do not fit 30 times a second.
	v.Set(gocv.VideoCaptureFOURCC, v.ToCodec("MJPG"))
	if c.Width > 0 && c.Height > 0 {
		v.Set(gocv.VideoCaptureFrameWidth, float64(c.Width))
		v.Set(gocv.VideoCaptureFrameHeight, float64(c.Height))
	}
	if c.FPS > 0 {
		v.Set(gocv.VideoCaptureFPS, c.FPS)
	}
	v.Set(gocv.VideoCaptureBufferSize, 1) // the newest frame, never an old one
	return newVideoCapture(v), nil
}

// videoCapture decodes straight into the memory that becomes Frame.Pix.
type videoCapture struct {
	v             *gocv.VideoCapture
	turn          turn
	width, height int // of the last frame as it is decoded, expected of the next
}

func newVideoCapture(v *gocv.VideoCapture) *videoCapture {
	return &videoCapture{
		v:      v,
		turn:   turnOf(v),
		width:  int(v.Get(gocv.VideoCaptureFrameWidth)),
		height: int(v.Get(gocv.VideoCaptureFrameHeight)),
	}
}

func (c *videoCapture) frames() float64 { return c.v.Get(gocv.VideoCaptureFrameCount) }
func (c *videoCapture) fps() float64    { return c.v.Get(gocv.VideoCaptureFPS) }
func (c *videoCapture) close()          { _ = c.v.Close() } // gocv's Close never fails

func (c *videoCapture) next() (alpr.Frame, float64, bool) {
	var pix []byte
	m := gocv.NewMat()
	if checkSize(c.width, c.height) == nil {
		pix = make([]byte, 3*c.width*c.height)
		if over, err := gocv.NewMatFromBytes(c.height, c.width, gocv.MatTypeCV8UC3, pix); err == nil {
			_ = m.Close()
			m = over
		}
	}
	defer m.Close()
	if !c.v.Read(&m) || m.Empty() || checkSize(m.Cols(), m.Rows()) != nil { // a stream's size may change
		return alpr.Frame{}, 0, false
	}
	c.width, c.height = m.Cols(), m.Rows()
	f, err := c.turn.frame(&m, pix)
	if err != nil {
		return alpr.Frame{}, 0, false
	}
	return f, c.v.Get(gocv.VideoCapturePosMsec), true
}
