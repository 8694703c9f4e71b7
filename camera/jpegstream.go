package camera

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"alpr"
)

// maxStreamed is the most bytes of one picture in a stream.
const maxStreamed = 16 << 20

// jpegStream is a stream of JPEGs over HTTP. It needs neither FFmpeg nor OpenCV's
// lock, ends with its context, and hands each picture over when its last byte
// has come. Not safe for concurrent use.
type jpegStream struct {
	stop    context.CancelFunc
	body    io.ReadCloser
	in      *bufio.Reader
	pending *alpr.Frame // the first, which was read to see that there is one
}

// openMotionJPEG opens an http:// stream of pictures and waits for the first. It
// returns nil where the address is of another kind or asks for a login that
// FFmpeg may know.
func openMotionJPEG(ctx context.Context, location string) (capture, error) {
	at, err := address(location)
	if err != nil || !strings.HasPrefix(at, "http://") {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	body, err := getPictures(ctx, stop, at)
	if err != nil || body == nil {
		if cause := context.Cause(ctx); cause != nil && err != nil {
			err = cause
		}
		stop(nil)
		if err != nil {
			err = fmt.Errorf("open camera %s: %w", Shown(location), withoutAddress(err))
		}
		return nil, err
	}
	s := &jpegStream{stop: func() { stop(nil) }, body: body, in: bufio.NewReaderSize(body, 64<<10)}
	late := time.AfterFunc(firstSilence, func() { stop(errMute) })
	defer late.Stop()
	f, err := s.picture()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil && (f.Width < minSide || f.Height < minSide) {
		err = fmt.Errorf("it sends pictures of %d×%d pixels, too few for a plate: set its stream to 1280×720 or more", f.Width, f.Height)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open camera %s: no picture comes from there: %w", Shown(location), err)
	}
	s.pending = f
	return s, nil
}

// getPictures asks for the stream; nil: what comes is no stream of pictures.
func getPictures(ctx context.Context, stop context.CancelCauseFunc, at string) (io.ReadCloser, error) {
	late := time.AfterFunc(reachWithin, func() { stop(errMute) })
	defer late.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "multipart/") {
		return nil, res.Body.Close()
	}
	return res.Body, nil
}

// withoutAddress takes off the address, with its password, that package http
// puts around an error.
func withoutAddress(err error) error {
	var in *url.Error
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}

func (s *jpegStream) frames() float64 { return 0 }
func (s *jpegStream) fps() float64    { return 0 }

func (s *jpegStream) close() {
	s.stop()
	_ = s.body.Close() // the stream is given up, whole or not
}

// next passes over pictures that are damaged, up to maxBroken in a row.
func (s *jpegStream) next() (alpr.Frame, float64, bool) {
	if f := s.pending; f != nil {
		s.pending = nil
		return *f, 0, true
	}
	for range maxBroken {
		f, err := s.picture()
		if err == nil {
			return *f, 0, true
		}
		if !errors.Is(err, errBadPicture) {
			break
		}
	}
	return alpr.Frame{}, 0, false
}

var errBadPicture = errors.New("what it sends are no sound pictures")

// picture reads and decodes the next picture.
func (s *jpegStream) picture() (*alpr.Frame, error) {
	text, err := nextJPEG(s.in)
	if err != nil {
		return nil, err
	}
	if _, err := readHeader(text); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadPicture, err)
	}
	f, err := decodePicture("of the stream", text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadPicture, err)
	}
	return f, nil
}

// nextJPEG reads up to the end of the next picture and returns it. What lies
// between two pictures (boundaries, headers, which cameras write in many ways) is
// passed over; the picture's own markers say where it ends (ITU T.81, annex B). A
// picture that another one begins within is dropped.
func nextJPEG(in *bufio.Reader) ([]byte, error) {
	if err := skipToPicture(in); err != nil {
		return nil, err
	}
	text := []byte{0xff, 0xd8}
	isScan := false
	for len(text) < maxStreamed {
		b, err := in.ReadByte()
		if err != nil {
			return nil, err
		}
		text = append(text, b)
		if b != 0xff {
			if !isScan { // between segments there is nothing
				return nil, errBadPicture
			}
			continue
		}
		marker, err := markerOf(in)
		if err != nil {
			return nil, err
		}
		text = append(text, marker)
		switch {
		case marker == 0xd9:
			return text, nil
		case marker == 0xd8:
			text, isScan = text[:2], false
		case marker == 0 || marker >= 0xd0 && marker <= 0xd7: // within a scan
		default:
			if text, err = appendSegment(in, text); err != nil {
				return nil, err
			}
			isScan = isScan || marker == 0xda
		}
	}
	return nil, fmt.Errorf("%w: one is longer than %d MB", errBadPicture, maxStreamed>>20)
}

// skipToPicture reads past the next SOI marker.
func skipToPicture(in *bufio.Reader) error {
	for seen, last := 0, byte(0); seen < reachBytes; seen++ {
		b, err := in.ReadByte()
		if err != nil {
			return err
		}
		if last == 0xff && b == 0xd8 {
			return nil
		}
		last = b
	}
	return errors.New("what it sends holds no pictures")
}

// markerOf reads the byte behind 0xff; more of them are fill.
func markerOf(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil || b != 0xff {
			return b, err
		}
	}
}

// appendSegment reads a marker's segment: two bytes of length, which count
// themselves, and what they say follows.
func appendSegment(in *bufio.Reader, text []byte) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(length[:]))
	if size < 2 {
		return nil, errBadPicture
	}
	begin := len(text)
	text = append(append(text, length[:]...), make([]byte, size-2)...)
	_, err := io.ReadFull(in, text[begin+2:])
	return text, err
}
