// Package simulate is a fleet that exists only on the network: vehicles with
// the real uplink and an outbox in memory, for load tests of a backend.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"alpr"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// Config says what fleet to simulate.
type Config struct {
	Uplink       uplink.Config // template: Vehicle, CertFile, KeyFile and StateDir are set for each
	CertDir      string        // holds NAME.pem and NAME.key of each vehicle, for tls
	Dir          string        // for the vehicles' state
	Vehicles     int
	ReadsPerHour float64       // of each vehicle
	HitShare     float64       // of reads that raise a hit
	Backlog      int           // reads each vehicle starts with, recorded while it was offline
	OutageEvery  time.Duration // mean time between losses of connection; 0: none
	OutageFor    time.Duration // mean length of one
	Duration     time.Duration // of recording; afterwards the rest is sent
	Drain        time.Duration // at most, for sending the rest
	RampUp       time.Duration // vehicles start spread over this
	Seed         uint64
}

// Report is what came of it.
type Report struct {
	Vehicles  int           `json:"vehicles"`
	Recorded  int64         `json:"recorded"`  // items
	Receipted int64         `json:"receipted"` // items
	Left      int64         `json:"left"`      // items without receipt at the end
	Outages   int64         `json:"outages"`
	HitP50    time.Duration `json:"hit_p50_ns"` // from recording to receipt, of hits recorded while connected
	HitP99    time.Duration `json:"hit_p99_ns"`
	ReadP50   time.Duration `json:"read_p50_ns"` // of reads likewise
	ReadP99   time.Duration `json:"read_p99_ns"`
	Took      time.Duration `json:"took_ns"`
}

// Fleet is a simulation. Make it with New, then call Run once.
type Fleet struct {
	cfg     Config
	log     *slog.Logger
	outages atomic.Int64
	mu      sync.Mutex
	waits   map[alpr.Kind][]time.Duration
}

// New checks the configuration.
func New(cfg Config, log *slog.Logger) (*Fleet, error) {
	switch {
	case cfg.Vehicles < 1 || cfg.Vehicles > 100_000:
		return nil, fmt.Errorf("simulate %d vehicles: not between 1 and 100,000", cfg.Vehicles)
	case cfg.ReadsPerHour < 0 || cfg.HitShare < 0 || cfg.HitShare > 1:
		return nil, errors.New("reads an hour must not be negative, and the share of hits is between 0 and 1")
	case cfg.Duration <= 0 || cfg.Dir == "":
		return nil, errors.New("a simulation needs a duration and a folder")
	}
	return &Fleet{cfg: cfg, log: log, waits: map[alpr.Kind][]time.Duration{}}, nil
}

// vehicle is one simulated car.
type vehicle struct {
	*memory.Outbox
	fleet *Fleet
	cfg   uplink.Config
	maker *synthetic.Maker
	boot  alpr.ID
	rand  *rand.Rand

	mu        sync.Mutex
	added     map[uint64]note
	seq       uint64
	receipted int64
	isUp      atomic.Bool
}

type note struct {
	kind alpr.Kind
	at   time.Time
	isUp bool // recorded while connected
}

// Run simulates until the duration is over and all is receipted, or ctx is
// done, or the drain takes too long.
func (f *Fleet) Run(ctx context.Context) (Report, error) {
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	cars := make([]*vehicle, f.cfg.Vehicles)
	for i := range cars {
		v, err := f.car(i)
		if err != nil {
			return Report{}, err
		}
		cars[i] = v
		group.Go(func() error { return v.drive(ctx) })
	}
	err := group.Wait()
	r := Report{Vehicles: len(cars), Outages: f.outages.Load(), Took: time.Since(start)}
	for _, v := range cars {
		v.mu.Lock()
		r.Recorded += int64(v.seq)
		r.Receipted += v.receipted
		r.Left += int64(len(v.added))
		v.mu.Unlock()
	}
	r.HitP50, r.HitP99 = quantiles(f.waits[alpr.KindHit])
	r.ReadP50, r.ReadP99 = quantiles(f.waits[alpr.KindRead])
	return r, err
}

func quantiles(d []time.Duration) (p50, p99 time.Duration) {
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100]
}

func (f *Fleet) car(i int) (*vehicle, error) {
	name := fmt.Sprintf("sim-%05d", i+1)
	seed := f.cfg.Seed + uint64(i)
	v := &vehicle{
		fleet: f, cfg: f.cfg.Uplink, maker: synthetic.New(seed), rand: rand.New(rand.NewPCG(seed, 2)), added: map[uint64]note{},
	}
	v.cfg.Vehicle, v.cfg.StateDir = name, filepath.Join(f.cfg.Dir, name)
	if f.cfg.CertDir != "" {
		v.cfg.CertFile, v.cfg.KeyFile = filepath.Join(f.cfg.CertDir, name+".pem"), filepath.Join(f.cfg.CertDir, name+".key")
	}
	if err := os.MkdirAll(v.cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make state of %s: %w", name, err)
	}
	v.boot = v.maker.ID(time.Now())
	v.Outbox = memory.NewOutbox(v.boot)
	old := time.Now().Add(-24 * time.Hour)
	for n := range f.cfg.Backlog {
		v.record(v.maker.Read(old.Add(time.Duration(n) * time.Second)))
	}
	return v, nil
}

// record puts an item into the outbox, and notes when.
func (v *vehicle) record(it alpr.OutboxItem) {
	v.mu.Lock()
	v.seq++
	v.added[v.seq] = note{it.Kind, time.Now(), v.isUp.Load() && time.Since(it.RecordedAt) < time.Minute}
	v.mu.Unlock()
	v.Add(it)
}

// Receipt notes how long each item took.
func (v *vehicle) Receipt(ctx context.Context, boot alpr.ID, from, to uint64) error {
	now := time.Now()
	v.mu.Lock()
	f := v.fleet
	f.mu.Lock()
	for seq := from; seq <= min(to, v.seq); seq++ {
		n, ok := v.added[seq]
		if !ok || boot != v.boot {
			continue
		}
		delete(v.added, seq)
		v.receipted++
		if n.isUp {
			f.waits[n.kind] = append(f.waits[n.kind], now.Sub(n.at))
		}
	}
	f.mu.Unlock()
	v.mu.Unlock()
	return v.Outbox.Receipt(ctx, boot, from, to)
}

// drive records for the duration, with outages, then waits for the receipts.
func (v *vehicle) drive(ctx context.Context) error {
	cfg := v.fleet.cfg
	if !pause(ctx, time.Duration(v.rand.Float64()*float64(cfg.RampUp))) {
		return nil
	}
	work, stop := context.WithTimeout(ctx, cfg.Duration)
	defer stop()
	group, linkCtx := errgroup.WithContext(ctx)
	linkCtx, unlink := context.WithCancel(linkCtx)
	defer unlink()
	outages := rand.New(rand.NewPCG(cfg.Seed, v.rand.Uint64()))
	group.Go(func() error { return v.link(linkCtx, work, outages) })
	v.recordUntil(work)
	v.drain(ctx)
	unlink()
	return group.Wait()
}

// recordUntil records reads as a Poisson process until the work is over.
func (v *vehicle) recordUntil(work context.Context) {
	rate := v.fleet.cfg.ReadsPerHour / 3600
	if rate == 0 {
		<-work.Done()
		return
	}
	for pause(work, time.Duration(v.rand.ExpFloat64()/rate*float64(time.Second))) {
		now := time.Now()
		v.record(v.maker.Read(now))
		if v.rand.Float64() < v.fleet.cfg.HitShare {
			v.record(v.maker.Hit(now))
		}
	}
}

func (v *vehicle) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, v.fleet.cfg.Drain)
	defer cancel()
	for v.Len() > 0 && pause(ctx, 100*time.Millisecond) {
	}
}

// link keeps the uplink running, but for outages while there is work.
func (v *vehicle) link(ctx, work context.Context, r *rand.Rand) error {
	cfg := v.fleet.cfg
	for ctx.Err() == nil {
		u, err := uplink.New(v.cfg, v, v.fleet.log, uplink.Options{BootID: v.boot, Version: "simulated"})
		if err != nil {
			return err
		}
		up, down := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- u.Run(up) }()
		v.isUp.Store(true)
		outage := time.Duration(1 << 62)
		if cfg.OutageEvery > 0 && work.Err() == nil {
			outage = time.Duration(r.ExpFloat64() * float64(cfg.OutageEvery))
		}
		isOutage := pause(ctx, outage) && work.Err() == nil
		v.isUp.Store(false)
		down()
		if err := <-done; err != nil {
			return err
		}
		if isOutage {
			v.fleet.outages.Add(1)
			pause(ctx, time.Duration(r.ExpFloat64()*float64(cfg.OutageFor)))
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
