package uplink

import (
	"time"

	"alpr"
	"alpr/sync/event"
)

// debt is what was sent since the start and is not receipted, as far as can be
// known. It keeps a backend that is slow, or has a fleet's backlog before it,
// from being sent more than it takes, and all of it again while it works.
type debt struct {
	items      int
	forgivenAt time.Time

	awaited alpr.OutboxItem // its receipt tells how long receipts take
	since   time.Time       // when it was sent; zero: none is awaited
	lag     time.Duration   // how long the last awaited receipt took
}

// sent notes items that go, the last of which is it.
func (d *debt) sent(items int, it *alpr.OutboxItem, now time.Time) {
	d.items += items
	if d.since.IsZero() && it.SentAt.IsZero() {
		d.awaited, d.since = alpr.OutboxItem{BootID: it.BootID, Seq: it.Seq}, now
	}
}

// receipted notes that the backend keeps a range.
func (d *debt) receipted(x event.Range, now time.Time) {
	d.items = max(0, d.items-int(x.To-x.From)-1)
	if !d.since.IsZero() && x.BootID == d.awaited.BootID && x.From <= d.awaited.Seq && d.awaited.Seq <= x.To {
		d.lag, d.since = now.Sub(d.since), time.Time{}
	}
}

// forgive takes half of the debt for lost, once each patience: what is lost
// must not hold up the backlog for ever.
func (d *debt) forgive(patience time.Duration, now time.Time) {
	if now.Sub(d.forgivenAt) >= patience {
		d.items, d.forgivenAt = d.items/2, now
	}
}

// patience is how long an item may be without receipt: at least the
// configured time, and twice as long as receipts take (compare RFC 6298).
func (d *debt) patience(atLeast time.Duration) time.Duration { return max(atLeast, 2*d.lag) }
