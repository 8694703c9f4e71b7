package store

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"alpr"
	"alpr/retention"
)

func TestTalliesOutliveWhatTheyCount(t *testing.T) {
	f := open(t, func(c *Config) {
		c.Policy.Retention = retention.Rules{Reads: retention.Span(time.Hour), Hits: retention.Span(time.Hour), Dispositions: retention.Span(time.Hour)}
	})
	ctx := context.Background()
	f.record(f.read("AAA111"))
	wanted := f.read("BBB222")
	hit := f.hit(wanted)
	f.record(wanted, hit)
	d := alpr.Disposition{ID: f.id(), HitID: hit.ID, At: f.clock.Now(), Officer: "4711", Verdict: alpr.VerdictConfirmed, Action: "stop"}
	if err := f.Recorder().Dispose(ctx, d); err != nil {
		t.Fatal(err)
	}
	f.clock.Add(2 * time.Hour)
	if _, err := f.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := f.Reads().Tallies(ctx, day0.Truncate(24*time.Hour), day0.AddDate(0, 0, 1))
	want := []Tally{
		{"actions", "stop", 1}, {"deleted", "dispositions", 1}, {"deleted", "hits", 1}, {"deleted", "reads", 2},
		{"hits", "stolen vehicle", 1}, {"reads", "", 2}, {"verdicts", "confirmed", 1},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if none, err := f.Reads().Tallies(ctx, day0.AddDate(0, 1, 0), day0.AddDate(0, 2, 0)); err != nil || len(none) != 0 {
		t.Errorf("another month: %v, %v", none, err)
	}
}

func TestSharingNeedsConsent(t *testing.T) {
	f := open(t, nil)
	ctx := context.Background()
	read := f.read("BBB222")
	hit := f.hit(read)
	f.record(read, hit)
	d := alpr.Disposition{ID: f.id(), HitID: hit.ID, At: f.clock.Now(), Officer: "4711", Verdict: alpr.VerdictMisread, Corrected: "8BB222"}
	if err := f.Recorder().Dispose(ctx, d); err != nil {
		t.Fatal(err)
	}
	if err := f.Contributions().NoteShared(ctx, officer, "b1", 1); !errors.Is(err, ErrNoConsent) {
		t.Errorf("shared without consent: %v", err)
	}
	if _, err := f.Contributions().SetConsent(ctx, officer, true); err != nil {
		t.Fatal(err)
	}
	misreads, err := f.Contributions().Misreads(ctx)
	if err != nil || len(misreads) != 1 || misreads[0].Correct != "8BB222" || misreads[0].Read.Crop.JPEG == nil || misreads[0].Read.Context.JPEG != nil {
		t.Fatalf("%+v, %v", misreads, err)
	}
	if err := f.Contributions().NoteShared(ctx, officer, "b1", 1); err != nil {
		t.Fatal(err)
	}
	shared, err := f.Contributions().SetConsent(ctx, officer, false)
	if err != nil || !reflect.DeepEqual(shared, []string{"b1"}) {
		t.Errorf("withdrawal names %v, %v", shared, err)
	}
	if err := f.Contributions().NoteShared(ctx, officer, "b2", 1); !errors.Is(err, ErrNoConsent) {
		t.Errorf("shared after the withdrawal: %v", err)
	}
}
