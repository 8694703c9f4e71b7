package pipeline

import (
	"math"
	"slices"
	"time"

	"alpr"
)

// RegionDetector is a Detector that can also look at parts of a frame alone, far
// cheaper than at all of it. Where the Detector is one, frames between two full
// searches are looked at only where plates are followed.
type RegionDetector interface {
	DetectIn(f *alpr.Frame, regions []alpr.Box) ([]alpr.Plate, error)
}

const (
	// leastRate is how often a second all of a frame is searched at least: whatever
	// comes into view is then known within two frames of a 30 frames a second camera.
	leastRate = 12.0
	// wantedSearches is how often a car is searched for while its plate is readable and
	// in view.
	wantedSearches = 5.0
	// otherSpeed is how fast the other's car is taken to drive, where ours is
	// slower; metres a second.
	otherSpeed = 14.0
	// maxRegions is how many regions are looked at in place of the whole frame.
	maxRegions = 5
	// forgetMissed is in how many searches a plate may be missed before its place is
	// not looked at any more.
	forgetMissed = 3
	// unchangedFor is how long a frame that shows nothing new is not searched.
	unchangedFor = time.Second
)

// search is what is done with one frame.
type search int

const (
	searchAll     search = iota // all of it is searched
	searchRegions               // where plates are followed
	searchNone                  // it shows what the last one showed
)

// plan is how one frame is looked at.
type plan struct {
	search  search
	regions []alpr.Box
	repeat  []alpr.Plate // searchNone: what the last frame showed
}

// attention decides how closely the frames of one camera are looked at. All it
// goes by are the frames themselves and what was found in them, so that the same
// recording is looked at in the same way at every run. It is used by one goroutine.
type attention struct {
	targets  []*target
	searched time.Time     // capture instant of the last full search
	step     time.Duration // between frames, smoothed
	newest   time.Time
	last     []alpr.Plate
	seen     thumbnail // of the last frame that was searched
	coming   thumbnail // of the one that plan was asked of last
}

// target is a plate that was found and may be found again.
type target struct {
	motion
	aspect float64 // height over width
	missed int
}

// plan says how a frame is looked at. speed is the vehicle's in metres a second,
// negative where it is not known; share is by how much less often than that all
// of it is to be searched, 1 where nothing has to be saved.
func (a *attention) plan(f *alpr.Frame, speed, share float64) plan {
	a.keepTime(f.CapturedAt)
	now := newThumbnail(f)
	sinceSearch := f.CapturedAt.Sub(a.searched)
	if !a.searched.IsZero() && sinceSearch >= 0 && sinceSearch < unchangedFor && now.isLike(&a.seen) {
		return plan{search: searchNone, repeat: a.last}
	}
	a.coming = now
	interval := time.Duration(float64(time.Second) / (share * searchRate(f, speed)))
	if a.searched.IsZero() || sinceSearch < 0 || sinceSearch+a.step/2 >= interval || len(a.targets) > maxRegions {
		return plan{search: searchAll}
	}
	p := plan{search: searchRegions}
	for _, t := range a.targets {
		if r, ok := t.region(f); ok {
			p.regions = append(p.regions, r)
		}
	}
	return p
}

// keepTime learns the time between frames.
func (a *attention) keepTime(at time.Time) {
	if d := at.Sub(a.newest); !a.newest.IsZero() && d > 0 && d < time.Second {
		if a.step == 0 {
			a.step = d
		}
		a.step += (d - a.step) / 8
	}
	a.newest = at
}

// searchRate is how many full searches a second the speed asks for: a car that
// comes towards us as fast as we drive, or as traffic does, is readable from where
// its plate is 36 pixels wide to where it leaves the picture at the side.
func searchRate(f *alpr.Frame, speed float64) float64 {
	const (
		focal    = 1.72 // of a plate camera's lens, in picture widths
		plate    = 0.305
		readable = 36
		leavesAt = 10 // metres, in the next lane
	)
	if speed < 0 {
		speed = otherSpeed
	}
	closing := speed + math.Max(speed, otherSpeed)
	path := math.Max(4, focal*float64(f.Width)*plate/readable-leavesAt)
	return math.Max(leastRate, wantedSearches*closing/path)
}

// found takes in what a search has found.
func (a *attention) found(f *alpr.Frame, p *plan, plates []alpr.Plate) {
	if p.search == searchNone {
		return
	}
	a.seen = a.coming
	if p.search == searchAll {
		a.searched = f.CapturedAt
	}
	a.last = plates
	for _, t := range a.targets {
		t.missed++
	}
	for _, plate := range plates {
		a.follow(plate, f.CapturedAt)
	}
	a.targets = slices.DeleteFunc(a.targets, func(t *target) bool { return t.missed >= forgetMissed })
}

// follow gives a plate to the nearest target that expects it, or makes one.
func (a *attention) follow(p alpr.Plate, at time.Time) {
	var best *target
	least := maxGate
	for _, t := range a.targets {
		if t.missed == 0 {
			continue // has its plate in this frame
		}
		if d := t.distance(p, at); d < least {
			best, least = t, d
		}
	}
	if best == nil {
		best = &target{motion: newMotion(p, at)}
		a.targets = append(a.targets, best)
	} else {
		best.correct(p, at)
	}
	best.missed = 0
	best.aspect = p.HeightPx() / math.Max(p.WidthPx(), 1)
}

// region is where a target's plate should be, with room for its being elsewhere;
// ok is false where that is outside the frame.
func (t *target) region(f *alpr.Frame) (alpr.Box, bool) {
	x, y, size := t.predict(f.CapturedAt)
	if x < 0 || y < 0 || x >= float64(f.Width) || y >= float64(f.Height) {
		return alpr.Box{}, false
	}
	inWidths, _ := t.spread(f.CapturedAt)
	width := math.Exp(math.Min(size, math.Log(float64(f.Width))))
	reach := width * (0.4 + 2*math.Min(inWidths, 1.5)) // on each side of the plate
	w, h := width+2*reach, width*t.aspect+2*reach*0.6
	return alpr.Box{X: float32(x - w/2), Y: float32(y - h/2), W: float32(w), H: float32(h)}, true
}
