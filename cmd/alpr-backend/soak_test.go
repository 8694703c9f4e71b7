package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alpr"
	"alpr/backend"
	"alpr/retention"
	"alpr/store"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// The test binary plays the other processes too: what ALPR_TEST_ROLE names.
func TestMain(m *testing.M) {
	switch os.Getenv("ALPR_TEST_ROLE") {
	case "backend":
		main()
	case "vehicle":
		if err := beVehicle(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "vehicle:", err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// fullCount is n in "go test", and what the variable says in a soak.
func fullCount(t testing.TB, variable string, n int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return n
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// beVehicle records reads and hits in the real store and sends them with the
// real uplink, until it is told to stop or is killed. Each id is written to
// dir/recorded after the store has acknowledged it. Once dir/enough exists,
// nothing more is recorded.
func beVehicle(dir, broker string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	profiles, err := retention.Profiles()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "alpr.db"), Agency: "pd", Policy: profiles["default"]}, log)
	if err != nil {
		return err
	}
	defer s.Close()
	cfg := uplink.DefaultConfig()
	cfg.Broker, cfg.Agency, cfg.Vehicle, cfg.StateDir = broker, "pd", filepath.Base(dir), filepath.Join(dir, "state")
	cfg.ReconnectMin, cfg.ReconnectMax, cfg.ReceiptTimeout, cfg.AckTimeout = 50*time.Millisecond, time.Second, 3*time.Second, 5*time.Second
	cfg.LiveWindow, cfg.HealthEvery = 2*time.Second, time.Second // so that there is a backlog to overtake
	u, err := uplink.New(cfg, s.Outbox(), log, uplink.Options{BootID: s.BootID(), Version: "test"})
	if err != nil {
		return err
	}
	done := make(chan error, 2)
	go func() { done <- s.Run(ctx) }()
	go func() { done <- u.Run(ctx) }()
	if err := recordInto(ctx, s, dir); err != nil {
		return err
	}
	<-ctx.Done()
	return errors.Join(<-done, <-done)
}

func recordInto(ctx context.Context, s *store.Store, dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "recorded"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	m := synthetic.New(rand.Uint64())
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := os.Stat(filepath.Join(dir, "enough")); err == nil {
			return nil
		}
		it := m.Read(time.Now())
		var hits []alpr.Hit
		if n%20 == 0 {
			it = m.Hit(time.Now())
			hits = append(hits, *it.Hit)
		}
		if _, err := s.Recorder().RecordAll(ctx, []alpr.Record{{Read: *it.Read, Hits: hits}}); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		line := "read " + it.Read.ID.String() + "\n"
		if len(hits) > 0 {
			line += "hit " + it.Hit.ID.String() + "\n"
		}
		if _, err := f.WriteString(line); err != nil {
			return err
		}
	}
}

// process is a part of the system that can be killed and started again.
type process struct {
	name  string
	start func(t *testing.T)
	kill  func(t *testing.T)
}

// child is this test binary in a role.
func child(role string, args ...string) process {
	var cmd *exec.Cmd
	return process{
		name: role + " " + filepath.Base(args[0]),
		start: func(t *testing.T) {
			cmd = exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), "ALPR_TEST_ROLE="+role)
			cmd.Stderr = t.Output()
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
		},
		kill: func(*testing.T) {
			if cmd != nil && cmd.Process.Kill() == nil {
				_ = cmd.Wait() // says only that it was killed
			}
			cmd = nil
		},
	}
}

// TestKillingAnythingLosesNothingAndDoublesNothing kills vehicle, consumers,
// broker and database at random, and then compares what the store acknowledged
// with what PostgreSQL holds.
func TestKillingAnythingLosesNothingAndDoublesNothing(t *testing.T) {
	kills := fullCount(t, "ALPR_SOAK_KILLS", 6)
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	pg := brokertest.StartPostgres(t)
	dir := filepath.Join(t.TempDir(), "car-1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	consume := []string{"consume", "--broker", broker.URL("tcp"), "--sink", pg.URL, "--quiet", "--client-id"}
	parts := []process{
		child("vehicle", dir, broker.URL("tcp")),
		child("backend", append(consume, "one")...),
		child("backend", append(consume, "two")...),
		{"broker", func(t *testing.T) { broker.Start(t) }, func(*testing.T) { broker.Kill() }},
		{"database", func(t *testing.T) { pg.Start(t) }, func(t *testing.T) { pg.Crash(t) }},
	}
	for _, p := range parts[:3] {
		p.start(t)
		t.Cleanup(func() { p.kill(t) })
	}
	r := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	for range kills {
		wait(time.Duration(100+r.IntN(600)) * time.Millisecond)
		p := parts[weighted(r)]
		p.kill(t)
		wait(time.Duration(r.IntN(200)) * time.Millisecond)
		p.start(t)
		count[p.name]++
	}
	if err := os.WriteFile(filepath.Join(dir, "enough"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	recorded := awaitAll(t, dir, pg.URL)
	t.Logf("%d kills (%v), %d reads and hits recorded, all of them kept once", kills, count, recorded)
}

// weighted prefers the vehicle, spares the database: that one takes longest to
// come back.
func weighted(r *rand.Rand) int { return []int{0, 0, 0, 1, 1, 2, 3, 3, 3, 4}[r.IntN(10)] }

func wait(d time.Duration) { <-time.After(d) }

// awaitAll waits until everything recorded is in the database, and checks that
// nothing is there twice, no number is missing, and nothing came from nowhere.
func awaitAll(t *testing.T, dir, url string) int {
	t.Helper()
	ctx := context.Background()
	want := recordedIn(t, dir)
	timeout := time.After(10 * time.Minute)
	var missing []string
	for {
		kept, gaps := keptIn(t, ctx, url)
		missing = missing[:0]
		for id := range want {
			if kept[id] == 0 {
				missing = append(missing, id)
			}
		}
		for id, n := range kept {
			if n > 1 {
				t.Fatalf("%s is kept %d times", id, n)
			}
		}
		if len(missing) == 0 && gaps == 0 {
			return len(want)
		}
		select {
		case <-timeout:
			t.Fatalf("%d of %d recorded are missing in the database, and %d ranges of numbers: %v", len(missing), len(want), gaps, missing[:min(5, len(missing))])
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func recordedIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "recorded"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]bool{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if kind, id, ok := strings.Cut(sc.Text(), " "); ok && len(id) == 36 {
			want[kind+" "+id] = true
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing was recorded")
	}
	return want
}

// keptIn counts the first revisions of reads and hits in the database.
func keptIn(t *testing.T, ctx context.Context, url string) (kept map[string]int, gaps int) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT kind || ' ' || id::text FROM events WHERE kind IN ('read', 'hit') AND revision = 1")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	kept = map[string]int{}
	for _, id := range ids {
		kept[id]++
	}
	archive, err := backend.OpenArchive(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	found, err := backend.Gaps(ctx, archive)
	if err != nil {
		t.Fatal(err)
	}
	return kept, len(found)
}
