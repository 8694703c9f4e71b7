package vehicle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// soundCar is a vehicle's data folder with something in every table.
type soundCar struct {
	t     *testing.T
	dir   string
	cfg   store.Config
	rules hotlist.AlertPolicy
	open  alpr.Hit // the hit that awaits a disposition
}

func newSoundCar(t *testing.T) *soundCar {
	t.Helper()
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	c := &soundCar{t: t, dir: t.TempDir(), rules: hotlist.DefaultAlertPolicy()}
	c.cfg = store.Config{Agency: "test", Policy: profiles["default"], MayRenew: true}
	c.fill()
	return c
}

func (c *soundCar) fill() {
	t, ctx := c.t, context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := c.start(c.dir)
	who := store.Access{Officer: "o1", Purpose: "test"}
	for _, v := range []struct{ list, version, plate string }{
		{"stolen", "1", "STLN01"}, {"stolen", "2", "STLN01"}, {"second", "1", "SCND01"},
	} {
		e := alpr.Entry{ID: "e-" + v.plate, List: v.list, Plate: v.plate, Category: "stolen vehicle", Reason: "stolen", Priority: alpr.PriorityHigh}
		list, err := hotlist.FromEntries(v.list, v.version, time.Now().Add(-time.Minute), []alpr.Entry{e})
		must(err)
		must(s.lists.Replace(ctx, who, list))
	}
	must(s.lists.AddEntry(ctx, alpr.Entry{ID: "m1", Plate: "MANU01", Reason: "bolo", CaseNumber: "c1", Category: "bolo", Source: "o1", Expires: time.Now().Add(time.Hour)}))
	for _, plate := range []string{"AAA111", "BBB222", "CCC333"} {
		must(vehicletest.Keep(ctx, s.store, carRead(t, plate), nil))
	}
	closed := carRead(t, "STLN01")
	hit := carHit(t, closed)
	must(vehicletest.Keep(ctx, s.store, closed, []alpr.Hit{hit}))
	id, err := alpr.NewID(time.Now(), randomBytes{})
	must(err)
	must(s.store.Recorder().Dispose(ctx, alpr.Disposition{ID: id, HitID: hit.ID, At: time.Now(), Officer: "o1", Verdict: alpr.VerdictConfirmed}))
	open := carRead(t, "STLN01")
	c.open = carHit(t, open)
	must(vehicletest.Keep(ctx, s.store, open, []alpr.Hit{c.open}))
	must(s.store.SafeList().Add(ctx, who, []string{"SAFE01"}))
	must(s.store.Rules().Tighten(ctx, alpr.RetainRead, 24*time.Hour))
	must(s.store.Rules().Forbid(ctx, "parking"))
	must(s.store.Rules().Note(ctx, "hotlist", "rules"))
	_, err = s.store.Contributions().SetConsent(ctx, who, true)
	must(err)
	must(s.store.Contributions().NoteShared(ctx, who, "batch-1", 1))
	must(s.store.Close())
}

type randomBytes struct{}

func (randomBytes) Read(p []byte) (int, error) {
	h := sha256.Sum256([]byte(fmt.Sprint(time.Now().UnixNano())))
	return copy(p, h[:]), nil
}

func carRead(t *testing.T, plate string) alpr.Read {
	t.Helper()
	id, err := alpr.NewID(time.Now(), randomBytes{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	picture := []byte("picture of " + plate)
	r := alpr.Read{ID: id, Revision: 1, Camera: "front", Frames: 3, FramesUsed: 3, FirstAt: now, At: now, LastAt: now,
		Fix: alpr.Fix{At: now}, TimeSource: alpr.TimeSystem,
		Text: alpr.Text{Text: plate, Confidence: 0.98, CharConf: make([]float32, len(plate)), Candidates: []alpr.Candidate{{Text: plate, P: 0.98}}},
		Crop: alpr.Picture{JPEG: picture, SHA256: sha256.Sum256(picture), Width: 10, Height: 5}}
	for s := range r.Text.Posterior {
		sym := alpr.Pad
		if s < len(plate) {
			sym = alpr.SymbolIndex(plate[s])
			r.Text.CharConf[s] = 0.99
		}
		for i := range r.Text.Posterior[s] {
			r.Text.Posterior[s][i] = float32(0.01) / float32(alpr.Symbols-1)
		}
		r.Text.Posterior[s][sym] = 0.99
	}
	return r
}

func carHit(t *testing.T, r alpr.Read) alpr.Hit {
	t.Helper()
	id, err := alpr.NewID(time.Now(), randomBytes{})
	if err != nil {
		t.Fatal(err)
	}
	return alpr.Hit{ID: id, ReadID: r.ID, At: r.At, Kind: alpr.MatchExact, P: 0.97, State: alpr.StateMatch, StateP: 0.9,
		Entry: alpr.Entry{ID: "e-STLN01", List: "stolen", Plate: r.Text.Text, Category: "stolen vehicle", Reason: "stolen"}}
}

// started is what a start of the program leads to.
type started struct {
	store *store.Store
	lists *Lists
	match *hotlist.Matcher
}

// start opens the store and puts its lists in use, as alpr run does.
func (c *soundCar) start(dir string) started {
	c.t.Helper()
	s, err := c.tryStart(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func (c *soundCar) tryStart(dir string, log *slog.Logger) (s started, err error) {
	cfg := c.cfg
	cfg.Path = filepath.Join(dir, "alpr.db")
	if s.store, err = store.Open(context.Background(), cfg, log); err != nil {
		return s, err
	}
	if s.match, err = hotlist.NewMatcher(c.rules); err != nil {
		return s, err
	}
	s.lists = NewLists(s.store, s.match, c.rules, log)
	return s, s.lists.Load(context.Background())
}

func (s started) alerts(t *testing.T, plate string) bool {
	t.Helper()
	return len(s.match.Match(carRead(t, plate))) > 0
}

// census counts what can be read of a store.
func (s started) census(t *testing.T) map[string]int {
	t.Helper()
	ctx := context.Background()
	n := map[string]int{}
	reads, err := vehicletest.Kept(ctx, s.store)
	if err != nil {
		t.Error("reads:", err)
	}
	n["reads"] = len(reads)
	for _, r := range reads {
		if p, err := s.store.Reads().Picture(ctx, r.ID, store.PictureCrop); err != nil {
			t.Error("picture:", err)
		} else if p.JPEG != nil {
			n["pictures"]++
		}
		byPlate, err := s.store.Reads().ReadsByPlate(ctx, r.Text.Text, 100)
		if err != nil {
			t.Error("look-up:", err)
		}
		n["found"] += len(byPlate)
	}
	_, hits, err := s.store.Reads().OpenHits(ctx)
	if err != nil {
		t.Error("open hits:", err)
	}
	n["open hits"] = len(hits)
	verdicts, err := s.store.Reads().Verdicts(ctx)
	if err != nil {
		t.Error("verdicts:", err)
	}
	n["verdicts"] = len(verdicts)
	entries, err := s.store.Manual().All(ctx)
	if err != nil {
		t.Error("entries:", err)
	}
	n["entries"] = len(entries)
	forbidden, err := s.store.Rules().Forbidden(ctx)
	if err != nil {
		t.Error("forbidden:", err)
	}
	if slices.Contains(forbidden, "parking") {
		n["forbidden"] = 1
	}
	if _, err := s.store.Outbox().Depth(ctx); err != nil {
		t.Error("outbox:", err)
	}
	for after := int64(0); ; {
		items, err := s.store.Outbox().Peek(ctx, alpr.OutboxQuery{AfterKey: after, Limit: 10})
		if err != nil {
			t.Error("outbox:", err)
		}
		if len(items) == 0 {
			break
		}
		for _, it := range items {
			if it.Kind != alpr.KindAudit { // a start adds some
				n["outbox"]++
			}
		}
		after = items[len(items)-1].Key
	}
	if _, err := s.store.Contributions().Misreads(ctx); err != nil {
		t.Error("misreads:", err)
	}
	if _, err := s.store.Reads().Tallies(ctx, time.Now().Add(-48*time.Hour), time.Now().Add(48*time.Hour)); err != nil {
		t.Error("report:", err)
	}
	if safe, err := s.store.SafeList().Count(ctx); err != nil {
		t.Error("safe list:", err)
	} else {
		n["safe list"] = safe
	}
	return n
}

// damage is one thing that may become of a value.
type damage struct {
	name string
	do   func(v any) any
}

func damages() []damage {
	flip := func(at func(n int) int) func(v any) any {
		return func(v any) any {
			switch v := v.(type) {
			case int64:
				return v ^ 1<<(at(6)*8)
			case []byte:
				if len(v) == 0 {
					return v
				}
				c := bytes.Clone(v)
				c[at(len(c))] ^= 4
				return c
			case string:
				if v == "" {
					return v
				}
				c := []byte(v)
				c[at(len(c))] ^= 4
				return string(c)
			}
			return v
		}
	}
	return []damage{
		{"first", flip(func(int) int { return 0 })},
		{"middle", flip(func(n int) int { return n / 2 })},
		{"last", flip(func(n int) int { return n - 1 })},
		{"cut", func(v any) any {
			switch v := v.(type) {
			case []byte:
				return v[:len(v)/2]
			case string:
				return v[:len(v)/2]
			}
			return ""
		}},
		{"null", func(any) any { return nil }},
	}
}

// target is one value of the store.
type target struct{ table, column, where string }

// targets are the columns of one row of each table, and of every row of meta.
func (c *soundCar) targets() []target {
	db, err := sql.Open("sqlite3", filepath.Join(c.dir, "alpr.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	column := func(query string) (out []string) {
		rows, err := db.QueryContext(context.Background(), query)
		if err != nil {
			c.t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				c.t.Fatal(err)
			}
			out = append(out, text)
		}
		if rows.Err() != nil {
			c.t.Fatal(rows.Err())
		}
		return out
	}
	where := map[string][]string{
		"hits":       {"is_open = 1"},
		"reads":      {fmt.Sprintf("id = x'%x'", c.open.ReadID[:]), "class = 'read'"},
		"hotlists":   {"list = 'stolen' AND state = 'active'"},
		"data_keys":  {"class = 'hotlist'", "class = 'hit'"},
		"outbox":     {"kind = 'hit'", "kind = 'audit'"},
		"audit":      {"seq = (SELECT max(seq) FROM audit)", "seq = 3"},
		"quarantine": {"true"}, "notices": {"true"},
		"hotlist_chunks": {"n = 0 AND hotlist_id = (SELECT id FROM hotlists WHERE list = 'stolen' AND state = 'active')",
			"n = 1 AND hotlist_id = (SELECT id FROM hotlists WHERE list = 'stolen' AND state = 'active')"},
	}
	for _, name := range column("SELECT name FROM meta") {
		where["meta"] = append(where["meta"], "name = '"+name+"'")
	}
	var all []target
	for _, table := range column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		rows := where[table]
		if rows == nil {
			rows = []string{"true"}
		}
		for _, w := range rows {
			for _, col := range column("SELECT name FROM pragma_table_info('" + table + "')") {
				all = append(all, target{table, col, w})
			}
		}
	}
	return all
}

// harm damages one value; it is false where the file cannot hold it.
func (x target) harm(t *testing.T, path string, d damage) bool {
	t.Helper()
	ctx := context.Background()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var v any
	if err := db.QueryRowContext(ctx, "SELECT "+x.column+" FROM "+x.table+" WHERE "+x.where+" LIMIT 1").Scan(&v); err != nil {
		return false // no such row
	}
	changed := d.do(v)
	var ddl string
	if err := db.QueryRowContext(ctx, "SELECT sql FROM sqlite_schema WHERE name = ?", x.table).Scan(&ddl); err != nil {
		t.Fatal(err)
	}
	schema := func(text string) {
		for _, q := range []string{"PRAGMA writable_schema = on", "PRAGMA foreign_keys = off"} {
			if _, err := db.ExecContext(ctx, q); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.ExecContext(ctx, "UPDATE sqlite_schema SET sql = ? WHERE name = ?", text, x.table); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(ctx, "PRAGMA writable_schema = reset"); err != nil {
			t.Fatal(err)
		}
	}
	schema(strings.ReplaceAll(ddl, "NOT NULL", "        "))
	_, err = db.ExecContext(ctx, "UPDATE "+x.table+" SET "+x.column+" = ? WHERE "+x.where, changed)
	schema(ddl)
	return err == nil
}

// TestFlippedBitsNeverStopAStart damages every column of every table in turn,
// and starts the program's store and lists on it: it starts, twice, what is sound
// alerts, nothing else is lost, and what is lost is said.
func TestFlippedBitsNeverStopAStart(t *testing.T) {
	c := newSoundCar(t)
	whole := c.copy(t.TempDir())
	s := c.start(whole)
	want := s.census(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, x := range c.targets() {
		for _, d := range damages() {
			t.Run(fmt.Sprintf("%s.%s %s %s", x.table, x.column, x.where, d.name), func(t *testing.T) {
				dir := c.copy(t.TempDir())
				if !x.harm(t, filepath.Join(dir, "alpr.db"), d) {
					return
				}
				tried++
				c.checkStart(t, dir, x, want)
			})
		}
	}
	if tried < 300 {
		t.Errorf("only %d values were damaged", tried)
	}
	t.Logf("%d values damaged", tried)
}

func (c *soundCar) copy(to string) string {
	c.t.Helper()
	for _, name := range []string{"alpr.db", "device.key", "alpr.db.lock"} {
		text, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return to
}

func (c *soundCar) checkStart(t *testing.T, dir string, x target, want map[string]int) {
	t.Helper()
	var log bytes.Buffer
	for range 2 { // also on what the first start has made of it
		s, err := c.tryStart(dir, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatalf("it does not start: %v", err)
		}
		s.check(t, x, want, log.String())
		isChanged := len(s.store.Notices().All()) > 0
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
		if !isChanged {
			return
		}
	}
}

// losers are what damage in a table may cost.
func losers(table string) []string {
	switch table {
	case "reads":
		return []string{"reads", "pictures", "found", "outbox"}
	case "hits":
		return []string{"open hits", "outbox"}
	case "dispositions":
		return []string{"verdicts", "outbox", "open hits"}
	case "manual_entries":
		return []string{"entries"}
	case "pictures":
		return []string{"pictures"}
	case "outbox":
		return []string{"outbox"}
	case "safe_list":
		return []string{"safe list"}
	case "data_keys":
		return []string{"reads", "pictures", "found", "outbox", "open hits", "verdicts", "entries"}
	}
	return nil
}

func (s started) check(t *testing.T, x target, want map[string]int, log string) {
	t.Helper()
	notices := fmt.Sprint(s.store.Notices().All(), s.lists.Problems())
	got := s.census(t)
	isLess := false
	for what, n := range want {
		if got[what] >= n {
			continue
		}
		isLess = true
		if !slices.Contains(losers(x.table), what) {
			t.Errorf("%d %s of %d are left: %s\n%s", got[what], what, n, notices, log)
		}
	}
	if isLess && len(s.store.Notices().All()) == 0 {
		t.Errorf("something is lost and not said: %v, had %v\n%s", got, want, log)
	}
	if !s.alerts(t, "SCND01") && x.table != "data_keys" {
		t.Errorf("a sound list does not alert: %s", notices)
	}
	if !s.alerts(t, "STLN01") && !strings.Contains(notices, "stolen") {
		t.Errorf("a list does not alert, and is not named: %s\n%s", notices, log)
	}
	if !s.alerts(t, "MANU01") && len(s.store.Notices().All()) == 0 {
		t.Errorf("an entry made in the car does not alert, and that is not said: %s", log)
	}
	if keep := s.store.Rules().InForce().Retention.Reads; time.Duration(keep) > 24*time.Hour {
		t.Errorf("what the backend has tightened is loose again: reads are kept for %s", keep)
	}
	fresh := carRead(t, "STLN01")
	if err := vehicletest.Keep(context.Background(), s.store, fresh, []alpr.Hit{carHit(t, fresh)}); err != nil {
		t.Errorf("recording does not go on: %v", err)
	}
	if err := s.store.AuditLog().Audit(context.Background(), alpr.AuditRecord{Officer: "o1", Action: alpr.ActionLogin}); err != nil {
		t.Errorf("the audit log does not go on: %v", err)
	}
}
