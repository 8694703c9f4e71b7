package pipeline

import (
	"strings"
	"time"

	"alpr"
)

const (
	// contraryRow is how many observations running must surely say another text
	// for a track to be of two plates.
	contraryRow = 2
	// contrarySure is the confidence from which an observation counts in that.
	contrarySure = 0.85
	// established is how many observations must have read the track's text surely,
	// and none the other, before that: a plate in which an O flickers to a 0 is one.
	established = 3
	// contraryWidth is how small the plate must have been, since it was read as the
	// track's text, beside what it was then. What is read otherwise when it has come
	// nearer was misread from afar: that is one plate.
	contraryWidth = 0.97
	// surelyOther is the score of two characters of which both are sure, and that
	// are not the same.
	surelyOther = -3.0
)

// contradicts says whether an observation surely shows another plate than the one
// that the track has read as surely at that size.
func (t *track) contradicts(o *observation) bool {
	if o.conf < contrarySure {
		return false
	}
	if n := len(t.contrary); n > 0 && t.contrary[n-1].text == o.text {
		return true // as the one before, whatever its size
	}
	var clearest *observation
	for _, x := range t.obs {
		if x.text == o.text && x.conf >= contrarySure {
			return false
		}
		if x.conf >= contrarySure && (clearest == nil || x.quality > clearest.quality) {
			clearest = x
		}
	}
	if clearest == nil || t.surely(clearest.text) < established {
		return false
	}
	if t.leastSince(clearest.text, o) > contraryWidth*clearest.plate.WidthPx() {
		return false
	}
	return align(clearest.characters, o.characters).worst <= surelyOther
}

// isHidden says whether an observation shows but the beginning or the end of the
// text that the track has surely read: something stands before the plate. It says
// nothing new, and its end is no evidence of a shorter text.
func (t *track) isHidden(o *observation) bool {
	full := t.fused.text.Text
	return len(o.text) > 0 && len(o.text) < len(full) && t.surely(full) >= established &&
		(strings.HasPrefix(full, o.text) || strings.HasSuffix(full, o.text))
}

// leastSince is the least width of the plate since it was last read as text.
func (t *track) leastSince(text string, o *observation) float64 {
	var last time.Time
	for _, x := range t.obs {
		if x.text == text && x.at.After(last) {
			last = x.at
		}
	}
	least := o.plate.WidthPx()
	if t.hiddenWidth > 0 {
		least = min(least, t.hiddenWidth)
	}
	for _, x := range t.obs {
		if x.at.After(last) {
			least = min(least, x.plate.WidthPx())
		}
	}
	return least
}

// surely counts the observations that say a text surely.
func (t *track) surely(text string) int {
	n := 0
	for _, o := range t.obs {
		if o.text == text && o.conf >= contrarySure {
			n++
		}
	}
	return n
}

// take adds an observation to its track, or to another one: where the newest ones
// surely say another text, the track is of two plates, and the newer goes its own
// way. A single contrary observation is kept apart: it may be a reflection.
func (f *follower) take(s *sighting, o *observation, fr *alpr.Frame) error {
	t := s.track
	if t.isHidden(o) {
		if t.hiddenWidth == 0 || o.plate.WidthPx() < t.hiddenWidth {
			t.hiddenWidth = o.plate.WidthPx()
		}
		t.read++
		t.lastRead, t.lastWidth = o.at, o.plate.WidthPx()
		return nil
	}
	if !t.contradicts(o) {
		t.observe(o, fr)
		return nil
	}
	t.contrary = append(t.contrary, o)
	t.read++
	t.lastRead, t.lastWidth = o.at, o.plate.WidthPx()
	same := 0
	for _, x := range t.contrary {
		if x.text == o.text && x.conf >= contrarySure {
			same++
		}
	}
	if same < contraryRow {
		return nil
	}
	other, err := f.begin(s.plate, fr)
	if err != nil {
		return err
	}
	row := t.contrary
	other.motion, other.first = t.motion, row[0].at
	other.frames, other.scores = len(row), float64(s.plate.Score)*float64(len(row))
	other.last = fr.CapturedAt
	t.frames, t.scores = t.frames-len(row), t.scores-other.scores
	t.last, t.contrary = t.obs[len(t.obs)-1].at, nil
	for _, x := range row {
		other.observe(x, fr)
	}
	s.track = other
	return nil
}
