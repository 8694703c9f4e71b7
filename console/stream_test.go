package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alpr"
)

// sse is one message of a stream.
type sse struct{ id, kind, data string }

// watch opens a stream on a real server and returns a function that waits for
// the next message of a kind.
func watch(t *testing.T, c *Console, p *page, lastID string) (next func(kind string) sse, hangUp func()) {
	t.Helper()
	srv := httptest.NewServer(c.Handler())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	hangUp = func() { cancel(); srv.Close() }
	t.Cleanup(hangUp)
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(p.cookie)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("stream: %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, 1<<20)
	return func(kind string) sse {
		t.Helper()
		var m sse
		for sc.Scan() {
			key, value, _ := strings.Cut(sc.Text(), ": ")
			switch {
			case key == "id":
				m.id = value
			case key == "event":
				m.kind = value
			case key == "data":
				m.data = value
			case sc.Text() == "" && m.kind == kind:
				return m
			case sc.Text() == "":
				m = sse{}
			}
		}
		t.Fatalf("the stream ended before a %s: %v", kind, sc.Err())
		return m
	}, hangUp
}

func texts(t *testing.T, data string) (reads, hits []string) {
	t.Helper()
	var s struct {
		Reads []struct{ Text string }
		Hits  []struct{ Read string }
	}
	if err := json.Unmarshal([]byte(data), &s); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Reads {
		reads = append(reads, r.Text)
	}
	for _, h := range s.Hits {
		hits = append(hits, h.Read)
	}
	return reads, hits
}

func TestStreamShowsAndResumes(t *testing.T) {
	c, _ := start(t, nil)
	p := logIn(t, c)
	c.ShowRead(readOf(1, "A1"))
	next, hangUp := watch(t, c, p, "")
	snap := next(eventSnapshot)
	if reads, hits := texts(t, snap.data); !slices.Equal(reads, []string{"A1"}) || len(hits) != 0 {
		t.Fatalf("snapshot of %v, %v", reads, hits)
	}
	next(eventStatus)
	read := readOf(2, "B2")
	c.ShowRead(read)
	seen := next(eventRead)
	hangUp() // the page is gone, and a hit comes
	c.ShowHit(read, hitOf(3, read, "B2", alpr.PriorityHigh))

	next, hangUp = watch(t, c, p, seen.id)
	if hit := next(eventHit); !strings.Contains(hit.data, `"read":"B2"`) {
		t.Errorf("resumed with %s", hit.data)
	}
	hangUp()
	for _, unknown := range []string{"", "other.3", c.board.hub.id(1 << 40), "junk"} {
		next, hangUp = watch(t, c, p, unknown)
		if _, hits := texts(t, next(eventSnapshot).data); !slices.Equal(hits, []string{"B2"}) {
			t.Errorf("after %q: hits %v", unknown, hits)
		}
		hangUp()
	}
}

// TestLockedPageShowsWhatAnOfficerMustKnow: plate, reason and caution, and no
// more: no picture, no read, nothing of a covert hit.
func TestLockedPageShowsWhatAnOfficerMustKnow(t *testing.T) {
	c, _ := start(t, nil)
	p := logIn(t, c)
	next, _ := watch(t, c, p, "")
	next(eventStatus)
	if w := p.do("POST", "/api/lock", "{}"); w.Code != 200 {
		t.Fatal(w.Body)
	}
	covert := hitOf(4, readOf(1, "SECRET1"), "SECRET1", alpr.PriorityHigh)
	covert.Entry.IsCovert = true
	c.ShowHit(readOf(1, "SECRET1"), covert)
	c.ShowRead(readOf(2, "SECRET2"))
	hit := hitOf(5, readOf(3, "WANTED3"), "WANTED3", alpr.PriorityHigh)
	hit.Entry.Reason, hit.Entry.Caution = "armed robbery", "armed"
	c.ShowHit(readOf(3, "WANTED3"), hit)
	next(eventLocked)
	a := next(eventAlert).data
	for _, want := range []string{`"plate":"WANTED3"`, `"reason":"armed robbery"`, `"caution":"armed"`, leadOnly} {
		if !strings.Contains(a, want) {
			t.Errorf("%s is missing in %s", want, a)
		}
	}
	if strings.Contains(a, "SECRET") || strings.Contains(a, `"list"`) {
		t.Errorf("a locked page got %s", a)
	}
	hit.IsWithdrawn, hit.Withdrawal = true, alpr.Withdrawal{Why: alpr.WithdrawnExpired}
	c.ShowHit(readOf(3, "WANTED3"), hit)
	if a := next(eventAlert).data; !strings.Contains(a, `"withdrawn":true`) || !strings.Contains(a, "expired") {
		t.Errorf("taken back with %s", a)
	}
}

func TestLockedPageLearnsThatThereIsAHitAndNoMore(t *testing.T) {
	c, _ := start(t, func(cfg *Config) { cfg.ShowLocked = false })
	p := logIn(t, c)
	next, _ := watch(t, c, p, "")
	next(eventStatus)
	if w := p.do("POST", "/api/lock", "{}"); w.Code != 200 {
		t.Fatal(w.Body)
	}
	covert := hitOf(4, readOf(1, "SECRET1"), "SECRET1", alpr.PriorityHigh)
	covert.Entry.IsCovert = true
	c.ShowHit(readOf(1, "SECRET1"), covert)
	c.ShowRead(readOf(2, "SECRET2"))
	c.ShowHit(readOf(2, "SECRET2"), hitOf(5, readOf(2, "SECRET2"), "SECRET2", alpr.PriorityNormal))
	next(eventLocked)
	a := next(eventAlert)
	if strings.Contains(a.data, "SECRET") || !strings.Contains(a.data, `"priority_word":"normal"`) {
		t.Errorf("a locked page got %s", a.data)
	}
	if w := p.do("GET", "/api/hits/"+idOf(5).String()+"/crop", nil); w.Code != http.StatusLocked {
		t.Errorf("a picture for a locked page: %d", w.Code)
	}
	if w := p.do("POST", "/api/unlock", `{"password":"demo"}`); w.Code != 200 {
		t.Fatalf("unlock: %d %s", w.Code, w.Body)
	}
	next, _ = watch(t, c, p, "")
	if _, hits := texts(t, next(eventSnapshot).data); len(hits) != 2 {
		t.Errorf("after unlocking: %v", hits)
	}
}

func TestSlowPageIsCutOffAndLosesNothing(t *testing.T) {
	c, _ := start(t, nil)
	slow, first := c.board.join("1", "")
	if len(first) != 1 || first[0].kind != eventSnapshot {
		t.Fatal("no snapshot")
	}
	for i := range clientQueue + 10 { // none of these calls may wait for the page
		c.ShowRead(readOf(byte(i), fmt.Sprintf("R%d", i)))
	}
	var last event
	n := 0
	for e := range slow.events { // ends: the hub has closed it
		last, n = e, n+1
	}
	if n != clientQueue {
		t.Errorf("the page got %d events before it was cut off, want %d", n, clientQueue)
	}
	_, missed := c.board.join("1", c.board.hub.id(last.seq))
	if len(missed) != 10 || missed[0].kind != eventRead {
		t.Errorf("missed %d events, want 10", len(missed))
	}
	for range ringSize {
		c.ShowRead(readOf(1, "X"))
	}
	if _, missed = c.board.join("1", c.board.hub.id(last.seq)); len(missed) != 1 || missed[0].kind != eventSnapshot {
		t.Error("too far behind, and yet no snapshot")
	}
}

// TestTheOldestPageGivesWay: who opens page after page ends his own oldest, is
// told so there, and shuts nobody out.
func TestTheOldestPageGivesWay(t *testing.T) {
	c, _ := start(t, nil)
	busy, other := logIn(t, c), logIn(t, c)
	first, _ := watch(t, c, busy, "")
	first(eventSnapshot)
	theirs, _ := watch(t, c, other, "")
	theirs(eventSnapshot)
	for range 3 * maxStreams {
		next, _ := watch(t, c, busy, "")
		next(eventSnapshot)
	}
	first(eventReplaced)
	read := readOf(1, "A1")
	c.ShowHit(read, hitOf(2, read, "A1", alpr.PriorityHigh))
	theirs(eventHit)
	c.board.mu.Lock()
	defer c.board.mu.Unlock()
	if n := len(c.board.hub.clients); n != maxStreams+1 {
		t.Errorf("%d streams are open", n)
	}
}

func TestReadsLeaveTheScreen(t *testing.T) {
	c, _ := start(t, nil)
	now := time.Now()
	c.now = func() time.Time { return now }
	c.ShowRead(readOf(1, "OLD"))
	id := c.board.hub.id(0)
	now = now.Add(c.cfg.ReadsFor + time.Second)
	c.ShowRead(readOf(2, "NEW"))
	_, missed := c.board.join("1", id)
	if len(missed) != 1 || !strings.Contains(string(missed[0].data), "NEW") {
		t.Errorf("a page that resumes still gets %d events", len(missed))
	}
	_, all := c.board.join("1", "")
	if reads, _ := texts(t, string(all[0].data)); !slices.Equal(reads, []string{"NEW"}) {
		t.Errorf("the snapshot still shows %v", reads)
	}
}

func TestReadsLeaveTheScreenWhenTheyAreNoLongerKept(t *testing.T) {
	c, _ := start(t, nil)
	now, kept := time.Now(), 30*24*time.Hour
	c.now = func() time.Time { return now }
	c.deps.ReadsKept = func() time.Duration { return kept }
	c.ShowRead(readOf(1, "OLD"))
	now = now.Add(c.cfg.ReadsFor - time.Second)
	shown := func() []string {
		_, all := c.board.join("1", "")
		reads, _ := texts(t, string(all[0].data))
		return reads
	}
	if got := shown(); !slices.Equal(got, []string{"OLD"}) || c.statusView().ReadsForS != int(c.cfg.ReadsFor.Seconds()) {
		t.Errorf("the screen shows %v, for %d s", got, c.statusView().ReadsForS)
	}
	kept = time.Minute // the backend shortens the retention while the car drives
	if got := shown(); len(got) != 0 || c.statusView().ReadsForS != 60 {
		t.Errorf("kept for a minute, but the screen shows %v, for %d s", got, c.statusView().ReadsForS)
	}
	c.ShowRead(readOf(2, "NEW"))
	kept = 0 // nor are reads on no list kept at all
	now = now.Add(time.Millisecond)
	if got := shown(); len(got) != 0 || c.statusView().ReadsForS != 0 {
		t.Errorf("not kept, but the screen shows %v, for %d s", got, c.statusView().ReadsForS)
	}
}

func TestHitRevisionsAndWithdrawal(t *testing.T) {
	c, _ := start(t, nil)
	p := logIn(t, c)
	read := readOf(1, "O25S")
	hit := hitOf(2, read, "O25S", alpr.PriorityHigh)
	hit.Preview = true
	c.ShowHit(read, hit)
	if w := p.do("POST", "/api/hits/"+hit.ID.String()+"/seen", "{}"); w.Code != http.StatusConflict {
		t.Errorf("an open hit was waved through: %d", w.Code)
	}
	final := read
	final.Revision, final.Text.Text = 3, "D25S"
	gone := hit
	gone.Preview, gone.IsWithdrawn = false, true
	c.ShowHit(final, gone)
	old := read
	old.Revision = 2
	c.ShowHit(old, hit) // late: must not bring it back
	hc, _ := c.board.hit(hit.ID)
	if v := hc.view; !v.Withdrawn || v.Read != "D25S" || !v.Open {
		t.Fatalf("shown %+v", v)
	}
	if w := p.do("POST", "/api/hits/"+hit.ID.String()+"/seen", "{}"); w.Code != 200 {
		t.Fatalf("seen: %d %s", w.Code, w.Body)
	}
	if hc, _ = c.board.hit(hit.ID); hc.view.Open {
		t.Error("still open after it was seen")
	}
}

func TestRevisionAfterTheDispositionIsMarked(t *testing.T) {
	c, _ := start(t, nil)
	read := readOf(1, "O25S")
	hit := hitOf(2, read, "O25S", alpr.PriorityHigh)
	c.ShowHit(read, hit)
	c.board.dispose(hit.ID, doneView{Verdict: alpr.VerdictConfirmed})
	read.Revision++
	c.ShowHit(read, hit)
	if hc, _ := c.board.hit(hit.ID); hc.view.Changed {
		t.Error("marked though nothing changed")
	}
	read.Revision, read.Text.Text = 5, "D25S"
	c.ShowHit(read, hit)
	if hc, _ := c.board.hit(hit.ID); !hc.view.Changed || hc.view.Done == nil || hc.view.Open {
		t.Errorf("shown %+v", hc.view)
	}
}

func TestBoardKeepsOpenCasesOverClosedOnes(t *testing.T) {
	c, _ := start(t, nil)
	id := func(i int) alpr.ID { return alpr.ID{0: 1, 14: byte(i >> 8), 15: byte(i)} }
	show := func(i int) {
		r := readOf(1, "O25S")
		r.ID = id(i)
		h := hitOf(1, r, "O25S", alpr.PriorityLow)
		h.ID = id(i)
		c.ShowHit(r, h)
	}
	for i := range maxClosed + 5 {
		show(i)
		c.board.dispose(id(i), doneView{Verdict: alpr.VerdictDismissed})
	}
	if _, ok := c.board.hit(id(0)); ok {
		t.Error("closed cases are kept for ever")
	}
	for i := 1000; i < 1000+maxOpen+3; i++ {
		show(i)
	}
	if c.board.overflow != 3 {
		t.Errorf("%d open cases counted as pushed off, want 3", c.board.overflow)
	}
	if hc, ok := c.board.hit(id(1003)); !ok || hc.hasPictures {
		t.Errorf("old open case: on the board %v, pictures in memory %v", ok, hc.hasPictures)
	}
}

func TestManyAtOnce(t *testing.T) {
	c, _ := start(t, nil)
	p := logIn(t, c)
	next, _ := watch(t, c, p, "")
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				r := readOf(byte(g*50+i), fmt.Sprintf("G%dI%d", g, i))
				c.ShowRead(r)
				c.ShowHit(r, hitOf(byte(g*50+i), r, r.Text.Text, alpr.PriorityLow))
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			p.do("POST", "/api/touch", "{}")
			c.statusView()
		}
	})
	next(eventHit)
	wg.Wait()
}
