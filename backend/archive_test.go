package backend_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
)

var car = event.Vehicle{Agency: "pd", Name: "car-1"}

// numbered gives items the key, boot and number that an outbox would.
func numbered(boot alpr.ID, items ...alpr.OutboxItem) []alpr.OutboxItem {
	for i := range items {
		items[i].Key, items[i].BootID, items[i].Seq = int64(i+1), boot, uint64(i+1)
	}
	return items
}

func encode(t testing.TB, it alpr.OutboxItem) []byte {
	t.Helper()
	e, err := event.FromItem(car, &it)
	if err != nil {
		t.Fatal(err)
	}
	b, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func take(t testing.TB, items ...alpr.OutboxItem) backend.Batch {
	t.Helper()
	v, err := backend.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	var b backend.Batch
	for _, it := range items {
		in := v.Take(car.Topic(event.LevelOf(it.Kind)), encode(t, it), time.Now())
		b.Rows, b.Letters, b.Numbers = append(b.Rows, in.Rows...), append(b.Letters, in.Letters...), append(b.Numbers, in.Numbers...)
	}
	return b
}

// everyKind is one item of each kind.
func everyKind(m *synthetic.Maker, now time.Time) []alpr.OutboxItem {
	hit := m.Hit(now)
	bare := m.Read(now) // no position, no state, no picture: what a read may lack
	bare.Read.Fix, bare.Read.Text.Regions, bare.Read.Crop, bare.PurgeAt = alpr.Fix{}, nil, alpr.Picture{}, time.Time{}
	boot := m.ID(now)
	return numbered(boot, m.Read(now), bare, hit, m.Disposition(now, hit), m.Audit(now), m.Expired(now, boot, 90, 99))
}

func TestEveryKindPassesThePublishedSchema(t *testing.T) {
	t.Parallel()
	for _, it := range everyKind(synthetic.New(1), time.Now()) {
		if b := take(t, it); len(b.Rows) != 1 || len(b.Numbers) != 1 {
			t.Errorf("%s: refused: %+v", it.Kind, b.Letters)
		}
	}
}

// sinks opens one of each kind of sink, with a query on what it holds; NDJSON
// has none.
func sinks(t *testing.T) map[string]func(t *testing.T) (sink backend.Sink, reopen func() backend.Sink, count func(query string) int) {
	type opened = func(t *testing.T) (backend.Sink, func() backend.Sink, func(string) int)
	ctx := context.Background()
	open := func(t *testing.T, target string) backend.Sink {
		s, err := backend.OpenSink(ctx, target)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
		return s
	}
	inPostgres := func(url string) func(string) int {
		return func(query string) (n int) {
			conn, err := pgx.Connect(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(ctx)
			if err := conn.QueryRow(ctx, query).Scan(&n); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			return n
		}
	}
	inSQLite := func(path string) func(string) int {
		return func(query string) (n int) {
			db, err := sql.Open("sqlite3", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.QueryRow(query).Scan(&n); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			return n
		}
	}
	return map[string]opened{
		"sqlite": func(t *testing.T) (backend.Sink, func() backend.Sink, func(string) int) {
			path := filepath.Join(t.TempDir(), "a b.db")
			return open(t, "sqlite:"+path), func() backend.Sink { return open(t, "sqlite:"+path) }, inSQLite(path)
		},
		"postgres": func(t *testing.T) (backend.Sink, func() backend.Sink, func(string) int) {
			pg := brokertest.StartPostgres(t)
			return open(t, pg.URL), func() backend.Sink { return open(t, pg.URL) }, inPostgres(pg.URL)
		},
		"ndjson": func(t *testing.T) (backend.Sink, func() backend.Sink, func(string) int) {
			path := filepath.Join(t.TempDir(), "events.ndjson")
			return open(t, "ndjson:"+path), func() backend.Sink { return open(t, "ndjson:"+path) }, nil
		},
	}
}

func TestSinksKeepEverythingOnce(t *testing.T) {
	t.Parallel()
	for name, open := range sinks(t) {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			sink, reopen, count := open(t)
			items := everyKind(synthetic.New(2), time.Now())
			b := take(t, items...)
			b.Rows = append(b.Rows, b.Rows[0]) // the same twice in one batch
			b.Letters = append(b.Letters, backend.Letter{Topic: "x", Payload: []byte{0xff, 0}, Reason: "a \x00 reason", ReceivedAt: time.Now()})
			kept, err := sink.Write(ctx, b)
			if err != nil || kept.Events != len(items) || kept.Duplicates != 1 {
				t.Fatalf("first write: %+v, %v", kept, err)
			}
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			sink = reopen()
			if kept, err := sink.Write(ctx, b); err != nil || kept.Events != 0 || kept.Duplicates != len(items)+1 {
				t.Fatalf("second write, after opening again: %+v, %v", kept, err)
			}
			if count == nil {
				return
			}
			for query, want := range map[string]int{
				"SELECT count(*) FROM events":                            len(items),
				"SELECT count(*) FROM reads":                             2,
				"SELECT count(*) FROM reads WHERE lat IS NULL":           1,
				"SELECT count(*) FROM hits WHERE list = 'stolen'":        1,
				"SELECT count(*) FROM dead_letters":                      1,
				"SELECT max(to_seq) FROM received WHERE from_seq = 1":    len(items),
				"SELECT count(*) FROM events WHERE purge_at IS NOT NULL": 1,
			} {
				if got := count(query); got != want {
					t.Errorf("%s: %d, want %d", query, got, want)
				}
			}
		})
	}
}

// TestPartitionsKeepThePromises runs the script of the deployment sheet.
func TestPartitionsKeepThePromises(t *testing.T) {
	t.Parallel()
	ctx, now, m := context.Background(), time.Now().UTC(), synthetic.New(1)
	pg := brokertest.StartPostgres(t)
	conn, err := pgx.Connect(ctx, pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	a, err := backend.OpenArchive(ctx, pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("..", "deploy", "postgres-partitions.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the timer runs again
		if _, err := conn.Exec(ctx, string(script)+"; SELECT alpr_partitions(current_date - 2, current_date + 14)"); err != nil {
			t.Fatal(err)
		}
		script = nil
	}
	if a, err = backend.OpenArchive(ctx, pg.URL); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	expired, unset := m.Read(now.Add(-24*time.Hour)), m.Read(time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC)) // before the first fix
	expired.PurgeAt, unset.PurgeAt = now.Add(-time.Hour), time.Time{}
	newer := expired
	read := *expired.Read
	read.Revision, read.Text.Text = 2, "NEW2"
	newer.Read, newer.Revision = &read, 2
	b := take(t, numbered(m.ID(now), expired, newer, m.Read(now), m.Hit(now), unset)...)
	for _, want := range []backend.Kept{{Events: 5}, {Duplicates: 5}} {
		if kept, err := a.Write(ctx, b); err != nil || kept.Events != want.Events || kept.Duplicates != want.Duplicates || kept.Alarms != nil {
			t.Fatalf("%+v, %v, want %+v", kept, err, want)
		}
	}
	count := func(query string, want int) {
		t.Helper()
		var n int
		if err := conn.QueryRow(ctx, query).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d, %v, want %d", query, n, err, want)
		}
	}
	count("SELECT count(*) FROM reads WHERE plate = 'NEW2'", 1)
	count("SELECT count(*) FROM reads_other", 1)
	count("SELECT count(*) FROM events"+now.Format("_20060102"), 2)
	count("SELECT count(*) FROM pg_indexes WHERE tablename = 'reads' AND indexname = 'reads_plate'", 1)
	if n, err := backend.Purge(ctx, a, now, time.Hour); err != nil || n != 2 {
		t.Errorf("%d events purged, %v", n, err)
	}
	count("SELECT count(*) FROM reads", 2)
}

func TestANewerRevisionReplacesARead(t *testing.T) {
	t.Parallel()
	for name, open := range sinks(t) {
		t.Run(name, func(t *testing.T) {
			sink, _, count := open(t)
			first := synthetic.New(3).Read(time.Now())
			second := first
			read := *first.Read
			read.Revision, read.Text.Text = 2, "NEW2"
			second.Read, second.Revision = &read, 2
			// The newer one arrives first, as it may.
			for i, it := range []alpr.OutboxItem{second, first} {
				it.Seq, it.BootID = uint64(2-i), first.ID
				if kept, err := sink.Write(context.Background(), take(t, it)); err != nil || kept.Events != 1 {
					t.Fatalf("write: %+v, %v", kept, err)
				}
			}
			if count == nil {
				return
			}
			if n := count("SELECT count(*) FROM reads WHERE revision = 2 AND plate = 'NEW2'"); n != 1 {
				t.Errorf("the newer revision is not the one shown")
			}
			if n := count("SELECT count(*) FROM events"); n != 2 {
				t.Errorf("log holds %d revisions, want 2", n)
			}
		})
	}
}
