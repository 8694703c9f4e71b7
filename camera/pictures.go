package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/regular"
)

const defaultPictureFPS = 10

// ReadPicture decodes one picture file (JPEG, PNG, WebP, TIFF, BMP), turned
// upright where it says how it was held. The frame is named after the file and
// has Seq 1. A file that is cut short gives what can be decoded of it together
// with an error that wraps ErrCutShort, a JPEG that is damaged in its middle with
// one that wraps ErrDamagedWithin; of more than MaxPixels nothing is decoded.
func ReadPicture(path string) (*alpr.Frame, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	h, err := readHeader(content)
	if err != nil {
		return nil, fmt.Errorf("read picture %s: %w: %w", path, ErrDamaged, err)
	}
	f, err := decodePicture(path, content)
	if err != nil {
		return nil, err
	}
	if !h.isWhole {
		return f, fmt.Errorf("read picture %s: %w", path, ErrCutShort)
	}
	if bytes.HasPrefix(content, []byte("\xff\xd8")) && isDamagedWithin(content) {
		return f, fmt.Errorf("read picture %s: %w", path, ErrDamagedWithin)
	}
	return f, nil
}

// readFile reads a picture's file, no more of it than a picture can have.
func readFile(path string) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxPictureFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(content) == 0:
		return nil, fmt.Errorf("%s: %w: the file is empty", path, ErrDamaged)
	case len(content) > maxPictureFile:
		return nil, fmt.Errorf("%s: more than %d MB: %w", path, maxPictureFile>>20, ErrTooLarge)
	}
	return content, nil
}

func decodePicture(path string, content []byte) (*alpr.Frame, error) {
	m, err := gocv.IMDecode(content, gocv.IMReadColor)
	if err != nil || m.Empty() {
		return nil, errors.Join(fmt.Errorf("read picture %s: %w: damaged, cut short, or moving (animated)", path, ErrDamaged), m.Close())
	}
	defer m.Close()
	f, err := toFrame(&m, nil)
	if err != nil {
		return nil, fmt.Errorf("read picture %s: %w", path, err)
	}
	f.Camera, f.Seq = filepath.Base(path), 1
	return &f, nil
}

// Pictures lists the picture files that a folder, a pattern with * or %04d, or
// a single name stands for: in natural order, so that img2 comes before img10.
func Pictures(location string) ([]string, error) {
	paths, err := expand(location)
	if err != nil {
		return nil, err
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return !IsPicture(p) })
	if len(paths) == 0 {
		return nil, fmt.Errorf("list pictures of %s: %w: JPEG, PNG, WebP, TIFF and BMP are known", location, ErrNoPictures)
	}
	slices.SortFunc(paths, compareNatural)
	return paths, nil
}

func expand(location string) ([]string, error) {
	info, err := os.Stat(location)
	if err == nil && !info.IsDir() {
		return []string{location}, nil
	}
	if err == nil {
		entries, err := os.ReadDir(location)
		if err != nil {
			return nil, fmt.Errorf("list pictures: %w", err)
		}
		var paths []string
		for _, e := range entries {
			if !e.IsDir() {
				paths = append(paths, filepath.Join(location, e.Name()))
			}
		}
		return paths, nil
	}
	if base := filepath.Base(location); numbered.MatchString(base) {
		location = filepath.Join(filepath.Dir(location), numbered.ReplaceAllString(base, "[0-9]*"))
	}
	if !strings.ContainsAny(location, "*?[") {
		return nil, fmt.Errorf("list pictures: %w: check the path", err)
	}
	paths, err := filepath.Glob(location)
	if err != nil {
		return nil, fmt.Errorf("list pictures %s: %w", location, err)
	}
	return paths, nil
}

// compareNatural orders runs of digits by their value.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		da, db := leadingDigits(a), leadingDigits(b)
		if da == 0 || db == 0 {
			if a[0] != b[0] {
				return int(a[0]) - int(b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if len(na) != len(nb) {
			return len(na) - len(nb)
		}
		if c := strings.Compare(na, nb); c != 0 {
			return c
		}
		a, b = a[da:], b[db:]
	}
	return len(a) - len(b)
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func (s *Source) readPicture(path string) (f *alpr.Frame, err error) {
	err = s.config.Guard.Do("picture "+path, func() (err error) {
		f, err = ReadPicture(path)
		return err
	})
	return f, err
}

// runPictures delivers a folder, pattern or picture as if it had been filmed at
// FPS. A picture that cannot be decoded is reported, and its time passes.
func (s *Source) runPictures(ctx context.Context, emit func(*alpr.Frame)) error {
	paths, err := Pictures(s.config.Location)
	if err != nil {
		s.closed(err)
		return err
	}
	s.opened()
	fps := s.config.FPS
	if fps == 0 {
		fps = defaultPictureFPS
	}
	p := pace{isOn: s.config.RealTime}
	delivered := 0
	for i, path := range paths {
		at := s.config.start().Add(time.Duration(float64(i) * float64(time.Second) / fps))
		if err := p.wait(ctx, at); err != nil {
			s.closed(nil)
			return err
		}
		f, err := s.readPicture(path)
		if err != nil && f == nil {
			s.log.Warn("skip a picture", keyCamera, s.config.Name, keyFile, path, keyError, err)
			continue
		}
		if err != nil {
			s.log.Warn("a picture is read in part", keyCamera, s.config.Name, keyFile, path, keyError, err)
		}
		f.Camera, f.Seq, f.CapturedAt = s.config.Name, uint64(i+1), at
		emit(f)
		delivered++
	}
	if delivered == 0 {
		err = fmt.Errorf("read pictures of %s: %w", s.config.Location, ErrNoFrames)
	}
	s.closed(err)
	return err
}
