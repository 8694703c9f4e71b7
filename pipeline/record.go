package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"alpr"
)

const (
	// commitWithin is how long a commit may take before a hit is shown without
	// it: an officer must not wait for a slow disk.
	commitWithin = 700 * time.Millisecond
	// firstRetry and lastRetry bound the time between attempts to record what waits.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// finish is how long the last attempts may take at the end.
	finish = 10 * time.Second
)

// recording is the last stage: it takes the pictures, commits, and shows.
type recording struct {
	p     *Pipeline
	log   *slog.Logger
	stats *counters

	queue []pending // reads that could not be recorded, oldest first
	next  time.Time // of the next attempt
	wait  time.Duration
}

// pending is a read that waits to be recorded.
type pending struct {
	read alpr.Read
	hits []alpr.Hit
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
			r.take(ctx, e)
		case <-retry:
			r.retry(ctx)
		}
	}
}

// take brings one read as far as it goes.
func (r *recording) take(ctx context.Context, e event) {
	r.photograph(&e)
	p := pending{e.read, e.hits}
	isCommitted := r.commit(ctx, p)
	if r.p.parts.Presenter == nil {
		return
	}
	if isCommitted {
		r.showRead(p)
	}
	// An officer must know of a hit, and does not wait for a disk to work again.
	for _, h := range p.hits {
		r.p.parts.Presenter.ShowHit(p.read, h)
	}
	if e.isAlert && !r.p.cfg.IsLossless {
		r.stats.hitShow.add(time.Since(e.newest))
	}
}

// showRead shows a read that is committed. A preview is shown as its hits only.
func (r *recording) showRead(p pending) {
	if r.p.parts.Presenter != nil && !p.read.Preview {
		r.p.parts.Presenter.ShowRead(p.read)
	}
}

// photograph takes the pictures of the read's frame, or repeats those taken
// when the frame was still there.
func (r *recording) photograph(e *event) {
	if e.frame != nil && r.p.parts.Photographer != nil {
		crop, context, err := r.p.parts.Photographer.Photograph(e.frame, e.read.Plate)
		if err != nil {
			r.log.Error("a read has no pictures", "read", e.read.ID, "error", err)
		} else {
			*e.pictures = pictures{crop, context}
		}
	}
	e.read.Crop, e.read.Context = e.pictures.crop, e.pictures.context
}

// commit records a read, or puts it with those that wait, and says which. Order
// is kept: while some wait, newer ones stand behind them.
func (r *recording) commit(ctx context.Context, p pending) bool {
	if len(r.queue) > 0 {
		r.enqueue(p)
		return false
	}
	if err := r.record(ctx, p); err != nil {
		r.enqueue(p)
		r.trouble(err)
		return false
	}
	return true
}

func (r *recording) record(ctx context.Context, p pending) error {
	if !r.p.cfg.IsLossless { // nobody waits for a recording's hits
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commitWithin)
		defer cancel()
	}
	start := time.Now()
	err := r.p.parts.Recorder.Record(ctx, p.read, p.hits)
	r.stats.record.since(start)
	if err != nil {
		return fmt.Errorf("record read %s: %w", p.read.ID, err)
	}
	return nil
}

// enqueue keeps a read in memory. Where too many wait, the oldest without a hit
// is given up, and that is said.
func (r *recording) enqueue(p pending) {
	for i := range r.queue {
		if r.queue[i].read.ID == p.read.ID {
			r.queue[i] = pending{p.read, mergeHits(r.queue[i].hits, p.hits)}
			return
		}
	}
	r.queue = append(r.queue, p)
	if len(r.queue) > r.p.cfg.RetryQueue {
		i := 0
		for i < len(r.queue)-1 && len(r.queue[i].hits) > 0 {
			i++
		}
		r.log.Error("a read is lost: recording has failed for too long", "read", r.queue[i].read.ID)
		r.queue = append(r.queue[:i], r.queue[i+1:]...)
		r.stats.lost.Add(1)
	}
	r.stats.unrecorded.Store(int64(len(r.queue)))
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

// retry records the oldest read that waits. Only one: a new hit must not stand
// behind all of them.
func (r *recording) retry(ctx context.Context) {
	if err := r.record(ctx, r.queue[0]); err != nil {
		r.wait = min(2*r.wait, lastRetry)
		r.trouble(err)
		return
	}
	r.recorded()
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
	for len(r.queue) > 0 && ctx.Err() == nil {
		if err := r.record(ctx, r.queue[0]); err != nil {
			return fmt.Errorf("%d reads were never recorded: %w", len(r.queue), err)
		}
		r.recorded()
	}
	return nil
}

// recorded takes the oldest read, now committed, out of the queue and shows it.
func (r *recording) recorded() {
	p := r.queue[0]
	r.queue = r.queue[1:]
	r.stats.unrecorded.Store(int64(len(r.queue)))
	r.showRead(p)
}
