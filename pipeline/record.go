package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"alpr"
	"alpr/internal/contain"
)

const (
	// maxBatch is how many reads one transaction takes at most. While the disk
	// syncs one batch the next gathers, so that a slow card delays reads but
	// does not hold them up.
	maxBatch = 16
	// commitWithin is how long a commit may take before a hit is shown without
	// it: an officer must not wait for a slow disk.
	commitWithin = 700 * time.Millisecond
	// commitGrace is how long a commit that was told to end may take to do so.
	commitGrace = 50 * time.Millisecond
	// firstRetry and lastRetry bound the time between attempts to record what waits.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// finish is how long the last attempts may take at the end.
	finish = 10 * time.Second
	// finalRetry is the time between them.
	finalRetry = 250 * time.Millisecond
)

// recording is the last stage: it takes the pictures, commits, and shows.
type recording struct {
	p     *Pipeline
	log   *slog.Logger
	stats *counters

	overdue <-chan struct{} // closed when the commit that took too long is over; nil: there is none

	queue []alpr.Record // could not be recorded, oldest first
	next  time.Time     // of the next attempt
	wait  time.Duration
}

func newRecording(p *Pipeline) *recording {
	return &recording{p: p, log: p.log, stats: &p.stats, wait: firstRetry}
}

// run records events until in is closed, and then tries to record what waits.
func (r *recording) run(ctx context.Context, in <-chan event) error {
	for {
		var retry <-chan time.Time
		if len(r.queue) > 0 {
			retry = time.After(time.Until(r.next))
		}
		select {
		case e, ok := <-in:
			if !ok {
				return r.finish(ctx)
			}
			r.take(ctx, gather(e, in))
		case <-retry:
			r.retry(ctx)
		}
	}
}

// gather adds to an event those that wait behind it.
func gather(first event, in <-chan event) []event {
	batch := []event{first}
	for range min(len(in), maxBatch-1) { // nobody else takes them
		batch = append(batch, <-in)
	}
	return batch
}

// take brings reads as far as they go.
func (r *recording) take(ctx context.Context, batch []event) {
	records := make([]alpr.Record, len(batch))
	for i := range batch {
		e := &batch[i]
		r.photograph(e)
		records[i] = alpr.Record{Read: e.read, Hits: e.hits}
	}
	isWaiting := len(r.queue) > 0
	r.showReads(r.commit(ctx, records))
	for i := range batch {
		r.showAlert(&batch[i])
		if isWaiting && batch[i].isAlert {
			r.next = time.Now() // an officer's answer is refused until its hit is recorded
		}
	}
}

// showReads shows reads that are committed. A preview is shown as its hits only.
func (r *recording) showReads(kept []alpr.Record) {
	if r.p.parts.Presenter == nil {
		return
	}
	for i := range kept {
		if !kept[i].Read.Preview {
			r.show(func() { r.p.parts.Presenter.ShowRead(kept[i].Read) })
		}
	}
}

// showAlert shows the hits of an event, committed or not: an officer must know of
// them, and does not wait for a disk to work again.
func (r *recording) showAlert(e *event) {
	if r.p.parts.Presenter == nil || len(e.hits) == 0 {
		return
	}
	r.show(func() { r.p.parts.Presenter.ShowAlert(alpr.NewAlert(e.read, e.hits)) })
	if e.isAlert && !r.p.cfg.IsLossless {
		r.stats.hitShow.add(time.Since(e.newest))
	}
}

// show shows one read or hit; where that panics the others are still shown.
func (r *recording) show(do func()) {
	_ = r.p.parts.Guard.Do("show a read", func() error { do(); return nil }) // said and counted there
}

// photograph takes the pictures of the read's frame, and of each view's, or
// repeats those taken when the frame was still there.
func (r *recording) photograph(e *event) {
	r.takePictures(e.read.ID, e.stills, e.read.Plate, e.pictures)
	e.read.Crop, e.read.Context = e.pictures.crop, e.pictures.context
	for i := range e.read.Views {
		v, of := &e.read.Views[i], e.views[i]
		if of.pictures != e.pictures {
			r.takePictures(e.read.ID, of.stills, v.Plate, of.pictures)
		}
		v.Crop, v.Context = of.pictures.crop, of.pictures.context
	}
}

func (r *recording) takePictures(read alpr.ID, of stills, plate alpr.Plate, into *pictures) {
	if of.near.frame == nil || r.p.parts.Photographer == nil {
		return
	}
	var crop, context alpr.Picture
	err := r.p.parts.Guard.Do(nameOf("photograph", of.near.frame), func() (err error) {
		crop, context, err = r.p.parts.Photographer.Photograph(of.near.frame, of.near.plate(plate))
		if err == nil && of.around.frame != nil {
			_, context, err = r.p.parts.Photographer.Photograph(of.around.frame, of.around.plate(plate))
		}
		return err
	})
	if err != nil {
		r.log.Error("a read has no pictures", "read", read, "error", err)
		return
	}
	*into = pictures{crop, context}
}

// commit records reads and returns those that are kept, or puts them all with
// those that wait. Order is kept: while some wait, newer ones stand behind them.
func (r *recording) commit(ctx context.Context, records []alpr.Record) []alpr.Record {
	if len(r.queue) > 0 {
		r.enqueue(records...)
		return nil
	}
	kept, err := r.record(ctx, records)
	if err != nil {
		r.enqueue(records...)
		r.trouble(err)
		return nil
	}
	return kept
}

// errOverdue reports a commit that takes longer than commitWithin.
var errOverdue = errors.New("the store takes too long: is another program working at it, or the card failing?")

// record commits reads. A recorder may be held up where no deadline reaches it,
// by another program's lock or by a disk that hangs: then record goes on without
// it, and no other commit is begun before that one is over. What it was to
// commit is committed again, which changes nothing.
func (r *recording) record(ctx context.Context, records []alpr.Record) ([]alpr.Record, error) {
	if r.p.cfg.IsLossless { // nobody waits for a recording's hits
		return r.recordNow(ctx, records)
	}
	if r.overdue != nil {
		select {
		case <-r.overdue:
			r.overdue = nil
		default:
			return nil, errOverdue
		}
	}
	var kept []alpr.Record
	var err error
	over := make(chan struct{})
	go func() {
		defer close(over)
		ctx, cancel := context.WithTimeout(ctx, commitWithin)
		defer cancel()
		kept, err = r.recordNow(ctx, records)
	}()
	late := time.NewTimer(commitWithin + commitGrace)
	defer late.Stop()
	select {
	case <-over:
		return kept, err
	case <-late.C:
		r.overdue = over
		return nil, errOverdue
	}
}

func (r *recording) recordNow(ctx context.Context, records []alpr.Record) (kept []alpr.Record, err error) {
	defer r.stats.record.since(time.Now())
	err = r.p.parts.Guard.Do("record reads", func() (err error) {
		kept, err = r.p.parts.Recorder.RecordAll(ctx, records)
		return err
	})
	return kept, err
}

// enqueue keeps reads in memory. Where too many wait, the oldest without a hit is
// given up, and that is said.
func (r *recording) enqueue(records ...alpr.Record) {
	for _, rec := range records {
		i := slices.IndexFunc(r.queue, func(old alpr.Record) bool { return old.Read.ID == rec.Read.ID })
		if i < 0 {
			r.queue = append(r.queue, rec)
		} else {
			r.queue[i] = alpr.Record{Read: rec.Read, Hits: mergeHits(r.queue[i].Hits, rec.Hits)}
		}
		if len(r.queue) > r.p.cfg.RetryQueue {
			r.giveUpOne()
		}
	}
	r.stats.unrecorded.Store(int64(len(r.queue)))
}

func (r *recording) giveUpOne() {
	i := max(0, slices.IndexFunc(r.queue, func(rec alpr.Record) bool { return len(rec.Hits) == 0 }))
	r.log.Error("a read is lost: recording has failed for too long", "read", r.queue[i].Read.ID)
	r.queue = slices.Delete(r.queue, i, i+1)
	r.stats.lost.Add(1)
}

// mergeHits puts the newer form of each hit in place of the older.
func mergeHits(old, newer []alpr.Hit) []alpr.Hit {
	merged := append([]alpr.Hit(nil), newer...)
	for _, h := range old {
		isThere := false
		for _, n := range newer {
			isThere = isThere || n.ID == h.ID
		}
		if !isThere {
			merged = append(merged, h)
		}
	}
	return merged
}

// retry records the oldest reads that wait. Only one batch: a new hit must not
// stand behind all of them.
func (r *recording) retry(ctx context.Context) {
	if err := r.recordOldest(ctx); err != nil {
		r.wait = min(2*r.wait, lastRetry)
		r.trouble(err)
		return
	}
	r.next, r.wait = time.Now(), firstRetry
	if len(r.queue) == 0 {
		r.log.Info("recording works again, nothing waits")
		r.stats.trouble.Store("")
	}
}

// trouble says why recording fails and sets the time of the next attempt.
func (r *recording) trouble(err error) {
	r.next = time.Now().Add(r.wait)
	r.stats.trouble.Store(err.Error())
	r.log.Error("reads are not recorded, they wait in memory",
		"waiting", len(r.queue), "retry_after", r.wait, "error", err)
}

// finish makes the last attempts to record what waits.
func (r *recording) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, finish)
	defer cancel()
	for len(r.queue) > 0 {
		err := r.recordOldest(ctx)
		if err == nil {
			continue
		}
		select {
		case <-time.After(finalRetry): // room may be made until the last moment
		case <-ctx.Done():
			return fmt.Errorf("%d reads were never recorded: %w", len(r.queue), err)
		}
	}
	return nil
}

// recordOldest commits the oldest reads that wait, takes them out of the queue
// and shows them.
func (r *recording) recordOldest(ctx context.Context) error {
	oldest := r.queue[:min(len(r.queue), maxBatch)]
	kept, err := r.record(ctx, oldest)
	if errors.Is(err, contain.ErrPanic) {
		oldest = oldest[:1] // one of them breaks the recorder: it must not keep the others from the record
		if kept, err = r.record(ctx, oldest); errors.Is(err, contain.ErrPanic) {
			r.log.Error("a read is lost: the program breaks at recording it", "read", oldest[0].Read.ID, "error", err)
			r.stats.lost.Add(1)
			err = nil
		}
	}
	if err != nil {
		return err
	}
	r.queue = r.queue[len(oldest):]
	r.stats.unrecorded.Store(int64(len(r.queue)))
	r.showReads(kept)
	return nil
}
