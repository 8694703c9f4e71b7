package sight

import (
	"time"

	"alpr"
)

// For how long a fault must be seen before it is told: a truck that fills the
// picture, a tunnel or a wet bend is none. A frozen picture is the same to the
// last pixel, which a sensor's noise never leaves it, though some cameras send a
// still scene so between two whole pictures.
const (
	soonAfter  = 10 * time.Second // black, covered
	laterAfter = time.Minute      // all others
	frozenFor  = time.Minute
	soundFor   = 10 * time.Second // until a fault is over
)

// Watch judges the pictures of one camera while it runs, and tells a fault once.
// The zero Watch has seen nothing. It is not safe for concurrent use.
type Watch struct {
	told Fault
	why  string

	seen  Fault // lately
	since time.Time

	digest     uint64
	unchanged  time.Time // since when all pictures were the same
	hasPicture bool
}

// Observe judges a picture that is taken at now. isNews says that the fault told
// is another than before: one has begun, or is over (Sound).
func (w *Watch) Observe(f *alpr.Frame, now time.Time) (told Fault, why string, isNews bool) {
	return w.judge(Inspect(f), now)
}

func (w *Watch) judge(look Look, now time.Time) (told Fault, why string, isNews bool) {
	fault, why := look.Verdict()
	if !w.hasPicture || look.digest != w.digest {
		w.digest, w.unchanged, w.hasPicture = look.digest, now, true
	}
	isFrozen := now.Sub(w.unchanged) >= frozenFor
	if fault == Sound && isFrozen {
		fault, why = Frozen, "the picture has not changed in the least for a minute: start the camera anew"
	}
	if fault != w.seen {
		w.seen, w.since = fault, now
	}
	if fault == w.told {
		if fault != Sound {
			w.why = why
		}
		return w.told, w.why, false
	}
	if now.Sub(w.since) < heldFor(fault) {
		return w.told, w.why, false
	}
	w.told, w.why = fault, why
	return w.told, w.why, true
}

// heldFor is for how long a fault must be seen before it is told, or none before
// the last is over.
func heldFor(f Fault) time.Duration {
	switch f {
	case Sound:
		return soundFor
	case Black, Covered:
		return soonAfter
	case Frozen:
		return 0 // it has been held
	}
	return laterAfter
}
