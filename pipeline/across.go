package pipeline

import (
	"math"
	"slices"
	"time"
)

// kinship says whether the tracks of two cameras are of one car.
type kinship int

const (
	stranger  kinship = iota // two cars
	undecided                // two reads that name each other
	same                     // one read
)

const (
	// apartDeg is the angle between two cameras from which no car is in view of
	// both at once: fields of view are up to 70° wide.
	apartDeg = 75
	// maybeSameFrom is the logarithm of the likelihood ratio from which two
	// readings that are not the same may still be of one plate.
	maybeSameFrom = 3.0
	// standsM is how far a vehicle that stands seems to move by its receiver.
	standsM = 4
	// sureIssuer is the probability from which an issuer counts as seen.
	sureIssuer = 0.8
)

// mergeAcross finds the passes of the vehicle's other cameras that t is part of,
// and makes one pass of them. Where that cannot be decided, the passes name each
// other; those that were recorded before are told anew.
func (f *follower) mergeAcross(t *track, now time.Time) (events []event) {
	if f.others == nil {
		return nil
	}
	for _, camera := range f.others() {
		for _, other := range slices.Concat(camera.open, camera.closed) {
			if other.pass == t.pass || len(other.obs) == 0 {
				continue
			}
			kin := f.kin(camera, other, t)
			if kin == same && other.pass.isTold() && t.pass.isTold() {
				kin = undecided // of two passes that have raised alerts neither may vanish
			}
			switch {
			case kin == same:
				join(other.pass, t.pass)
			case kin == undecided && relate(other.pass, t.pass) && other.pass.isFinal:
				if e, ok := camera.report(other, false, now); ok {
					events = append(events, e)
				}
			}
		}
	}
	return events
}

// kin decides by what the plates say, where the cameras look, and how far the
// vehicle went in between. The same text surely read makes one car of what can
// be one; where the cameras look apart, no car is before both at once.
func (f *follower) kin(camera *follower, other, t *track) kinship {
	earlier, later := other, t
	if t.first.Before(other.first) {
		earlier, later = t, other
	}
	if f.isOver(earlier, later) {
		return stranger
	}
	likelihood := samePlate(other.fused.characters(), t.fused.characters())
	isSame := readsAlike(other, t)
	if !isSame && likelihood < maybeSameFrom {
		return stranger
	}
	isAtOnce := !later.first.After(earlier.last)
	switch {
	case !isSame, issuersDiffer(other, t):
		return undecided
	case angleBetween(f.mount, camera.mount) < apartDeg:
		return same
	case isAtOnce, f.stood(earlier, later) && areOpposite(f.mount, camera.mount):
		return undecided // a plate before two cameras that look apart: two plates that say the same, or a mirror
	}
	return same
}

// stood says whether the vehicle has hardly moved from the end of one track to
// the beginning of another, as far as its position is known.
func (f *follower) stood(earlier, later *track) bool {
	if f.locator == nil {
		return false
	}
	a, b := f.locator.At(earlier.last), f.locator.At(later.first)
	return a.IsValid() && b.IsValid() && distanceM(a, b) < standsM && later.first.Sub(earlier.last) > mergeAnywhere/2
}

// areOpposite says whether the cameras look from the two sides of the vehicle: a
// car that stands is never before both unless the vehicle turns.
func areOpposite(a, b Mount) bool {
	return a.Side != SideNone && b.Side != SideNone && a.Side != b.Side
}

// angleBetween is the angle between the directions of two cameras, 0 to 180°.
func angleBetween(a, b Mount) float64 {
	return math.Abs(math.Mod(math.Mod(a.AngleDeg-b.AngleDeg, 360)+540, 360) - 180)
}

// issuersDiffer says whether both tracks surely show their issuer, and not the
// same one.
func issuersDiffer(a, b *track) bool {
	x, p := a.fused.told.Region()
	y, q := b.fused.told.Region()
	return p >= sureIssuer && q >= sureIssuer && x != y
}
