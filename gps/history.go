package gps

import (
	"math"
	"sort"
	"sync"
	"time"

	"alpr"
)

const (
	// CloseGap is the longest time between two fixes that still counts as
	// measured all the way: what lies between has Age 0.
	CloseGap = 3 * time.Second
	// CarryMeasured is how long after the last fix its speed and course carry
	// the position on without a change of quality: a frame is nearly always
	// newer than the newest fix.
	CarryMeasured = 2 * time.Second
	// CarryEstimated is how far from any fix a position is still given, as
	// alpr.EstimatedFix. Beyond it there is none.
	CarryEstimated = 10 * time.Second

	earthRadiusM = 6_371_008.8 // mean radius, IUGG
	// impliedSpeedMPS is the speed of no vehicle on the road.
	impliedSpeedMPS = 150
	// fixesToBegin is how many fixes must agree with each other before the
	// first of them is believed: after power-on, and after a gap.
	fixesToBegin = 2
	// fixesToCorrect is how many must agree before they are believed against
	// those before them: where time steps back, or the place jumps.
	fixesToCorrect = 5
	// longStep is the longest time between two fixes that may confirm each other.
	longStep = time.Minute
)

// history holds what a live receiver said, in order of time. It is safe for
// concurrent use.
type history struct {
	mu      sync.RWMutex
	fixes   []alpr.Fix
	doubted []alpr.Fix    // said since, not believed yet; they agree with each other
	step    time.Duration // between the two newest fixes
	keep    int           // 0: all
}

// add takes in a fix, or what was said anew about the newest one. A fix that
// does not follow from those before it waits until others confirm it, so that
// one false stamp, or the first fix after power-on, moves nothing. add says
// whether f is believed, and how many fixes were dropped as false.
func (h *history) add(f alpr.Fix) (isBelieved bool, dropped int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.fixes); n > 0 {
		switch last := h.fixes[n-1]; {
		case f.At.Equal(last.At) && isPlausible(last, f):
			h.fixes[n-1] = f
			return true, 0
		case isLate(last, f):
			return true, 0
		case h.follows(last, f):
			dropped = len(h.doubted)
			h.doubted = h.doubted[:0]
			h.append(f)
			return true, dropped
		}
	}
	dropped = h.doubt(f)
	if len(h.doubted) < h.needed() {
		return false, dropped
	}
	first := h.doubted[0].At
	keep := sort.Search(len(h.fixes), func(i int) bool { return !h.fixes[i].At.Before(first) })
	dropped += len(h.fixes) - keep
	h.fixes = h.fixes[:keep]
	for _, d := range h.doubted {
		h.append(d)
	}
	h.doubted = h.doubted[:0]
	return true, dropped
}

// doubt puts a fix to those that wait, or in their place if it does not agree.
func (h *history) doubt(f alpr.Fix) (dropped int) {
	n := len(h.doubted)
	if n > 0 {
		last := h.doubted[n-1]
		switch {
		case f.At.Equal(last.At):
			h.doubted[n-1] = f
			return 0
		case isLate(last, f):
			return 0
		}
		if step := f.At.Sub(last.At); step < 0 || step > longStep || !isPlausible(last, f) {
			h.doubted = h.doubted[:0]
			dropped = n
		}
	}
	h.doubted = append(h.doubted, f)
	return dropped
}

// needed is how many must agree with the first that waits.
func (h *history) needed() int {
	n := len(h.fixes)
	if n == 0 || h.doubted[0].At.After(h.fixes[n-1].At) && isPlausible(h.fixes[n-1], h.doubted[0]) {
		return fixesToBegin
	}
	return fixesToCorrect
}

func (h *history) append(f alpr.Fix) {
	if n := len(h.fixes); n > 0 {
		h.step = f.At.Sub(h.fixes[n-1].At)
	}
	h.fixes = append(h.fixes, f)
	if h.keep > 0 && len(h.fixes) > 2*h.keep {
		h.fixes = append(h.fixes[:0], h.fixes[len(h.fixes)-h.keep:]...)
	}
}

// follows says whether f is the next fix after last: a step later, or two where
// a sentence was lost, and not further than a vehicle goes.
func (h *history) follows(last, f alpr.Fix) bool {
	step := f.At.Sub(last.At)
	return step > 0 && step <= max(CloseGap, min(2*h.step, longStep)) && isPlausible(last, f)
}

// isLate recognises a sentence about an instant shortly before the newest fix:
// some receivers stamp GGA and RMC of one epoch apart.
func isLate(last, f alpr.Fix) bool {
	step := last.At.Sub(f.At)
	return step > 0 && step <= CloseGap && isPlausible(last, f)
}

// isPlausible says whether a vehicle may have been at both places.
func isPlausible(a, b alpr.Fix) bool {
	return Distance(a, b) <= impliedSpeedMPS*math.Max(b.At.Sub(a.At).Abs().Seconds(), 0.5)
}

// last is the newest fix; the zero Fix when there is none.
func (h *history) last() alpr.Fix {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.fixes) == 0 {
		return alpr.Fix{}
	}
	return h.fixes[len(h.fixes)-1]
}

// at is the position at the satellite instant t.
func (h *history) at(t time.Time) alpr.Fix {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return positionAt(h.fixes, t)
}

// positionAt is the position at an instant among fixes in order of time.
func positionAt(fixes []alpr.Fix, t time.Time) alpr.Fix {
	i := sort.Search(len(fixes), func(i int) bool { return fixes[i].At.After(t) })
	switch {
	case len(fixes) == 0:
		return alpr.Fix{At: t}
	case i == 0:
		return before(fixes[0], t)
	case i == len(fixes):
		return after(fixes[i-1], t)
	}
	return between(fixes[i-1], fixes[i], t)
}

// before carries the first fix back: the vehicle was there a moment later.
func before(first alpr.Fix, t time.Time) alpr.Fix {
	age := first.At.Sub(t)
	if age > CarryMeasured {
		return alpr.Fix{At: t, Age: age}
	}
	f := carry(first, t)
	f.Quality = alpr.EstimatedFix
	return f
}

// after carries the last fix on by its speed and course (dead reckoning).
func after(last alpr.Fix, t time.Time) alpr.Fix {
	age := t.Sub(last.At)
	if age > CarryEstimated {
		return alpr.Fix{At: t, Age: age}
	}
	f := carry(last, t)
	if age > CarryMeasured {
		f.Quality = alpr.EstimatedFix
	}
	return f
}

// between interpolates. Over the few metres between two fixes a straight line
// in degrees and the great circle differ by less than a millimetre.
func between(a, b alpr.Fix, t time.Time) alpr.Fix {
	if t.Equal(a.At) {
		return a
	}
	gap := b.At.Sub(a.At)
	share := float64(t.Sub(a.At)) / float64(gap)
	near := a
	if share > 0.5 {
		near = b
	}
	f := near
	f.At = t
	f.Lat = lerp(a.Lat, b.Lat, share)
	f.Lon = wrap180(a.Lon + wrap180(b.Lon-a.Lon)*share)
	f.AltM = lerp(a.AltM, b.AltM, share)
	f.SpeedMPS = lerp(a.SpeedMPS, b.SpeedMPS, share)
	f.CourseDeg = wrap360(a.CourseDeg + wrap180(b.CourseDeg-a.CourseDeg)*share)
	f.Quality = worse(a.Quality, b.Quality)
	if gap <= CloseGap {
		f.Age = 0
		return f
	}
	f.Age = t.Sub(near.At).Abs()
	if f.Age > CarryEstimated {
		return alpr.Fix{At: t, Age: f.Age}
	}
	f.Quality = alpr.EstimatedFix
	return f
}

// carry moves a fix along its course to the instant t, which may lie before it.
func carry(f alpr.Fix, t time.Time) alpr.Fix {
	dt := t.Sub(f.At)
	way := f.SpeedMPS * dt.Seconds() / earthRadiusM * 180 / math.Pi
	sin, cos := math.Sincos(f.CourseDeg * math.Pi / 180)
	f.Lat = math.Max(-90, math.Min(90, f.Lat+way*cos))
	if c := math.Cos(f.Lat * math.Pi / 180); c > 1e-6 {
		f.Lon = wrap180(f.Lon + way*sin/c)
	}
	f.At = t
	f.Age = dt.Abs()
	return f
}

// Distance is the way between two positions in metres along the great circle
// (haversine formula, R. W. Sinnott, Sky and Telescope 68, 1984).
func Distance(a, b alpr.Fix) float64 {
	const rad = math.Pi / 180
	sinLat := math.Sin((b.Lat - a.Lat) * rad / 2)
	sinLon := math.Sin((b.Lon - a.Lon) * rad / 2)
	h := sinLat*sinLat + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*sinLon*sinLon
	return 2 * earthRadiusM * math.Asin(math.Min(1, math.Sqrt(h)))
}

// worse is the less certain of two qualities.
func worse(a, b alpr.FixQuality) alpr.FixQuality {
	order := [...]alpr.FixQuality{alpr.NoFix, alpr.EstimatedFix, alpr.GPSFix, alpr.DGPSFix, alpr.FloatRTKFix, alpr.RTKFix}
	for _, q := range order {
		if a == q || b == q {
			return q
		}
	}
	return a
}

func lerp(a, b, share float64) float64 { return a + (b-a)*share }

// wrap180 brings an angle to -180..180 degrees.
func wrap180(deg float64) float64 {
	deg = math.Mod(deg+180, 360)
	if deg < 0 {
		deg += 360
	}
	return deg - 180
}

// wrap360 brings an angle to 0..360 degrees.
func wrap360(deg float64) float64 {
	deg = math.Mod(deg, 360)
	if deg < 0 {
		deg += 360
	}
	return deg
}
