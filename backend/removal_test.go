package backend_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// TestOneEntryIsRemovedWithoutItsList: connected vehicles hear of it at once and
// fetch next to nothing; a vehicle that comes later does not get it with the list;
// a list that still holds it is published without it.
func TestOneEntryIsRemovedWithoutItsList(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	broker, ca := secureFleet(t, car)
	sign := signer(t, "lists")
	us := backendBroker(t, broker, ca, "publisher")
	cfg := carConfig(t, broker, ca, car)
	cfg.TrustedKeys = []string{sign.Public(downlink.KindHotlist).String()}
	got := memory.NewHotlists(nil)
	_, stop := startCar(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got})
	list := entries(synthetic.New(1), slices.Collect(numbers(100, 400))...)
	var ids []string
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	order := backend.HotlistOrder{Agency: "pd", List: "stolen", Entries: slices.Values(list), Dir: t.TempDir(), Signer: sign, Now: time.Now()}
	first, err := backend.PublishHotlist(ctx, us, order)
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Until(t, "version 1", has(got, 1, ids...))
	removal := backend.Removal{Agency: "pd", List: "stolen", Dir: order.Dir, Signer: sign, Now: time.Now()}
	for i, id := range []string{"107", "300"} {
		removal.IDs = []string{id}
		m, err := backend.RemoveEntries(ctx, us, removal)
		if err != nil {
			t.Fatal(err)
		}
		if m.Version != uint64(2+i) || m.Entries != 299-i || m.Whole.SHA256 != first.Whole.SHA256 || !m.PublishedAt.Equal(first.PublishedAt) {
			t.Errorf("manifest %+v", m)
		}
		ids = slices.DeleteFunc(ids, func(x string) bool { return x == id })
		brokertest.Until(t, "the removal", has(got, m.Version, ids...))
	}
	for _, u := range got.Updates()[1:] {
		if u.Base == 0 {
			t.Errorf("the vehicle fetched the whole list for a removal: %+v", u)
		}
	}
	removal.IDs = []string{"107"}
	if _, err := backend.RemoveEntries(ctx, us, removal); !errors.Is(err, backend.ErrNotListed) {
		t.Errorf("an entry that is gone was removed again: %v", err)
	}
	stop()
	late := memory.NewHotlists(nil)
	cfg.StateDir = t.TempDir()
	startCar(t, cfg, memory.NewOutbox(alpr.ID{2}), uplink.Options{Hotlists: late})
	brokertest.Until(t, "a vehicle that comes later", has(late, 3, ids...))

	p, err := backend.PublishHotlist(ctx, us, order) // its source still holds both
	if err != nil || p.Entries != 298 || !slices.Equal(p.LeftOut, []string{"107", "300"}) {
		t.Errorf("published %+v, %v", p, err)
	}
	brokertest.Until(t, "the next version", has(late, 4, ids...))
	order.Restore = []string{"300"}
	if p, err = backend.PublishHotlist(ctx, us, order); err != nil || !slices.Equal(p.LeftOut, []string{"107"}) || p.Entries != 299 {
		t.Errorf("published %+v, %v", p, err)
	}
	ids = append(ids, "300")
	slices.Sort(ids)
	brokertest.Until(t, "the one restored", has(late, 5, ids...))
}

// TestWhatABrokerLostOfAListIsPublishedAgain: a broker is killed before it saved.
func TestWhatABrokerLostOfAListIsPublishedAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	broker := brokertest.StartMosquitto(t, brokertest.Config{Extra: []string{"autosave_interval 1800"}})
	us := backendBroker(t, broker, nil, "publisher")
	sign := signer(t, "lists")
	list := entries(synthetic.New(1), slices.Collect(numbers(1000, 9000))...)
	order := backend.HotlistOrder{Agency: "pd", List: "stolen", Entries: slices.Values(list), Dir: t.TempDir(), Signer: sign, Now: time.Now()}
	p, err := backend.PublishHotlist(ctx, us, order)
	if err != nil || len(p.Whole.Pieces) < 2 {
		t.Fatalf("%d pieces, %v", len(p.Whole.Pieces), err)
	}
	verify := func() backend.Verified {
		t.Helper()
		v, err := backend.VerifyHotlist(ctx, us, "pd", "stolen", order.Dir)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := verify(); v.Pieces != 0 || v.IsManifest {
		t.Errorf("right after publishing: %+v", v)
	}
	broker.Kill()
	broker.Start(t)
	if v := verify(); v.Pieces != len(p.Whole.Pieces) || !v.IsManifest {
		t.Errorf("after the broker was killed: %+v, want %d pieces and the announcement", v, len(p.Whole.Pieces))
	}
	if v := verify(); v.Pieces != 0 || v.IsManifest {
		t.Errorf("after that: %+v", v)
	}
	got := memory.NewHotlists(nil)
	cfg := carConfig(t, broker, nil, car)
	cfg.TrustedKeys = []string{sign.Public(downlink.KindHotlist).String()}
	startCar(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got})
	brokertest.Until(t, "the list in a vehicle", func() bool { version, ids := got.List("stolen"); return version == 1 && len(ids) == len(list) })
	if _, err := backend.VerifyHotlist(ctx, us, "pd", "other", order.Dir); !errors.Is(err, backend.ErrNeverPublished) {
		t.Errorf("a list that was never published: %v", err)
	}
}

// TestOutdatedPiecesAreTakenBack: only the pieces of the last two versions stay.
func TestOutdatedPiecesAreTakenBack(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	us := backendBroker(t, broker, nil, "publisher")
	order := backend.HotlistOrder{Agency: "pd", List: "stolen", Dir: t.TempDir(), Signer: signer(t, "lists"), Now: time.Now()}
	list := entries(synthetic.New(1), slices.Collect(numbers(100, 400))...)
	want := map[string]bool{}
	for i := range 6 {
		order.Entries = slices.Values(list[i:])
		p, err := backend.PublishHotlist(context.Background(), us, order)
		if err != nil {
			t.Fatal(err)
		}
		if i < 4 {
			continue
		}
		want[p.Whole.SHA256] = true
		for _, d := range p.Deltas {
			want[d.Blob.SHA256] = true
		}
	}
	have := map[string]bool{}
	l := retainedTopics(t, broker.URL("tcp"), event.HotlistTopic("pd", "stolen")+"/+/+")
	for _, topic := range l {
		var sha string
		var n int
		if _, err := fmt.Sscanf(topic[len(event.HotlistTopic("pd", "stolen"))+1:], "%64s/%d", &sha, &n); err != nil {
			t.Fatal(topic, err)
		}
		have[sha] = true
	}
	if len(have) != len(want) || slices.ContainsFunc(l, func(topic string) bool { return !want[topic[len(event.HotlistTopic("pd", "stolen"))+1:][:64]] }) {
		t.Errorf("%d blobs at the broker, want %d", len(have), len(want))
	}
}

// bigList is a list of n entries that are made as they are asked for.
func bigList(n, changed int) iter.Seq[alpr.Entry] {
	return func(yield func(alpr.Entry) bool) {
		for i := range n {
			reason := "stolen vehicle"
			if i < changed {
				reason = "stolen plate"
			}
			e := alpr.Entry{ID: fmt.Sprintf("V%09d", i), Source: "state", PlateGiven: fmt.Sprintf("ABC%05d", i%100000), Plate: fmt.Sprintf("ABC%05d", i%100000), State: "US-FL",
				Reason: reason, Category: "stolen vehicle", Priority: alpr.PriorityHigh, CaseNumber: fmt.Sprintf("31-%07d", i),
				Vehicle: alpr.Vehicle{Make: "TOYT", Model: "CAM", Year: "2020", Colour: "BLU", Style: "4D", VIN: fmt.Sprintf("1ZZZZ%012d", i)}}
			if !yield(e) {
				return
			}
		}
	}
}

// BenchmarkPublish publishes a list of a million entries (ALPR_LIST_ENTRIES for
// another number), then one that differs in 5,000, then removes one entry.
func BenchmarkPublish(b *testing.B) {
	n := 1_000_000
	if text := os.Getenv("ALPR_LIST_ENTRIES"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	broker := brokertest.StartMosquitto(b, brokertest.Config{})
	us := backendBroker(b, broker, nil, "publisher")
	sign := signer(b, "lists")
	for b.Loop() {
		order := backend.HotlistOrder{Agency: "pd", List: "stolen", Entries: bigList(n, 0), Dir: b.TempDir(), Signer: sign, Now: time.Now()}
		timed(b, "whole-s", func() error { _, err := backend.PublishHotlist(context.Background(), us, order); return err })
		order.Entries = bigList(n, 5000)
		timed(b, "delta-s", func() error { _, err := backend.PublishHotlist(context.Background(), us, order); return err })
		r := backend.Removal{Agency: "pd", List: "stolen", IDs: []string{fmt.Sprintf("V%09d", n/2)}, Dir: order.Dir, Signer: sign, Now: time.Now()}
		timed(b, "removal-s", func() error { _, err := backend.RemoveEntries(context.Background(), us, r); return err })
	}
}

// timed reports how long f took, and the most memory that the system gave so far.
func timed(b *testing.B, unit string, f func() error) {
	b.Helper()
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), unit)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-"+unit)
}
