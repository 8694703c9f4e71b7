package retention

import (
	"sync"
	"time"
)

const (
	// jumpTolerance is how far the system clock may run ahead of the monotonic
	// one before it counts as a jump.
	jumpTolerance = 5 * time.Minute
	// JumpSettle is how long a jump must last before it is believed.
	JumpSettle = 10 * time.Minute
	// parkedTolerance is how far it may be ahead after a restart: a car stands
	// for days, and what fell due meanwhile must go at once.
	parkedTolerance = 14 * 24 * time.Hour
	// saveEvery bounds what a power cut can take from the clock.
	saveEvery = 10 * time.Second
)

// Clock is the time that retention is measured on. Its zero value is ready and
// takes the first reading as it is; it is safe for concurrent use. It never runs
// backwards: a system clock that falls back to 1970 after a dead battery, or
// is set back by hand, does not stretch any retention. A jump forward is
// believed only after it has lasted JumpSettle, so that a satellite receiver's
// rollover does not delete a month of reads. While the system clock
// is behind, time goes on by the monotonic clock.
type Clock struct {
	mu    sync.Mutex
	now   time.Time     // retention time at the last Advance
	wall  time.Time     // system clock then, with its monotonic reading
	ahead time.Duration // how long the system clock has been ahead by more than jumpTolerance
	saved time.Time     // as last written to the file

	isRestored bool // and not yet advanced
}

// Restore sets the clock to what a file says was the latest time seen, before
// the first Advance.
func (c *Clock) Restore(latest time.Time) {
	c.now, c.saved, c.isRestored = latest, latest, true
}

// IsSet says whether the clock knows a time.
func (c *Clock) IsSet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.now.IsZero()
}

// Advance takes a reading of the system clock and returns the retention time.
func (c *Clock) Advance(wall time.Time) time.Time {
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
func (c *Clock) step(wall time.Time, elapsed time.Duration) {
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
		if c.ahead += elapsed; c.ahead >= JumpSettle {
			c.now, c.ahead = wall, 0
		}
	}
}

// IsSaveDue says whether the time at should be written down, so that it survives
// a restart with a wrong system clock.
func (c *Clock) IsSaveDue(at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return at.Sub(c.saved) >= saveEvery || c.saved.IsZero()
}

// NoteSaved notes that the time at was written down.
func (c *Clock) NoteSaved(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = at
}
