package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

// guess sends a wrong password from a client.
func guess(c *Console, client, name string) int {
	r := (&page{c: c}).request("POST", "/api/login", map[string]string{"name": name, "password": "wrong"})
	r.RemoteAddr = client + ":40000"
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	return w.Code
}

func (t *tape) refusals() (out []alpr.AuditRecord) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.audits {
		if a.Action == alpr.ActionLoginRefused || a.Action == alpr.ActionUnlockRefused {
			out = append(out, a)
		}
	}
	return out
}

// Six hundred guesses are two records a window, not six hundred and seven.
func TestRefusedLoginsAreCollapsed(t *testing.T) {
	c, rec := start(t, nil)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	codes := map[int]int{}
	for range 600 {
		codes[guess(c, "10.0.0.7", "demo")]++
		now = now.Add(100 * time.Millisecond)
	}
	if codes[http.StatusTooManyRequests] == 0 || codes[http.StatusUnauthorized] == 0 {
		t.Fatalf("answers %v", codes)
	}
	if got := rec.refusals(); len(got) != 1 || got[0].Officer != "demo" || got[0].Detail["why"] == "" || got[0].Detail["client"] != "10.0.0.7" {
		t.Fatalf("at once: %+v", got)
	}
	c.writeRefusals(context.Background(), "", false)
	if got := rec.refusals(); len(got) != 1 {
		t.Errorf("%d records before the window is over", len(got))
	}
	now = now.Add(refusalWindow)
	c.writeRefusals(context.Background(), "", false)
	got := rec.refusals()
	if len(got) != 2 {
		t.Fatalf("%d records after the window", len(got))
	}
	d := got[1].Detail
	if d["times"] != "599" || d["too soon"] != fmt.Sprint(codes[http.StatusTooManyRequests]) ||
		d["first"] != "2026-03-01T12:00:00Z" || d["last"] != "2026-03-01T12:00:59Z" {
		t.Errorf("collapsed: %v, answers %v", d, codes)
	}
	now = now.Add(refusalWindow)
	c.writeRefusals(context.Background(), "", false)
	if n := len(rec.refusals()); n != 2 {
		t.Errorf("%d records after a quiet window", n)
	}
	guess(c, "10.0.0.7", "demo")
	if n := len(rec.refusals()); n != 3 {
		t.Errorf("%d records: a guess after a quiet window is not written down at once", n)
	}
}

func TestRefusalsOfEachClientAndNameAreTold(t *testing.T) {
	s := newRefusals()
	now := time.Now()
	first := 0
	for i := range 10 * maxRefusals {
		for range 3 {
			if _, isFirst := s.note(refusalKey{alpr.ActionLoginRefused, fmt.Sprint(i), "demo"}, errBadLogin, now); isFirst {
				first++
			}
		}
	}
	if first != maxRefusals+1 || len(s.open) != maxRefusals+1 {
		t.Errorf("%d records at once and %d kept apart, want %d", first, len(s.open), maxRefusals+1)
	}
	total := 0
	for _, r := range s.due(now, "", true) {
		total += r.times
	}
	if total+first != 30*maxRefusals {
		t.Errorf("%d of %d refusals are told", total+first, 30*maxRefusals)
	}
}

// The guesses stand in the log before the login that came of them, and what
// could not be written is kept.
func TestRefusalsAreWrittenBeforeALogin(t *testing.T) {
	c, rec := start(t, nil)
	for range 3 {
		guess(c, "192.0.2.1", "demo")
	}
	rec.auditErr = errors.New("disk is full")
	c.writeRefusals(context.Background(), "", true)
	rec.auditErr = nil
	later := time.Now().Add(time.Minute)
	c.now = func() time.Time { return later }
	logIn(t, c)
	want := []string{"login refused", "login refused", "login"}
	if got := rec.actions(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := rec.refusals(); got[1].Detail["times"] != "2" {
		t.Errorf("%+v", got)
	}
}

func TestRefusalsAreWrittenAtTheEnd(t *testing.T) {
	c, rec := start(t, nil)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	if _, err := c.Addr(ctx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		guess(c, "192.0.2.1", "demo")
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := rec.refusals(); len(got) != 2 || got[1].Detail["times"] != "2" {
		t.Errorf("%+v", got)
	}
}

// Whoever looks at what is personal, and whoever locks and unlocks, is on record.
func TestViewsLocksAndUnlocksAreAudited(t *testing.T) {
	c, rec := start(t, nil)
	p := logIn(t, c)
	p.open()
	p.open()
	if w := p.do("GET", "/api/entries", nil); w.Code != http.StatusOK {
		t.Fatalf("entries: %d", w.Code)
	}
	p.do("POST", "/api/lock", nil)
	p.do("POST", "/api/lock", nil)
	p.open()
	if w := p.do("POST", "/api/unlock", map[string]string{"password": "demo"}); w.Code != http.StatusOK {
		t.Fatalf("unlock: %d %s", w.Code, w.Body)
	}
	p.do("POST", "/api/logout", nil)
	want := []string{"login", "view page", "view entries", "lock", "unlock", "logout"}
	if got := rec.actions(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, a := range rec.audits {
		if a.Officer != "demo" || !a.Action.IsKnown() {
			t.Errorf("%+v", a)
		}
	}
}

// open opens the page's stream and leaves it.
func (p *page) open() {
	p.t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	leave()
	w := httptest.NewRecorder()
	p.c.Handler().ServeHTTP(w, p.request("GET", "/api/events", nil).WithContext(ctx))
	if w.Code != http.StatusOK {
		p.t.Fatalf("stream: %d", w.Code)
	}
}

func TestEntriesAreNotShownWithoutTheAuditLog(t *testing.T) {
	c, rec := start(t, nil)
	p := logIn(t, c)
	rec.entries = []alpr.Entry{{ID: "1", Plate: "SECRET1"}}
	rec.auditErr = errors.New("disk is full")
	if w := p.do("GET", "/api/entries", nil); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "SECRET1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
