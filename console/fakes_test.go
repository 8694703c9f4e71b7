package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"alpr"
)

// tape records what the console hands over and plays back what it asks for.
type tape struct {
	mu           sync.Mutex
	dispositions []alpr.Disposition
	audits       []alpr.AuditRecord
	entries      []alpr.Entry
	openReads    []alpr.Read
	openHits     []alpr.Hit
	found        []alpr.Read
	picture      alpr.Picture
	lookups      int
	isEmergency  bool
	status       Status
	auditErr     error
	disposeErr   error
}

func (t *tape) Dispose(_ context.Context, d alpr.Disposition) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.disposeErr != nil {
		return t.disposeErr
	}
	t.dispositions = append(t.dispositions, d)
	return nil
}

func (t *tape) Audit(_ context.Context, r alpr.AuditRecord) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.auditErr != nil {
		return t.auditErr
	}
	t.audits = append(t.audits, r)
	return nil
}

func (t *tape) PlateTag(string) (string, error) { return "tag-1", nil }

func (t *tape) OpenHits(context.Context) ([]alpr.Read, []alpr.Hit, error) {
	return t.openReads, t.openHits, nil
}

func (t *tape) ReadsByPlate(context.Context, string, int) ([]alpr.Read, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lookups++
	return t.found, nil
}

func (t *tape) Picture(context.Context, alpr.ID, PictureKind) (alpr.Picture, error) {
	return t.picture, nil
}

func (t *tape) AddEntry(_ context.Context, e alpr.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, e)
	return nil
}

func (t *tape) RemoveEntry(_ context.Context, id, officer, reason string) error {
	if id == "" || officer == "" || reason == "" {
		return errors.New("something is missing")
	}
	return nil
}

func (t *tape) Entries(context.Context) ([]alpr.Entry, error) { return t.entries, nil }

func (t *tape) SetEmergency(_ context.Context, isOn bool, _ string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isEmergency = isOn
	return nil
}

func (t *tape) getStatus() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

func (t *tape) actions() (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.audits {
		names = append(names, string(a.Action))
	}
	return names
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Demo, cfg.Listen = true, "127.0.0.1:0"
	return cfg
}

// start makes a console with the demonstration account and records of its own.
func start(t testing.TB, change func(*Config)) (*Console, *tape) {
	t.Helper()
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	rec := &tape{status: Status{At: time.Now()}}
	c, err := New(cfg, Deps{Disposer: rec, Auditor: rec, History: rec, Entries: rec, Emergency: rec, Status: rec.getStatus},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c, rec
}

// page is a browser as far as the handlers can tell.
type page struct {
	t      testing.TB
	c      *Console
	cookie *http.Cookie
	token  string
}

func logIn(t testing.TB, c *Console) *page {
	t.Helper()
	p := &page{t: t, c: c}
	w := p.do("POST", "/api/login", map[string]string{"name": "demo", "password": "demo"})
	if w.Code != http.StatusOK {
		t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	p.cookie = w.Result().Cookies()[0]
	var s sessionView
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	p.token = s.Token
	return p
}

func (p *page) request(method, path string, body any) *http.Request {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = bytes.NewReader([]byte(b))
	default:
		r = bytes.NewReader(mustJSON(b))
	}
	req := httptest.NewRequest(method, "http://127.0.0.1:8088"+path, r)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(csrfHeader, p.token)
	if p.cookie != nil {
		req.AddCookie(p.cookie)
	}
	return req
}

func (p *page) do(method, path string, body any) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.c.Handler().ServeHTTP(w, p.request(method, path, body))
	return w
}

func idOf(n byte) alpr.ID { return alpr.ID{0: 1, 6: 0x70, 15: n} }

// readOf is a read of O25S listed as 025S, as far as a test needs one.
func readOf(n byte, text string) alpr.Read {
	return alpr.Read{ID: idOf(n), Revision: 1, Camera: "front", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Text: alpr.Text{Text: text, Confidence: 0.9, CharConf: []float32{0.99, 0.5}},
		Crop: alpr.Picture{JPEG: []byte("crop")}, Context: alpr.Picture{JPEG: []byte("context")}}
}

func hitOf(n byte, r alpr.Read, listed string, p alpr.Priority) alpr.Hit {
	return alpr.Hit{ID: idOf(n), ReadID: r.ID, At: r.At, Kind: alpr.MatchExact, P: 0.97, State: alpr.StateUnknown,
		Entry: alpr.Entry{ID: "e1", List: "L", Plate: listed, Priority: p, Category: "Stolen vehicle"}}
}
