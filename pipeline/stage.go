package pipeline

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"alpr"
)

const (
	// maxFailures is how many frames in a row may fail before a stage counts as
	// not working: one bad frame is skipped.
	maxFailures = 30
	// firstRenewal and lastRenewal bound the time between attempts to open the
	// networks of a stage that does not work anew.
	firstRenewal = time.Second
	lastRenewal  = time.Minute
	// lostEvery and stillLostEvery are the least times between two lines on lost
	// frames in the log, before and after the stage was said not to work.
	lostEvery      = time.Second
	stillLostEvery = time.Minute
)

// stage watches the detector or the recogniser: it tells one bad frame from a
// part that does not work, says so once, and has it opened anew until it works
// again. It is used by one goroutine but for trouble.
type stage struct {
	p       *Pipeline
	what    string                  // "plates are NOT found"
	onRenew func(cause error) error // nil: there is nothing to open anew
	trouble atomic.Value

	row     int // of frames that failed since the last good one
	since   time.Time
	told    time.Time
	next    time.Time // not opened anew before
	wait    time.Duration
	isTried bool // the attempts since it stopped working have begun
	gaveUp  error
}

var errStage = errors.New("the pictures were over while a stage did not work")

func newStage(p *Pipeline, what string, renew func(error) error) *stage {
	return &stage{p: p, what: what, onRenew: renew}
}

// do works on one frame. A panic is an error like any other.
func (s *stage) do(input string, work func() error) error {
	err := s.p.parts.Guard.Do(input, work)
	s.did(err)
	return err
}

// did counts how a frame came out.
func (s *stage) did(err error) {
	if err == nil {
		s.worked()
	} else {
		s.failed(err, time.Now())
	}
}

func (s *stage) worked() {
	if s.row >= maxFailures {
		s.p.log.Info("a stage works again", "stage", s.what, "since", s.since, "frames", s.row)
		s.trouble.Store("")
	}
	s.row, s.isTried = 0, false
}

func (s *stage) failed(err error, now time.Time) {
	if s.row++; s.row == 1 {
		s.since = now
	}
	every := lostEvery
	if s.row > maxFailures {
		every = stillLostEvery
	}
	if s.row != maxFailures && now.Sub(s.told) >= every {
		s.p.log.Error("a frame is lost", "stage", s.what, "error", err)
		s.told = now
	}
	if s.row < maxFailures {
		return
	}
	if s.row == maxFailures {
		s.p.log.Error("a stage does not work: every frame is lost until it does", "stage", s.what, "frames", s.row, "error", err)
		s.told = now
	}
	s.trouble.Store(fmt.Sprintf("%s since %s, no alert can come from the cameras: %v", s.what, s.since.Format(time.TimeOnly), err))
	s.renew(err, now)
}

// renew has the networks opened anew where it is time to. A recording whose
// networks nobody opens anew is given up: it can be played again.
func (s *stage) renew(cause error, now time.Time) {
	if s.onRenew == nil {
		if s.p.cfg.IsLossless {
			s.gaveUp = fmt.Errorf("%s, %d frames in a row: %w", s.what, s.row, cause)
		}
		return
	}
	if !s.isTried {
		s.isTried, s.wait, s.next = true, firstRenewal, now
	}
	if now.Before(s.next) {
		return
	}
	err := s.p.parts.Guard.Do("open the networks anew", func() error { return s.onRenew(cause) })
	s.next = time.Now().Add(s.wait)
	if err != nil {
		s.p.log.Error("the networks cannot be opened anew", "error", err, "retry_after", s.wait)
	} else {
		s.p.log.Warn("the networks were opened anew", "stage", s.what)
	}
	s.wait = min(2*s.wait, lastRenewal)
}

// Trouble is why the stage does not work, "" while it does. It may be asked at
// any time.
func (s *stage) Trouble() string {
	t, _ := s.trouble.Load().(string)
	return t
}

// lost is the error of a stage that still does not work when all frames are over.
func (s *stage) lost() error {
	if t := s.Trouble(); t != "" && s.gaveUp == nil {
		return fmt.Errorf("%w: %s", errStage, t)
	}
	return s.gaveUp
}

// watched is the recogniser under watch.
type watched struct {
	Reader
	stage *stage
}

func (w watched) Read(f *alpr.Frame, plates []alpr.Plate) (texts []alpr.Text, err error) {
	err = w.stage.do(nameOf("read plates", f), func() (err error) {
		if texts, err = w.Reader.Read(f, plates); err == nil && len(texts) != len(plates) {
			return fmt.Errorf("%d texts for %d plates", len(texts), len(plates))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRead, err)
	}
	return texts, nil
}

// errRead marks what the stage of reading has counted already.
var errRead = errors.New("read plates")
