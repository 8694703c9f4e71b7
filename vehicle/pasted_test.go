package vehicle

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// pageOf is a browser at a vehicle's page, logged in as the demonstration's
// officer.
type pageOf struct {
	t      *testing.T
	h      http.Handler
	cookie *http.Cookie
	token  string
}

func loggedIn(t *testing.T, v *Vehicle) *pageOf {
	t.Helper()
	p := &pageOf{t: t, h: v.console.Handler()}
	w := p.send("POST", "/api/login", map[string]any{"name": "demo", "password": "demo"})
	var s struct{ Token string }
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
		t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	p.cookie, p.token = w.Result().Cookies()[0], s.Token
	return p
}

func (p *pageOf) send(method, path string, body any) *httptest.ResponseRecorder {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r := httptest.NewRequest(method, "http://localhost"+path, bytes.NewReader(text))
	r.RemoteAddr = "127.0.0.1:9"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Alpr-Token", p.token)
	if p.cookie != nil {
		r.AddCookie(p.cookie)
	}
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	return w
}

func (p *pageOf) add(plate string) *httptest.ResponseRecorder {
	return p.send("POST", "/api/entries", map[string]any{"plate": plate, "reason": "armed robbery", "case": "31-7",
		"hours": 2, "priority": 3, "category": "Be on the lookout"})
}

// TestAPastedPlateStopsNothing adds plates as they are pasted from mails and
// spreadsheets, through page, store and matcher, and starts again on what was
// stored, with an entry among it that no list can hold.
func TestAPastedPlateStopsNothing(t *testing.T) {
	pictures, texts := standstill(t)
	cfg := carOf(t, pictures, "")
	ctx := t.Context()
	v, err := New(ctx, cfg, Options{IsDemo: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := loggedIn(t, v)
	wanted := texts[0][:3] + "–" + texts[0][3:] + "\u200b"
	for plate, want := range map[string]int{
		"ABC–123": 200, "ABC\u00a0124": 200, "ABC\u2011125": 200, "ABC\u200b126": 200, "\ufeffABC127": 200, "É1234": 200, wanted: 200,
		"ABC#12": 400, "AB*": 400, "": 400, "–": 400, "A": 400, "ABCDEFGHIJK": 400, strings.Repeat("-", 500) + "AB1": 400,
	} {
		if w := p.add(plate); w.Code != want {
			t.Errorf("%q: %d %s, want %d", plate, w.Code, w.Body, want)
		}
	}
	vehicletest.MustContain(t, p.add("ABC#12").Body.String(), "'#', which the reader cannot see")
	entries, err := v.store.Manual().All(ctx)
	if err != nil || len(entries) != 7 || v.lists.Problems() != nil && len(v.lists.Problems()) > 0 {
		t.Errorf("%d entries stored, %v, %v", len(entries), err, v.lists.Problems())
	}
	for _, e := range entries {
		if len(v.matcher.Index().Lookup(e.Plate)) != 1 {
			t.Errorf("%q, stored as %s, is not in use", e.PlateGiven, e.Plate)
		}
	}
	who := store.Access{Officer: "1", Purpose: "test"}
	huge := alpr.Entry{ID: "huge", Plate: "ABC999", Reason: "x", CaseNumber: strings.Repeat("1", 1<<20), Expires: time.Now().Add(time.Hour)}
	if err := v.store.Manual().Add(ctx, who, huge); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}

	v = demoVehicle(t, cfg)
	if err := v.Run(ctx); err != nil {
		t.Fatalf("an entry that no list can hold keeps the program from running: %v", err)
	}
	if _, hits, err := v.store.Reads().OpenHits(ctx); err != nil || len(hits) != 1 || hits[0].Entry.PlateGiven != wanted {
		t.Errorf("hits %+v, %v", hits, err)
	}
	named := `an entry made in this car does not alert: entry "huge"`
	vehicletest.MustContain(t, strings.Join(v.status().Problems, "\n"), named)
	_, problems := v.health()
	vehicletest.MustContain(t, strings.Join(problems, "\n"), named)
}
