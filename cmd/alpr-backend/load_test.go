package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"alpr"
	"alpr/backend"
	"alpr/backend/demobroker"
	"alpr/backend/simulate"
	"alpr/retention"
	"alpr/store"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// openStore opens a vehicle's real store, with a clock that runs behind by age.
func openStore(t *testing.T, dir string, age time.Duration) *store.Store {
	t.Helper()
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return time.Now().Add(-age) }
	s, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "alpr.db"), Agency: "pd", Policy: profiles["default"], Clock: clock}, silent())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fillStore records n reads as of an hour ago.
func fillStore(t *testing.T, dir string, n int) {
	t.Helper()
	s := openStore(t, dir, time.Hour)
	defer s.Close()
	group, ctx := errgroup.WithContext(context.Background())
	const writers = 64
	for w := range writers {
		group.Go(func() error {
			m := synthetic.New(uint64(w) + 1)
			for range n/writers + min(1, max(0, n%writers-w)) {
				it := m.Read(time.Now().Add(-time.Hour))
				if _, err := s.Recorder().RecordAll(ctx, []alpr.Record{{Read: *it.Read}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// timedStore notes how long hits take from recording to the backend's receipt.
type timedStore struct {
	*store.Store
	store.Outbox
	mu    sync.Mutex
	heaps []uint64
}

func (s *timedStore) Receipt(ctx context.Context, boot alpr.ID, from, to uint64) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.mu.Lock()
	s.heaps = append(s.heaps, m.HeapInuse)
	s.mu.Unlock()
	return s.Outbox.Receipt(ctx, boot, from, to)
}

// TestABacklogDrainsWithFlatMemory sends a long backlog out of the real store,
// while hits are recorded now and then.
func TestABacklogDrainsWithFlatMemory(t *testing.T) {
	n := fullCount(t, "ALPR_SOAK_BACKLOG", 4000)
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	dir := t.TempDir()
	start := time.Now()
	fillStore(t, dir, n)
	t.Logf("%d reads recorded in %s", n, time.Since(start).Round(time.Millisecond))
	consumer := child("backend", "consume", "--broker", broker.URL("tcp"), "--sink", "sqlite:"+filepath.Join(dir, "backend.db"), "--quiet")
	consumer.start(t)
	t.Cleanup(func() { consumer.kill(t) })

	opened := openStore(t, dir, 0)
	s := &timedStore{Store: opened, Outbox: opened.Outbox()}
	defer s.Close()
	cfg := uplink.DefaultConfig()
	cfg.Broker, cfg.Agency, cfg.Vehicle, cfg.StateDir = broker.URL("tcp"), "pd", "car-1", t.TempDir()
	cfg.BacklogRate = 0
	cfg.HealthEvery = time.Second // by its status the consumer learns of the vehicle, and asks for what came before it
	u, err := uplink.New(cfg, s, silent(), uplink.Options{BootID: s.BootID()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return u.Run(ctx) })
	start = time.Now()
	waits := hitsWhileDraining(t, ctx, s)
	took := time.Since(start)
	cancel()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	slices.Sort(waits)
	t.Logf("drained in %s (%.0f reads/s); %d hits meanwhile, from recording to receipt: median %s, longest %s",
		took.Round(time.Millisecond), float64(n)/took.Seconds(), len(waits), waits[len(waits)/2].Round(time.Millisecond), waits[len(waits)-1].Round(time.Millisecond))
	early, late := slices.Max(s.heaps[:len(s.heaps)/2+1]), slices.Max(s.heaps[len(s.heaps)/2:])
	t.Logf("heap in use: at most %d KiB in the first half, %d KiB in the second", early>>10, late>>10)
	if late > early+early/2+32<<20 {
		t.Errorf("memory grows while draining: %d KiB, then %d KiB", early>>10, late>>10)
	}
}

// hitsWhileDraining records a hit, waits for its receipt, and so on until what
// was there before the first of them is gone.
func hitsWhileDraining(t *testing.T, ctx context.Context, s *timedStore) (waits []time.Duration) {
	t.Helper()
	m := synthetic.New(99)
	begin := time.Now()
	waiting := func(before time.Time, kinds ...alpr.Kind) bool {
		items, err := s.Peek(ctx, alpr.OutboxQuery{Kinds: kinds, Limit: 1, RecordedBefore: before, SentBefore: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return len(items) > 0
	}
	timeout := time.Now().Add(time.Hour)
	for {
		it := m.Hit(time.Now())
		if _, err := s.Recorder().RecordAll(ctx, []alpr.Record{{Read: *it.Read, Hits: []alpr.Hit{*it.Hit}}}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for waiting(time.Time{}, alpr.KindHit) {
			<-time.After(2 * time.Millisecond)
		}
		waits = append(waits, time.Since(start))
		if !waiting(begin) {
			return waits
		}
		if time.Now().After(timeout) {
			t.Fatal("not drained within an hour")
		}
		<-time.After(100 * time.Millisecond)
	}
}

// TestManyVehicles runs a simulated fleet with outages against one broker and
// two consumers on PostgreSQL.
func TestManyVehicles(t *testing.T) {
	n := fullCount(t, "ALPR_SOAK_VEHICLES", 40)
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	pg := brokertest.StartPostgres(t)
	report, kept := simulateFleet(t, broker.URL("tcp"), pg.URL, n, 2)
	t.Logf("%+v", report)
	if report.Left != 0 || kept != report.Recorded {
		t.Errorf("%d recorded, %d without receipt, %d kept in the database", report.Recorded, report.Left, kept)
	}
}

// TestTheOtherBroker runs the fleet on mochi, the second broker that is tested.
func TestTheOtherBroker(t *testing.T) {
	b, err := demobroker.New("127.0.0.1:0", silent())
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Background(t, "broker", b.Run)
	report, kept := simulateFleet(t, b.URL(), "sqlite:"+filepath.Join(t.TempDir(), "events.db"), 10, 1)
	if report.Left != 0 || kept != report.Recorded {
		t.Errorf("%d recorded, %d without receipt, %d kept in the database", report.Recorded, report.Left, kept)
	}
}

// simulateFleet runs a fleet, and gives its report and the number of events
// that its consumers kept.
func simulateFleet(t *testing.T, broker, sink string, vehicles, consumers int) (simulate.Report, int64) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	var all []*backend.Metrics
	for i := range consumers {
		s, err := backend.OpenSink(ctx, sink)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		cfg := backend.DefaultConsumeConfig()
		cfg.Broker = backend.Broker{URL: broker, ClientID: "consumer-" + strings.Repeat("x", i+1)}
		m := backend.NewMetrics()
		c, err := backend.NewConsumer(cfg, s, m, silent())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		group.Go(func() error { return c.Run(ctx) })
	}
	cfg := simulate.Config{
		Uplink: uplink.DefaultConfig(), Dir: t.TempDir(), Vehicles: vehicles, ReadsPerHour: 600, HitShare: 0.05, Backlog: 20,
		OutageEvery: 10 * time.Second, OutageFor: time.Second, Duration: 4*time.Second + time.Duration(vehicles)*20*time.Millisecond,
		Drain: 2*time.Minute + time.Duration(vehicles)*time.Second, RampUp: time.Duration(vehicles) * 10 * time.Millisecond, Seed: 1,
	}
	cfg.Uplink.Broker, cfg.Uplink.Agency, cfg.Uplink.ReceiptTimeout = broker, "sim", 20*time.Second
	fleet, err := simulate.New(cfg, silent())
	if err != nil {
		t.Fatal(err)
	}
	report, err := fleet.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	var kept int64
	for _, m := range all {
		kept += m.Events()
	}
	return report, kept
}
