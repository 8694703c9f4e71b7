// Package memory is an outbox and hotlists that live in memory, for simulated
// vehicles. They keep the store's promises but one: they do not survive a
// restart.
package memory

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"alpr"
)

// Outbox is a queue of items. It is safe for concurrent use.
type Outbox struct {
	mu          sync.Mutex
	boot        alpr.ID
	key         int64
	seq         uint64
	items       []alpr.OutboxItem // in order of Key
	quarantined map[int64]string
	changed     chan struct{}
}

// NewOutbox makes an empty outbox for one boot.
func NewOutbox(boot alpr.ID) *Outbox {
	return &Outbox{boot: boot, quarantined: map[int64]string{}, changed: make(chan struct{}, 1)}
}

// Add puts items in. Key, BootID and Seq are given here.
func (o *Outbox) Add(items ...alpr.OutboxItem) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, it := range items {
		o.key++
		o.seq++
		it.Key, it.Seq, it.BootID = o.key, o.seq, o.boot
		o.items = append(o.items, it)
	}
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// Len is the number of items that are neither receipted nor delivered.
func (o *Outbox) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items)
}

// Quarantined is why items were set aside, by key.
func (o *Outbox) Quarantined() map[int64]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[int64]string{}
	for k, v := range o.quarantined {
		out[k] = v
	}
	return out
}

// Peek gives items to send, in order of key.
func (o *Outbox) Peek(_ context.Context, q alpr.OutboxQuery) ([]alpr.OutboxItem, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	limit := q.Limit
	if limit == 0 {
		limit = 100
	}
	var out []alpr.OutboxItem
	for _, it := range o.items[o.at(q.AfterKey+1):] {
		if len(out) == limit {
			break
		}
		if wanted(q, it) && o.quarantined[it.Key] == "" {
			out = append(out, it)
		}
	}
	return out, nil
}

func wanted(q alpr.OutboxQuery, it alpr.OutboxItem) bool {
	switch {
	case len(q.Kinds) > 0 && !slices.Contains(q.Kinds, it.Kind),
		!q.RecordedAfter.IsZero() && !it.RecordedAt.After(q.RecordedAfter),
		!q.RecordedBefore.IsZero() && it.RecordedAt.After(q.RecordedBefore):
		return false
	}
	return it.SentAt.IsZero() || !q.SentBefore.IsZero() && it.SentAt.Before(q.SentBefore)
}

// Sent notes that the broker has items.
func (o *Outbox) Sent(_ context.Context, keys []int64, at time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range keys {
		if i := o.at(k); i < len(o.items) && o.items[i].Key == k {
			o.items[i].SentAt = at
		}
	}
	return nil
}

// Delivered lets items go.
func (o *Outbox) Delivered(_ context.Context, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	gone := make(map[int64]bool, len(keys))
	for _, k := range keys {
		gone[k] = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	from, to := o.at(slices.Min(keys)), o.at(slices.Max(keys)+1)
	kept := slices.DeleteFunc(slices.Clone(o.items[from:to]), func(it alpr.OutboxItem) bool { return gone[it.Key] })
	copy(o.items[to-len(kept):], kept)
	o.drop(from, to-len(kept))
	return nil
}

// drop takes items out, the oldest without moving those behind them.
func (o *Outbox) drop(from, to int) {
	if from > 0 {
		o.items = slices.Delete(o.items, from, to)
		return
	}
	clear(o.items[:to])
	o.items = o.items[to:]
}

// Receipt lets the items go that the backend keeps.
func (o *Outbox) Receipt(_ context.Context, boot alpr.ID, from, to uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if boot != o.boot {
		return nil
	}
	// Numbers are keys here: both count this boot's items from 1.
	last := uint64(o.key)
	o.drop(o.at(int64(min(from, last+1))), o.at(int64(min(to, last))+1))
	return nil
}

// at is the place of the first item with at least the given key.
func (o *Outbox) at(key int64) int {
	i, _ := slices.BinarySearchFunc(o.items, key, func(it alpr.OutboxItem, key int64) int { return cmp.Compare(it.Key, key) })
	return i
}

// Quarantine sets an item aside.
func (o *Outbox) Quarantine(_ context.Context, key int64, reason string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.quarantined[key] = reason
	return nil
}

// Depth counts what waits.
func (o *Outbox) Depth(context.Context) (alpr.OutboxDepth, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := alpr.OutboxDepth{Waiting: map[alpr.Kind]int64{}, Quarantined: int64(len(o.quarantined))}
	for i := range o.items {
		it := &o.items[i]
		switch {
		case o.quarantined[it.Key] != "":
		case !it.SentAt.IsZero():
			d.Unreceipted++
		default:
			d.Waiting[it.Kind]++
			if d.OldestUnsent.IsZero() || it.RecordedAt.Before(d.OldestUnsent) {
				d.OldestUnsent = it.RecordedAt
			}
		}
	}
	return d, nil
}

// Changed is a pulse after items were added.
func (o *Outbox) Changed() <-chan struct{} { return o.changed }
