package pipeline

import (
	"slices"
	"time"

	"alpr"
)

// evidence is what all tracks of a pass say together.
type evidence struct {
	text         alpr.Text // with what is known of serials
	best         shown
	frames, read int
	first, last  time.Time
	score        float64 // of the detector, mean
}

// shown is a track's best picture and its camera.
type shown struct {
	pictured
	camera string
}

// evidence joins the tracks. Of one track it is the track's own.
func (p *pass) evidence(serials Serials) evidence {
	t := p.tracks[0]
	all := evidence{text: t.fused.told, first: t.first, last: t.last}
	picture := t.fused.text.Text
	if len(p.tracks) > 1 {
		var obs []*observation
		for _, t := range p.tracks {
			obs = append(obs, t.obs...)
		}
		f := fuse(obs)
		picture, all.text = f.text.Text, f.text
		if serials != nil {
			all.text = f.witnessed(serials.Decide(f.text, candidates))
		}
	}
	scores := 0.0
	for _, t := range p.tracks {
		all.frames, all.read, scores = all.frames+t.frames, all.read+t.read, scores+t.scores
		if t.first.Before(all.first) {
			all.first = t.first
		}
		if t.last.After(all.last) {
			all.last = t.last
		}
		if all.best.observation == nil || t.best.observation != nil && t.best.isBetter(&all.best.pictured, picture) {
			all.best = shown{t.best, t.camera}
		}
	}
	all.score = scores / float64(max(all.frames, 1))
	return all
}

// isBetter says whether a picture shows a text, where the other does not or not
// as well.
func (p *pictured) isBetter(other *pictured, text string) bool {
	if (p.text == text) != (other.text == text) {
		return p.text == text
	}
	return p.quality > other.quality
}

// isOpen says whether a track of the pass other than t is still followed.
func (p *pass) isOpen(t *track) bool {
	return slices.ContainsFunc(p.tracks, func(o *track) bool { return o != t && !o.isOver })
}

// join makes one pass of two. The one that something was told of goes on, or the
// earlier one.
func join(p, q *pass) {
	if p == q {
		return
	}
	if q.isTold() && !p.isTold() || q.isTold() == p.isTold() && q.tracks[0].first.Before(p.tracks[0].first) {
		p, q = q, p
	}
	for _, t := range q.tracks {
		t.pass = p
		p.tracks = append(p.tracks, t)
	}
	q.tracks = nil
	for _, other := range q.maybeSame {
		relate(p, other)
	}
}

// replace puts one track of a pass in another's place.
func (p *pass) replace(old, with *track) {
	if i := slices.Index(p.tracks, old); i >= 0 {
		p.tracks = slices.Delete(p.tracks, i, i+1)
	}
	if !slices.Contains(p.tracks, with) {
		p.tracks = append(p.tracks, with)
	}
}

// relate notes that two passes may be of one car.
func relate(p, q *pass) (isNew bool) {
	const most = 8 // a row of unreadable plates must not name each other without end
	if p == q || slices.Contains(p.maybeSame, q) || len(p.maybeSame) >= most || len(q.maybeSame) >= most {
		return false
	}
	p.maybeSame, q.maybeSame = append(p.maybeSame, q), append(q.maybeSame, p)
	return true
}

// related are the reads of which something was told that may be of the same car.
func (p *pass) related() []alpr.ID {
	var ids []alpr.ID
	for _, q := range p.maybeSame {
		if len(q.tracks) > 0 && q.isTold() {
			ids = append(ids, q.id)
		}
	}
	return ids
}

// view is what one camera adds to a read.
type view struct {
	stills
	pictures *pictures
}

// addViews names every camera that saw the car, in the order of first sight.
func (f *follower) addViews(e *event, ps *pass) {
	if len(ps.tracks) < 2 {
		return
	}
	tracks := slices.Clone(ps.tracks)
	slices.SortStableFunc(tracks, func(a, b *track) int { return a.first.Compare(b.first) })
	for _, t := range tracks {
		if t.best.observation == nil {
			continue
		}
		v := alpr.View{
			Camera: t.camera, Text: t.fused.told.Text, Confidence: t.fused.told.Confidence, Plate: t.best.plate,
			Frames: t.frames, FramesUsed: t.read, FirstAt: t.first, LastAt: t.last, At: t.best.at,
		}
		if f.locator != nil {
			v.Fix = f.locator.At(v.At)
		}
		e.read.Views = append(e.read.Views, v)
		e.views = append(e.views, view{t.best.stills, t.best.pictures})
	}
}
