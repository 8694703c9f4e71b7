package backend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

// SQLite keeps events in one file, for a demonstration or a small agency.
type SQLite struct {
	path string
	db   *sql.DB
}

const sqliteSchema = `
CREATE TABLE IF NOT EXISTS events (
	id TEXT NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL, agency TEXT NOT NULL, vehicle TEXT NOT NULL,
	boot_id TEXT, seq INTEGER, recorded_at INTEGER NOT NULL, received_at INTEGER NOT NULL, purge_at INTEGER, event TEXT NOT NULL,
	PRIMARY KEY (id, revision)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_purge ON events (purge_at) WHERE purge_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS reads (
	id TEXT PRIMARY KEY, revision INTEGER NOT NULL, agency TEXT NOT NULL, vehicle TEXT NOT NULL, plate TEXT NOT NULL, state TEXT NOT NULL,
	confidence REAL NOT NULL, preview INTEGER NOT NULL, at INTEGER NOT NULL, lat REAL, lon REAL, purge_at INTEGER);
CREATE INDEX IF NOT EXISTS reads_plate ON reads (plate, at);
CREATE TABLE IF NOT EXISTS hits (
	id TEXT PRIMARY KEY, revision INTEGER NOT NULL, read_id TEXT NOT NULL, agency TEXT NOT NULL, vehicle TEXT NOT NULL, list TEXT NOT NULL,
	entry_id TEXT NOT NULL, match TEXT NOT NULL, probability REAL NOT NULL, state_verdict TEXT NOT NULL, withdrawn INTEGER NOT NULL, at INTEGER NOT NULL, purge_at INTEGER);
CREATE TABLE IF NOT EXISTS received (
	boot_id TEXT NOT NULL, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL, agency TEXT NOT NULL, vehicle TEXT NOT NULL,
	PRIMARY KEY (boot_id, from_seq, to_seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hits_read ON hits (read_id);
CREATE TABLE IF NOT EXISTS pieces (sha256 TEXT NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL, jpeg BLOB NOT NULL,
	read_id TEXT NOT NULL, received_at INTEGER NOT NULL, agency TEXT NOT NULL, vehicle TEXT NOT NULL, PRIMARY KEY (sha256, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_chain (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, officer TEXT NOT NULL, purpose TEXT NOT NULL, action TEXT NOT NULL,
	subject TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accesses (at INTEGER NOT NULL, officer TEXT NOT NULL, purpose TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS vehicles (agency TEXT NOT NULL, vehicle TEXT NOT NULL, kind TEXT NOT NULL, seen_at INTEGER NOT NULL, data TEXT NOT NULL,
	PRIMARY KEY (agency, vehicle, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, reason TEXT NOT NULL, received_at INTEGER NOT NULL, payload BLOB NOT NULL);
`

// OpenSQLite opens or makes the file.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	dsn := "file:" + url.PathEscape(path) + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_txlock=immediate"
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, sqliteSchema+sqliteAuditSchema); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), db.Close())
	}
	return &SQLite{path: path, db: db}, nil
}

// Close closes the file.
func (s *SQLite) Close() error { return s.db.Close() }

// Write keeps the batch in one transaction.
func (s *SQLite) Write(ctx context.Context, b Batch) (kept Kept, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Kept{}, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	for i := range b.Rows {
		if err := s.writeRow(ctx, tx, &b.Rows[i], &kept); err != nil {
			return Kept{}, err
		}
	}
	for v, ranges := range b.Ranges() {
		for _, r := range ranges {
			if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO received VALUES (?, ?, ?, ?, ?)", r.BootID.String(), r.From, r.To, v.Agency, v.Name); err != nil {
				return Kept{}, fmt.Errorf("write received range: %w", err)
			}
		}
	}
	for _, l := range b.Letters {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO dead_letters (hash, topic, reason, received_at, payload) VALUES (?, ?, ?, ?, ?)",
			letterHash(l), l.Topic, l.Reason, l.ReceivedAt.UnixMilli(), l.Payload); err != nil {
			return Kept{}, fmt.Errorf("write dead letter: %w", err)
		}
	}
	if kept.Alarms, err = watchAudit(ctx, b, sqliteAudit{tx}); err != nil {
		return Kept{}, err
	}
	if err := tx.Commit(); err != nil {
		return Kept{}, fmt.Errorf("commit: %w", err)
	}
	return kept, nil
}

func (s *SQLite) writeRow(ctx context.Context, tx *sql.Tx, r *Row, kept *Kept) error {
	v := r.Vehicle
	err := r.decode()
	if err != nil {
		return err
	}
	read, hit, image := r.read, r.hit, r.image
	switch {
	case r.isState():
		_, err = tx.ExecContext(ctx, `INSERT INTO vehicles VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at, data = excluded.data WHERE excluded.seen_at >= seen_at`,
			v.Agency, v.Name, r.kind(), r.seenAt().UnixMilli(), string(r.Event.Data))
	case image != nil:
		_, err = tx.ExecContext(ctx, "INSERT OR IGNORE INTO pieces VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			image.SHA256, image.Offset, image.Size, image.JPEG, image.ReadID.String(), r.ReceivedAt.UnixMilli(), v.Agency, v.Name)
	default:
		err = s.writeEvent(ctx, tx, r, kept)
	}
	if err == nil && read != nil {
		c := columnsOf(read)
		_, err = tx.ExecContext(ctx, `INSERT INTO reads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, plate = excluded.plate, state = excluded.state, confidence = excluded.confidence,
				preview = excluded.preview, at = excluded.at, lat = excluded.lat, lon = excluded.lon, purge_at = excluded.purge_at WHERE excluded.revision > reads.revision`,
			r.ID.String(), r.Revision, v.Agency, v.Name, c.plate, c.state, c.confidence, c.isPreview, c.at.UnixMilli(), c.lat, c.lon, millis(c.purgeAt))
	}
	if err == nil && hit != nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, match = excluded.match, probability = excluded.probability,
				state_verdict = excluded.state_verdict, withdrawn = excluded.withdrawn, purge_at = excluded.purge_at WHERE excluded.revision > hits.revision`,
			r.ID.String(), r.Revision, hit.Read.ID.String(), v.Agency, v.Name, hit.Entry.List, hit.Entry.ID, hit.Match, hit.P, hit.StateCheck, hit.IsWithdrawn,
			hit.At.UnixMilli(), millis(hit.Retention.PurgeAt))
	}
	if err != nil {
		return fmt.Errorf("write %s %s: %w", r.kind(), r.Event.ID, err)
	}
	return nil
}

func (s *SQLite) writeEvent(ctx context.Context, tx *sql.Tx, r *Row, kept *Kept) error {
	boot, seq := r.seq()
	res, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.ID.String(), r.Revision, r.kind(), r.Vehicle.Agency, r.Vehicle.Name, boot.String(), seq,
		r.Event.Time.UnixMilli(), r.ReceivedAt.UnixMilli(), millis(r.purgeAt()), string(r.JSON))
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	kept.Events += int(n)
	kept.Duplicates += 1 - int(n)
	return err
}

func millis(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMilli()
}
