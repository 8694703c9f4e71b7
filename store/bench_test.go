package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"alpr"
)

// BenchmarkRecord records reads with a 12 KB crop, every tenth with a hit and
// a 60 KB context picture, from so many callers at once, each so many reads at a
// time. To see what a slow card makes of it, run the test binary under
//
//	strace -f --seccomp-bpf --trace=fsync --inject=fsync:delay_enter=25000
func BenchmarkRecord(b *testing.B) {
	for _, bb := range []struct{ callers, batch int }{{1, 1}, {1, 4}, {1, 16}, {8, 1}, {32, 1}} {
		b.Run(fmt.Sprintf("%d callers, %d at a time", bb.callers, bb.batch), func(b *testing.B) {
			f := open(b, func(c *Config) { c.Clock = nil })
			crop, scene := make([]byte, 12<<10), make([]byte, 60<<10)
			if err := errors.Join(fill(crop), fill(scene)); err != nil {
				b.Fatal(err)
			}
			work := make(chan int)
			var wg sync.WaitGroup
			for range bb.callers {
				wg.Go(func() {
					for i := range work {
						records := make([]alpr.Record, bb.batch)
						for k := range records {
							records[k] = benchRecord(b, i*bb.batch+k, crop, scene)
						}
						if _, err := f.Recorder().RecordAll(context.Background(), records); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := 0; b.Loop(); i++ {
				work <- i
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N*bb.batch)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}

func benchRecord(b *testing.B, i int, crop, scene []byte) alpr.Record {
	now := time.Now()
	id, err := alpr.NewID(now, rand.Reader)
	if err != nil {
		b.Error(err)
	}
	r := testRead(id, fmt.Sprintf("P%06d", i%1000000), now)
	r.Crop.JPEG, r.Context.JPEG = crop, scene
	if i%10 > 0 {
		return alpr.Record{Read: r}
	}
	return alpr.Record{Read: r, Hits: []alpr.Hit{{ID: id, ReadID: id, At: now, Entry: alpr.Entry{ID: "e", Plate: r.Text.Text}}}}
}

func fill(b []byte) error {
	_, err := rand.Read(b)
	return err
}

// BenchmarkPeekBacklog looks for a hit, and for the newest reads, behind a
// backlog of a hundred thousand reads.
func BenchmarkPeekBacklog(b *testing.B) {
	f := open(b, nil)
	err := f.write(context.Background(), func(t *tx) error {
		for i := range 100_000 {
			t.wall = day0.Add(time.Duration(i) * time.Second)
			var id alpr.ID
			copy(id[:], fmt.Sprint(i))
			if err := t.enqueue(alpr.KindRead, id, 1, term{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	r := f.read("ABC123")
	f.record(r, f.hit(r))
	for name, q := range map[string]alpr.OutboxQuery{
		"hits":   {Kinds: []alpr.Kind{alpr.KindHit}, Limit: 10},
		"newest": {Kinds: []alpr.Kind{alpr.KindRead}, RecordedAfter: day0.Add(99_990 * time.Second), Limit: 10},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.peek(q)
			}
		})
	}
}

// BenchmarkSQLiteLookup looks a plate up in a plain SQLite table of a million,
// to compare the hotlist's own look-up with.
func BenchmarkSQLiteLookup(b *testing.B) {
	ctx := context.Background()
	db, err := sql.Open("sqlite3", filepath.Join(b.TempDir(), "list.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const makeList = `CREATE TABLE entries (plate TEXT, id TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
		INSERT INTO entries SELECT printf('P%06d', (i * 7919) % 1000000), 'V' || i FROM n;
		CREATE INDEX by_plate ON entries (plate)`
	if _, err := db.ExecContext(ctx, makeList); err != nil {
		b.Fatal(err)
	}
	lookup, err := db.PrepareContext(ctx, "SELECT id FROM entries WHERE plate = ?")
	if err != nil {
		b.Fatal(err)
	}
	defer lookup.Close()
	for i := 0; b.Loop(); i++ {
		var id string
		err := lookup.QueryRowContext(ctx, fmt.Sprintf("P%06d", i*104729%2000000)).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			b.Fatal(err)
		}
	}
}
