package camera

import "time"

const (
	// leastSilence is how long the quickest camera may be silent before it counts
	// as lost; maxSilence, the slowest.
	leastSilence = 5 * time.Second
	maxSilence   = 60 * time.Second
	// firstSilence is how long a camera may take whose pace is not known.
	firstSilence = 20 * time.Second
	// silentBeats is how many frames must be missing.
	silentBeats = 3
)

// rhythm is how often a live camera sends: one picture in five seconds is a
// camera at its own pace, not one that comes and goes. The zero rhythm knows
// none yet. It is not safe for concurrent use.
type rhythm struct {
	last time.Time // zero: no frame in this connection
	gaps [8]time.Duration
	n    int
}

// restart begins a connection: the time since the last one is no gap.
func (r *rhythm) restart() { r.last = time.Time{} }

// beat counts a frame and returns the pace.
func (r *rhythm) beat(now time.Time) time.Duration {
	if !r.last.IsZero() {
		r.gaps[r.n%len(r.gaps)] = now.Sub(r.last)
		r.n++
	}
	r.last = now
	return r.pace()
}

// pace is the longest of the last gaps; 0 where none is known.
func (r *rhythm) pace() (longest time.Duration) {
	for _, gap := range r.gaps {
		longest = max(longest, gap)
	}
	return longest
}

// patience is how long the next frame may take.
func (r *rhythm) patience() time.Duration {
	if r.n == 0 {
		return firstSilence
	}
	return min(max(silentBeats*r.pace(), leastSilence), maxSilence)
}
