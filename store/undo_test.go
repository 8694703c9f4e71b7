package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"alpr"
)

// TestAnAnswerIsTakenBack: the hit is open again, over a later revision too, both
// answers are on record, and the report counts neither.
func TestAnAnswerIsTakenBack(t *testing.T) {
	f := open(t, nil)
	ctx := context.Background()
	read := f.read("BBB222")
	hit := f.hit(read)
	f.record(read, hit)
	answer := func(v alpr.Verdict) error {
		f.clock.Add(time.Second)
		return f.Recorder().Dispose(ctx, alpr.Disposition{ID: f.id(), HitID: hit.ID, At: f.clock.Now(), Officer: "4711", Verdict: v})
	}
	if err := answer(alpr.VerdictUndone); !errors.Is(err, ErrNotAnswered) {
		t.Errorf("an answer nobody gave is taken back: %v", err)
	}
	open := func() int {
		t.Helper()
		_, hits, err := f.Reads().OpenHits(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(hits)
	}
	for _, tt := range []struct {
		verdict alpr.Verdict
		open    int
		counts  int
	}{{alpr.VerdictMisread, 0, 1}, {alpr.VerdictUndone, 1, 0}, {alpr.VerdictConfirmed, 0, 1}, {alpr.VerdictUndone, 1, 0}} {
		if err := answer(tt.verdict); err != nil {
			t.Fatal(err)
		}
		n, err := f.Reads().Verdicts(ctx)
		if err != nil || open() != tt.open || len(n) != tt.counts {
			t.Errorf("after %s: %d open, verdicts %v, %v", tt.verdict, open(), n, err)
		}
	}
	read.Revision++
	f.record(read, hit)
	if open() != 1 {
		t.Error("a later revision of the read closes the hit that waits again")
	}
	tallies, err := f.Reads().Tallies(ctx, day0.Truncate(24*time.Hour), day0.AddDate(0, 0, 1))
	for _, x := range tallies {
		if x.What == "verdicts" && x.N != 0 {
			t.Errorf("the report counts %+v", x)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadsLikeAPattern finds what was seen of a plate.
func TestReadsLikeAPattern(t *testing.T) {
	f := open(t, nil)
	for _, text := range []string{"3ZHK25", "3AHK99", "8AHK99"} {
		f.record(f.read(text))
	}
	got, err := f.Reads().Like(context.Background(), "3?HK*", 10)
	if err != nil || len(got) != 2 {
		t.Errorf("%d reads, %v", len(got), err)
	}
	if got, err = f.Reads().Like(context.Background(), "3?HK*", 1); err != nil || len(got) != 1 {
		t.Errorf("%d reads of at most 1, %v", len(got), err)
	}
}
