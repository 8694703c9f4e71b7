// Package backoff waits longer and longer between attempts at something that
// other machines or parts must mend.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause is the time before the next attempt. It doubles with each Wait, from
// First to Last. The zero value of its state is ready; it is not for concurrent
// use.
type Pause struct {
	First, Last time.Duration
	// HasJitter shortens each pause by up to half, at random: many programs that
	// lost the same server must not come back together.
	HasJitter bool

	next time.Duration
}

// Next is how long the next Wait lasts at most.
func (p *Pause) Next() time.Duration { return min(max(p.next, p.First), p.Last) }

// Reset lets the next pause be the first again.
func (p *Pause) Reset() { p.next = 0 }

// Take is the pause that is due now; the one after it is twice as long. It is for
// callers that wait in a select of their own.
func (p *Pause) Take() time.Duration {
	d := p.Next()
	p.next = min(2*d, p.Last)
	if p.HasJitter {
		d = d/2 + rand.N(d/2+1)
	}
	return d
}

// Wait takes the pause. It returns false when ctx is done before the pause is
// over.
func (p *Pause) Wait(ctx context.Context) bool { return Sleep(ctx, p.Take()) }

// Sleep waits for d. It returns false when ctx is done before.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
