package vehicle

import (
	"log/slog"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// TestCoolDownsSurviveARestart: a car that has just alerted does not alert again
// because the program was started anew; another car does, as do the same car after
// the cool-down, one whose alert was taken back, and one of a recording.
func TestCoolDownsSurviveARestart(t *testing.T) {
	cfg := carOf(t, t.TempDir(), "")
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	start := func() (*openHits, *store.Store) {
		t.Helper()
		s, err := store.Open(t.Context(), cfg.StoreOptions(), log)
		if err != nil {
			t.Fatal(err)
		}
		match, err := hotlist.NewMatcher(cfg.Hotlist)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLists(s, match, cfg.Hotlist, log)
		list, err := hotlist.FromEntries("wanted", "1", time.Now(), []alpr.Entry{listed("AAA111"), listed("BBB222"), listed("CCC333"), listed("DDD444")})
		if err != nil {
			t.Fatal(err)
		}
		match.Swap(match.Index().With(list))
		o := newOpenHits(s, l, nil, log)
		if err := o.loadCoolDowns(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o, s
	}
	o, s := start()
	for _, plate := range []string{"AAA111", "BBB222", "CCC333"} {
		a := alertOf(t, plate)
		a.Hits[0].Entry = o.lists.matcher.Match(a.Read)[0].Entry
		a.Hits[0].IsWithdrawn = plate == "BBB222"
		if plate == "CCC333" {
			a.Read.TimeSource = alpr.TimeFile
		}
		if err := vehicletest.Keep(t.Context(), s, a.Read, a.Hits); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o, s = start()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for plate, want := range map[string]int{"AAA111": 0, "BBB222": 1, "CCC333": 1, "DDD444": 1} {
		r := vehicletest.PassRead(t, plate)
		if r.ID, r.At = alertOf(t, "X"+plate).Read.ID, r.At.Add(time.Second); len(o.lists.matcher.Match(r)) != want {
			t.Errorf("%s alerts %d times after the restart, want %d", plate, 1-want, want)
		}
	}
	r := vehicletest.PassRead(t, "AAA111")
	if r.At = r.At.Add(cfg.Hotlist.CoolDown + time.Minute); len(o.lists.matcher.Match(r)) != 1 {
		t.Error("it does not alert after its cool-down")
	}
}
