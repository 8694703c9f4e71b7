package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"alpr"
	"alpr/retention"
)

// testClock is a system clock that tests set.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *testClock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

var day0 = time.Date(2031, 5, 2, 10, 0, 0, 0, time.UTC)

func testPolicy() retention.Policy {
	return retention.Policy{
		Retention: retention.Rules{
			Reads: retention.Span(30 * 24 * time.Hour), Hits: retention.Span(365 * 24 * time.Hour),
			Dispositions: retention.Span(365 * 24 * time.Hour), Manual: retention.Span(30 * 24 * time.Hour),
		},
		Pictures: retention.Pictures{Reads: retention.DetailCrop, Hits: retention.DetailContext},
	}
}

type fixture struct {
	*Store
	t     testing.TB
	clock *testClock
	cfg   Config
	rand  *rand.Rand
}

func open(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	clock := &testClock{now: day0}
	cfg := Config{Path: filepath.Join(t.TempDir(), "store.db"), Agency: "Test PD", Policy: testPolicy(), Clock: clock.Now}
	if change != nil {
		change(&cfg)
	}
	f := &fixture{t: t, clock: clock, cfg: cfg, rand: rand.New(rand.NewPCG(1, 2))}
	f.reopen()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// reopen closes the store, if it is open, and opens its file again.
func (f *fixture) reopen() {
	f.t.Helper()
	if f.Store != nil {
		if err := f.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	s, err := Open(context.Background(), f.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		f.t.Fatal(err)
	}
	f.Store = s
}

func (f *fixture) id() alpr.ID {
	id, err := alpr.NewID(f.clock.Now(), randReader{f.rand})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

type randReader struct{ *rand.Rand }

func (r randReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

// read makes a read of a plate, seen now.
func (f *fixture) read(plate string) alpr.Read {
	r := testRead(f.id(), plate, f.clock.Now())
	return r
}

func testRead(id alpr.ID, plate string, at time.Time) alpr.Read {
	r := alpr.Read{
		ID: id, Revision: 1, Camera: "front", Frames: 9, FramesUsed: 5,
		FirstAt: at.Add(-time.Second), At: at.Add(-time.Second / 2), LastAt: at,
		Fix:        alpr.Fix{At: at, Lat: 47.61, Lon: -122.33, SpeedMPS: 13, Quality: alpr.GPSFix},
		TimeSource: alpr.TimeGPS, DetectorVersion: "d1", RecogniserVersion: "r1",
		Text: alpr.Text{
			Text: plate, Confidence: 0.97, CharConf: make([]float32, len(plate)),
			Candidates: []alpr.Candidate{{Text: plate, P: 0.97}},
			Regions:    []alpr.RegionProb{{Region: "US-WA", P: 0.8}},
		},
		Crop: testPicture("crop of "+plate, 160, 64), Context: testPicture("context of "+plate, 640, 360),
	}
	for s := range r.Text.Posterior {
		sym := alpr.Pad
		if s < len(plate) {
			sym = alpr.SymbolIndex(plate[s])
			r.Text.CharConf[s] = 0.99
		}
		for i := range r.Text.Posterior[s] {
			r.Text.Posterior[s][i] = float32(0.01) / float32(alpr.Symbols-1)
		}
		r.Text.Posterior[s][sym] = 0.99
	}
	return r
}

func testPicture(content string, w, h int) alpr.Picture {
	return alpr.Picture{JPEG: []byte(content), SHA256: sha256.Sum256([]byte(content)), Width: w, Height: h}
}

func (f *fixture) hit(r alpr.Read) alpr.Hit {
	return alpr.Hit{
		ID: f.id(), ReadID: r.ID, At: r.At, Kind: alpr.MatchExact, P: 0.96, State: alpr.StateMatch, StateP: 0.99,
		Entry: alpr.Entry{ID: "n1", List: "state", Plate: r.Text.Text, State: "US-WA", Category: "stolen vehicle", Reason: "stolen"},
	}
}

func (f *fixture) record(r alpr.Read, hits ...alpr.Hit) {
	f.t.Helper()
	if err := keepRead(context.Background(), f, r, hits); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) peek(q alpr.OutboxQuery) []alpr.OutboxItem {
	f.t.Helper()
	items, err := f.Outbox().Peek(context.Background(), q)
	if err != nil {
		f.t.Fatal(err)
	}
	return items
}

func (f *fixture) count(query string, args ...any) int {
	f.t.Helper()
	var n int
	if err := f.r.db.Load().QueryRow(query, args...).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

var officer = Access{Officer: "4711", Agency: "Test PD", Purpose: "case 1"}

func TestRecordKeepsReadHitsAndOutboxTogether(t *testing.T) {
	f := open(t, nil)
	read := f.read("ABC123")
	hit := f.hit(read)
	f.record(read, hit)
	items := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindRead, alpr.KindHit}})
	if len(items) != 2 || items[0].Kind != alpr.KindRead || items[1].Kind != alpr.KindHit {
		t.Fatalf("outbox holds %+v", items)
	}
	got := *items[0].Read
	want := read
	want.Crop.JPEG, want.Context.JPEG = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read came back as\n%+v\nwant\n%+v", got, want)
	}
	if !reflect.DeepEqual(*items[1].Hit, hit) || items[1].Read == nil || items[1].Read.ID != read.ID {
		t.Errorf("hit came back as %+v with read %v", items[1].Hit, items[1].Read)
	}
	if items[0].Seq+1 != items[1].Seq || items[0].BootID != f.BootID() || items[0].Class != alpr.RetainHit {
		t.Errorf("numbers %d, %d of boot %s, class %q", items[0].Seq, items[1].Seq, items[0].BootID, items[0].Class)
	}
	for which, want := range map[string]alpr.Picture{PictureCrop: read.Crop, PictureContext: read.Context} {
		p, err := f.Reads().Picture(context.Background(), read.ID, which)
		if err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%s picture came back as %+v, %v", which, p, err)
		}
		if sha256.Sum256(p.JPEG) != p.SHA256 {
			t.Errorf("%s picture is not what its hash says", which)
		}
	}
}

func TestRecordIsIdempotentAndHigherRevisionWins(t *testing.T) {
	f := open(t, nil)
	preview := f.read("ABC123")
	preview.Preview = true
	hit := f.hit(preview)
	final := preview
	final.Preview, final.Revision, final.Text.Text = false, 2, "ABC128"
	withdrawn := hit
	withdrawn.IsWithdrawn = true

	f.record(preview, hit)
	f.record(preview, hit)
	f.record(final, withdrawn)
	f.record(final, withdrawn)
	f.record(preview, hit) // late repetition of the older one

	if n := f.count("SELECT count(*) FROM reads"); n != 1 {
		t.Errorf("%d reads", n)
	}
	got, err := f.Reads().ByID(context.Background(), preview.ID)
	if err != nil || got.Revision != 2 || got.Text.Text != "ABC128" {
		t.Errorf("kept %+v, %v", got, err)
	}
	if _, open, err := f.Reads().OpenHits(context.Background()); err != nil || len(open) != 0 {
		t.Errorf("a withdrawn hit is open: %v, %v", open, err)
	}
	if n := len(f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindRead, alpr.KindHit}})); n != 4 {
		t.Errorf("%d outbox items, want one per read and hit of each revision: 4", n)
	}
	for item, want := range map[string]int{"reads": 1, "hits": 1, "withdrawn": 1} {
		if n := f.count("SELECT coalesce(sum(n), 0) FROM tallies WHERE what = ?", item); n != want {
			t.Errorf("%s counted %d times, want %d", item, n, want)
		}
	}
}

func TestConcurrentRecordsShareTransactionsWithoutGaps(t *testing.T) {
	f := open(t, nil)
	const n = 400
	reads := make([]alpr.Read, n)
	for i := range reads {
		reads[i] = f.read(fmt.Sprintf("P%05d", i))
	}
	before := len(f.peek(alpr.OutboxQuery{Limit: 1000}))
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range reads {
		wg.Go(func() { errs <- keepRead(context.Background(), f, reads[i], nil) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	items := f.peek(alpr.OutboxQuery{Limit: 2 * n})
	if len(items) != n+before {
		t.Fatalf("%d items, want %d", len(items), n+before)
	}
	for i := range items {
		if items[i].Seq != uint64(i+1) {
			t.Fatalf("item %d has number %d", i, items[i].Seq)
		}
	}
	select {
	case <-f.Outbox().Changed():
	default:
		t.Error("no pulse after commits that added items")
	}
}

func TestRefusedWriteLeavesNoGapAndOthersStand(t *testing.T) {
	f := open(t, nil)
	a, b := f.read("AAA111"), f.read("BBB222")
	bad := alpr.Disposition{ID: f.id(), HitID: f.id(), Officer: "4711", Verdict: alpr.VerdictConfirmed}
	f.record(a)
	if err := f.Recorder().Dispose(context.Background(), bad); !errors.Is(err, ErrNotKept) {
		t.Errorf("a disposition of an unknown hit: %v", err)
	}
	f.record(b)
	items := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindRead}})
	if len(items) != 2 || items[1].Seq != items[0].Seq+1 {
		t.Errorf("items %+v", items)
	}
}

func TestBatchIsRecordedInOrderOrNotAtAll(t *testing.T) {
	f := open(t, nil)
	first := f.read("ABC123")
	second, other := first, f.read("XYZ789")
	second.Revision, second.Text.Text = 2, "ABC128"
	if _, err := f.Recorder().RecordAll(context.Background(), []alpr.Record{{Read: other}, {Read: alpr.Read{}}}); !errors.Is(err, ErrNoID) {
		t.Errorf("a read without an identity: %v", err)
	}
	if n := f.count("SELECT count(*) FROM reads"); n != 0 {
		t.Errorf("%d reads of a refused batch are there", n)
	}
	kept, err := f.Recorder().RecordAll(context.Background(), []alpr.Record{{Read: first}, {Read: other}, {Read: second}})
	if err != nil || len(kept) != 3 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	var sent []alpr.ID
	for _, item := range f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindRead}}) {
		sent = append(sent, item.ID)
	}
	if want := []alpr.ID{first.ID, other.ID, first.ID}; !slices.Equal(sent, want) {
		t.Errorf("to be sent are %v, want %v", sent, want)
	}
	if r, err := f.Reads().ByID(context.Background(), first.ID); err != nil || r.Text.Text != "ABC128" {
		t.Errorf("kept %+v, %v", r, err)
	}
}

func TestRecordRefusesWhatHasNoIdentity(t *testing.T) {
	f := open(t, nil)
	read := f.read("ABC123")
	for name, err := range map[string]error{
		"read": keepRead(context.Background(), f, alpr.Read{}, nil),
		"hit":  keepRead(context.Background(), f, read, []alpr.Hit{{}}),
	} {
		if !errors.Is(err, ErrNoID) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteEndsWithItsContext(t *testing.T) {
	f := open(t, nil)
	f.writer <- struct{}{} // somebody commits for ever
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := keepRead(ctx, f, f.read("ABC123"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-f.writer
}

func TestClosedStoreRefusesWrites(t *testing.T) {
	f := open(t, nil)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := keepRead(context.Background(), f, f.read("ABC123"), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestHistory(t *testing.T) {
	f := open(t, nil)
	old := f.read("AAA111")
	f.record(old)
	f.clock.Add(time.Hour)
	young := f.read("BBB222")
	hit := f.hit(young)
	f.record(young, hit)

	recent, err := f.queryReads(context.Background(), "ORDER BY at_ms DESC LIMIT 10")
	if err != nil || len(recent) != 2 || recent[0].ID != young.ID {
		t.Errorf("recent reads %v, %v", recent, err)
	}
	reads, open, err := f.Reads().OpenHits(context.Background())
	if err != nil || len(open) != 1 || open[0].ID != hit.ID || reads[0].ID != young.ID {
		t.Errorf("open hits %v, %v", open, err)
	}
	found, err := f.Reads().Lookup(context.Background(), officer, "aaa-111", 10)
	if err != nil || len(found) != 1 || found[0].ID != old.ID {
		t.Errorf("look-up found %v, %v", found, err)
	}
	if _, err := f.Reads().Lookup(context.Background(), Access{Officer: "4711"}, "AAA111", 10); err == nil {
		t.Error("a look-up without purpose was answered")
	}
	if none, err := f.Reads().ByID(context.Background(), f.id()); none != nil || err != nil {
		t.Errorf("an unknown read: %v, %v", none, err)
	}
	if p, err := f.Reads().Picture(context.Background(), old.ID, PictureContext); p.JPEG != nil || err != nil {
		t.Errorf("the context picture of a read on no list: %v, %v", p, err)
	}
	p, read, withHit, err := f.Reads().PictureByHash(context.Background(), young.Context.SHA256)
	if err != nil || !reflect.DeepEqual(p, young.Context) || read.ID != young.ID || withHit == nil || withHit.ID != hit.ID {
		t.Errorf("by hash: %v, %v, %v, %v", p, read, withHit, err)
	}
	if _, _, _, err := f.Reads().PictureByHash(context.Background(), old.Context.SHA256); !errors.Is(err, ErrNotKept) {
		t.Errorf("by the hash of a picture that was not kept: %v", err)
	}
}

func TestDispose(t *testing.T) {
	f := open(t, nil)
	read := f.read("ABC123")
	hit := f.hit(read)
	f.record(read, hit)
	d := alpr.Disposition{
		ID: f.id(), HitID: hit.ID, At: f.clock.Now(), Officer: "4711", Verdict: alpr.VerdictMisread, Corrected: "abc 128",
	}
	for range 2 { // the second changes nothing
		if err := f.Recorder().Dispose(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	items := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindDisposition}})
	if len(items) != 1 || items[0].Hit == nil || items[0].Read == nil || items[0].Disposition.Corrected != "ABC128" {
		t.Fatalf("items %+v", items)
	}
	if _, open, err := f.Reads().OpenHits(context.Background()); err != nil || len(open) != 0 {
		t.Errorf("the hit is still open: %v, %v", open, err)
	}
	if n := f.count("SELECT n FROM tallies WHERE what = 'verdicts' AND item = 'misread'"); n != 1 {
		t.Errorf("counted %d misreads", n)
	}
	if v, err := f.Reads().Verdicts(context.Background()); err != nil || v[alpr.VerdictMisread] != 1 || len(v) != 1 {
		t.Errorf("verdicts %v, %v", v, err)
	}
	for name, bad := range map[string]alpr.Disposition{
		"no id":      {HitID: hit.ID, Officer: "4711", Verdict: alpr.VerdictConfirmed},
		"no officer": {ID: f.id(), HitID: hit.ID, Verdict: alpr.VerdictConfirmed},
		"no verdict": {ID: f.id(), HitID: hit.ID, Officer: "4711"},
	} {
		if err := f.Recorder().Dispose(context.Background(), bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// keepRead records one read by itself.
func keepRead(ctx context.Context, s interface{ Recorder() Recorder }, read alpr.Read, hits []alpr.Hit) error {
	_, err := s.Recorder().RecordAll(ctx, []alpr.Record{{Read: read, Hits: hits}})
	return err
}
