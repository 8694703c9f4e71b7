package vehicle

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// TestAnswersOnAFullDisk: an officer's answer is taken while the disk takes
// nothing, said not to be on record, bounded, and put on record once there is
// room; one whose alert waits itself follows it.
func TestAnswersOnAFullDisk(t *testing.T) {
	dir, fill, empty := fillable(t)
	cfg := carOf(t, t.TempDir(), "")
	cfg.DataDir = filepath.Join(dir, "data")
	ctx, log := t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := store.Open(ctx, cfg.StoreOptions(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	match, err := hotlist.NewMatcher(cfg.Hotlist)
	if err != nil {
		t.Fatal(err)
	}
	o := newOpenHits(s, NewLists(s, match, cfg.Hotlist, log), nil, log)
	isBehind := true
	o.isBehind = func() bool { return isBehind }
	stored, late, never := alertOf(t, "AAA111"), alertOf(t, "BBB222"), alertOf(t, "CCC333")
	if err := vehicletest.Keep(ctx, s, stored.Read, stored.Hits); err != nil {
		t.Fatal(err)
	}
	fill()
	for _, a := range []alpr.Alert{stored, late, never} {
		o.track(a.Read, a.Hits[0])
		if err := o.Dispose(ctx, answerTo(t, a.Hits[0])); !errors.Is(err, alpr.ErrNotYetRecorded) {
			t.Errorf("the answer to %s: %v", a.Read.Text.Text, err)
		}
	}
	for range maxAnswers - 3 {
		if err := o.Dispose(ctx, answerTo(t, stored.Hits[0])); !errors.Is(err, alpr.ErrNotYetRecorded) {
			t.Fatal(err)
		}
	}
	if err := o.Dispose(ctx, answerTo(t, stored.Hits[0])); err == nil || errors.Is(err, alpr.ErrNotYetRecorded) {
		t.Errorf("one more than %d waits: %v", maxAnswers, err)
	}
	o.storeRest(ctx)
	if said := strings.Join(o.problems(), " "); !strings.Contains(said, "NOT YET on record (256)") {
		t.Errorf("it says %q", said)
	}
	empty()
	o.storeRest(ctx)
	if n := len(o.answers.all()); n != 2 {
		t.Errorf("%d answers wait for their alerts, want 2", n)
	}
	if err := vehicletest.Keep(ctx, s, late.Read, late.Hits); err != nil {
		t.Fatal(err)
	}
	isBehind = false
	o.storeRest(ctx)
	if said := o.problems(); len(said) > 0 {
		t.Errorf("it says %q", said)
	}
	if _, open, err := s.Reads().OpenHits(ctx); err != nil || len(open) > 0 {
		t.Errorf("open are %v, %v", open, err)
	}
	if said := s.Notices().All(); len(said) != 1 || !strings.Contains(said[0].Text, never.Hits[0].ID.String()) {
		t.Errorf("of an answer that cannot be kept it says %v", said)
	}
}

func alertOf(t *testing.T, plate string) alpr.Alert {
	t.Helper()
	r := vehicletest.PassRead(t, plate)
	id, err := alpr.NewID(time.Now(), strings.NewReader("hit "+plate+"0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	return alpr.NewAlert(r, []alpr.Hit{{ID: id, ReadID: r.ID, At: r.At, Kind: alpr.MatchExact, P: 0.9, Entry: listed(plate)}})
}

func answerTo(t *testing.T, h alpr.Hit) alpr.Disposition {
	t.Helper()
	id, err := alpr.NewID(time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return alpr.Disposition{ID: id, HitID: h.ID, At: time.Now(), Officer: "4711", Verdict: alpr.VerdictConfirmed}
}
