package gps

import (
	"slices"
	"sync"
	"time"

	"alpr"
)

const (
	// maxLatency is how long after the instant of a fix its sentence may arrive:
	// receivers compute for a tenth of a second or two and send at 4800 baud.
	maxLatency = 500 * time.Millisecond
	// driftPerSecond is what a crystal gains or loses at worst (100 ppm).
	driftPerSecond = 100 * time.Microsecond
	// checkedWithin is the uncertainty up to which a system clock counts as checked.
	checkedWithin = time.Second

	offsetSamples = 15
	jump          = time.Second // a step of the system clock
	jumpSamples   = 3
)

// clock compares the system clock with satellite time. It is safe for
// concurrent use.
type clock struct {
	mu      sync.Mutex
	samples []time.Duration // arrival by the system clock less satellite time, newest last
	at      time.Time       // system time of the newest sample
	isDated bool            // the newest sample's date was not the system clock's own
}

// observe takes in that the fix of satellite instant sat arrived at the system
// instant arrived, and whether the receiver itself said of which day it is.
func (c *clock) observe(sat, arrived time.Time, isDated bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, arrived.Sub(sat))
	c.at, c.isDated = arrived, isDated
	if c.hasStepped() {
		c.samples = append(c.samples[:0], c.samples[len(c.samples)-jumpSamples:]...)
	}
	if n := len(c.samples); n > offsetSamples {
		c.samples = append(c.samples[:0], c.samples[n-offsetSamples:]...)
	}
}

// hasStepped says whether the newest samples all lie away from those before.
func (c *clock) hasStepped() bool {
	n := len(c.samples)
	if n <= jumpSamples {
		return false
	}
	old := median(c.samples[:n-jumpSamples])
	for _, s := range c.samples[n-jumpSamples:] {
		if (s - old).Abs() < jump {
			return false
		}
	}
	return true
}

// isChecked says whether satellite time has been seen, its date included.
func (c *clock) isChecked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isDated
}

// offset is how far the system clock is ahead of satellite time, the sentence's
// way included, and whether that is known.
func (c *clock) offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.samples) == 0 {
		return 0, false
	}
	return median(c.samples), true
}

// satellite is the satellite instant of a system instant. Where the two clocks
// agree within the time a sentence may be under way they are taken as the same:
// the system clock, kept by NTP, is then better than the arrival of a sentence.
func (c *clock) satellite(system time.Time) time.Time {
	offset, ok := c.offset()
	if !ok || offset > -maxLatency && offset < 2*maxLatency {
		return system
	}
	return system.Add(maxLatency/2 - offset)
}

// source says which clock stamped the system instant at, and how far that
// stamp may be off; 0 means that nothing is known about it.
//
// An offset o is the clock's error e and the sentence's latency l together,
// with l in 0..maxLatency, so that |e| ≤ max(|o|, |o-maxLatency|); what the
// crystal may have drifted since the newest sample is added.
func (c *clock) source(at time.Time) (alpr.TimeSource, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.samples) == 0 {
		return alpr.TimeSystem, 0
	}
	o := median(c.samples)
	bound := max(o.Abs(), (o - maxLatency).Abs())
	bound += time.Duration(at.Sub(c.at).Abs().Seconds() * float64(driftPerSecond))
	if bound > checkedWithin || !c.isDated {
		return alpr.TimeSystem, bound
	}
	return alpr.TimeGPS, bound
}

func median(d []time.Duration) time.Duration {
	s := slices.Clone(d)
	slices.Sort(s)
	return s[len(s)/2]
}
