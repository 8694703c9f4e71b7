package pipeline

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"alpr"
)

// pass is what has been told of a vehicle pass so far. The tracks of one pass
// share it: one of each camera that saw the car, at most. It is the followers'
// but for pictures, which only the recording touches.
type pass struct {
	id         alpr.ID
	tracks     []*track  // of the pass, in the order in which they joined it
	revision   int       // of the newest read handed on; 0: none yet
	isFinal    bool      // a final read was made
	considered alpr.Text // as last compared with the hotlists
	cameras    int       // whose view was part of it then
	hits       map[string]alpr.Hit
	maybeSame  []*pass // passes that may be of the same car: undecided
}

func newPass(id alpr.ID) *pass { return &pass{id: id, hits: make(map[string]alpr.Hit)} }

// pictures are those of one frame.
type pictures struct{ crop, context alpr.Picture }

// isTold says whether a read of the pass was handed on.
func (p *pass) isTold() bool { return p.revision > 0 }

// report makes a read of what is now known of a pass. Without a hit a preview is
// not handed on, because nothing in it must be known before the pass is over,
// and no read that is not sure enough or may be of a sign; but where something was told of the pass
// before, its end is told too.
func (f *follower) report(t *track, isPreview bool, now time.Time) (event, bool) {
	ps := t.pass
	all := ps.evidence(f.serials)
	ps.considered, ps.cameras = all.text, len(ps.tracks)
	read := alpr.Read{
		ID: ps.id, Revision: ps.revision + 1, Preview: isPreview,
		Camera: all.best.camera, Text: all.text, Plate: all.best.plate,
		Frames: all.frames, FramesUsed: all.read,
		FirstAt: all.first, LastAt: all.last, At: all.best.at,
		TimeSource:      alpr.TimeSystem,
		DetectorVersion: f.cfg.DetectorVersion, RecogniserVersion: f.cfg.RecogniserVersion,
		MaybeSame: ps.related(),
	}
	if f.versions != nil {
		read.DetectorVersion, read.RecogniserVersion = f.versions()
	}
	if f.locator != nil {
		read.Fix = f.locator.At(read.At)
		read.TimeSource, read.TimeUncertainty = f.locator.TimeSource(read.At)
	}
	known := len(ps.hits)
	hits := f.match(read, ps)
	isTooUnsure := read.Text.Confidence < f.cfg.MinConfidence || read.Text.MayBeSign(all.score) || f.cfg.mayBeNoPlate(&read.Text)
	if len(hits) == 0 && (isPreview || isTooUnsure && !ps.isTold()) {
		return event{}, false
	}
	ps.revision = read.Revision
	f.count(read, ps)
	if known == 0 && len(ps.hits) > 0 {
		f.stats.alerts.Add(1)
	}
	e := event{
		read: read, hits: hits, stills: all.best.stills, pictures: all.best.pictures,
		newest: now, isAlert: len(ps.hits) > known,
	}
	f.addViews(&e, ps)
	return e, true
}

// match asks the hotlists, keeps the identity of hits raised before, and takes
// back those that the newer text does not bear out, or whose entry may alert no
// more. The gravest comes first.
func (f *follower) match(read alpr.Read, ps *pass) []alpr.Hit {
	if f.matcher == nil {
		return nil
	}
	var matched, hits []alpr.Hit
	err := f.guard.Do("compare a read of "+f.camera+" with the hotlists", func() error {
		matched = f.matcher.Match(read)
		return nil
	})
	if err != nil { // the read is kept; nothing was found out, so nothing is taken back either
		f.stats.stageErrors.Add(1)
		return nil
	}
	isNow := make(map[string]bool)
	for _, h := range matched {
		key := h.Entry.List + "\x00" + h.Entry.ID
		if isNow[key] {
			continue
		}
		isNow[key] = true
		old, isKnown := ps.hits[key]
		if h.ID = old.ID; !isKnown {
			h.ID = hitID(read, key)
			f.stats.hits.Add(1)
		}
		h.ReadID, h.Preview, h.IsWithdrawn = read.ID, read.Preview, false
		if h.At.IsZero() {
			h.At = read.At
		}
		ps.hits[key] = h
		hits = append(hits, h)
	}
	for _, key := range slices.Sorted(maps.Keys(ps.hits)) {
		if h := ps.hits[key]; !isNow[key] && !h.IsWithdrawn {
			h.IsWithdrawn, h.Preview, h.Withdrawal = true, read.Preview, f.whyWithdrawn(h.Entry, read.At)
			ps.hits[key] = h
			f.stats.withdrawn.Add(1)
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, alpr.CompareGravity)
	return hits
}

// whyWithdrawn tells an entry that may alert no more from a read that does not
// bear the alert out: the officer must not take a true read for a wrong one.
func (f *follower) whyWithdrawn(e alpr.Entry, at time.Time) alpr.Withdrawal {
	if f.withdrawal != nil {
		if w := f.withdrawal(e, at); w.Why != "" {
			return w
		}
	}
	return alpr.Withdrawal{Why: alpr.WithdrawnUnread, At: at}
}

// hitID is the one ID of a (read, entry): what makes it unique is a hash of
// both, so that the same alert is the same ID however often it is worked out.
func hitID(read alpr.Read, entry string) alpr.ID {
	sum := sha256.Sum256(fmt.Appendf(read.ID[:], "%s", entry))
	id, err := alpr.NewID(read.At, bytes.NewReader(sum[:]))
	if err != nil {
		panic(err) // a hash is longer than an ID: cannot be
	}
	return id
}

func (f *follower) count(read alpr.Read, ps *pass) {
	switch {
	case read.Preview:
		f.stats.previews.Add(1)
	case !ps.isFinal:
		ps.isFinal = true
		f.stats.reads.Add(1)
	}
}
