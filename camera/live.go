package camera

import (
	"context"
	"errors"
	"fmt"
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

// maxReaders is how many calls into C may be under way for one camera: the one
// that delivers, and those that were given up on and have not come back yet.
const maxReaders = 3

// runLive delivers a camera's frames as they come, and opens it again whenever
// it is lost, until the context is done.
func (s *Source) runLive(ctx context.Context, emit func(*alpr.Frame)) error {
	var seq uint64
	pause := firstPause
	var reported failureLog
	readers := make(chan struct{}, maxReaders)
	for {
		got, err := s.runConnection(ctx, readers, emit, &seq)
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
// frames that were. It comes back as soon as ctx ends, whatever the camera does.
func (s *Source) runConnection(ctx context.Context, readers chan struct{}, emit func(*alpr.Frame), seq *uint64) (int, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	select {
	case readers <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	shots, opened := make(chan shot), make(chan error)
	go func() {
		defer func() { <-readers }()
		s.read(ctx, opened, shots)
	}()
	if err := receive(ctx, opened); err != nil {
		return 0, err
	}
	s.opened()
	s.rhythm.restart()
	for got := 0; ; got++ {
		f, err := s.nextShot(ctx, shots)
		if err != nil {
			return got, err
		}
		if got == 0 {
			s.log.Info("camera delivers", keyCamera, s.config.Name, keyLocation, Shown(s.config.Location),
				"width", f.frame.Width, "height", f.frame.Height)
		}
		*seq++
		f.frame.Camera, f.frame.Seq = s.config.Name, *seq
		f.frame.CapturedAt = s.capturedAt(time.Now(), f.ms)
		emit(&f.frame)
	}
}

// deviceSilence lets OpenCV give up on a device (after ten seconds) before we do:
// it can be opened again only when it was let go.
const deviceSilence = 12 * time.Second

// shot is what one call of a capture gave.
type shot struct {
	frame alpr.Frame
	ms    float64
	err   error // the last shot's: why there are no more
}

// read opens the camera and sends its frames until ctx ends or the camera is
// lost. It alone uses the capture. C code does not hear of a context: read comes
// back when C does, and nobody waits for it.
func (s *Source) read(ctx context.Context, opened chan<- error, shots chan<- shot) {
	v, err := s.connect(ctx)
	if v != nil {
		defer v.close()
	}
	select {
	case opened <- err:
	case <-ctx.Done():
		return
	}
	for err == nil {
		var next shot
		var ok bool
		if next.frame, next.ms, ok, err = s.next(v); err == nil && !ok {
			err = errLost
		}
		next.err = err
		select {
		case shots <- next:
		case <-ctx.Done():
			return
		}
	}
}

// nextShot waits for a frame, as long as the camera's pace allows.
func (s *Source) nextShot(ctx context.Context, shots <-chan shot) (shot, error) {
	patience := s.rhythm.patience()
	if s.kind == kindDevice {
		patience = max(patience, deviceSilence)
	}
	within := time.NewTimer(patience)
	defer within.Stop()
	select {
	case <-ctx.Done():
		return shot{}, ctx.Err()
	case <-within.C:
		return shot{}, fmt.Errorf("%w: nothing for %s", errLost, patience)
	case next := <-shots:
		if ctx.Err() != nil {
			return shot{}, ctx.Err()
		}
		if next.err == nil {
			s.paced(s.rhythm.beat(time.Now()))
		}
		return next, next.err
	}
}

// receive waits for what comes first: an answer, or the end of ctx.
func receive(ctx context.Context, answer <-chan error) error {
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect opens the camera.
func (s *Source) connect(ctx context.Context) (v capture, err error) {
	if s.stream != nil {
		err := s.config.Guard.Do("open camera "+s.config.Name, func() (err error) {
			v, err = s.stream(ctx, s.config.Location)
			return err
		})
		if v != nil || err != nil {
			return v, err
		}
	}
	if s.reach != nil {
		if err := s.reach(ctx, s.config.Location); err != nil {
			return nil, err
		}
	}
	err = s.config.Guard.Do("open camera "+s.config.Name, func() (err error) {
		v, err = s.open(s.config)
		return err
	})
	if err != nil {
		return nil, err
	}
	return v, nil
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
