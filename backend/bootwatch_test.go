package backend_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/synthetic"
)

// bootStatus is a status of a start of the program, said at a time.
func bootStatus(t testing.TB, boot byte, lastSeq uint64, isOnline bool, at time.Time) backend.Row {
	t.Helper()
	return arrived(t, event.TopicStatus, event.TypeStatus, event.Status{IsOnline: isOnline, BootID: alpr.ID{boot}, LastSeq: lastSeq, Since: at,
		Hotlists: map[string]uint64{}, Depth: event.Depth{Waiting: map[alpr.Kind]int64{}}}, at)
}

func TestGapsSeeABootAndATailOfWhichNothingCame(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a backend.Archive, _ func(string) int) {
		ctx, now, m := context.Background(), time.Now(), synthetic.New(1)
		read := func(boot byte, seq uint64) backend.Batch {
			it := m.Read(now)
			it.BootID, it.Seq = alpr.ID{boot}, seq
			return take(t, it)
		}
		b := read(1, 1)
		for _, more := range []backend.Batch{read(1, 2), read(1, 4)} {
			b.Rows, b.Numbers = append(b.Rows, more.Rows...), append(b.Numbers, more.Numbers...)
		}
		b.Rows = append(b.Rows, bootStatus(t, 1, 6, true, now), bootStatus(t, 1, 5, false, now), bootStatus(t, 2, 3, true, now), bootStatus(t, 3, 0, true, now))
		if _, err := a.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		gaps, err := backend.Gaps(ctx, a)
		var got []event.Range
		for _, g := range gaps {
			if g.Vehicle != car {
				t.Errorf("gap of %s", g.Vehicle)
			}
			got = append(got, g.Range)
		}
		want := []event.Range{{BootID: alpr.ID{1}, From: 3, To: 3}, {BootID: alpr.ID{1}, From: 5, To: 6}, {BootID: alpr.ID{2}, From: 1, To: 3}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("gaps %v, %v, want %v", got, err, want)
		}
	})
}

// TestTwoVehiclesUnderOneNameAreToldApart: restarts follow one another, two
// vehicles take turns.
func TestTwoVehiclesUnderOneNameAreToldApart(t *testing.T) {
	t.Parallel()
	for name, open := range sinks(t) {
		t.Run(name, func(t *testing.T) {
			sink, _, _ := open(t)
			start := time.Now().Add(-time.Hour)
			for i, step := range []struct {
				boot   byte
				after  time.Duration
				online bool
				want   []backend.AlarmKind
			}{
				{1, 0, true, nil}, {1, time.Minute, true, nil}, {1, 2 * time.Minute, false, nil},
				{2, 3 * time.Minute, true, nil},
				{1, 3*time.Minute + 5*time.Second, true, nil}, // overtaken
				{1, 20 * time.Minute, false, nil},             // a last will
				{2, 4 * time.Minute, true, nil},
				{3, 5 * time.Minute, true, nil},
				{2, 6 * time.Minute, true, []backend.AlarmKind{backend.AlarmTwoVehicles}},
				{3, 7 * time.Minute, true, nil}, {2, 8 * time.Minute, true, nil}, // said once
			} {
				kept, err := sink.Write(context.Background(), backend.Batch{Rows: []backend.Row{bootStatus(t, step.boot, 1, step.online, start.Add(step.after))}})
				if err != nil || !slices.Equal(kinds(kept.Alarms), step.want) {
					t.Errorf("step %d: %v, %v, want %v", i, kept.Alarms, err, step.want)
				}
			}
		})
	}
}
