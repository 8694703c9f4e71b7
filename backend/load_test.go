package backend_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// timedSink notes how long hits take from being recorded to the end of the
// transaction that keeps them.
type timedSink struct {
	backend.Sink
	notes *hitNotes
}

type hitNotes struct {
	mu    sync.Mutex
	waits []time.Duration
	reads int
}

func (s timedSink) Write(ctx context.Context, b backend.Batch) (backend.Kept, error) {
	kept, err := s.Sink.Write(ctx, b)
	now := time.Now()
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	for _, r := range b.Rows {
		switch {
		case err == nil && r.Event.Type == event.TypeHit:
			s.notes.waits = append(s.notes.waits, now.Sub(r.Event.Time))
		case err == nil && r.Event.Type == event.TypeRead:
			s.notes.reads++
		}
	}
	return kept, err
}

func (s timedSink) Twin() backend.Sink {
	if t, ok := s.Sink.(interface{ Twin() backend.Sink }); ok {
		return timedSink{t.Twin(), s.notes}
	}
	return s
}

func (n *hitNotes) counts() (hits, reads int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.waits), n.reads
}

// BenchmarkHitsBesideABacklog drains a backlog (ALPR_BACKLOG reads, 60,000 unless
// said otherwise) through Mosquitto into PostgreSQL while another vehicle records
// ten hits a second, and reports how long these took from record to commit.
func BenchmarkHitsBesideABacklog(b *testing.B) {
	n := 60_000
	if v, err := strconv.Atoi(os.Getenv("ALPR_BACKLOG")); err == nil {
		n = v
	}
	for b.Loop() {
		ctx, stop := context.WithCancel(context.Background())
		broker := brokertest.StartMosquitto(b, brokertest.Config{})
		sink, err := backend.OpenSink(ctx, brokertest.StartPostgres(b).URL)
		if err != nil {
			b.Fatal(err)
		}
		notes := &hitNotes{}
		startConsumer(b, backendBroker(b, broker, nil, "c"), timedSink{sink, notes})
		m := synthetic.New(1)
		far, near := memory.NewOutbox(m.ID(time.Now())), memory.NewOutbox(m.ID(time.Now()))
		old := time.Now().Add(-time.Hour)
		for range n {
			far.Add(m.Read(old))
		}
		for name, box := range map[string]*memory.Outbox{"car-1": far, "car-2": near} {
			v := car
			v.Name = name
			cfg := carConfig(b, broker, nil, v)
			cfg.HealthEvery = time.Minute
			startCar(b, cfg, box, uplink.Options{})
		}
		// The first hit finds everything connected.
		near.Add(m.Hit(time.Now()))
		brokertest.Until(b, "everything connected", func() bool { hits, _ := notes.counts(); return hits > 0 })
		start := time.Now()
		tick := time.NewTicker(100 * time.Millisecond)
		for reads := 0; reads < n; _, reads = notes.counts() {
			near.Add(m.Hit(<-tick.C))
		}
		tick.Stop()
		took := time.Since(start)
		brokertest.Until(b, "all hits kept", func() bool { return near.Len() == 0 })
		notes.mu.Lock()
		slices.Sort(notes.waits)
		at := func(share float64) float64 {
			return notes.waits[int(share*float64(len(notes.waits)-1))].Seconds()
		}
		b.ReportMetric(at(0.5), "p50-s")
		b.ReportMetric(at(0.95), "p95-s")
		b.ReportMetric(at(0.99), "p99-s")
		b.ReportMetric(float64(len(notes.waits)), "hits")
		b.ReportMetric(float64(n)/took.Seconds(), "reads/s")
		notes.mu.Unlock()
		stop()
	}
}
