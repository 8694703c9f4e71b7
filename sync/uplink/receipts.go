package uplink

import (
	"fmt"
	"time"

	"alpr"
	"alpr/sync/event"
)

// outstanding is what was sent since the start and is not receipted, as far as can be
// known. It keeps a backend that is slow, or has a fleet's backlog before it,
// from being sent more than it takes, and all of it again while it works.
type outstanding struct {
	items    int
	gaveUpAt time.Time

	awaited alpr.OutboxItem // its receipt tells how long receipts take
	since   time.Time       // when it was sent; zero: none is awaited
	lag     time.Duration   // how long the last awaited receipt took
}

// sent notes items that go, the last of which is it.
func (d *outstanding) sent(items int, it *alpr.OutboxItem, now time.Time) {
	d.items += items
	if d.since.IsZero() && it.SentAt.IsZero() {
		d.awaited, d.since = alpr.OutboxItem{BootID: it.BootID, Seq: it.Seq}, now
	}
}

// receipted notes that the backend keeps a range.
func (d *outstanding) receipted(x event.Range, now time.Time) {
	d.items = max(0, d.items-int(x.To-x.From)-1)
	if !d.since.IsZero() && x.BootID == d.awaited.BootID && x.From <= d.awaited.Seq && d.awaited.Seq <= x.To {
		d.lag, d.since = now.Sub(d.since), time.Time{}
	}
}

// giveUp takes half of what is outstanding for lost, once each resend timeout: what is lost
// must not hold up the backlog for ever.
func (d *outstanding) giveUp(resendTimeout time.Duration, now time.Time) {
	if now.Sub(d.gaveUpAt) >= resendTimeout {
		d.items, d.gaveUpAt = d.items/2, now
	}
}

// resendTimeout is how long an item may be without receipt: at least the
// configured time, and twice as long as receipts take (compare RFC 6298).
func (d *outstanding) resendTimeout(atLeast time.Duration) time.Duration {
	return max(atLeast, 2*d.lag)
}

// resendTimer says when a hit that has no receipt is sent again. The time doubles
// while hits are sent again, until a receipt comes for the newest one: a backend
// that is down for a day must not find a copy for each quarter of a minute.
type resendTimer struct {
	doublings int
	hasResent bool            // a hit was sent again since the last look
	lookedAt  time.Time       // when hits without a receipt were last looked for
	newest    alpr.OutboxItem // that was sent
}

// timeout is how long a hit may be without a receipt: at first no longer than
// the configuration gives to any item.
func (r *resendTimer) timeout(configured time.Duration) time.Duration {
	return min(min(hitReceiptTimeout, configured)<<r.doublings, maxHitReceiptTimeout)
}

// isDue says whether to look for hits without a receipt now, and notes that it was asked.
func (r *resendTimer) isDue(configured time.Duration, now time.Time) bool {
	if now.Sub(r.lookedAt) < r.timeout(configured)/4 {
		return false
	}
	r.lookedAt = now
	if r.hasResent && r.timeout(configured) < maxHitReceiptTimeout {
		r.doublings++
	}
	r.hasResent = false
	return true
}

// sent notes a hit that goes, for the first time or again.
func (r *resendTimer) sent(it *alpr.OutboxItem) {
	r.newest = alpr.OutboxItem{BootID: it.BootID, Seq: it.Seq}
	r.hasResent = r.hasResent || !it.SentAt.IsZero()
}

// receipted notes that the backend keeps a range.
func (r *resendTimer) receipted(x event.Range) {
	if x.BootID == r.newest.BootID && x.From <= r.newest.Seq && r.newest.Seq <= x.To {
		r.doublings, r.hasResent = 0, false
	}
}

// saidAfter is how often an item is sent before it is said that no receipt comes.
const saidAfter = 3

// maxResends bounds how many items' resends are counted.
const maxResends = 20_000

// resends counts how often items without a receipt were sent again. What goes
// again and again while others get their receipt is stubborn: a broker
// acknowledges, and drops, what is over its limit of size.
type resends struct {
	counts map[int64]int // by key
	saidAt time.Time
}

func (r *resends) note(key int64) {
	if r.counts == nil || len(r.counts) >= maxResends {
		r.counts = map[int64]int{}
	}
	r.counts[key]++
}

func (r *resends) isStubborn(key int64) bool { return r.counts[key] >= saidAfter-1 }

// sayUnreceipted says, once in an hour, that what is sent again and again gets no
// receipt.
func (s *session) sayUnreceipted(key int64, size int) {
	r, now := &s.u.resends, s.now()
	if r.counts[key] < saidAfter || !r.saidAt.IsZero() && now.Sub(r.saidAt) < time.Hour {
		return
	}
	r.saidAt = now
	problem := fmt.Sprintf("a message of %d bytes was sent %d times and gets no receipt", size, r.counts[key]+1)
	hint := "is a consumer running that writes receipts?"
	if now.Sub(s.u.receiptedAt) < time.Hour && !s.u.receiptedAt.IsZero() {
		hint = "others do: does the broker drop messages over some size (message_size_limit, max_packet_size)?"
	}
	s.u.log.Warn("no receipt comes; the item stays in the outbox", "bytes", size, "times", r.counts[key]+1, "hint", hint)
	s.u.update(func(st *State) { st.Unreceipted = problem + ": " + hint })
}
