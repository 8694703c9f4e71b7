package uplink

import (
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/sync/event"
)

func items(keys ...int64) []alpr.OutboxItem {
	out := make([]alpr.OutboxItem, len(keys))
	for i, k := range keys {
		out[i].Key = k
	}
	return out
}

func TestALaneGoesForwardAndStartsOverOnlyWhenTold(t *testing.T) {
	hits, _, _ := newLanes(time.Minute, 500)
	now := time.Now()
	none := func(int64) bool { return false }
	hits.took(items(3, 7), none, now)
	if q := hits.query(now, time.Time{}); q.AfterKey != 7 || hits.isDry {
		t.Errorf("after 3 and 7: from %d, dry %v", q.AfterKey, hits.isDry)
	}
	hits.took(nil, none, now)
	if !hits.isDry || hits.query(now, time.Time{}).AfterKey != 7 {
		t.Error("an empty peek must end the lane where it is")
	}
	hits.rewind()
	expired := items(9)
	expired[0].PurgeAt = now
	hits.queue = nil
	hits.took(append(items(3, 7), expired...), func(k int64) bool { return k == 3 }, now)
	if len(hits.queue) != 1 || hits.pop().Key != 7 {
		t.Error("what is in flight or past its purge time must not be queued again")
	}
}

func TestLanesDivideItemsByKindAndAge(t *testing.T) {
	now := time.Now()
	hits, live, backlog := newLanes(time.Minute, 500)
	h, l, b := hits.query(now, time.Time{}), live.query(now, time.Time{}), backlog.query(now, time.Time{})
	if slices.ContainsFunc(h.Kinds, func(k alpr.Kind) bool { return slices.Contains(l.Kinds, k) }) || len(h.Kinds)+len(l.Kinds) != 5 {
		t.Errorf("kinds %v and %v", h.Kinds, l.Kinds)
	}
	if !h.RecordedAfter.IsZero() || !l.RecordedAfter.Equal(b.RecordedBefore) || !l.RecordedAfter.Equal(now.Add(-time.Minute)) {
		t.Errorf("live after %s, backlog before %s", l.RecordedAfter, b.RecordedBefore)
	}
}

func TestTheWindowShrinksWithTheLinkAndGrowsBack(t *testing.T) {
	w, now := newWindow(256<<10, 500*time.Millisecond), time.Now()
	send := func(took time.Duration) {
		w.sent(2000)
		now = now.Add(took)
		w.acked(2000, took, now)
	}
	for range 1000 {
		send(10 * time.Millisecond)
	}
	if w.size != w.high || w.inFlight != 0 {
		t.Errorf("a fast link: window %d of %d, in flight %d", w.size, w.high, w.inFlight)
	}
	for range 20 {
		send(2 * time.Second)
	}
	if w.size != w.low {
		t.Errorf("a slow link: window %d, not %d", w.size, w.low)
	}
	// Acknowledgements of what was in flight together count as one bad sign.
	w.size = 64 << 10
	for range 10 {
		w.acked(0, 2*time.Second, now)
	}
	if w.size < 32<<10 {
		t.Errorf("one bad moment: window %d", w.size)
	}
	w.inFlight = 0
	if !w.hasRoom() {
		t.Error("with nothing in flight there must be room")
	}
}

func TestThePaceKeepsToItsRate(t *testing.T) {
	p, start := pace{rate: 1000}, time.Now()
	now, sent := start, 0
	for now.Sub(start) < time.Minute {
		if d := p.wait(now); d > 0 {
			now = now.Add(d)
			continue
		}
		p.sent(700, now)
		sent += 700
	}
	if rate := float64(sent) / now.Sub(start).Seconds(); rate > 1015 || rate < 985 {
		t.Errorf("%.0f bytes a second, not 1000", rate)
	}
	free := pace{}
	free.sent(1<<30, start)
	if free.wait(start) > 0 {
		t.Error("without a limit there must be no wait")
	}
}

func TestTheDebtGrowsAndPatienceWithIt(t *testing.T) {
	var d outstanding
	now, boot := time.Now(), alpr.ID{1}
	item := func(seq uint64) *alpr.OutboxItem { return &alpr.OutboxItem{BootID: boot, Seq: seq} }
	receipt := func(from, to uint64) { d.receipted(event.Range{BootID: boot, From: from, To: to}, now) }
	d.sent(500, item(500), now)
	now = now.Add(time.Minute)
	d.sent(500, item(1000), now)
	receipt(1, 300)
	if d.items != 700 || d.resendTimeout(time.Minute) != time.Minute {
		t.Errorf("after 300 receipts of 1000: %d items, resendTimeout %s", d.items, d.resendTimeout(time.Minute))
	}
	now = now.Add(4 * time.Minute)
	receipt(301, 500)
	if d.items != 500 || d.resendTimeout(time.Minute) != 10*time.Minute {
		t.Errorf("a receipt that took 5 minutes: %d items, resendTimeout %s", d.items, d.resendTimeout(time.Minute))
	}
	d.sent(1, item(1001), now)
	now = now.Add(time.Second)
	receipt(1, 1001) // some of them again
	if d.items != 0 || d.resendTimeout(time.Minute) != time.Minute {
		t.Errorf("a receipt that took a second: %d items, resendTimeout %s", d.items, d.resendTimeout(time.Minute))
	}
	d.sent(800, item(1800), now)
	for range 3 {
		now = now.Add(time.Minute)
		d.giveUp(2*time.Minute, now)
	}
	if d.items != 200 { // halved at the first and the third
		t.Errorf("after three minutes of silence %d items count of 800", d.items)
	}
}

func TestHitsWithoutReceiptGoAgainSoonAndLessAndLessOften(t *testing.T) {
	const configured = 5 * time.Minute
	boot, now := alpr.ID{1}, time.Now()
	var r resendTimer
	r.sent(&alpr.OutboxItem{BootID: boot, Seq: 7})
	sentAt, gaps := now, []time.Duration{}
	for end := now.Add(time.Hour); now.Before(end); now = now.Add(time.Second) {
		if r.isDue(configured, now) && now.Sub(sentAt) >= r.timeout(configured) {
			gaps = append(gaps, now.Sub(sentAt))
			r.sent(&alpr.OutboxItem{BootID: boot, Seq: 7, SentAt: sentAt})
			sentAt = now
		}
	}
	if gaps[0] > 20*time.Second || len(gaps) > 12 || gaps[len(gaps)-1] > maxHitReceiptTimeout*5/4 {
		t.Errorf("a hit that gets no receipt is sent again after %v", gaps)
	}
	r.receipted(event.Range{BootID: boot, From: 1, To: 6})
	if r.timeout(configured) == hitReceiptTimeout {
		t.Error("a receipt of older items counts for the newest hit")
	}
	r.receipted(event.Range{BootID: boot, From: 7, To: 7})
	if got := r.timeout(configured); got != hitReceiptTimeout {
		t.Errorf("after a receipt the next hit waits %s", got)
	}
	if got := r.timeout(time.Second); got != time.Second {
		t.Errorf("hits wait %s where all items wait a second", got)
	}
}

func TestBriefSessionsInARowAreNoWeakLink(t *testing.T) {
	n := 0
	for i, step := range []struct {
		wasUp  bool
		lasted time.Duration
		want   int
	}{
		{true, time.Second, 1}, {true, 3 * time.Second, 2}, {false, time.Second, 2}, {true, time.Second, 3},
		{true, time.Hour, 0}, {true, time.Second, 1},
	} {
		if n = nextBrief(n, step.wasUp, step.lasted); n != step.want {
			t.Errorf("step %d: %d brief sessions, want %d", i, n, step.want)
		}
	}
}

func TestRangesWithoutWhatIsStillUnderWay(t *testing.T) {
	boot, other := alpr.ID{1}, alpr.ID{2}
	r := func(boot alpr.ID, from, to uint64) event.Range { return event.Range{BootID: boot, From: from, To: to} }
	tests := []struct {
		ranges []event.Range
		x      event.Range
		want   []event.Range
	}{
		{[]event.Range{r(boot, 1, 9)}, r(boot, 5, 5), []event.Range{r(boot, 1, 4), r(boot, 6, 9)}},
		{[]event.Range{r(boot, 1, 9)}, r(boot, 1, 1), []event.Range{r(boot, 2, 9)}},
		{[]event.Range{r(boot, 1, 9)}, r(boot, 9, 20), []event.Range{r(boot, 1, 8)}},
		{[]event.Range{r(boot, 1, 9)}, r(boot, 1, 9), []event.Range{}},
		{[]event.Range{r(boot, 1, 9)}, r(other, 5, 5), []event.Range{r(boot, 1, 9)}},
		{[]event.Range{r(boot, 1, 9)}, r(boot, 10, 12), []event.Range{r(boot, 1, 9)}},
	}
	for _, tt := range tests {
		if got := without(tt.ranges, tt.x); !slices.Equal(got, tt.want) {
			t.Errorf("%v without %v: %v, want %v", tt.ranges, tt.x, got, tt.want)
		}
	}
}
