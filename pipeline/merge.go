package pipeline

import (
	"math"
	"slices"
	"time"

	"alpr"
)

const (
	// mergeAnywhere is the time after which a car met again counts as the same
	// pass wherever it is: it was hidden by a truck, or missed by the detector.
	mergeAnywhere = 10 * time.Second
	// mergeWithinM is how far our own car may have gone, later than that.
	mergeWithinM = 150
)

// merge finds out, before anything is said of a track, whether its pass is
// already known. Where the same text was followed before and lost, t goes on
// with that pass; where it is followed since t was lost, that track goes on
// with t's. Where another track in view at the same time has spoken for the
// pass (two boxes on one plate), or goes on with it, merge says true, and t
// must say nothing. While a track goes on, a text that lacks a character of the
// other's is not taken for it: the plate may be half hidden, its end still to come.
func (f *follower) merge(t *track) (isSpokenFor bool) {
	for _, other := range slices.Concat(f.open, f.closed) {
		if n, m := len(t.fused.text.Text), len(other.fused.text.Text); !t.isOver && n < m || !other.isOver && m < n {
			continue
		}
		if other == t || other.pass.isTold() && t.pass.isTold() && other.pass != t.pass || !isSameText(other, t) {
			continue // of two passes that have raised alerts neither may vanish
		}
		isClosed := slices.Contains(f.closed, other)
		switch {
		case isClosed && f.isOver(other, t):
		case isClosed, other.last.Before(t.last):
			f.open, f.closed = without(f.open, other), without(f.closed, other)
			t.takeOver(other)
		case other.first.After(t.last):
			other.takeOver(t)
			return true
		case other.pass.considered.Text != "":
			return true
		}
	}
	return false
}

// isOver says whether a track is too far back for t to be part of its pass.
func (f *follower) isOver(earlier, t *track) bool {
	gap := t.first.Sub(earlier.last)
	if gap <= mergeAnywhere {
		return false
	}
	if gap > f.cfg.MergeWithin {
		return true
	}
	if f.locator == nil {
		return true
	}
	a, b := f.locator.At(earlier.last), f.locator.At(t.first)
	return !a.IsValid() || !b.IsValid() || distanceM(a, b) > mergeWithinM
}

// takeOver makes t the continuation of an earlier track of the same pass.
func (t *track) takeOver(earlier *track) {
	t.frames += earlier.frames
	t.scores += earlier.scores
	t.read += earlier.read
	t.bestWidth = max(t.bestWidth, earlier.bestWidth)
	t.obs = append(slices.Clone(earlier.obs), t.obs...)
	t.trim()
	t.fuse()
	join(earlier.pass, t.pass)
	t.pass.replace(earlier, t)
	if earlier.first.Before(t.first) {
		t.first = earlier.first
	}
	if earlier.last.After(t.last) {
		t.last = earlier.last
	}
	now := t.fused.text.Text
	if t.best.text != now || earlier.best.text == now && earlier.best.quality > t.best.quality {
		t.best = earlier.best // where its frame is gone, its pictures were taken
	}
}

// distanceM is the distance of two positions a few kilometres apart at most, in
// metres (equirectangular approximation).
func distanceM(a, b alpr.Fix) float64 {
	const metresPerDegree = 111_195
	dLat := (b.Lat - a.Lat) * metresPerDegree
	dLon := math.Mod(b.Lon-a.Lon+540, 360) - 180
	return math.Hypot(dLat, dLon*metresPerDegree*math.Cos(a.Lat*math.Pi/180))
}
