package camera

import (
	"context"
	"errors"
	"time"

	"alpr"
)

const (
	firstPause = 500 * time.Millisecond
	longPause  = 10 * time.Second
	// repeatAfter is how long an unchanged failure goes unmentioned.
	repeatAfter = time.Minute
)

// errLost says why a live source is opened again.
var errLost = errors.New("the camera stopped sending")

// runLive delivers a camera's frames as they come, and opens it again whenever
// it is lost, until the context is done.
func (s *Source) runLive(ctx context.Context, emit func(*alpr.Frame)) error {
	var seq uint64
	pause := firstPause
	var reported failureLog
	for {
		got, err := s.runConnection(ctx, emit, &seq)
		if ctx.Err() != nil {
			s.closed(nil)
			return ctx.Err()
		}
		s.closed(err)
		if got > 0 {
			pause = firstPause
		}
		if reported.isNews(err, got > 0) {
			s.log.Warn("camera lost: opening it again", keyCamera, s.config.Name,
				keyLocation, Shown(s.config.Location), keyError, err, keyPause, pause)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, longPause)
	}
}

// runConnection delivers what one opening of the camera gives, and how many
// frames that were.
func (s *Source) runConnection(ctx context.Context, emit func(*alpr.Frame), seq *uint64) (int, error) {
	if s.reach != nil {
		if err := s.reach(ctx, s.config.Location); err != nil {
			return 0, err
		}
	}
	var v capture
	err := s.config.Guard.Do("open camera "+s.config.Name, func() (err error) {
		v, err = s.open(s.config)
		return err
	})
	if err != nil {
		return 0, err
	}
	defer v.close()
	s.opened()
	for got := 0; ; got++ {
		f, ms, ok, err := s.next(v)
		if ctx.Err() != nil {
			return got, ctx.Err()
		}
		if err != nil {
			return got, err
		}
		if !ok {
			return got, errLost
		}
		if got == 0 {
			s.log.Info("camera delivers", keyCamera, s.config.Name, keyLocation, Shown(s.config.Location),
				"width", f.Width, "height", f.Height)
		}
		*seq++
		f.Camera, f.Seq = s.config.Name, *seq
		f.CapturedAt = s.capturedAt(time.Now(), ms)
		emit(&f)
	}
}

// capturedAt is when a live frame was taken. A V4L2 driver stamps frames by
// the monotonic clock at the start or end of exposure; a network camera's
// stream time says nothing about our clock, so arrival less the configured
// latency is the best there is.
func (s *Source) capturedAt(now time.Time, ms float64) time.Time {
	if s.kind == kindDevice {
		if age, ok := ageOf(ms, monotonicNow()); ok {
			return now.Add(-age - s.config.Latency)
		}
	}
	return now.Add(-s.config.Latency)
}

// ageOf is how long ago a driver stamped a frame, where the stamp is credibly
// of the monotonic clock: not in the future, and not over a second old.
func ageOf(stampMS float64, monotonic time.Duration) (time.Duration, bool) {
	age := monotonic - time.Duration(stampMS*float64(time.Millisecond))
	return age, stampMS > 0 && age >= 0 && age <= time.Second
}

// failureLog keeps a camera that stays away from filling the log.
type failureLog struct {
	text string
	at   time.Time
}

func (l *failureLog) isNews(err error, worked bool) bool {
	text := err.Error()
	if !worked && text == l.text && time.Since(l.at) < repeatAfter {
		return false
	}
	l.text, l.at = text, time.Now()
	return true
}
