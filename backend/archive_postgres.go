package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alpr/sync/event"
)

// Letters gives dead letters in order of id.
func (p *Postgres) Letters(ctx context.Context, after int64, limit int) ([]KeptLetter, error) {
	out, err := query(ctx, p, func(row pgx.CollectableRow) (l KeptLetter, err error) {
		return l, row.Scan(&l.ID, &l.Topic, &l.Reason, &l.ReceivedAt, &l.Payload)
	}, "SELECT id, topic, reason, received_at, payload FROM dead_letters WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return out, nil
}

// DropLetter lets go of a letter.
func (p *Postgres) DropLetter(ctx context.Context, id int64) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "DELETE FROM dead_letters WHERE id = $1", id)
	return err
}

// Purge deletes what is past its time.
func (p *Postgres) Purge(ctx context.Context, now, emergenciesBefore time.Time) (n int64, err error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, d := range deletions(now, emergenciesBefore) {
			tag, err := tx.Exec(ctx, d.sql, d.before)
			if err != nil {
				return fmt.Errorf("purge: %s: %w", d.sql, err)
			}
			if d.isEvents {
				n += tag.RowsAffected()
			}
		}
		return nil
	})
	return n, err
}

// Pieces gives what has arrived of a picture.
func (p *Postgres) Pieces(ctx context.Context, sha256 string) ([]event.Image, error) {
	return query(ctx, p, func(row pgx.CollectableRow) (i event.Image, err error) {
		return i, row.Scan((*[16]byte)(&i.ReadID), &i.SHA256, &i.Size, &i.Offset, &i.JPEG)
	}, `SELECT read_id, sha256, size, "offset", jpeg FROM pieces WHERE sha256 = $1`, sha256)
}

// NoteAccess records that somebody looked at what is kept.
func (p *Postgres) NoteAccess(ctx context.Context, a Access) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		const lock = 0x616c7071 // one look after the other
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lock); err != nil {
			return err
		}
		var last Access
		var seq int64
		err := tx.QueryRow(ctx, "SELECT seq, hash FROM accesses WHERE seq > 0 ORDER BY seq DESC LIMIT 1").Scan(&seq, &last.Hash)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		last.Seq = uint64(seq)
		a := a.after(last)
		_, err = tx.Exec(ctx, "INSERT INTO accesses (at, officer, purpose, action, subject, seq, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			a.At, a.Officer, a.Purpose, a.Action, a.Subject, int64(a.Seq), a.Prev, a.Hash)
		return err
	})
}

// Accesses gives the record, oldest first.
func (p *Postgres) Accesses(ctx context.Context) ([]Access, error) {
	return query(ctx, p, func(row pgx.CollectableRow) (a Access, err error) {
		var seq int64
		err = row.Scan(&a.At, &a.Officer, &a.Purpose, &a.Action, &a.Subject, &seq, &a.Prev, &a.Hash)
		a.At, a.Seq = a.At.UTC(), uint64(seq)
		return a, err
	}, "SELECT at, officer, purpose, action, subject, seq, prev, hash FROM accesses ORDER BY seq, at")
}

// query collects what a statement gives.
func query[T any](ctx context.Context, p *Postgres, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// Received gives the ranges that have arrived, and those that vehicles explain.
func (p *Postgres) Received(ctx context.Context) ([]VehicleRange, error) {
	out, err := query(ctx, p, func(row pgx.CollectableRow) (r VehicleRange, err error) {
		var from, to int64
		err = row.Scan(&r.Vehicle.Agency, &r.Vehicle.Name, (*[16]byte)(&r.BootID), &from, &to)
		r.From, r.To = uint64(from), uint64(to)
		return r, err
	}, `SELECT agency, vehicle, boot_id, from_seq, to_seq FROM received
		UNION ALL SELECT agency, vehicle, (event->'data'->>'boot_id')::uuid, (event->'data'->>'from_seq')::bigint, (event->'data'->>'to_seq')::bigint
		FROM events WHERE kind = 'expired'`)
	if err != nil {
		return nil, fmt.Errorf("read received ranges: %w", err)
	}
	return out, nil
}
