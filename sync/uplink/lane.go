package uplink

import (
	"time"

	"alpr"
)

const (
	peekLimit            = 256  // items asked of the outbox at once
	hitsAtOnce           = 256  // hits and dispositions awaiting acknowledgement
	maxOpen              = 1024 // messages awaiting acknowledgement, hits beyond them not counted
	markAtOnce           = 512  // acknowledged items that are marked in one transaction
	markEvery            = 100 * time.Millisecond
	liveBurst            = 32               // live reads that wait together travel together
	batchPlain           = 4 << 20          // bytes of a batch before compression, at most
	maxUnreceipted       = 40               // full batches that await receipts before the backlog waits as well
	hitReceiptTimeout    = 15 * time.Second // a hit without a receipt is sent again after so long
	maxHitReceiptTimeout = 10 * time.Minute // or after so long at most, while no receipt comes
	maxResendTimeout     = 6 * time.Hour
	maxEvent             = 1 << 20 // bytes of one event; a larger one is quarantined
)

// lane reads one class of items from the outbox, in order of key.
type lane struct {
	kinds  []alpr.Kind
	limit  int
	when   func(q *alpr.OutboxQuery, now time.Time) // narrows the query to this lane's ages
	cursor int64                                    // key of the newest item peeked
	isDry  bool                                     // nothing came at the last peek
	queue  []alpr.OutboxItem                        // peeked, not yet published
}

func newLanes(liveWindow time.Duration, batchEvents int) (hits, live, backlog *lane) {
	reads := []alpr.Kind{alpr.KindRead, alpr.KindAudit, alpr.KindExpired}
	hits = &lane{kinds: []alpr.Kind{alpr.KindHit, alpr.KindDisposition}, limit: peekLimit, when: func(*alpr.OutboxQuery, time.Time) {}}
	live = &lane{kinds: reads, limit: peekLimit, when: func(q *alpr.OutboxQuery, now time.Time) { q.RecordedAfter = now.Add(-liveWindow) }}
	backlog = &lane{kinds: reads, limit: max(batchEvents, peekLimit), when: func(q *alpr.OutboxQuery, now time.Time) { q.RecordedBefore = now.Add(-liveWindow) }}
	return hits, live, backlog
}

// query asks for what follows the newest item peeked.
func (l *lane) query(now, sentBefore time.Time) alpr.OutboxQuery {
	q := alpr.OutboxQuery{Kinds: l.kinds, AfterKey: l.cursor, SentBefore: sentBefore, Limit: l.limit}
	l.when(&q, now)
	return q
}

// took notes what a peek gave: items that are not in flight and not past their
// purge time wait in the queue. The end is reached only when nothing comes: a
// peek may give fewer items than asked for.
func (l *lane) took(items []alpr.OutboxItem, isInFlight func(key int64) bool, now time.Time) {
	for _, it := range items {
		l.cursor = max(l.cursor, it.Key)
		isExpired := !it.PurgeAt.IsZero() && !it.PurgeAt.After(now)
		if !isExpired && !isInFlight(it.Key) {
			l.queue = append(l.queue, it)
		}
	}
	l.isDry = len(items) == 0
}

// rewind lets the next peek start at the oldest item, so that what was sent and
// never receipted is seen again.
func (l *lane) rewind() { l.isDry, l.cursor = false, 0 }

// pop takes the next item to publish.
func (l *lane) pop() alpr.OutboxItem {
	it := l.queue[0]
	l.queue[0] = alpr.OutboxItem{}
	l.queue = l.queue[1:]
	return it
}

// window bounds the bytes that await acknowledgement: additive increase while
// acknowledgements come in time, halved when they do not (TCP's AIMD, RFC 5681).
type window struct {
	size, low, high int
	inFlight        int
	target          time.Duration
	shrunkAt        time.Time
	latency         time.Duration // moving mean
}

func newWindow(high int, target time.Duration) *window {
	return &window{size: min(high, 32<<10), low: 4 << 10, high: high, target: target}
}

// hasRoom says whether more may be sent now. One message is always allowed.
func (w *window) hasRoom() bool { return w.inFlight < w.size }

func (w *window) sent(n int) { w.inFlight += n }

func (w *window) acked(n int, took time.Duration, now time.Time) {
	w.inFlight -= n
	w.latency += (took - w.latency) / 8
	switch {
	case took <= w.target:
		w.size = min(w.high, w.size+n)
	case now.Sub(w.shrunkAt) > took: // once for all that was in flight together
		w.size, w.shrunkAt = max(w.low, w.size/2), now
	}
}

// pace spaces the backlog out in time.
type pace struct {
	rate int       // bytes a second, 0: no limit
	next time.Time // not before
}

// wait is how long until the next batch may go.
func (p *pace) wait(now time.Time) time.Duration {
	if p.rate == 0 {
		return 0
	}
	return p.next.Sub(now)
}

func (p *pace) sent(n int, now time.Time) {
	if p.rate == 0 {
		return
	}
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
}
