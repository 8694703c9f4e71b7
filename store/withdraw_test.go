package store

import (
	"errors"
	"testing"
	"time"

	"alpr"
)

func TestWithdrawnBetweenTwoRevisionsOfTheRead(t *testing.T) {
	f := open(t, nil)
	r := f.read("ABC123")
	h := f.hit(r)
	if err := f.Recorder().Withdraw(t.Context(), h); !errors.Is(err, ErrNotKept) {
		t.Errorf("a hit that is not on record: %v", err)
	}
	f.record(r, h)
	h.Withdrawal = alpr.Withdrawal{Why: alpr.WithdrawnRemoved, At: f.clock.Now()}
	for range 2 { // the second time nothing is left to do
		if err := f.Recorder().Withdraw(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	final := r
	final.Revision = 2
	h.IsWithdrawn = true
	f.record(final, h)

	items, err := f.Outbox().Peek(t.Context(), alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindHit}})
	if err != nil || len(items) != 3 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	if last := items[2]; last.Revision != 3 || last.Read.Revision != 2 || last.Hit.Withdrawal.Why != alpr.WithdrawnRemoved {
		t.Errorf("the last word is revision %d of the hit, %d of the read, %+v", last.Revision, last.Read.Revision, last.Hit.Withdrawal)
	}
	if n := f.count("SELECT count(*) FROM hits WHERE is_open = 1"); n != 0 {
		t.Errorf("%d hits are open", n)
	}
	counts, err := f.Reads().Tallies(t.Context(), f.clock.Now().Add(-time.Hour), f.clock.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		if c.What == "withdrawn" && c.N != 1 {
			t.Errorf("counted %d times", c.N)
		}
	}
}
