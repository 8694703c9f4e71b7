package gps

import (
	"slices"
	"sort"
	"time"

	"alpr"
)

const (
	// shortRun is how many fixes in a row are a track of their own, whatever
	// stands around them. A log is read to its end, so that what stands before
	// and after is known; a live receiver has to wait for fixesToCorrect.
	shortRun = 3
	// agreeM is how far a fix may lie from the way between its neighbours in
	// time and still tell of the same drive.
	agreeM = 25
	// longPause is how long before the rest of a log a first fix may have been.
	longPause = time.Hour
)

// A track collects what a log says, in the order of the log.
type track struct {
	said []alpr.Fix
}

// add takes in a fix, or what is said anew about one of the last seconds: some
// receivers stamp GGA and RMC of one epoch apart.
func (t *track) add(f alpr.Fix) {
	i := len(t.said)
	for i > 0 && (isLate(t.said[i-1], f) || t.said[i-1].At.Equal(f.At) && isPlausible(t.said[i-1], f)) {
		i--
	}
	if i < len(t.said) && t.said[i].At.Equal(f.At) {
		t.said[i] = f
		return
	}
	t.said = slices.Insert(t.said, i, f)
}

// settle brings the fixes into order of time, and names the first that was
// said. Times may step back in a log (a receiver that was switched off, logs put
// together): what was said before the step is kept. A false stamp between others
// that follow from each other is dropped.
func (t *track) settle() (fixes []alpr.Fix, first alpr.Fix, dropped int) {
	sound, doubted := judge(t.runs())
	if len(sound) == 0 {
		return nil, alpr.Fix{}, 0
	}
	first = sound[0][0]
	sort.SliceStable(sound, func(i, j int) bool { return len(sound[i]) > len(sound[j]) })
	insert := func(run []alpr.Fix, isDoubted bool) {
		for _, f := range run {
			i, isSaid := slices.BinarySearchFunc(fixes, f, func(a, b alpr.Fix) int { return a.At.Compare(b.At) })
			switch {
			case isSaid: // by a longer run, which is more likely right
				dropped++
			case fits(fixes, i, f, isDoubted):
				fixes = slices.Insert(fixes, i, f)
			default:
				dropped++
			}
		}
	}
	for _, run := range sound {
		insert(run, false)
	}
	for _, run := range doubted {
		insert(run, true)
	}
	return fixes, first, dropped
}

// runs parts the log wherever a fix is not the next one of the same drive.
func (t *track) runs() [][]alpr.Fix {
	drive := history{step: t.usualStep()}
	var runs [][]alpr.Fix
	for i, f := range t.said {
		if i == 0 || !drive.follows(t.said[i-1], f) {
			runs = append(runs, nil)
		}
		last := len(runs) - 1
		runs[last] = append(runs[last], f)
	}
	return runs
}

func (t *track) usualStep() time.Duration {
	var steps []time.Duration
	for i := 1; i < len(t.said); i++ {
		if step := t.said[i].At.Sub(t.said[i-1].At); step > 0 {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return 0
	}
	return median(steps)
}

// judge parts the runs that may be kept from those that are most likely false:
// short ones that are out of line with what stands around them.
func judge(runs [][]alpr.Fix) (sound, doubted [][]alpr.Fix) {
	for i, run := range runs {
		var before, next []alpr.Fix
		if len(sound) > 0 {
			before = sound[len(sound)-1]
		}
		if i+1 < len(runs) {
			next = runs[i+1]
		}
		if len(run) < shortRun && isOutOfLine(before, run, next) {
			doubted = append(doubted, run)
		} else {
			sound = append(sound, run)
		}
	}
	return sound, doubted
}

func isOutOfLine(before, run, next []alpr.Fix) bool {
	switch {
	case before == nil && next == nil:
		return false
	case before == nil: // the first fix after power-on
		isAlone := next[0].At.Sub(run[len(run)-1].At) > longPause
		return len(next) > len(run) && (isAlone || !isInLine(run, next))
	case next == nil:
		return !isInLine(before, run)
	}
	return isInLine(before, next) && !(isInLine(before, run) && isInLine(run, next))
}

// isInLine says whether b can come after a.
func isInLine(a, b []alpr.Fix) bool {
	last, first := a[len(a)-1], b[0]
	return last.At.Before(first.At) && isPlausible(last, first)
}

// fits says whether f can stand before fixes[i]: on the way between its
// neighbours where they are close in time, and else not further from them than a
// vehicle goes. One that is doubted must stand between close ones.
func fits(fixes []alpr.Fix, i int, f alpr.Fix, isDoubted bool) bool {
	isBetween := i > 0 && i < len(fixes)
	if isBetween && fixes[i].At.Sub(fixes[i-1].At) <= 2*CloseGap {
		return Distance(between(fixes[i-1], fixes[i], f.At), f) <= agreeM
	}
	return !isDoubted &&
		(i == 0 || isNear(fixes[i-1], f)) && (i == len(fixes) || isNear(f, fixes[i]))
}

// isNear says whether a vehicle may have been at both, or had time enough for
// anything.
func isNear(a, b alpr.Fix) bool {
	return b.At.Sub(a.At) > longStep || isPlausible(a, b)
}
