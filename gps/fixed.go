package gps

import (
	"time"

	"alpr"
)

// Fixed is the position of a camera that does not move, as its owner measured
// it: degrees, WGS 84, and metres above mean sea level.
type Fixed struct{ Lat, Lon, AltM float64 }

// Check says why this is no position: it is not on earth, or 0, 0.
func (f Fixed) Check() error { return checkPlace(f.Lat, f.Lon) }

// At is the position, at any instant.
func (f Fixed) At(t time.Time) alpr.Fix {
	return alpr.Fix{At: t, Lat: f.Lat, Lon: f.Lon, AltM: f.AltM, Quality: alpr.FixedPosition}
}

// TimeSource says that nothing checks the system clock.
func (f Fixed) TimeSource(time.Time) (alpr.TimeSource, time.Duration) { return alpr.TimeSystem, 0 }
