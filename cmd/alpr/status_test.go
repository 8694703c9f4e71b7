package main

import (
	"context"
	"testing"
	"time"

	"alpr/console"
	"alpr/hotlist"
)

// TestTheStatusSaysWhatIs: lists age by their own limits, reads are counted, and
// nothing is called checked that nothing checks.
func TestTheStatusSaysWhatIs(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	hour, week := time.Hour, 7*24*time.Hour
	cfg.Hotlist.Lists = map[string]hotlist.ListPolicy{"amber": {MaxAge: &hour}, "county": {MaxAge: &week}}
	v := demoVehicle(t, cfg)
	for name, age := range map[string]time.Duration{"amber": 2 * time.Hour, "county": 48 * time.Hour, "state": 2 * time.Hour} {
		use(t, v, name, "1", time.Now().Add(-age), listed("ABC123"))
	}
	if err := v.store.Record(t.Context(), passRead(t, "REC111"), nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { _ = v.countReads(ctx) }()
	for v.readsOnRecord.Load() == 0 && t.Context().Err() == nil {
		<-time.After(time.Millisecond)
	}
	stop()
	s := v.status()
	if s.Store.Reads != 1 {
		t.Errorf("%d reads on record, 1 was recorded", s.Store.Reads)
	}
	for _, l := range s.Lists {
		if l.IsStale != (l.Name == "amber") {
			t.Errorf("list %s of %s is stale: %v", l.Name, time.Since(l.PublishedAt), l.IsStale)
		}
	}
	if isOK := s.Clock.Level == console.LevelOK; isOK != isClockSynchronised() {
		t.Errorf("no receiver, synchronised: %v, and the page says %+v", isClockSynchronised(), s.Clock)
	}
}

func TestAYoungListHasAnAge(t *testing.T) {
	o := newOffice(t)
	list := o.write("state.csv", "plate,state,reason\nABC123,FL,stolen\n")
	o.run("hotlist", "import", list, "--published", time.Now().Add(-10*time.Minute).UTC().Format(time.RFC3339))
	mustContain(t, o.run("report"), "| List state: 1 entries, age today | 10 min |")
}
