package store

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alpr"
)

// kills is how often TestKill kills the recording process. make soak runs
// hundreds.
var kills = flag.Int("kills", 12, "how often the recording process is killed")

// Environment of the test binary when it is started again as another process.
const (
	envRole = "ALPR_STORE_TEST_ROLE"
	envPath = "ALPR_STORE_TEST_PATH"
	envRun  = "ALPR_STORE_TEST_RUN"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(envRole) {
	case "record":
		err = recordForEver(os.Getenv(envPath), os.Getenv(envRun))
	case "some":
		err = recordSome(os.Getenv(envPath))
	case "small":
		err = recordOnSmallDisk(os.Getenv(envPath))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// recordForEver records from several goroutines, and says on standard output
// what has been acknowledged, until it is killed.
func recordForEver(path, run string) error {
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	out := bufio.NewWriter(os.Stdout)
	say := func(id alpr.ID) error {
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Fprintln(out, id); err != nil {
			return err
		}
		return out.Flush()
	}
	errs := make(chan error)
	for worker := range 4 {
		go func() {
			for i := 0; ; i++ {
				if err := recordOne(s, say, run, worker, i); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// keepRead records a read, every other one with a hit, and every fourth in two
// revisions; purges and receipts run in between.
func recordOne(s *Store, say func(alpr.ID) error, run string, worker, i int) error {
	ctx := context.Background()
	now := time.Now()
	id, err := alpr.NewID(now, cryptoRand{})
	if err != nil {
		return err
	}
	r := testRead(id, fmt.Sprintf("K%s%d%04d", run, worker, i%10000), now)
	var hits []alpr.Hit
	if i%2 == 0 {
		hitID, err := alpr.NewID(now, cryptoRand{})
		if err != nil {
			return err
		}
		hits = []alpr.Hit{{ID: hitID, ReadID: id, At: now, Entry: alpr.Entry{ID: "e", Plate: r.Text.Text}}}
	}
	for r.Revision = 1; r.Revision <= 1+i%4/3; r.Revision++ {
		if err := keepRead(ctx, s, r, hits); err != nil {
			return err
		}
	}
	if err := say(id); err != nil {
		return err
	}
	if i%50 == 49 {
		_, err = s.Purge(ctx)
	}
	return err
}

type cryptoRand struct{}

func (cryptoRand) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return len(b), nil
}

// TestKill kills a recording process again and again at random instants.
// Whatever it had acknowledged is there afterwards, once, with its hits and its
// outbox items; the outbox numbers of every start have no gap; the audit log is
// whole.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) // every run tries other instants
	total := 0
	acknowledged := map[string]bool{}
	for run := range *kills {
		ids := killed(t, path, fmt.Sprint(run%10), time.Duration(rng.IntN(250))*time.Millisecond)
		for _, id := range ids {
			acknowledged[id] = true
		}
		total += len(ids)
	}
	if total == 0 || len(acknowledged) != total {
		t.Fatalf("%d acknowledged, %d of them different", total, len(acknowledged))
	}
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s, t: t}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if aside, err := filepath.Glob(path + markDamaged + "*"); err != nil || len(aside) > 0 {
		t.Fatalf("a kill damaged the file: %v, %v", aside, err)
	}
	for text := range acknowledged {
		id, err := alpr.ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Reads().ByID(context.Background(), id)
		if err != nil || r == nil {
			t.Fatalf("read %s was acknowledged and is gone: %v", id, err)
		}
	}
	checkWhole(f)
	t.Logf("%d kills, %d reads acknowledged, %d on record", *kills, total, f.count("SELECT count(*) FROM reads"))
}

// checkWhole checks that nothing is half recorded.
func checkWhole(f *fixture) {
	f.t.Helper()
	for what, query := range map[string]string{
		"reads without an outbox item":       "SELECT count(*) FROM reads WHERE id NOT IN (SELECT ref FROM outbox WHERE kind = 'read')",
		"read items without a read":          "SELECT count(*) FROM outbox WHERE kind = 'read' AND ref NOT IN (SELECT id FROM reads)",
		"hits without an outbox item":        "SELECT count(*) FROM hits WHERE id NOT IN (SELECT ref FROM outbox WHERE kind = 'hit')",
		"hits without a read":                "SELECT count(*) FROM hits WHERE read_id NOT IN (SELECT id FROM reads)",
		"reads of class hit without a hit":   "SELECT count(*) FROM reads WHERE class = 'hit' AND id NOT IN (SELECT read_id FROM hits)",
		"reads without their crop":           "SELECT count(*) FROM reads WHERE id NOT IN (SELECT read_id FROM pictures WHERE which = 'crop')",
		"items sent twice for one revision":  "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE kind IN ('read', 'hit') GROUP BY ref, revision HAVING count(*) > 1)",
		"starts with a gap in their numbers": "SELECT count(*) FROM (SELECT 1 FROM outbox GROUP BY boot HAVING count(*) <> max(seq) OR min(seq) <> 1)",
	} {
		if n := f.count(query); n != 0 {
			f.t.Errorf("%d %s", n, what)
		}
	}
	if _, err := f.AuditLog().Check(context.Background(), nil, nil); err != nil {
		f.t.Error(err)
	}
}

// child starts the test binary again in a role.
func child(t *testing.T, role, path, run string) (*exec.Cmd, io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), envRole+"="+role, envPath+"="+path, envRun+"="+run)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if stderr.Len() > 0 {
			t.Logf("%s: %s", role, stderr.String())
		}
	})
	return cmd, out
}

// killed lets a process record until it is killed, and returns what it
// acknowledged. The life is counted from its first acknowledgement.
func killed(t *testing.T, path, run string, life time.Duration) []string {
	t.Helper()
	cmd, out := child(t, "record", path, run)
	lines := bufio.NewScanner(out)
	var ids []string
	if !lines.Scan() {
		t.Fatalf("the recording process said nothing: %v", cmd.Wait())
	}
	ids = append(ids, lines.Text())
	timer := time.AfterFunc(life, func() {
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
	})
	defer timer.Stop()
	for lines.Scan() {
		if len(lines.Text()) == 36 { // the last line may be cut
			ids = append(ids, lines.Text())
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the recording process ended by itself: %v", err)
	}
	return ids
}

// recordOnSmallDisk records until the system refuses to let the files grow,
// then lets them, and goes on.
func recordOnSmallDisk(path string) error {
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	small := limit
	small.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	say := func(id alpr.ID) error { _, err := fmt.Println(id); return err }
	for i := 0; err == nil && i < 10000; i++ {
		err = recordOne(s, say, "S", 0, i)
	}
	fmt.Println("refused:", err)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for i := range 20 {
		if err := recordOne(s, say, "T", 0, i); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	return s.Close()
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, out := child(t, "small", path, "")
	lines := bufio.NewScanner(out)
	var before, after int
	refused := ""
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "refused:"):
			refused = line
		case refused == "":
			before++
		default:
			after++
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if before == 0 || after != 20 || !strings.Contains(refused, ErrIO.Error()) && !strings.Contains(refused, ErrFull.Error()) {
		t.Fatalf("%d before, %d after, %s", before, after, refused)
	}
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s, t: t}
	if n := f.count("SELECT count(*) FROM reads"); n < before+after {
		t.Errorf("%d reads on record, %d acknowledged", n, before+after)
	}
	checkWhole(f)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestTwoProcesses has another process record into the same file, as a command
// line tool does beside the running program.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(context.Background(), Config{Path: path, Policy: testPolicy()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Store: s, t: t}
	stop, mine := make(chan struct{}), make(chan error, 1)
	go func() {
		say := func(alpr.ID) error { return nil }
		for i := 0; ; i++ {
			if err := recordOne(s, say, "Y", 0, i); err != nil {
				mine <- err
				return
			}
			select {
			case <-stop:
				mine <- nil
				return
			default:
			}
		}
	}()
	theirs := killed(t, path, "X", 200*time.Millisecond)
	close(stop)
	if err := <-mine; err != nil {
		t.Fatal(err)
	}
	if n := f.count("SELECT count(*) FROM reads"); n <= len(theirs) {
		t.Errorf("%d reads, %d of them theirs", n, len(theirs))
	}
	checkWhole(f)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFIPS runs the sealing tests under Go's FIPS 140-3 module, in the mode
// that refuses every algorithm outside it.
func TestFIPS(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"on", "only"} {
		cmd := exec.CommandContext(t.Context(), self, "-test.run", "^(TestRecordKeepsReadHitsAndOutboxTogether|TestAuditChainHolds|TestSafeList|TestDestroyedKeyOpensNothing|TestHotlistVersions)$")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("fips140=%s: %v\n%s", mode, err, out)
		}
	}
}
