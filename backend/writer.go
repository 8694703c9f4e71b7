package backend

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"alpr/internal/backoff"
	"alpr/internal/contain"
)

// hitsInHand is how the bulk learns that hits are on their way to the database.
type hitsInHand struct {
	count  atomic.Int64
	lastAt atomic.Int64 // Unix nanoseconds: when one came last
}

func (h *hitsInHand) came() {
	h.count.Add(1)
	h.lastAt.Store(time.Now().UnixNano())
}

func (h *hitsInHand) kept(n int) { h.count.Add(int64(-n)) }

// areThere says whether one is in hand or came within the last seconds: then more
// are likely.
func (h *hitsInHand) areThere() bool {
	return h.count.Load() > 0 || time.Since(time.Unix(0, h.lastAt.Load())) < recentHit
}

const (
	recentHit   = 2 * time.Second
	smallShare  = 8                      // of a full transaction, while hits are there
	longestWait = 250 * time.Millisecond // of the bulk, for hits in hand
	receiptWait = time.Second            // receipts of the bulk are collected for so long
)

// writer collects one lane's messages into batches, and keeps them. Hits close
// their batch at once; the bulk waits, is smaller while hits are there, and steps
// aside for those in hand.
type writer struct {
	c      *Consumer
	lane   *lane
	sink   Sink
	answer *answers
	batch  Batch
	open   []message
	timer  *time.Timer
	due    <-chan time.Time
}

func (c *Consumer) newWriter(l *lane, sink Sink, isKnown bool) *writer {
	w := &writer{c: c, lane: l, sink: sink, timer: time.NewTimer(time.Hour)}
	if c.cfg.HasReceipts {
		w.answer = newAnswers(c, l.client, isKnown)
	}
	return w
}

func (w *writer) run(ctx context.Context) error {
	defer w.timer.Stop()
	receipts := time.NewTicker(receiptWait)
	defer receipts.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			w.answer.send()
			return ctx.Err()
		case t := <-w.lane.valid:
			w.add(t)
			if w.lane.isUrgent {
				w.addWaiting()
			}
			if w.lane.isUrgent || w.isFull() {
				err = w.flush(ctx)
			}
		case <-w.due:
			err = w.flush(ctx)
		case <-receipts.C:
			w.answer.send()
		}
		if err != nil {
			return err
		}
	}
}

func (w *writer) add(t taken) {
	if len(w.open) == 0 {
		w.timer.Reset(w.c.cfg.BatchWait)
		w.due = w.timer.C
	}
	w.open = append(w.open, t.msg)
	w.batch.add(t.in)
}

// addWaiting takes what is there beside the first message.
func (w *writer) addWaiting() {
	for !w.isFull() {
		select {
		case t := <-w.lane.valid:
			w.add(t)
			continue
		default:
		}
		return
	}
}

func (w *writer) isFull() bool {
	limit := w.c.cfg.BatchEvents
	if !w.lane.isUrgent && w.c.hits.areThere() {
		limit = max(1, limit/smallShare)
	}
	return len(w.batch.Rows) >= limit || len(w.open) >= 1<<14
}

// flush keeps the batch; then the broker, then the vehicles are answered.
func (w *writer) flush(ctx context.Context) error {
	w.due = nil
	if len(w.open) == 0 {
		return nil
	}
	if !w.lane.isUrgent {
		w.stepAside(ctx)
	}
	if err := w.c.keep(ctx, w.sink, w.batch); err != nil {
		return err
	}
	for _, m := range w.open {
		m.Ack()
	}
	w.c.metrics.messages.Add(int64(len(w.open)))
	w.answer.note(&w.batch)
	if w.lane.isUrgent {
		w.c.hits.kept(len(w.open))
		w.answer.send()
	}
	w.batch, w.open = Batch{}, nil
	return nil
}

// stepAside lets hits in hand be kept first, for a moment.
func (w *writer) stepAside(ctx context.Context) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	until := time.NewTimer(longestWait)
	defer until.Stop()
	for w.c.hits.count.Load() > 0 {
		select {
		case <-tick.C:
		case <-until.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (b *Batch) add(in Intake) {
	b.Rows = append(b.Rows, in.Rows...)
	b.Letters = append(b.Letters, in.Letters...)
	b.Numbers = append(b.Numbers, in.Numbers...)
}

// keep writes until the sink has the batch. A sink that fails is waited for.
func (c *Consumer) keep(ctx context.Context, sink Sink, b Batch) error {
	pause, said := backoff.Pause{First: 100 * time.Millisecond, Last: 10 * time.Second}, false
	for {
		start := c.now()
		var kept Kept
		err := c.guard.Do("batch", func() (err error) {
			kept, err = sink.Write(ctx, b)
			return err
		})
		if errors.Is(err, contain.ErrPanic) { // a row at which the program breaks must not keep the others from the record
			err = fmt.Errorf("%w: %w", ErrBadData, err)
		}
		if err == nil {
			c.metrics.noteBatch(b, kept, c.now().Sub(start), c.now())
			for _, a := range kept.Alarms {
				c.log.Error("a vehicle's audit log is not what it was", "vehicle", a.Vehicle.String(), "kind", a.Kind, "text", a.Text)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrBadData) && len(b.Rows) > 0 {
			return c.keepOneByOne(ctx, sink, b, err)
		}
		c.metrics.failures.Add(1)
		if !said {
			c.log.Error("the sink does not take a batch; trying again", "events", len(b.Rows), "error", err)
			said = true
		}
		if !pause.Wait(ctx) {
			return ctx.Err()
		}
	}
}

// keepOneByOne finds the rows that the sink will never take, and makes letters
// of them.
func (c *Consumer) keepOneByOne(ctx context.Context, sink Sink, b Batch, why error) error {
	if len(b.Rows) == 1 {
		r := b.Rows[0]
		l := Letter{Topic: r.Vehicle.Topic(r.kind()), Payload: r.JSON, Reason: why.Error(), ReceivedAt: r.ReceivedAt}
		return c.keep(ctx, sink, Batch{Letters: append(b.Letters, l), Numbers: b.Numbers})
	}
	half := len(b.Rows) / 2
	if err := c.keep(ctx, sink, Batch{Rows: b.Rows[:half], Letters: b.Letters}); err != nil {
		return err
	}
	return c.keep(ctx, sink, Batch{Rows: b.Rows[half:], Numbers: b.Numbers})
}
