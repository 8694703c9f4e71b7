package vehicle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"alpr"
	"alpr/internal/logkey"
	"alpr/store"
)

const (
	// recheckEvery is how soon an open alert is taken back whose entry has expired.
	recheckEvery = time.Second
	// recordWithin bounds how long a withdrawal is tried to be recorded: a hit
	// that policy forbids to keep has no record.
	recordWithin = 10 * time.Minute
)

// openHits are the alerts that no officer has answered. It stands between the
// pipeline and the page, and takes an alert back as soon as its entry may alert
// no more: removed, expired, its list replaced, rolled back or dropped. It is
// safe for concurrent use.
type openHits struct {
	store *store.Store
	lists *Lists
	page  page
	log   *slog.Logger

	mu       sync.Mutex
	open     map[alpr.ID]openHit
	answered []openHit     // the last ones: an answer may be taken back
	unstored []unstoredHit // withdrawals that are shown and not yet on record

	answers  answers
	isBehind func() bool // whether reads wait to be recorded; nil: none do
}

// page is what the officer sees.
type page interface {
	ShowRead(alpr.Read)
	ShowAlert(alpr.Alert)
	ShowHit(alpr.Read, alpr.Hit) // one hit of an alert
}

type openHit struct {
	read alpr.Read // without pictures
	hit  alpr.Hit
}

type unstoredHit struct {
	hit   alpr.Hit
	until time.Time
}

func newOpenHits(s *store.Store, l *Lists, page page, log *slog.Logger) *openHits {
	return &openHits{store: s, lists: l, page: page, log: log, open: make(map[alpr.ID]openHit)}
}

// Load takes over the alerts of the last start. Those whose reason went while
// the program was down are taken back on the page, not left out in silence.
func (o *openHits) Load(ctx context.Context) error {
	reads, hits, err := o.store.Reads().OpenHits(ctx)
	for i := range hits {
		o.track(reads[i], hits[i])
	}
	o.Check(ctx)
	return errors.Join(err, o.loadCoolDowns(ctx))
}

// loadCoolDowns keeps a car that alerted just before the last start from alerting
// again. What was recorded of a recording is left out: it may be played again.
func (o *openHits) loadCoolDowns(ctx context.Context) error {
	m := o.lists.matcher
	reads, hits, err := o.store.Reads().HitsSince(ctx, time.Now().Add(-m.CoolDown()))
	for i := range hits {
		if reads[i].TimeSource != alpr.TimeFile {
			m.Remember(&reads[i], &hits[i])
		}
	}
	return err
}

// Run takes back what has to be until ctx ends.
func (o *openHits) Run(ctx context.Context) error {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-o.lists.changed:
		}
		o.Check(ctx)
	}
}

// ShowRead shows a read.
func (o *openHits) ShowRead(r alpr.Read) { o.page.ShowRead(r) }

// ShowAlert shows the hits of a read, and watches over their entries from now on.
func (o *openHits) ShowAlert(a alpr.Alert) {
	for _, h := range a.Hits {
		o.track(a.Read, h)
	}
	o.page.ShowAlert(a)
}

func (o *openHits) track(r alpr.Read, h alpr.Hit) {
	r.Crop, r.Context = alpr.Picture{}, alpr.Picture{}
	o.mu.Lock()
	defer o.mu.Unlock()
	if h.IsWithdrawn {
		delete(o.open, h.ID)
		return
	}
	o.open[h.ID] = openHit{r, h}
}

// Dispose records what an officer found; the alert is his from then on. Where the
// disk takes nothing the answer is kept in memory and recorded later, and the
// error is alpr.ErrNotYetRecorded.
func (o *openHits) Dispose(ctx context.Context, d alpr.Disposition) error {
	err := o.store.Recorder().Dispose(ctx, d)
	if err != nil && (!o.mayWait(err) || !o.answers.keep(d)) {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer(d)
	if err != nil {
		o.log.Warn("an answer waits in memory to be recorded", logkey.Hit, d.HitID, logkey.Error, err)
		return fmt.Errorf("%w: %w", alpr.ErrNotYetRecorded, err)
	}
	return nil
}

// lastAnswered bounds how many answers may be taken back.
const lastAnswered = 64

// answer is called with mu held. Who takes his answer back has the alert open
// again, and watched over.
func (o *openHits) answer(d alpr.Disposition) {
	if d.Verdict == alpr.VerdictUndone {
		i := slices.IndexFunc(o.answered, func(h openHit) bool { return h.hit.ID == d.HitID })
		if i >= 0 {
			o.open[d.HitID] = o.answered[i]
			o.answered = slices.Delete(o.answered, i, i+1)
		}
		return
	}
	if h, ok := o.open[d.HitID]; ok {
		o.answered = append(o.answered, h)
		o.answered = o.answered[max(0, len(o.answered)-lastAnswered):]
	}
	delete(o.open, d.HitID)
}

// Recheck asks the lists, as they are now, whether an alert still stands, and
// takes it back where it does not: at the instant in which an officer answers.
func (o *openHits) Recheck(ctx context.Context, id alpr.ID) {
	o.lists.loadUnlessBusy(ctx)
	o.mu.Lock()
	h, ok := o.open[id]
	o.mu.Unlock()
	if ok {
		o.checkOne(ctx, h)
	}
}

// Check takes back every alert whose entry may alert no more.
func (o *openHits) Check(ctx context.Context) {
	o.mu.Lock()
	all := make([]openHit, 0, len(o.open))
	for _, h := range o.open {
		all = append(all, h)
	}
	o.mu.Unlock()
	for _, h := range all {
		o.checkOne(ctx, h)
	}
	o.storeRest(ctx)
}

func (o *openHits) checkOne(ctx context.Context, h openHit) {
	now := time.Now()
	at := now
	if h.read.TimeSource == alpr.TimeFile { // a recording's entries are judged by its own time
		at = h.read.At
	}
	w := o.lists.Withdrawal(h.hit.Entry, at)
	if w.Why == "" {
		return
	}
	h.hit.IsWithdrawn, h.hit.Withdrawal = true, w
	o.mu.Lock()
	if now, isOpen := o.open[h.hit.ID]; !isOpen || now.read.Revision != h.read.Revision {
		o.mu.Unlock()
		return // answered, or read anew: the next check looks at that
	}
	delete(o.open, h.hit.ID)
	o.mu.Unlock()
	o.lists.matcher.Forget(h.hit.Entry)
	o.page.ShowHit(h.read, h.hit)
	o.log.Info("an alert is taken back", logkey.Hit, h.hit.ID, logkey.List, h.hit.Entry.List, logkey.Withdrawal, string(w.Why))
	o.record(ctx, unstoredHit{h.hit, now.Add(recordWithin)})
}

// record puts a withdrawal on record, or keeps it for another try: its hit may
// itself still wait for a disk with room.
func (o *openHits) record(ctx context.Context, u unstoredHit) {
	err := o.store.Recorder().Withdraw(ctx, u.hit)
	if err == nil {
		return
	}
	if time.Now().After(u.until) {
		if !errors.Is(err, store.ErrNotKept) {
			o.log.Error("a withdrawal is not on record", logkey.Hit, u.hit.ID, logkey.Error, err)
		}
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unstored = append(o.unstored, u)
}

func (o *openHits) storeRest(ctx context.Context) {
	o.mu.Lock()
	rest := o.unstored
	o.unstored = nil
	o.mu.Unlock()
	for _, u := range rest {
		o.record(ctx, u)
	}
	o.storeAnswers(ctx)
}
