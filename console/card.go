package console

import (
	"cmp"
	"slices"
	"time"

	"alpr"
)

// hitCase is one car as the officer sees it, with what became of it: a read, and
// every hit on the plate that the lists name. Lists overlap, so that several hits
// may say the same plate: they are one card, answered once, each a hit of its own
// on record.
type hitCase struct {
	id            alpr.ID // of the hit that opened it
	read          alpr.Read
	hits          []alpr.Hit // those that stand first, open ones before covert ones, the gravest first
	view          hitView
	crop, context alpr.Picture
	hasPictures   bool // in memory; otherwise History has them
	done          *doneView
	isChanged     bool // revised after the answer
	isSeen        bool // a withdrawal that an officer has taken note of
	quietUntil    time.Time
	isToldOff     bool // the speaker has said that it was taken back
	isTold        bool // the speaker has sounded
	soundedAt     time.Time
}

func (c *hitCase) isOpen() bool {
	return c.done == nil && !(c.view.Withdrawn && c.isSeen)
}

// belongs says whether a hit is of this card: the same read, and the same plate
// listed. A list that names no state agrees with any; two that name different
// states are two questions to the officer.
func (c *hitCase) belongs(h alpr.Hit) bool {
	if c.done != nil || len(c.hits) == 0 || c.hits[0].ReadID != h.ReadID || c.hits[0].Entry.Plate != h.Entry.Plate {
		return false
	}
	for _, o := range c.hits {
		if o.Entry.State != "" && h.Entry.State != "" && o.Entry.State != h.Entry.State {
			return false
		}
	}
	return true
}

func (c *hitCase) has(id alpr.ID) bool {
	return slices.ContainsFunc(c.hits, func(h alpr.Hit) bool { return h.ID == id })
}

// put adds a hit or replaces its older self. A covert reason never leads: what
// the card says aloud is said by an open one.
func (c *hitCase) put(h alpr.Hit) {
	if i := slices.IndexFunc(c.hits, func(o alpr.Hit) bool { return o.ID == h.ID }); i >= 0 {
		c.hits[i] = h
	} else {
		c.hits = append(c.hits, h)
	}
	slices.SortStableFunc(c.hits, func(a, b alpr.Hit) int {
		return cmp.Or(before(a.IsWithdrawn, b.IsWithdrawn), before(a.Entry.IsCovert, b.Entry.IsCovert), alpr.CompareGravity(a, b))
	})
}

// before puts false before true.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// standing are the hits that are not taken back; all of them where none stands.
func (c *hitCase) standing() []alpr.Hit {
	n := slices.IndexFunc(c.hits, func(h alpr.Hit) bool { return h.IsWithdrawn })
	if n <= 0 {
		return c.hits
	}
	return c.hits[:n]
}

// redo makes the view of the card as it is now.
func (c *hitCase) redo(sounds map[string]Sound) {
	was := c.view
	v := viewHit(c.read, c.standing()[0])
	v.ID = c.id
	v.Sound = string(c.sound(sounds))
	for _, h := range c.standing() {
		v.Reasons = append(v.Reasons, viewReason(h))
	}
	v.Done = c.done
	c.isChanged = c.isChanged || c.done != nil && (v.Read != was.Read || v.Withdrawn != was.Withdrawn)
	v.Changed = c.isChanged
	v.QuietUntil = c.quietUntil
	if len(c.read.Crop.JPEG) == 0 && len(c.read.Context.JPEG) == 0 && was.Rev == v.Rev { // taken back: the pictures are as before
		v.Crop, v.Context = was.Crop, was.Context
	}
	c.view = v
	c.view.Open = c.isOpen()
}

// sound is the gravest that a standing, open reason asks for.
func (c *hitCase) sound(sounds map[string]Sound) Sound {
	loudest := SoundNone
	for _, h := range c.standing() {
		if s := soundOf(h, sounds); s.rank() > loudest.rank() {
			loudest = s
		}
	}
	return loudest
}
