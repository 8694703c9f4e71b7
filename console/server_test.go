package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

func TestForeignHostsAndOriginsAreTurnedAway(t *testing.T) {
	c, _ := start(t, func(cfg *Config) { cfg.Hosts = []string{"car.example"} })
	for host, want := range map[string]int{
		"127.0.0.1:8088": 200, "localhost:8088": 200, "[::1]:8088": 200, "car.example": 200,
		"evil.example": 421, "127.0.0.1.evil.example:8088": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
	p := logIn(t, c)
	r := p.request("POST", "/api/lock", "{}")
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("foreign origin: %d, want 403", w.Code)
	}
	r = p.request("POST", "/api/lock", "{}")
	r.Header.Set(csrfHeader, "guess")
	w = httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("wrong token: %d, want 403", w.Code)
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	c, _ := start(t, nil)
	p := logIn(t, c)
	for _, path := range []string{"/", "/app.js", "/style.css", "/api/session", "/api/nothing"} {
		h := p.do("GET", path, nil).Header()
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
	w := p.do("GET", "/app.js", nil)
	r := p.request("GET", "/app.js", nil)
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	again := httptest.NewRecorder()
	c.Handler().ServeHTTP(again, r)
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("an unchanged file was sent again: %d", again.Code)
	}
}

func TestNothingWithoutLogin(t *testing.T) {
	c, rec := start(t, nil)
	p := &page{t: t, c: c}
	for _, path := range []string{"GET /api/session", "GET /api/events", "POST /api/lookup", "POST /api/entries", "GET /api/entries",
		"POST /api/emergency", "POST /api/hits/" + idOf(1).String() + "/disposition", "POST /api/reads/" + idOf(1).String() + "/picture"} {
		method, url, _ := strings.Cut(path, " ")
		if w := p.do(method, url, "{}"); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", path, w.Code)
		}
	}
	if rec.lookups+len(rec.entries)+len(rec.dispositions) > 0 {
		t.Error("something was done for nobody")
	}
}

func TestDisposition(t *testing.T) {
	read := readOf(1, "O25S")
	id := idOf(2).String()
	tests := []struct {
		name string
		body string
		err  error
		code int
		want string // in the answer
	}{
		{"confirmed", `{"read":"O25S","verdict":"confirmed","action":"Stop","note":" seen "}`, nil, 200, "Of 1 hit verified, 1 right"},
		{"misread", `{"read":"O25S","verdict":"misread","corrected":"o2-5z"}`, nil, 200, "Of 1 hit verified, 0 right"},
		{"dismissed is not verified", `{"read":"O25S","verdict":"dismissed"}`, nil, 200, "No hit verified yet"},
		{"plate changed", `{"read":"025S","verdict":"confirmed"}`, nil, 409, "look at it again"},
		{"no such verdict", `{"read":"O25S","verdict":"right"}`, nil, 400, "verdict"},
		{"no such action", `{"read":"O25S","verdict":"confirmed","action":"Party"}`, nil, 400, "action"},
		{"correction of a right plate", `{"read":"O25S","verdict":"confirmed","corrected":"A"}`, nil, 400, "misread alone"},
		{"correction that corrects nothing", `{"read":"O25S","verdict":"misread","corrected":"O25S"}`, nil, 400, "leave it empty"},
		{"unknown field", `{"read":"O25S","verdict":"confirmed","x":1}`, nil, 400, "cannot be read"},
		{"two bodies", `{"read":"O25S","verdict":"confirmed"}{}`, nil, 400, "follows its end"},
		{"disk full", `{"read":"O25S","verdict":"confirmed"}`, errors.New("disk is full"), 503, "NOT recorded"},
		{"disk full, the answer waits", `{"read":"O25S","verdict":"confirmed"}`, alpr.ErrNotYetRecorded, 202, "not yet on record"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := start(t, nil)
			rec.disposeErr = tt.err
			c.ShowHit(read, hitOf(2, read, "025S", alpr.PriorityHigh))
			w := logIn(t, c).do("POST", "/api/hits/"+id+"/disposition", tt.body)
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
				t.Fatalf("got %d %s, want %d with %q", w.Code, w.Body, tt.code, tt.want)
			}
			isTaken := tt.code < 300
			if (tt.code == 200) != (len(rec.dispositions) == 1) {
				t.Fatalf("recorded %+v", rec.dispositions)
			}
			hc, _ := c.board.hit(idOf(2))
			if hc.view.Open == isTaken {
				t.Errorf("open is %v after %d", hc.view.Open, w.Code)
			}
			if tt.code == 200 {
				d := rec.dispositions[0]
				if d.Officer != "demo" || d.HitID != idOf(2) || d.ID.IsZero() || d.At.IsZero() || d.Note != strings.TrimSpace(d.Note) {
					t.Errorf("recorded %+v", d)
				}
				if tt.name == "misread" && d.Corrected != "O25Z" {
					t.Errorf("corrected to %q", d.Corrected)
				}
			}
		})
	}
}

// TestARefusedRequestIsReadToItsEnd: a connection closed on what was not read is
// reset, and the reason for the refusal lost on its way.
func TestARefusedRequestIsReadToItsEnd(t *testing.T) {
	c, _ := start(t, nil)
	for host, code := range map[string]int{"localhost": http.StatusBadRequest, "elsewhere": http.StatusMisdirectedRequest} {
		for _, size := range []int{100, maxBody, 3 * maxBody} {
			body := bytes.NewReader(make([]byte, size))
			r := httptest.NewRequest("POST", "/api/login", struct{ io.Reader }{body})
			r.Host = host
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			c.Handler().ServeHTTP(w, r)
			if w.Code != code || body.Len() > max(0, size-maxBody) {
				t.Errorf("%d bytes: %d with %d not read", size, w.Code, body.Len())
			}
		}
	}
}

func TestHitIsConfirmedByADispositionAlone(t *testing.T) {
	c, _ := start(t, nil)
	read := readOf(1, "O25S")
	c.ShowHit(read, hitOf(2, read, "O25S", alpr.PriorityHigh))
	hc, _ := c.board.hit(idOf(2))
	text := string(mustJSON(hc.view))
	if strings.Contains(text, "onfirmed") || !strings.Contains(text, leadOnly) {
		t.Errorf("a hit that nobody looked at says %s", text)
	}
}

func TestLookUpNeedsAPurposeAndTheAuditLog(t *testing.T) {
	c, rec := start(t, nil)
	rec.found = []alpr.Read{readOf(1, "O25S")}
	p := logIn(t, c)
	for body, code := range map[string]int{
		`{"plate":"o25-s","purpose":"Stolen vehicle","case":"1"}`: 200,
		`{"plate":"O25S","purpose":""}`:                           400,
		`{"plate":"O25S","purpose":"  x "}`:                       400,
		`{"plate":"O*","purpose":"Stolen vehicle"}`:               400,
		`{"plate":"","purpose":"Stolen vehicle"}`:                 400,
	} {
		before := rec.lookups
		w := p.do("POST", "/api/lookup", body)
		if w.Code != code || (rec.lookups > before) != (code == 200) {
			t.Errorf("%s: %d, %d look-ups: %s", body, w.Code, rec.lookups-before, w.Body)
		}
	}
	a := rec.audits[len(rec.audits)-1]
	if a.Action != "lookup" || a.Officer != "demo" || a.Purpose != "Stolen vehicle" || a.Subject != "tag-1" || a.Agency != "DEMO" {
		t.Errorf("audited %+v", a)
	}
	rec.auditErr = errors.New("disk is full")
	before := rec.lookups
	if w := p.do("POST", "/api/lookup", `{"plate":"O25S","purpose":"Stolen vehicle"}`); w.Code != 503 || rec.lookups != before {
		t.Errorf("without an audit log: %d, looked up %v", w.Code, rec.lookups != before)
	}
	if !strings.Contains(strings.Join(c.statusView().Problems, " "), "audit log") {
		t.Error("the officer is not told that the audit log fails")
	}
}

func TestPictures(t *testing.T) {
	c, rec := start(t, nil)
	rec.picture = alpr.Picture{JPEG: []byte("old")}
	read := readOf(1, "O25S")
	c.ShowHit(read, hitOf(2, read, "O25S", alpr.PriorityHigh))
	p := logIn(t, c)
	url := "/api/hits/" + idOf(2).String() + "/"
	for range 2 {
		if w := p.do("GET", url+"crop", nil); w.Code != 200 || w.Body.String() != "crop" || w.Header().Get("Content-Type") != "image/jpeg" {
			t.Fatalf("crop: %d %s", w.Code, w.Body)
		}
	}
	if n := strings.Count(strings.Join(rec.actions(), ","), "view picture"); n != 1 {
		t.Errorf("two looks at one picture wrote %d audit records, want 1", n)
	}
	if w := p.do("GET", url+"face", nil); w.Code != 400 {
		t.Errorf("another picture: %d", w.Code)
	}
	reads := "/api/reads/" + idOf(1).String() + "/picture"
	if w := p.do("POST", reads, `{"which":"crop","purpose":""}`); w.Code != 400 {
		t.Errorf("a picture without purpose: %d", w.Code)
	}
	if w := p.do("POST", reads, `{"which":"crop","purpose":"Stolen vehicle"}`); w.Code != 200 || w.Body.String() != "old" {
		t.Errorf("a picture with purpose: %d %s", w.Code, w.Body)
	}
	rec.auditErr = errors.New("disk is full")
	if w := p.do("POST", reads, `{"which":"crop","purpose":"Stolen vehicle"}`); w.Code != 503 {
		t.Errorf("a picture that cannot be audited: %d", w.Code)
	}
}

func TestManualEntry(t *testing.T) {
	good := map[string]any{"plate": "o25-s", "state": "US-FL", "reason": "Seen at a robbery", "category": "Stolen vehicle",
		"case": "26-1", "priority": 2, "hours": 5}
	tests := []struct {
		name, key string
		value     any
		code      int
	}{
		{"good", "state", "US-FL", 200}, {"no state", "state", "", 200}, {"no reason", "reason", "", 400}, {"no case", "case", " ", 400},
		{"with the shift", "hours", 0, 200}, {"too long", "hours", 73, 400}, {"no plate", "plate", "-", 400}, {"wildcard", "plate", "A*", 400},
		{"state by name", "state", "Florida", 400}, {"priority", "priority", 9, 400}, {"category", "category", "Fines", 400},
		{"long", "caution", strings.Repeat("x", 121), 400}, {"reason that says nothing", "reason", "IIIIII", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := start(t, nil)
			body := map[string]any{}
			for k, v := range good {
				body[k] = v
			}
			body[tt.key] = tt.value
			w := logIn(t, c).do("POST", "/api/entries", body)
			if w.Code != tt.code || (len(rec.entries) == 1) != (tt.code == 200) {
				t.Fatalf("%d %s, entries %+v", w.Code, w.Body, rec.entries)
			}
			if tt.code != 200 {
				return
			}
			lasts := 5 * time.Hour
			if tt.name == "with the shift" {
				lasts = 13 * time.Hour
			}
			if e := rec.entries[0]; e.Plate != "O25S" || e.Source != "demo" || !e.IsManual || e.Expires.Sub(e.Effective) != lasts {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func TestEmergencyIsTheOfficersAndAudited(t *testing.T) {
	c, rec := start(t, nil)
	p := logIn(t, c)
	rec.auditErr = errors.New("disk is full") // a call for help goes out all the same
	if w := p.do("POST", "/api/emergency", `{"on":true}`); w.Code != 200 || !rec.isEmergency {
		t.Fatalf("on: %d %s", w.Code, w.Body)
	}
	if e := c.statusView().Emergency; !e.IsOn || e.Officer != "demo" {
		t.Errorf("shown %+v", e)
	}
	rec.auditErr = nil
	if w := p.do("POST", "/api/emergency", `{"on":false}`); w.Code != 200 || rec.isEmergency {
		t.Fatalf("off: %d %s", w.Code, w.Body)
	}
	if !slices.Contains(rec.actions(), "emergency sharing off") {
		t.Errorf("audited %v", rec.actions())
	}
}

func TestOpenHitsComeBackAfterARestart(t *testing.T) {
	c, rec := start(t, nil)
	read := readOf(1, "O25S")
	rec.openReads, rec.openHits = []alpr.Read{read}, []alpr.Hit{hitOf(2, read, "O25S", alpr.PriorityHigh)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	if _, err := c.Addr(ctx); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.board.hit(idOf(2)); !ok {
		t.Error("the open hit is not on the board")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

// FuzzBodies sends anything to every handler that reads a body: it must answer
// with JSON and without a panic, and record nothing that was not asked for.
func FuzzBodies(f *testing.F) {
	c, rec := start(f, nil)
	read := readOf(1, "O25S")
	c.ShowHit(read, hitOf(2, read, "025S", alpr.PriorityHigh))
	p := logIn(f, c)
	paths := []string{"/api/hits/" + idOf(2).String() + "/disposition", "/api/lookup", "/api/entries", "/api/entries/remove",
		"/api/emergency", "/api/reads/" + idOf(1).String() + "/picture"}
	for i, body := range []string{`{"read":"O25S","verdict":"misread","corrected":"A"}`, `{"plate":"A1","purpose":"abc"}`,
		`{"plate":"A1","reason":"abc","case":"1","hours":1,"priority":1,"category":"Stolen vehicle"}`, `{"id":"1","reason":"abc"}`,
		`{"on":true}`, `{"which":"crop","purpose":"abc"}`} {
		f.Add(uint8(i), []byte(body))
		for _, odd := range oddTexts() {
			for _, at := range []string{"A1", "abc", "025S", "O25S", "1"} {
				f.Add(uint8(i), []byte(strings.ReplaceAll(body, `"`+at+`"`, quoted(f, at+odd))))
				f.Add(uint8(i), []byte(strings.ReplaceAll(body, `"`+at+`"`, quoted(f, odd))))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		w := p.do("POST", paths[int(which)%len(paths)], string(body))
		if kind := w.Header().Get("Content-Type"); kind != "image/jpeg" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("answered %q", w.Body)
		}
		for _, e := range rec.entries {
			if e.CaseNumber == "" || e.Reason == "" || !e.Expires.After(e.Effective) || e.Plate != alpr.Normalise(e.Plate) {
				t.Errorf("took the entry %+v", e)
			}
		}
	})
}

func quoted(t testing.TB, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oddTexts is what people paste without seeing it, and what somebody may write
// who means harm.
func oddTexts() []string {
	return []string{
		"\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212", "\ufe58", "\uff0d", // dashes
		"\u00a0", "\u2007", "\u202f", "\u3000", "\t", "\u2028", "\u0085", // blanks
		"\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", // nothing to see
		"\u202e", "\u2066", "\u200f", // right to left
		"\U0001f697", "\U0001f468\u200d\u2708\ufe0f", "\U0001f1fa\U0001f1f8", // emoji
		"e\u0301", "A\u030a", strings.Repeat("\u0300", 200), // combining
		"Ä", "ß", "İ", "ı", "\u0391\u0412\u0421", "\uff21\uff22\uff11", "\u0661\u0662", // letters and digits of others
		"\x00", "\x1b[2J", "\x7f", "<script>", "'; DROP TABLE reads; --", "\xff\xfe",
		strings.Repeat("A", 300), strings.Repeat("\u00c9", 9000),
	}
}
