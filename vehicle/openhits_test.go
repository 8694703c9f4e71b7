package vehicle

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist"
	"alpr/store"
	"alpr/sync/downlink"
	"alpr/vehicle/vehicletest"
)

// board is what a page that was just opened shows.
func (p *pageOf) board() (hits map[alpr.ID]shownHit) {
	p.t.Helper()
	srv := httptest.NewServer(p.h)
	defer srv.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/events", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.AddCookie(p.cookie)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for kind := ""; lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		if key == "event" {
			kind = value
		}
		if key != "data" || kind != "snapshot" {
			continue
		}
		var s struct{ Hits []shownHit }
		if err := json.Unmarshal([]byte(value), &s); err != nil {
			p.t.Fatal(err)
		}
		hits = make(map[alpr.ID]shownHit)
		for _, h := range s.Hits {
			hits[h.ID] = h
		}
		return hits
	}
	p.t.Fatalf("no snapshot: %v", lines.Err())
	return nil
}

type shownHit struct {
	ID           alpr.ID   `json:"id"`
	IsWithdrawn  bool      `json:"withdrawn"`
	WithdrawnWhy string    `json:"withdrawn_why"`
	WithdrawnAt  time.Time `json:"withdrawn_at"`
	HasCrop      bool      `json:"crop"`
	IsOpen       bool      `json:"open"`
}

// raise lets a listed car pass: read, matched, recorded and shown as the
// pipeline does it.
func raise(t *testing.T, v *Vehicle, plate string) alpr.Hit {
	t.Helper()
	r := vehicletest.PassRead(t, plate)
	hits := v.matcher.Match(r)
	if len(hits) != 1 {
		t.Fatalf("%s raises %d hits", plate, len(hits))
	}
	var err error
	if hits[0].ID, err = alpr.NewID(time.Now(), strings.NewReader("hit "+plate+"0123456789")); err != nil {
		t.Fatal(err)
	}
	if err := vehicletest.Keep(t.Context(), v.store, r, hits); err != nil {
		t.Fatal(err)
	}
	v.hits.ShowAlert(alpr.NewAlert(r, hits[:1]))
	return hits[0]
}

func use(t *testing.T, v *Vehicle, name, version string, published time.Time, entries ...alpr.Entry) {
	t.Helper()
	list, err := hotlist.FromEntries(name, version, published, entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.lists.Replace(t.Context(), store.Access{Officer: "test", Purpose: "test"}, list); err != nil {
		t.Fatal(err)
	}
}

func listed(plate string) alpr.Entry {
	return alpr.Entry{ID: "id-" + plate, Plate: plate, State: "US-FL", Reason: "stolen", Category: "stolen vehicle", Priority: alpr.PriorityHigh}
}

// TestAnAlertIsTakenBackWithItsReason: whatever ends an entry's right to alert
// takes the open alert back: on the page, on record, for the backend, with the
// reason.
func TestAnAlertIsTakenBackWithItsReason(t *testing.T) {
	pictures, _ := standstill(t)
	v := demoVehicle(t, carOf(t, pictures, ""))
	ctx, who := t.Context(), store.Access{Officer: "test", Purpose: "test"}
	if err := v.lists.Load(ctx); err != nil {
		t.Fatal(err)
	}
	p := loggedIn(t, v)
	published := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, plate := range []string{"REP111", "ROL111", "DRO111", "EXP111", "CAT111"} {
		use(t, v, plate, "1", published, listed("OTHER1"))
		e := listed(plate)
		if plate == "CAT111" {
			e.Category = "unpaid tolls"
		}
		use(t, v, plate, "2", published, e)
	}
	use(t, v, "urgent", "sync 1", published, listed("URG111"), listed("URG222"))
	if w := p.add("MAN111"); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	hits := map[string]alpr.Hit{}
	for _, plate := range []string{"REP111", "ROL111", "DRO111", "EXP111", "CAT111", "URG111", "URG222", "MAN111"} {
		hits[plate] = raise(t, v, plate)
	}
	before := time.Now().Truncate(time.Millisecond)
	over := listed("EXP111")
	over.Expires = before.Add(-time.Minute).UTC().Truncate(time.Second)
	use(t, v, "EXP111", "3", published, over)
	use(t, v, "REP111", "3", published, listed("OTHER1"))
	_, err := v.store.Lists().Rollback(ctx, who, "ROL111")
	must(err)
	must(v.store.Lists().Drop(ctx, who, "DRO111"))
	must(v.store.Rules().Forbid(ctx, "unpaid tolls"))
	must(v.lists.ApplyHotlist(ctx, downlink.Update{List: "urgent", Version: 1, Base: 1, Remove: []string{"id-URG111"}, Entries: downlink.NoEntries}))
	if w := p.send("POST", "/api/entries/remove", map[string]string{"id": hits["MAN111"].Entry.ID, "reason": "recovered"}); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	must(v.store.SafeList().Add(ctx, who, []string{"URG222"})) // on a hotlist, the hotlist counts
	must(v.lists.Load(ctx))
	v.hits.Check(ctx)

	board := p.board()
	for plate, want := range map[string]struct {
		why   string
		words string
		at    time.Time // zero: since the change
	}{
		"REP111": {"removed", "The plate was removed from REP111", time.Time{}},
		"ROL111": {"rolled back", "The version of ROL111 that listed it was taken back", time.Time{}},
		"DRO111": {"list dropped", "DRO111 is not in use any more", time.Time{}},
		"EXP111": {"expired", "The entry in EXP111 expired", over.Expires},
		"CAT111": {"category not allowed", "Policy lets the category unpaid tolls alert no more", time.Time{}},
		"URG111": {"removed", "The plate was removed from urgent", time.Time{}},
		"MAN111": {"removed", "The plate was removed from this car's own list", time.Time{}},
	} {
		h := board[hits[plate].ID]
		if !h.IsWithdrawn || !h.IsOpen || !h.HasCrop || h.WithdrawnWhy != want.words {
			t.Errorf("%s: the page shows %+v", plate, h)
		}
		if want.at.IsZero() && (h.WithdrawnAt.Before(before) || h.WithdrawnAt.After(time.Now())) || !want.at.IsZero() && !h.WithdrawnAt.Equal(want.at) {
			t.Errorf("%s: since %s", plate, h.WithdrawnAt)
		}
		checkWithdrawn(t, v, hits[plate].ID, want.why)
	}
	if h := board[hits["URG222"].ID]; h.IsWithdrawn || !h.IsOpen {
		t.Errorf("what is still listed was taken back: %+v", h)
	}
	_, open, err := v.store.Reads().OpenHits(ctx)
	if err != nil || len(open) != 1 || open[0].ID != hits["URG222"].ID {
		t.Errorf("open on record: %v, %v", open, err)
	}
	for _, l := range v.matcher.Index().Lists() {
		if l.Name == "urgent" && !l.PublishedAt.Equal(published) {
			t.Errorf("what is left of the list is said to be published at %s, it was at %s", l.PublishedAt, published)
		}
	}
	use(t, v, "REP111", "4", published, listed("REP111"))
	raise(t, v, "REP111") // listed anew it alerts at once, cool-down or not
}

// checkWithdrawn wants the hit's last word to the backend to take it back.
func checkWithdrawn(t *testing.T, v *Vehicle, id alpr.ID, why string) {
	t.Helper()
	items, err := v.store.Outbox().Peek(t.Context(), alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindHit}})
	if err != nil {
		t.Fatal(err)
	}
	var last alpr.OutboxItem
	for _, it := range items {
		if it.ID == id {
			last = it
		}
	}
	if last.Hit == nil || last.Revision != 2 || !last.Hit.IsWithdrawn || string(last.Hit.Withdrawal.Why) != why {
		t.Errorf("the backend is told %+v in revision %d", last.Hit, last.Revision)
	}
}

// TestEveryAnswerAsksTheListFirst: another program has just taken the entry off,
// and the officer taps before anybody has looked.
func TestEveryAnswerAsksTheListFirst(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	v := demoVehicle(t, cfg)
	p := loggedIn(t, v)
	use(t, v, "state", "1", time.Now(), listed("OTHER1"))
	use(t, v, "state", "2", time.Now(), listed("TAP111"), listed("TAP222"))
	gone, stands := raise(t, v, "TAP111"), raise(t, v, "TAP222")

	other, err := store.Open(t.Context(), cfg.StoreOptions(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	beside := NewLists(other, v.matcher, cfg.Hotlist, slog.New(slog.DiscardHandler))
	list, err := hotlist.FromEntries("state", "3", time.Now(), []alpr.Entry{listed("TAP222")})
	if err != nil {
		t.Fatal(err)
	}
	info := store.HotlistInfo{List: list.Name, Version: list.Version, Entries: list.Len(), PublishedAt: list.PublishedAt}
	if err := beside.store.Lists().Save(t.Context(), store.Access{Officer: "1", Purpose: "recovered"}, info, list.Chunks()); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}

	answer := func(h alpr.Hit, plate string, sawWithdrawn bool) *httptest.ResponseRecorder {
		return p.send("POST", "/api/hits/"+h.ID.String()+"/disposition",
			map[string]any{"read": plate, "verdict": "confirmed", "action": "Stop", "withdrawn": sawWithdrawn})
	}
	w := answer(gone, "TAP111", false)
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "do not act on it. The plate was removed from state") {
		t.Errorf("an answer to an alert whose entry is gone: %d %s", w.Code, w.Body)
	}
	if n, err := v.store.Reads().Verdicts(t.Context()); err != nil || len(n) != 0 {
		t.Errorf("recorded %v, %v", n, err)
	}
	if !p.board()[gone.ID].IsWithdrawn {
		t.Error("the page still shows the alert")
	}
	if w := answer(stands, "TAP222", false); w.Code != http.StatusOK {
		t.Errorf("an answer to an alert that stands: %d %s", w.Code, w.Body)
	}
	if w := answer(gone, "TAP111", true); w.Code != http.StatusOK { // what he did before he learned of it goes on record
		t.Errorf("an answer to an alert that was seen to be taken back: %d %s", w.Code, w.Body)
	}
}

// TestAReasonThatGoesWhileTheProgramIsDown: the next start takes the alert back,
// plainly; it neither forgets it nor shows it as if nothing had been.
func TestAReasonThatGoesWhileTheProgramIsDown(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	v, err := New(t.Context(), cfg, Options{IsDemo: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	use(t, v, "state", "1", time.Now(), listed("DOWN11"), listed("DOWN22"))
	gone, stands := raise(t, v, "DOWN11"), raise(t, v, "DOWN22")
	list, err := hotlist.FromEntries("state", "2", time.Now(), []alpr.Entry{listed("DOWN22")})
	if err != nil {
		t.Fatal(err)
	}
	info := store.HotlistInfo{List: list.Name, Version: list.Version, Entries: list.Len(), PublishedAt: list.PublishedAt}
	if err := v.store.Lists().Save(t.Context(), store.Access{Officer: "1", Purpose: "recovered"}, info, list.Chunks()); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}

	v = demoVehicle(t, cfg)
	if err := v.Run(t.Context()); err != nil { // the start as it is; the pictures that it reads raise nothing
		t.Fatal(err)
	}
	board := loggedIn(t, v).board()
	if h := board[gone.ID]; !h.IsWithdrawn || h.WithdrawnWhy != "The plate was removed from state" {
		t.Errorf("the alert whose entry went: %+v", h)
	}
	if h := board[stands.ID]; h.IsWithdrawn || !h.IsOpen {
		t.Errorf("the alert that stands: %+v", h)
	}
}
