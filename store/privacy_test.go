package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"alpr"
	"alpr/retention"
)

func TestOpenWithoutPolicyStoresNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	for name, p := range map[string]retention.Policy{
		"none":                {},
		"half of one":         {Retention: retention.Rules{Reads: retention.Span(time.Hour), Hits: -1}},
		"no word on pictures": {Retention: testPolicy().Retention},
	} {
		if _, err := Open(context.Background(), Config{Path: path, Policy: p}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestRetentionByClass(t *testing.T) {
	f := open(t, func(c *Config) { c.Policy.Retention.Reads = retention.Span(3 * time.Minute) })
	plain, wanted := f.read("AAA111"), f.read("BBB222")
	f.record(plain)
	hit := f.hit(wanted)
	f.record(wanted, hit)
	f.clock.Add(2 * time.Minute)
	if r, err := f.Reads().ByID(context.Background(), plain.ID); r == nil || err != nil {
		t.Fatalf("gone after two minutes: %v", err)
	}
	f.clock.Add(time.Minute)
	if r, err := f.Reads().ByID(context.Background(), plain.ID); r != nil || err != nil {
		t.Errorf("to be seen after three minutes, before any purge: %v, %v", r, err)
	}
	for _, item := range f.peek(alpr.OutboxQuery{}) {
		if item.ID == plain.ID {
			t.Error("to be sent after three minutes")
		}
	}
	proof, err := f.Purge(context.Background())
	if err != nil || proof.Rows["reads"] != 1 || proof.Unsent != 1 {
		t.Fatalf("proof %+v, %v", proof, err)
	}
	if f.count("SELECT count(*) FROM reads") != 1 || f.count("SELECT count(*) FROM pictures") != 2 {
		t.Error("the read with the hit did not stay alone")
	}
	expired := f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindExpired}})
	if len(expired) != 1 || expired[0].Expired.BootID != f.BootID() || expired[0].Expired.FromSeq != expired[0].Expired.ToSeq {
		t.Errorf("the backend is told %+v", expired)
	}
	f.clock.Add(365 * 24 * time.Hour)
	if _, err := f.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	if f.count("SELECT count(*) FROM reads") != 0 || f.count("SELECT count(*) FROM hits") != 0 {
		t.Error("hits are kept for longer than a year")
	}
}

func TestPurgeLeavesProof(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("AAA111"))
	f.clock.Add(31 * 24 * time.Hour)
	if _, err := f.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	rec := f.lastAudit()
	if rec.Action != alpr.ActionPurge || rec.Detail["reads"] != "1" || rec.Detail["keys"] == "" || rec.Detail["from"] == "" || rec.Officer != "system" {
		t.Errorf("proof %+v", rec)
	}
	if f.count("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL AND class = 'read'") != 0 {
		t.Error("the day's key was not destroyed")
	}
}

// What a destroyed key sealed cannot be opened, even by who kept a copy of the row.
func TestDestroyedKeyOpensNothing(t *testing.T) {
	f := open(t, nil)
	read := f.read("AAA111")
	f.record(read)
	var keyID int64
	var body []byte
	if err := f.r.db.Load().QueryRowContext(context.Background(), "SELECT key_id, body FROM reads").Scan(&keyID, &body); err != nil {
		t.Fatal(err)
	}
	row := sealedRow{table: "reads", id: read.ID[:], key: looseInt(keyID), sealed: bytes.Clone(body)}
	if _, err := f.openRead(f.reader(context.Background()), row); err != nil {
		t.Fatalf("before: %v", err)
	}
	f.clock.Add(31 * 24 * time.Hour)
	if _, err := f.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.openRead(f.reader(context.Background()), row); !errors.Is(err, ErrForgotten) {
		t.Errorf("after: %v", err)
	}
}

func TestDataKeysRotate(t *testing.T) {
	f := open(t, func(c *Config) { c.Policy.Retention.Reads = retention.Span(3 * time.Minute) })
	keys := func(class alpr.RetentionClass) int {
		return f.count("SELECT count(*) FROM data_keys WHERE class = ?", string(class))
	}
	for range 3 {
		r := f.read("AAA111")
		f.record(r)
		f.record(f.read("BBB222"), f.hit(r))
		f.clock.Add(time.Minute)
	}
	if keys(alpr.RetainRead) != 3 || keys(alpr.RetainHit) != 1 {
		t.Errorf("%d read keys in three minutes of a three-minute rule, %d hit keys in a day", keys(alpr.RetainRead), keys(alpr.RetainHit))
	}
	f.clock.Add(24 * time.Hour)
	r := f.read("CCC333")
	f.record(r, f.hit(r))
	if keys(alpr.RetainHit) != 2 {
		t.Error("the hit key did not change with the day")
	}
}

func TestNeverStored(t *testing.T) {
	f := open(t, func(c *Config) { c.Policy.Retention.Reads = 0 })
	f.record(f.read("AAA111"))
	wanted := f.read("BBB222")
	f.record(wanted, f.hit(wanted))
	if n := f.count("SELECT count(*) FROM reads"); n != 1 {
		t.Errorf("%d reads kept, want the one with a hit", n)
	}
	if n := f.count("SELECT n FROM tallies WHERE what = 'reads' AND item = 'not stored'"); n != 1 {
		t.Errorf("%d counted as not stored", n)
	}
}

func TestRetentionSurvivesTheClock(t *testing.T) {
	t.Run("set back", func(t *testing.T) {
		f := open(t, nil)
		f.record(f.read("AAA111"))
		f.clock.Set(day0.Add(20 * 24 * time.Hour))
		if _, err := f.Purge(context.Background()); err != nil { // the latest time is seen and saved
			t.Fatal(err)
		}
		f.clock.Set(time.Unix(0, 0)) // a dead battery
		f.reopen()
		f.clock.Add(11 * 24 * time.Hour)
		if _, err := f.Purge(context.Background()); err != nil {
			t.Fatal(err)
		}
		if f.count("SELECT count(*) FROM reads") != 0 {
			t.Error("kept for over 30 days because the clock was set back")
		}
	})
	t.Run("a night in the garage", func(t *testing.T) {
		f := open(t, func(c *Config) { c.Policy.Retention.Reads = retention.Span(3 * time.Minute) })
		f.record(f.read("AAA111"))
		f.clock.Add(10 * time.Hour)
		f.reopen()
		if f.count("SELECT count(*) FROM reads") != 0 {
			t.Error("last night's read is still there in the morning")
		}
	})
	t.Run("months in the garage, or a wrong clock", func(t *testing.T) {
		f := open(t, nil)
		f.record(f.read("AAA111"))
		f.clock.Add(40 * 24 * time.Hour)
		f.reopen()
		if f.count("SELECT count(*) FROM reads") != 1 {
			t.Error("a jump was believed at once after the restart")
		}
		f.clock.Add(retention.JumpSettle + time.Minute)
		if _, err := f.Purge(context.Background()); err != nil {
			t.Fatal(err)
		}
		if f.count("SELECT count(*) FROM reads") != 0 {
			t.Error("still kept when the time has proved right")
		}
	})
}

func TestBackendMayOnlyShorten(t *testing.T) {
	f := open(t, nil)
	f.record(f.read("AAA111"))
	f.clock.Add(10 * 24 * time.Hour)
	if err := f.Rules().Tighten(context.Background(), alpr.RetainRead, 60*24*time.Hour); !errors.Is(err, retention.ErrNotTight) {
		t.Errorf("lengthened: %v", err)
	}
	if err := f.Rules().Tighten(context.Background(), alpr.RetainRead, time.Second); !errors.Is(err, retention.ErrBadPolicy) {
		t.Errorf("a second: %v", err)
	}
	if err := f.Rules().Tighten(context.Background(), alpr.RetentionClass("x"), time.Hour); !errors.Is(err, retention.ErrBadPolicy) {
		t.Errorf("an unknown class: %v", err)
	}
	if err := f.Rules().Tighten(context.Background(), alpr.RetainRead, 7*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if f.count("SELECT count(*) FROM reads") != 0 {
		t.Error("a read of ten days ago outlived a seven-day rule")
	}
	f.reopen()
	if got := f.Rules().InForce().Retention.Reads; got != retention.Span(7*24*time.Hour) {
		t.Errorf("after a restart reads are kept for %s", got)
	}
	if n := f.count("SELECT count(*) FROM audit WHERE record LIKE '%policy change%'"); n != 2 {
		t.Errorf("%d policy changes in the log, want the first and the tightened one", n)
	}
}

func TestForbid(t *testing.T) {
	f := open(t, nil)
	for range 2 {
		if err := f.Rules().Forbid(context.Background(), "Fines"); err != nil {
			t.Fatal(err)
		}
	}
	f.reopen()
	got, err := f.Rules().Forbidden(context.Background())
	if err != nil || len(got) != 1 || got[0] != "Fines" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestChangedRulesAreAudited(t *testing.T) {
	f := open(t, nil)
	for _, text := range []string{"normal: 0.2", "normal: 0.2", "normal: 0.01"} {
		if err := f.Rules().Note(context.Background(), "hotlist", text); err != nil {
			t.Fatal(err)
		}
		f.reopen()
	}
	for text, want := range map[string]int{"normal: 0.2": 1, "normal: 0.01": 1} {
		n := 0
		for _, rec := range f.audits() {
			if rec.Action == alpr.ActionPolicyChange && rec.Detail["hotlist"] == text {
				n++
			}
		}
		if n != want {
			t.Errorf("%d records of %q, want %d", n, text, want)
		}
	}
}

func TestPolicyDropsPictures(t *testing.T) {
	f := open(t, nil)
	r := f.read("AAA111")
	f.record(r)
	if p, err := f.Reads().Picture(context.Background(), r.ID, PictureCrop); err != nil || p.JPEG == nil {
		t.Fatal(err)
	}
	f.cfg.Policy.Pictures.Reads = retention.DetailNone
	f.reopen()
	if p, err := f.Reads().Picture(context.Background(), r.ID, PictureCrop); err != nil || p.JPEG != nil {
		t.Errorf("the picture is still there: %v", err)
	}
}

func TestSafeList(t *testing.T) {
	f := open(t, nil)
	if err := f.SafeList().Add(context.Background(), officer, []string{"saf-e01"}); err != nil {
		t.Fatal(err)
	}
	misread, other := f.read("SAFE0I"), f.read("OTHER7")
	misread.Text.Candidates = append(misread.Text.Candidates, alpr.Candidate{Text: "SAFE01", P: 0.1})
	kept, err := f.Recorder().RecordAll(context.Background(), []alpr.Record{{Read: f.read("SAFE01")}, {Read: other}, {Read: misread}})
	if err != nil || len(kept) != 1 || kept[0].Read.ID != other.ID {
		t.Fatalf("kept %v, %v", kept, err)
	}
	other.Text.Text, other.Revision = "SAFE01", 2 // seen again, and better
	f.record(other)
	if r, err := f.Reads().ByID(context.Background(), other.ID); r != nil || err != nil {
		t.Errorf("the first reading of a protected plate is still there: %v, %v", r, err)
	}
	if _, err := f.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := f.count("SELECT count(*) FROM reads"); n != 0 {
		t.Errorf("%d reads of a protected plate were kept", n)
	}
	if n := len(f.peek(alpr.OutboxQuery{Kinds: []alpr.Kind{alpr.KindRead}})); n != 0 {
		t.Errorf("%d are to be sent", n)
	}
	wanted := f.read("SAFE01")
	f.record(wanted, f.hit(wanted))
	if n := f.count("SELECT count(*) FROM reads"); n != 1 {
		t.Error("its hit was not kept")
	}
	if err := f.SafeList().Remove(context.Background(), officer, []string{"SAFE01"}); err != nil {
		t.Fatal(err)
	}
	f.record(f.read("SAFE01"))
	if n := f.count("SELECT count(*) FROM reads"); n != 2 {
		t.Error("still protected after it was taken off the list")
	}
	if err := f.SafeList().Add(context.Background(), officer, []string{"--"}); err == nil {
		t.Error("a plate without characters was taken")
	}
}

// Nothing secret stands in the file in clear, deleted or not.
func TestFileHoldsNothingInClear(t *testing.T) {
	f := open(t, nil)
	r := f.read("SECRET7")
	r.Fix.Lat = 47.123456
	h := f.hit(r)
	h.Entry.Caution = "armed robbery suspect"
	f.record(r, h)
	if err := f.SafeList().Add(context.Background(), officer, []string{"SAFE99"}); err != nil {
		t.Fatal(err)
	}
	entry := alpr.Entry{ID: "m1", Plate: "MANUAL1", Reason: "bolo", CaseNumber: "31-1", Expires: f.clock.Now().Add(time.Hour)}
	if err := f.Manual().Add(context.Background(), officer, entry); err != nil {
		t.Fatal(err)
	}
	info := HotlistInfo{List: "state", Version: "1", Entries: 1}
	if err := f.Lists().Save(context.Background(), officer, info, func(yield func([]byte) bool) { yield([]byte("LISTED1 wanted")) }); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(f.cfg.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"SECRET7", "47.123456", "armed robbery", "SAFE99", "MANUAL1", "LISTED1", "crop of", "context of"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("store.db%s holds %q in clear", suffix, secret)
			}
		}
	}
}

func TestBodiesCannotBeSwapped(t *testing.T) {
	f := open(t, nil)
	a, b := f.read("AAA111"), f.read("BBB222")
	f.record(a)
	f.record(b)
	if _, err := f.db.ExecContext(context.Background(), "UPDATE reads SET body = (SELECT body FROM reads WHERE id = ?) WHERE id = ?", a.ID[:], b.ID[:]); err != nil {
		t.Fatal(err)
	}
	if r, err := f.Reads().ByID(context.Background(), b.ID); r != nil || err != nil {
		t.Errorf("a body was opened in another row: %v, %v", r, err)
	}
	if n := f.count("SELECT count(*) FROM quarantine"); n == 0 {
		t.Error("the row with another's body was not set apart")
	}
}

// TestPicturesOfEveryCameraAreKept: each view's pictures are on record with the
// read, are found by their hash, and go when policy says so.
func TestPicturesOfEveryCameraAreKept(t *testing.T) {
	f := open(t, func(c *Config) { c.Policy.Pictures.Reads = retention.DetailContext })
	r := f.read("AAA111")
	rear := alpr.View{Camera: "rear", Text: "AAA111", At: r.At, Crop: testPicture("rear crop", 160, 64), Context: testPicture("rear context", 640, 360)}
	r.Views = []alpr.View{{Camera: "front", Text: "AAA111", At: r.At, Crop: r.Crop, Context: r.Context}, rear}
	f.record(r)
	kept, err := f.Reads().ByID(context.Background(), r.ID)
	if err != nil || len(kept.Views) != 2 || kept.Views[1].Camera != "rear" || kept.Views[1].Crop.SHA256 != rear.Crop.SHA256 {
		t.Fatalf("views came back as %+v, %v", kept, err)
	}
	for name, want := range map[string]alpr.Picture{ViewPicture(PictureCrop, 1): rear.Crop, ViewPicture(PictureContext, 1): rear.Context} {
		if p, err := f.Reads().Picture(context.Background(), r.ID, name); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%s came back as %+v, %v", name, p, err)
		}
	}
	if p, _, _, err := f.Reads().PictureByHash(context.Background(), rear.Crop.SHA256); err != nil || string(p.JPEG) != "rear crop" {
		t.Errorf("by its hash: %+v, %v", p, err)
	}
	f.cfg.Policy.Pictures.Reads = retention.DetailCrop
	f.reopen()
	if p, err := f.Reads().Picture(context.Background(), r.ID, ViewPicture(PictureContext, 1)); err != nil || p.JPEG != nil {
		t.Errorf("the rear context picture is still there: %v", err)
	}
	if p, err := f.Reads().Picture(context.Background(), r.ID, ViewPicture(PictureCrop, 1)); err != nil || p.JPEG == nil {
		t.Errorf("the rear crop is gone: %v, %+v", err, p)
	}
}
