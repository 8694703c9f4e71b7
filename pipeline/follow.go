package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"alpr"
	"alpr/internal/contain"
)

// maxReads is how many plates of one frame are read at most; more are left to
// the next frame.
const maxReads = 12

// event is a read to be recorded: a preview or the end of a pass.
type event struct {
	read     alpr.Read // but for its pictures
	hits     []alpr.Hit
	stills             // of the frame that the read's plate is in; empty where its pictures were taken before
	pictures *pictures // those taken before
	views    []view    // what the read's views are shown with, in their order
	newest   time.Time // capture instant of the frame that brought it about
	isAlert  bool      // a hit is new
}

// follower follows the plates of one camera. It is used by one goroutine.
type follower struct {
	cfg        *Config
	camera     string
	reader     Reader
	locator    Locator                                     // may be nil
	matcher    Matcher                                     // may be nil
	serials    Serials                                     // may be nil
	withdrawal func(alpr.Entry, time.Time) alpr.Withdrawal // may be nil
	versions   func() (detector, recogniser string)        // nil: as in cfg
	guard      *contain.Guard
	random     io.Reader
	stats      *counters

	others       func() []*follower // of the vehicle's other cameras; may be nil
	mount        Mount              // of the camera
	photographer Photographer       // may be nil

	newest time.Time // capture instant of the newest frame
	open   []*track  // plates followed, or lost for less than PassGap
	closed []*track  // passes that are over, for MergeWithin
}

// clockBack is how far capture times may go back without a step of the clock.
const clockBack = 500 * time.Millisecond

// sighting is a plate of one frame and what is made of it.
type sighting struct {
	plate   alpr.Plate
	read    *characters // nil: not read in this frame
	regions []alpr.RegionProb
	track   *track
}

// frame takes in the plates of one frame and says what is to be recorded. After
// an error the follower goes on with the next frame.
func (f *follower) frame(fr *alpr.Frame, plates []alpr.Plate) ([]event, error) {
	events := f.pass(fr.CapturedAt)
	sightings := dedupe(plates)
	active := f.active(fr.CapturedAt)
	if err := f.readSome(fr, sightings, active); err != nil {
		return events, err
	}
	f.pair(fr, sightings, active)
	for i := range sightings {
		s := &sightings[i]
		if s.track == nil {
			t, err := f.begin(s.plate, fr)
			if err != nil {
				return events, err
			}
			s.track = t
		}
		s.track.see(s.plate, fr.CapturedAt)
	}
	for i := range sightings { // not before all are seen: merge must know which are in view
		s := &sightings[i]
		if s.read == nil {
			continue
		}
		if err := f.take(s, &observation{
			at: fr.CapturedAt, plate: s.plate, characters: s.read, regions: s.regions, quality: quality(s.plate, s.read),
		}, fr); err != nil {
			return events, err
		}
		events = append(events, f.preview(s.track, fr)...)
	}
	return events, nil
}

// pass lets time pass. Where the clock was set back, what was followed by the old
// time ends: nothing can be said of how long ago it was seen.
func (f *follower) pass(now time.Time) []event {
	if f.newest.Sub(now) > clockBack {
		events := f.flush()
		f.closed, f.newest = nil, now
		return events
	}
	if now.After(f.newest) {
		f.newest = now
	}
	return f.retire(now)
}

// begin starts a track.
func (f *follower) begin(p alpr.Plate, fr *alpr.Frame) (*track, error) {
	id, err := alpr.NewID(fr.CapturedAt, f.random)
	if err != nil {
		return nil, err
	}
	t := &track{serials: f.serials, camera: f.camera, photographer: f.photographer, motion: newMotion(p, fr.CapturedAt), first: fr.CapturedAt, pass: newPass(id)}
	t.pass.tracks = []*track{t}
	f.open = append(f.open, t)
	return t, nil
}

// active are the tracks seen so lately that place alone finds them again.
func (f *follower) active(now time.Time) []*track {
	var list []*track
	for _, t := range f.open {
		if now.Sub(t.last) <= f.cfg.LostAfter {
			list = append(list, t)
		}
	}
	return list
}

// readSome reads the plates worth reading: new ones, those that more than one
// track could be, and those whose track wants more.
func (f *follower) readSome(fr *alpr.Frame, sightings []sighting, active []*track) error {
	var chosen []*sighting
	for i := range sightings {
		s := &sightings[i]
		if !isCut(s.plate, fr) && f.isWorthReading(s.plate, sightings, active, fr) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	slices.SortStableFunc(chosen, func(a, b *sighting) int { return cmp.Compare(b.plate.WidthPx(), a.plate.WidthPx()) })
	chosen = chosen[:min(len(chosen), maxReads)]
	batch := make([]alpr.Plate, len(chosen))
	for i, s := range chosen {
		batch[i] = s.plate
	}
	start := time.Now()
	texts, err := f.reader.Read(fr, batch) // watched: as many texts as plates, and no panic
	f.stats.read.since(start)
	if err != nil {
		return fmt.Errorf("read %d plates of frame %d: %w", len(batch), fr.Seq, err)
	}
	f.stats.observations.Add(uint64(len(texts)))
	for i, s := range chosen {
		s.read, s.regions = newCharacters(texts[i]), texts[i].Regions
	}
	return nil
}

// isWorthReading leaves unread only a plate that one track alone expects close
// by, that track expects no other, and has no need of more.
func (f *follower) isWorthReading(p alpr.Plate, sightings []sighting, active []*track, fr *alpr.Frame) bool {
	now := fr.CapturedAt
	var only *track
	for _, t := range active {
		if t.distance(p, now) > maxGate {
			continue
		}
		if only != nil {
			return true
		}
		only = t
	}
	if only == nil || only.distance(p, now) > maxGate/2 || only.wantsRead(p, fr) {
		return true
	}
	expected := 0
	for i := range sightings {
		if only.distance(sightings[i].plate, now) <= maxGate {
			expected++
		}
	}
	return expected > 1
}

// pair gives each plate its track, or leaves it nil for a plate not seen before.
// The cost of a pair is a negative log-likelihood ratio of one plate against two:
// half the squared distance, what the place leaves open (a track whose plate may
// by now be anywhere says little), less what the characters say. Characters that
// clearly agree let a shaken camera jump; characters that clearly differ keep two
// cars apart.
func (f *follower) pair(fr *alpr.Frame, sightings []sighting, active []*track) {
	const (
		leave   = 8.0  // maxGate²/2
		farGate = 12.0 // standard deviations, where the characters agree
		clear   = 6.0
		// newcomer is what speaks for a car that comes into view, where its plate is
		// read and tells nothing: in a row, one does in each second.
		newcomer = 3.0
	)
	if len(sightings) == 0 || len(active) == 0 {
		return
	}
	cost := make([][]float64, len(sightings))
	for i := range sightings {
		s := &sightings[i]
		cost[i] = make([]float64, len(active))
		for j, t := range active {
			d, text := t.distance(s.plate, fr.CapturedAt), t.agrees(s.read)
			switch {
			case text <= -clear, d > farGate, d > maxGate && text < clear:
				cost[i][j] = 10 * leave
			case d > maxGate:
				cost[i][j] = leave - text/2
			case s.read == nil:
				cost[i][j] = d * d / 2
			default:
				cost[i][j] = d*d/2 + t.openness(fr.CapturedAt) + newcomer - text
			}
		}
	}
	for i, j := range assign(cost, leave) {
		if j >= 0 {
			sightings[i].track = active[j]
		}
	}
}

// preview reports a pass that still goes on, where it is sure enough and
// something new can be said.
func (f *follower) preview(t *track, fr *alpr.Frame) []event {
	isDue := fr.CapturedAt.Sub(t.first) >= f.cfg.PreviewAfter || t.fused.told.Confidence >= f.cfg.PreviewConfidence
	if !isDue || !f.cfg.isCredible(t) || !f.isNews(t) || f.merge(t) {
		return nil
	}
	events := f.mergeAcross(t, fr.CapturedAt)
	if e, ok := f.report(t, true, fr.CapturedAt); ok {
		events = append(events, e)
	}
	return events
}

// isNews says whether a track says something of its pass that was not yet
// compared with the hotlists.
func (f *follower) isNews(t *track) bool {
	before, now := &t.pass.considered, &t.fused.told
	if t.pass.cameras != len(t.pass.tracks) {
		return true
	}
	if len(t.pass.tracks) > 1 {
		all := t.pass.evidence(f.serials)
		now = &all.text
	}
	return before.Text != now.Text || topRegion(before) != topRegion(now) || 1-now.Confidence < (1-before.Confidence)/10
}

func topRegion(t *alpr.Text) string {
	if len(t.Regions) == 0 || t.Regions[0].P < 0.5 {
		return ""
	}
	return t.Regions[0].Region
}

// retire ends the passes whose plate has been out of view for long enough, and
// forgets those that ended long ago.
func (f *follower) retire(now time.Time) []event {
	var events []event
	for _, t := range slices.Clone(f.open) {
		if now.Sub(t.last) <= f.cfg.PassGap || !slices.Contains(f.open, t) {
			continue
		}
		f.open = without(f.open, t)
		events = append(events, f.end(t, now)...)
	}
	f.closed = slices.DeleteFunc(f.closed, func(t *track) bool { return now.Sub(t.last) > f.cfg.MergeWithin })
	return events
}

// flush ends all passes.
func (f *follower) flush() []event {
	var events []event
	for len(f.open) > 0 {
		t := f.open[0]
		f.open = f.open[1:]
		events = append(events, f.end(t, t.last)...)
	}
	return events
}

// end ends a track, and makes the final read of its pass where no other camera
// goes on with it. A pass that was told of before gets one in any case: it must
// be confirmed or taken back.
func (f *follower) end(t *track, now time.Time) []event {
	t.isOver = true
	if len(t.obs) == 0 {
		return nil
	}
	isSpokenFor := f.merge(t)
	events := f.mergeAcross(t, now)
	if !t.pass.isTold() && (isSpokenFor || !f.isCredible(t.pass)) {
		return events
	}
	e, ok := f.report(t, t.pass.isOpen(t), now)
	t.best.stills = stills{} // the recording takes the pictures
	f.closed = append(f.closed, t)
	if ok {
		events = append(events, e)
	}
	return events
}

// isCredible says whether one camera at least has shown enough of the pass.
func (f *follower) isCredible(p *pass) bool {
	return slices.ContainsFunc(p.tracks, f.cfg.isCredible)
}

// contained runs a step of following. Where it panics, what is known of the
// camera's tracks may be half changed: each pass that is open ends, so that
// what was read is recorded, and following starts again with the next frame.
func (f *follower) contained(step string, do func() ([]event, error)) (events []event, err error) {
	err = f.guard.Do(step, func() (err error) {
		events, err = do()
		return err
	})
	if !errors.Is(err, contain.ErrPanic) || len(f.open) == 0 && len(f.closed) == 0 {
		return events, err
	}
	open := f.open
	f.open, f.closed = nil, nil
	for _, t := range open {
		_ = f.guard.Do("end a pass of "+f.camera, func() error { // said and counted there
			events = append(events, f.end(t, t.last)...)
			return nil
		})
	}
	return events, err
}

func without(list []*track, t *track) []*track {
	return slices.DeleteFunc(list, func(x *track) bool { return x == t })
}
