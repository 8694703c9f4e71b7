package gps

import (
	"fmt"
	"time"
)

const (
	// rollover is after how long a receiver's weeks begin anew (1024 weeks,
	// IS-GPS-200): a time this far off is a receiver's mistake.
	rollover = 1024 * 7 * 24 * time.Hour
	// farAhead is how far satellite time may lie ahead of the system clock. The
	// clock of a computer without a battery is behind by as long as it was off.
	farAhead = 2 * 365 * 24 * time.Hour
	// clockAgrees is how far the system clock may be from a receiver's time of
	// day for its date to be taken: it was then set right, the day included.
	clockAgrees = 3 * time.Second
)

// clockFloor is what no clock of a computer that runs this shows once it has
// been set.
func clockFloor() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

// A calendar finds the day that belongs to a time of day.
type calendar struct {
	earliest time.Time        // no satellite time before this is believed
	isLive   bool             // what is read is said now
	wall     func() time.Time // the system clock
	last     time.Time        // the newest instant whose date was believed
}

// dated is an instant, zero where its day is not known.
type dated struct {
	t      time.Time
	isSelf bool // the date is the receiver's own
}

// instant puts date and time of day together. Without a date (zero), or with
// one that cannot be true, the day is that of the instants before, or else the
// system clock's, if that clock agrees with the time of day.
func (c *calendar) instant(date time.Time, timeOfDay time.Duration) (dated, error) {
	var refused error
	if !date.IsZero() {
		at := date.Add(timeOfDay)
		if refused = c.check(at); refused == nil {
			c.last = at
			return dated{at, true}, nil
		}
	}
	if !c.last.IsZero() {
		at := nearest(c.last, timeOfDay)
		if step := at.Sub(c.last); step > 0 && step < time.Hour { // one false time of day moves no date
			c.last = at
		}
		return dated{at, true}, nil
	}
	if c.isLive {
		now := c.wall()
		if at := nearest(now, timeOfDay); at.Sub(now).Abs() <= clockAgrees && c.check(at) == nil {
			return dated{at, false}, nil
		}
	}
	return dated{}, refused
}

// check refuses what cannot be now, or be the time of a log. A receiver that has
// not yet seen the satellites' date counts from 6 January 1980, which two digits
// also make 2080, or is 1024 weeks off.
func (c *calendar) check(at time.Time) error {
	if at.Before(c.earliest) {
		return fmt.Errorf("%w: satellite time %s is before %s", ErrNotCredible,
			at.Format(time.RFC3339), c.earliest.Format(time.DateOnly))
	}
	latest := c.earliest.Add(rollover)
	if !c.isLive {
		latest = c.earliest.AddDate(80, 0, 0)
	}
	now := c.wall()
	if ahead := now.Add(farAhead); !now.Before(clockFloor()) && ahead.Before(latest) {
		latest = ahead
	}
	if at.After(latest) {
		return fmt.Errorf("%w: satellite time %s is years ahead of this computer's clock (%s)", ErrNotCredible,
			at.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// nearest is the instant of a time of day that is nearest to another.
func nearest(to time.Time, timeOfDay time.Duration) time.Time {
	const day = 24 * time.Hour
	at := to.UTC().Truncate(day).Add(timeOfDay)
	switch d := at.Sub(to); {
	case d > day/2:
		return at.Add(-day)
	case d < -day/2:
		return at.Add(day)
	}
	return at
}
