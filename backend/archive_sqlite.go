package backend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"alpr"
	"alpr/sync/event"
)

// Letters gives dead letters in order of id.
func (s *SQLite) Letters(ctx context.Context, after int64, limit int) ([]KeptLetter, error) {
	out, err := collect(ctx, s, func(rows *sql.Rows) (l KeptLetter, err error) {
		var at int64
		err = rows.Scan(&l.ID, &l.Topic, &l.Reason, &at, &l.Payload)
		l.ReceivedAt = time.UnixMilli(at).UTC()
		return l, err
	}, "SELECT id, topic, reason, received_at, payload FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return out, nil
}

// DropLetter lets go of a letter.
func (s *SQLite) DropLetter(ctx context.Context, id int64) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM dead_letters WHERE id = ?", id)
	return err
}

// Purge deletes what is past its time.
func (s *SQLite) Purge(ctx context.Context, now, emergenciesBefore time.Time) (n int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, d := range deletions(now, emergenciesBefore) {
		res, err := tx.ExecContext(ctx, d.sql, d.before.UnixMilli())
		if err != nil {
			return 0, fmt.Errorf("purge: %s: %w", d.sql, err)
		}
		gone, err := res.RowsAffected()
		if err != nil {
			return 0, fmt.Errorf("purge: %w", err)
		}
		if d.isEvents {
			n += gone
		}
	}
	return n, tx.Commit()
}

// Pieces gives what has arrived of a picture.
func (s *SQLite) Pieces(ctx context.Context, sha256 string) ([]event.Image, error) {
	return collect(ctx, s, func(rows *sql.Rows) (i event.Image, err error) {
		var read string
		if err := rows.Scan(&read, &i.SHA256, &i.Size, &i.Offset, &i.JPEG); err != nil {
			return i, err
		}
		i.ReadID, err = alpr.ParseID(read)
		return i, err
	}, "SELECT read_id, sha256, size, offset, jpeg FROM pieces WHERE sha256 = ?", sha256)
}

// NoteAccess records that somebody looked at what is kept.
func (s *SQLite) NoteAccess(ctx context.Context, a Access) (err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var last Access
	err = tx.QueryRowContext(ctx, "SELECT seq, hash FROM access_chain ORDER BY seq DESC LIMIT 1").Scan(&last.Seq, &last.Hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	a = a.after(last)
	if _, err = tx.ExecContext(ctx, "INSERT INTO access_chain VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		a.Seq, a.At.UnixMilli(), a.Officer, a.Purpose, a.Action, a.Subject, a.Prev, a.Hash); err != nil {
		return err
	}
	return tx.Commit()
}

// Accesses gives the record, oldest first.
func (s *SQLite) Accesses(ctx context.Context) ([]Access, error) {
	return collect(ctx, s, func(rows *sql.Rows) (a Access, err error) {
		var at int64
		err = rows.Scan(&at, &a.Officer, &a.Purpose, &a.Action, &a.Subject, &a.Seq, &a.Prev, &a.Hash)
		a.At = time.UnixMilli(at).UTC()
		return a, err
	}, `SELECT at, officer, purpose, action, subject, 0 AS seq, '', '' FROM accesses
		UNION ALL SELECT at, officer, purpose, action, subject, seq, prev, hash FROM access_chain ORDER BY seq, at`)
}

// collect collects what a statement gives.
func collect[T any](ctx context.Context, s *SQLite, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Received gives the ranges that have arrived, and those that vehicles explain.
func (s *SQLite) Received(ctx context.Context) ([]VehicleRange, error) {
	out, err := collect(ctx, s, func(rows *sql.Rows) (r VehicleRange, err error) {
		var boot string
		if err := rows.Scan(&r.Vehicle.Agency, &r.Vehicle.Name, &boot, &r.From, &r.To); err != nil {
			return r, err
		}
		r.BootID, err = alpr.ParseID(boot)
		return r, err
	}, `SELECT agency, vehicle, boot_id, from_seq, to_seq FROM received
		UNION ALL SELECT agency, vehicle, json_extract(event, '$.data.boot_id'), json_extract(event, '$.data.from_seq'), json_extract(event, '$.data.to_seq')
		FROM events WHERE kind = 'expired'`)
	if err != nil {
		return nil, fmt.Errorf("read received ranges: %w", err)
	}
	return out, nil
}
