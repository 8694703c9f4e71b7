package backend

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alpr"
)

// Letters gives dead letters in order of id.
func (p *Postgres) Letters(ctx context.Context, after int64, limit int) ([]KeptLetter, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT id, topic, reason, received_at, payload FROM dead_letters WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l KeptLetter, err error) {
		return l, row.Scan(&l.ID, &l.Topic, &l.Reason, &l.ReceivedAt, &l.Payload)
	})
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
func (p *Postgres) Purge(ctx context.Context, now time.Time) (n int64, err error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for i, table := range []string{"events", "reads", "hits"} {
			tag, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE purge_at IS NOT NULL AND purge_at <= $1", now)
			if err != nil {
				return fmt.Errorf("purge %s: %w", table, err)
			}
			if i == 0 {
				n = tag.RowsAffected()
			}
		}
		return nil
	})
	return n, err
}

// Received gives the ranges that have arrived, and those that vehicles explain.
func (p *Postgres) Received(ctx context.Context) ([]VehicleRange, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, `SELECT agency, vehicle, boot_id, from_seq, to_seq FROM received
		UNION ALL SELECT agency, vehicle, (event->'data'->>'boot_id')::uuid, (event->'data'->>'from_seq')::bigint, (event->'data'->>'to_seq')::bigint
		FROM events WHERE kind = 'expired'`)
	if err != nil {
		return nil, fmt.Errorf("read received ranges: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r VehicleRange, err error) {
		var boot [16]byte
		var from, to int64
		err = row.Scan(&r.Vehicle.Agency, &r.Vehicle.Name, &boot, &from, &to)
		r.BootID, r.From, r.To = alpr.ID(boot), uint64(from), uint64(to)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read received ranges: %w", err)
	}
	return out, nil
}
