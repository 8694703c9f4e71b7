package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr"
	"alpr/models/modelstest"
	"alpr/store"
	"alpr/sync/synctest/brokertest"
	"alpr/vehicle"
)

// TestKill kills the program itself, as it is shipped, while a recording, a
// hotlist, an officer's page and a broker keep it busy. The page shows a read
// once it is committed, so whatever it was sent before the kill must be on
// record, with the pictures, hits and outbox items that belong to it, and
// nothing twice. ALPR_SOAK_KILLS says how often, 6 where it is not set.
func TestKill(t *testing.T) {
	kills := 6
	if text := os.Getenv("ALPR_SOAK_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("ALPR_SOAK_KILLS: %v", err)
		}
		kills = n
	}
	v := newVictim(t)
	for range kills {
		v.liveAndDie(1+rand.IntN(30), time.Duration(rand.IntN(100))*time.Millisecond) // every run tries other instants
	}
	v.checkTold()
	v.checkWhole()
	if out := v.alpr("audit", "verify"); !strings.HasPrefix(out, "whole:") {
		t.Errorf("alpr audit verify: %s", out)
	}
	t.Logf("%d kills, %d reads and %d hits told, %d reads and %d hits on record", kills, len(v.reads), len(v.hits),
		v.count("SELECT count(*) FROM reads"), v.count("SELECT count(*) FROM hits"))
}

// victim is a vehicle whose program is killed again and again.
type victim struct {
	t               *testing.T
	program, config string
	reads           map[alpr.ID]int // revision of each read that the page was told is recorded
	hits            map[alpr.ID]int // the same of each hit of such a read
}

const victimConfig = `
agency: test
vehicle: car-1
cameras: [{location: %[1]s/demo/drive.mp4}]
pipeline: # each plate in each frame is a pass of its own: as many reads as this machine can make
  {lost_after: 1ms, pass_gap: 1ms, merge_within: 1ms, min_confidence: 0.5, single_confidence: 0.5, min_width_px: 20}
models: {dir: %[1]s/models, library: %[2]s}
policy: {profile: default}
console: {listen: "127.0.0.1:0", lock_after: 0s}
uplink: {broker: "%[3]s"}
log: {format: json}
`

const password = "correct horse"

// newVictim builds the program and sets it up as a technician does.
func newVictim(t *testing.T) *victim {
	t.Helper()
	dir, root := t.TempDir(), modelstest.Root(t)
	v := &victim{t: t, program: filepath.Join(dir, "alpr"), config: filepath.Join(dir, "alpr.yaml"),
		reads: map[alpr.ID]int{}, hits: map[alpr.ID]int{}}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", v.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	text := fmt.Sprintf(victimConfig, root, modelstest.Library(t), broker.URL("tcp"))
	list := "plate,state,reason\n2XGX230,CA,stolen\nCT5W603,TX,stolen\n"
	for path, text := range map[string]string{v.config: text, filepath.Join(dir, "wanted.csv"): list} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v.alpr("user", "add", "4711")
	v.alpr("hotlist", "import", filepath.Join(dir, "wanted.csv"), "--officer", "4711", "--purpose", "test")
	return v
}

// alpr runs one of the program's other commands to its end.
func (v *victim) alpr(args ...string) string {
	v.t.Helper()
	c := exec.CommandContext(v.t.Context(), v.program, append(args, "--config", v.config)...)
	c.Stdin = strings.NewReader(password + "\n")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		v.t.Fatalf("alpr %s: %v\n%s", strings.Join(args, " "), err, &errs)
	}
	return string(out)
}

// liveAndDie lets the program run until it has told of so many reads, and a
// little longer, kills it, and takes in all that it told.
func (v *victim) liveAndDie(reads int, longer time.Duration) {
	t := v.t
	t.Helper()
	c := exec.CommandContext(t.Context(), v.program, "run", "--config", v.config)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	address := pageAddress(t, lines)
	go func() {
		for lines.Scan() { // the program must not wait for its log to be read
		}
	}()
	page := openPage(t, address)
	defer page.Close()
	enough := len(v.reads) + reads
	isDying := false
	err = v.hear(page, func() {
		if !isDying && len(v.reads) >= enough {
			isDying = true
			time.AfterFunc(longer, func() {
				if err := c.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
		}
	})
	var exit *exec.ExitError
	if waited := c.Wait(); !errors.As(waited, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the program ended by itself: %v, and the page with %v", waited, err)
	}
}

// pageAddress is what the program's log says.
func pageAddress(t *testing.T, log *bufio.Scanner) string {
	t.Helper()
	var said []string
	for log.Scan() {
		var line struct{ Msg, Address string }
		if err := json.Unmarshal(log.Bytes(), &line); err == nil && line.Address != "" {
			return line.Address
		}
		said = append(said, log.Text())
	}
	t.Fatalf("the program has no page:\n%s", strings.Join(said, "\n"))
	return ""
}

// openPage logs an officer in and opens the stream of events.
func openPage(t *testing.T, address string) io.ReadCloser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	login := fmt.Sprintf(`{"name": "4711", "password": %q}`, password)
	for _, ask := range []func() (*http.Response, error){
		func() (*http.Response, error) {
			return client.Post(address+"/api/login", "application/json", strings.NewReader(login))
		},
		func() (*http.Response, error) { return client.Get(address + "/api/events") },
	} {
		r, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", r.Request.URL, r.Status)
		}
		if r.Header.Get("Content-Type") == "text/event-stream" {
			return r.Body
		}
		if err := r.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the page has no events")
	return nil
}

// told is what the page is told of a read, of a hit, or of all it is to show.
type told struct {
	ID     alpr.ID `json:"id"`
	ReadID alpr.ID `json:"read_id"`
	Rev    int     `json:"rev"`
	Reads  []told  `json:"reads"`
	Hits   []told  `json:"hits"`
}

// hear takes in the events of a page until it ends, and calls after behind each.
func (v *victim) hear(page io.Reader, after func()) error {
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, 16<<20)
	kind := ""
	for lines.Scan() {
		if k, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = k
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || kind != "snapshot" && kind != "read" && kind != "hit" {
			continue
		}
		var e told
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("%s: %w", data, err) // cut by the kill
		}
		switch kind {
		case "snapshot":
			v.take(e.Reads, e.Hits)
		case "read":
			v.take([]told{e}, nil)
		case "hit":
			v.take(nil, []told{e})
		}
		after()
	}
	return lines.Err()
}

// take notes what must be on record: every read told of, and the hits of those
// reads. A hit alone is shown even where the disk refuses it.
func (v *victim) take(reads, hits []told) {
	for _, r := range reads {
		v.reads[r.ID] = max(v.reads[r.ID], r.Rev)
	}
	for _, h := range hits {
		if v.reads[h.ReadID] >= h.Rev {
			v.hits[h.ID] = max(v.hits[h.ID], h.Rev)
		}
	}
}

// checkTold compares what the page was told with what the store has.
func (v *victim) checkTold() {
	t, ctx := v.t, context.Background()
	t.Helper()
	cfg, err := vehicle.LoadConfig(v.config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, cfg.StoreOptions(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id, revision := range v.reads {
		r, err := s.Reads().ByID(ctx, id)
		if err != nil || r == nil || r.Revision < revision {
			t.Fatalf("the page showed read %s, revision %d, and on record is %v: %v", id, revision, r, err)
		}
		if p, err := s.Reads().Picture(ctx, id, store.PictureCrop); err != nil || p.JPEG == nil || sha256.Sum256(p.JPEG) != p.SHA256 {
			t.Fatalf("read %s is not with its picture: %d bytes, %v", id, len(p.JPEG), err)
		}
	}
	for id, revision := range v.hits {
		if v.count("SELECT count(*) FROM hits WHERE id = ? AND revision >= ?", id[:], revision) != 1 {
			t.Errorf("the page showed hit %s, revision %d, which is not on record", id, revision)
		}
	}
	if len(v.reads) == 0 || len(v.hits) == 0 {
		t.Errorf("the page was told of %d reads and %d hits: nothing was tried", len(v.reads), len(v.hits))
	}
}

// checkWhole checks that nothing is half recorded, and nothing twice.
func (v *victim) checkWhole() {
	v.t.Helper()
	for what, query := range map[string]string{
		"damage to the file":                 "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
		"reads without an outbox item":       "SELECT count(*) FROM reads WHERE id NOT IN (SELECT ref FROM outbox WHERE kind = 'read')",
		"read items without a read":          "SELECT count(*) FROM outbox WHERE kind = 'read' AND ref NOT IN (SELECT id FROM reads)",
		"hits without an outbox item":        "SELECT count(*) FROM hits WHERE id NOT IN (SELECT ref FROM outbox WHERE kind = 'hit')",
		"hits without a read":                "SELECT count(*) FROM hits WHERE read_id NOT IN (SELECT id FROM reads)",
		"reads of class hit without a hit":   "SELECT count(*) FROM reads WHERE class = 'hit' AND id NOT IN (SELECT read_id FROM hits)",
		"reads without their picture":        "SELECT count(*) FROM reads WHERE id NOT IN (SELECT read_id FROM pictures WHERE which = 'crop')",
		"pictures without a read":            "SELECT count(*) FROM pictures WHERE read_id NOT IN (SELECT id FROM reads)",
		"revisions in the outbox twice":      "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE kind IN ('read', 'hit') GROUP BY ref, revision HAVING count(*) > 1)",
		"starts with a gap in their numbers": "SELECT count(*) FROM (SELECT 1 FROM outbox GROUP BY boot HAVING count(*) <> max(seq) OR min(seq) <> 1)",
	} {
		if n := v.count(query); n != 0 {
			v.t.Errorf("%d %s", n, what)
		}
	}
	if aside, err := filepath.Glob(filepath.Join(filepath.Dir(v.config), "data", "*.damaged-*")); err != nil || len(aside) > 0 {
		v.t.Errorf("a kill damaged the file: %v, %v", aside, err)
	}
}

// count runs a query on the file itself.
func (v *victim) count(query string, args ...any) (n int) {
	v.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(filepath.Dir(v.config), "data", "alpr.db")+"?_query_only=on&_busy_timeout=10000")
	if err != nil {
		v.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		v.t.Fatalf("%s: %v", query, err)
	}
	return n
}
