package store

import (
	"fmt"
	"sync"
	"time"
)

const (
	// jumpTolerance is how far the system clock may run ahead of the monotonic
	// one before it counts as a jump.
	jumpTolerance = 5 * time.Minute
	// jumpSettle is how long a jump must last before it is believed.
	jumpSettle = 10 * time.Minute
	// parkedTolerance is how far it may be ahead after a restart: a car stands
	// for days, and what fell due meanwhile must go at once.
	parkedTolerance = 14 * 24 * time.Hour
	// clockSaveEvery bounds what a power cut can take from the retention clock.
	clockSaveEvery = 10 * time.Second
)

// retentionClock is the time that retention is measured on. It never runs
// backwards: a system clock that falls back to 1970 after a dead battery, or
// is set back by hand, does not stretch any retention. A jump forward is
// believed only after it has lasted jumpSettle, so that a satellite receiver's
// rollover does not delete a month of reads. While the system clock
// is behind, time goes on by the monotonic clock.
type retentionClock struct {
	mu    sync.Mutex
	now   time.Time     // retention time at the last advance
	wall  time.Time     // system clock then, with its monotonic reading
	ahead time.Duration // how long the system clock has been ahead by more than jumpTolerance
	saved time.Time     // as last written to the file

	isRestored bool // and not yet advanced
}

// restore sets the clock to what the file says was the latest time seen.
func (c *retentionClock) restore(latest time.Time) {
	c.now, c.saved, c.isRestored = latest, latest, true
}

func (c *retentionClock) isSet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.now.IsZero()
}

// advance takes a reading of the system clock and returns the retention time.
func (c *retentionClock) advance(wall time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var elapsed time.Duration
	if !c.wall.IsZero() {
		elapsed = max(0, wall.Sub(c.wall)) // monotonic where both readings carry it
	}
	c.wall = wall
	c.step(wall.Round(0).UTC(), elapsed)
	return c.now
}

// step moves the clock on by the time that has passed, and towards the system
// clock where that is ahead.
func (c *retentionClock) step(wall time.Time, elapsed time.Duration) {
	if c.now.IsZero() {
		c.now = wall
		return
	}
	tolerance := jumpTolerance
	if c.isRestored {
		tolerance, c.isRestored = parkedTolerance, false
	}
	c.now = c.now.Add(elapsed)
	switch lead := wall.Sub(c.now); {
	case lead <= 0:
		c.ahead = 0
	case lead <= tolerance:
		c.now, c.ahead = wall, 0
	default:
		if c.ahead += elapsed; c.ahead >= jumpSettle {
			c.now, c.ahead = wall, 0
		}
	}
}

// saveClock writes the retention time beside the data, so that it survives a
// restart with a wrong system clock.
func (t *tx) saveClock() error {
	c := &t.s.clock
	c.mu.Lock()
	isDue := t.due.Sub(c.saved) >= clockSaveEvery || c.saved.IsZero()
	c.mu.Unlock()
	if !isDue {
		return nil
	}
	if err := t.putMeta(metaClock, ms(t.due)); err != nil {
		return fmt.Errorf("save the retention clock: %w", err)
	}
	c.mu.Lock()
	c.saved = t.due
	c.mu.Unlock()
	return nil
}

// ms is t in Unix milliseconds, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMS undoes ms.
func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}
