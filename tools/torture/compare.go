package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	_ "alpr/store" // registers the driver "sqlite3"

	"alpr"
)

// drainWithin is how long the car may take to send all that it has.
const drainWithin = 60 * time.Second

// healWithin is how long all parts may take to work after their faults: the
// receiver is looked for every 15 s, a camera every 10.
const healWithin = 45 * time.Second

// settle waits until the car has sent all, and compares what the page was told
// with what store and backend have: each once.
func (g *rig) settle(ctx context.Context) error {
	if g.car.running == nil || g.car.wounds > 0 {
		return nil
	}
	err := g.within(ctx, healWithin, "all parts to work again", func(context.Context) bool { return len(g.ledger.troubles()) == 0 })
	if err != nil {
		return fmt.Errorf("%w: %q", err, g.ledger.troubles())
	}
	g.ledger.mu.Lock()
	reads, hits, done := maps.Clone(g.ledger.reads), maps.Clone(g.ledger.hits), maps.Clone(g.ledger.done)
	maps.Copy(done, g.ledger.promised)
	g.ledger.mu.Unlock()
	if err := g.keptPromises(ctx); err != nil {
		return err
	}
	if err := g.drained(ctx); err != nil {
		return err
	}
	g.figures.told += len(reads) + len(hits) + len(done)
	stored, err := onRecord(ctx, g.car.store(), "SELECT id, revision FROM reads UNION ALL SELECT id, revision FROM hits", scanRaw)
	if err != nil {
		return err
	}
	kept, err := onRecord(ctx, g.agency.archive(), "SELECT id, max(revision) FROM events GROUP BY id", scanText)
	if err != nil {
		return err
	}
	for _, told := range []map[alpr.ID]int{reads, hits} {
		for id, rev := range told {
			switch {
			case stored[id] < rev:
				g.figures.lost++
				err = errors.Join(err, fmt.Errorf("expected what the page showed to be on record: %s has revision %d in the store, %d was shown", id, stored[id], rev))
			case kept[id] < rev:
				g.figures.lost++
				err = errors.Join(err, fmt.Errorf("expected what the page showed to be at the backend: %s has revision %d there, %d was shown", id, kept[id], rev))
			}
		}
	}
	g.ledger.forget() // compared
	return errors.Join(err, g.disposed(ctx, done), g.twice(ctx))
}

// keptPromises waits until every disposition that was taken is on record: it is
// written within seconds of the disk's having room.
func (g *rig) keptPromises(ctx context.Context) error {
	g.ledger.mu.Lock()
	promised := maps.Clone(g.ledger.promised)
	g.ledger.mu.Unlock()
	for id := range promised {
		err := g.within(ctx, healWithin, "the disposition that was taken of hit "+id.String()+" on record", func(ctx context.Context) bool {
			n, err := count(ctx, g.car.store(), "SELECT count(*) FROM dispositions WHERE hit_id = ?", id[:])
			return err == nil && n > 0
		})
		if err != nil {
			g.figures.lost++
			return err
		}
	}
	return nil
}

// disposed wants every acknowledged disposition once in store and backend.
func (g *rig) disposed(ctx context.Context, done map[alpr.ID]bool) error {
	for id := range done {
		stored, err := count(ctx, g.car.store(), "SELECT count(*) FROM dispositions WHERE hit_id = ?", id[:])
		if err != nil {
			return err
		}
		kept, err := count(ctx, g.agency.archive(), "SELECT count(*) FROM events WHERE kind = 'disposition' AND event LIKE ?", "%"+id.String()+"%")
		if err != nil {
			return err
		}
		g.figures.lost += 2 - min(1, stored) - min(1, kept)
		if stored != 1 || kept != 1 {
			return fmt.Errorf("expected the acknowledged disposition of hit %s once in store and backend, found %d and %d", id, stored, kept)
		}
	}
	return nil
}

// twice looks for numbers of a start under which the backend keeps more than one
// record, and for items twice in the store. Where a receipt is late, a number is
// sent again with the record's newer revision.
func (g *rig) twice(ctx context.Context) error {
	for file, query := range map[string]string{
		g.agency.archive(): "SELECT count(*) FROM (SELECT 1 FROM events WHERE boot_id IS NOT NULL AND seq > 0 GROUP BY boot_id, seq HAVING count(DISTINCT id) > 1)",
		g.car.store():      "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE kind IN ('read', 'hit') GROUP BY ref, revision HAVING count(*) > 1)",
	} {
		n, err := count(ctx, file, query)
		if err != nil {
			return err
		}
		if g.figures.twice += n; n > 0 {
			return fmt.Errorf("expected every item once: %d are twice in %s", n, file)
		}
	}
	return nil
}

// drained waits until nothing in the outbox waits to be sent or for a receipt.
func (g *rig) drained(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, drainWithin)
	defer stop()
	for {
		n, err := count(ctx, g.car.store(), "SELECT count(*) FROM outbox WHERE bad IS NULL")
		if err == nil && n == 0 {
			return nil
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("expected all to be sent within %s: %d items wait (%w)\n%s", drainWithin, n, err, g.car.running.words())
		}
	}
}

func openFile(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "_query_only=on&_busy_timeout=10000"}).String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func count(ctx context.Context, path, query string, args ...any) (n int, err error) {
	db, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("look into %s: %w", path, err)
	}
	return n, nil
}

// scanRaw and scanText read an ID as the store and as the backend write it.
func scanRaw(rows *sql.Rows) (id alpr.ID, revision int, err error) {
	var raw []byte
	err = rows.Scan(&raw, &revision)
	copy(id[:], raw)
	return id, revision, err
}

func scanText(rows *sql.Rows) (id alpr.ID, revision int, err error) {
	var text string
	if err = rows.Scan(&text, &revision); err == nil {
		err = id.UnmarshalText([]byte(text))
	}
	return id, revision, err
}

func onRecord(ctx context.Context, path, query string, scan func(*sql.Rows) (alpr.ID, int, error)) (map[alpr.ID]int, error) {
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", path, err)
	}
	defer rows.Close()
	found := map[alpr.ID]int{}
	for rows.Next() {
		id, revision, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("look into %s: %w", path, err)
		}
		found[id] = revision
	}
	return found, rows.Err()
}
