package camera

import (
	"context"
	"fmt"
	"time"

	"alpr"
)

// runVideo delivers every frame of a video file.
func (s *Source) runVideo(ctx context.Context, emit func(*alpr.Frame)) error {
	v, err := s.open(s.config)
	if err != nil {
		s.closed(err)
		return err
	}
	defer v.close()
	s.opened()
	clock := recordingClock{start: s.config.start(), step: frameTime(v.fps())}
	p := pace{isOn: s.config.RealTime}
	lastGood, delivered := uint64(0), uint64(0)
	for seq := uint64(1); ; seq++ {
		f, ms, ok, err := s.next(v)
		if err != nil && seq-lastGood < maxBroken {
			continue
		}
		if !ok {
			err := endOfVideo(s.config.Location, delivered, v.frames())
			s.closed(err)
			return err
		}
		f.Camera, f.Seq, f.CapturedAt = s.config.Name, seq, clock.at(ms)
		if err := p.wait(ctx, f.CapturedAt); err != nil {
			s.closed(nil)
			return err
		}
		emit(&f)
		lastGood = seq
		delivered++
	}
}

// maxBroken is how many frames of a recording in a row may break the program
// before the recording is given up.
const maxBroken = 30

// next decodes the next frame. A panic is an error and no frame.
func (s *Source) next(v capture) (f alpr.Frame, ms float64, ok bool, err error) {
	err = s.config.Guard.Do("frame of "+s.config.Name, func() error {
		f, ms, ok = v.next()
		return nil
	})
	return f, ms, ok && err == nil, err
}

// endOfVideo tells a whole recording from one that broke off. Containers count
// frames exactly or estimate from the duration, so a few may be missing.
func endOfVideo(location string, got uint64, claimed float64) error {
	switch {
	case got == 0:
		return fmt.Errorf("read video %s: %w: %w", location, ErrDamaged, ErrNoFrames)
	case claimed >= 10 && float64(got) < 0.9*claimed-5:
		return fmt.Errorf("read video %s: %w: %d of about %.0f frames could be decoded; those were delivered",
			location, ErrDamaged, got, claimed)
	}
	return nil
}

// maxRecordingMS is ten years: no recording is longer, and the sums of time
// below hold it.
const maxRecordingMS = 10 * 366 * 24 * 3600 * 1000

// recordingClock gives frames their recorded times, and makes up for frames
// whose time is missing (FFmpeg's last ones) or runs backwards: those follow at
// the distance of the frames before.
type recordingClock struct {
	start   time.Time
	step    time.Duration // between the last two frames that carried a time
	last    time.Duration
	isReal  bool // last was given, not made up
	started bool
}

func (c *recordingClock) at(ms float64) time.Time {
	if !(ms >= 0 && ms <= maxRecordingMS) { // damaged, or not a number
		ms = 0
	}
	t := time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond)
	switch {
	case c.started && t <= c.last:
		t = c.last + c.step
		c.isReal = false
	case c.isReal:
		c.step = t - c.last
	default:
		c.isReal = true
	}
	c.last, c.started = t, true
	return c.start.Add(t)
}

func frameTime(fps float64) time.Duration {
	if fps <= 0 || fps > 1000 {
		fps = 30
	}
	return time.Duration(float64(time.Second) / fps)
}
