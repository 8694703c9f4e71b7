package backend

import (
	"context"
	"fmt"
	"time"

	"alpr"
)

// Letters gives dead letters in order of id.
func (s *SQLite) Letters(ctx context.Context, after int64, limit int) ([]KeptLetter, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, topic, reason, received_at, payload FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	defer rows.Close()
	var out []KeptLetter
	for rows.Next() {
		var l KeptLetter
		var at int64
		if err := rows.Scan(&l.ID, &l.Topic, &l.Reason, &at, &l.Payload); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		l.ReceivedAt = time.UnixMilli(at).UTC()
		out = append(out, l)
	}
	return out, rows.Err()
}

// DropLetter lets go of a letter.
func (s *SQLite) DropLetter(ctx context.Context, id int64) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM dead_letters WHERE id = ?", id)
	return err
}

// Purge deletes what is past its time.
func (s *SQLite) Purge(ctx context.Context, now time.Time) (n int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for i, table := range []string{"events", "reads", "hits"} {
		res, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE purge_at IS NOT NULL AND purge_at <= ?", now.UnixMilli())
		if err != nil {
			return 0, fmt.Errorf("purge %s: %w", table, err)
		}
		if i == 0 {
			if n, err = res.RowsAffected(); err != nil {
				return 0, fmt.Errorf("purge %s: %w", table, err)
			}
		}
	}
	return n, tx.Commit()
}

// Received gives the ranges that have arrived, and those that vehicles explain.
func (s *SQLite) Received(ctx context.Context) ([]VehicleRange, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT agency, vehicle, boot_id, from_seq, to_seq FROM received
		UNION ALL SELECT agency, vehicle, json_extract(event, '$.data.boot_id'), json_extract(event, '$.data.from_seq'), json_extract(event, '$.data.to_seq')
		FROM events WHERE kind = 'expired'`)
	if err != nil {
		return nil, fmt.Errorf("read received ranges: %w", err)
	}
	defer rows.Close()
	var out []VehicleRange
	for rows.Next() {
		var r VehicleRange
		var boot string
		if err := rows.Scan(&r.Vehicle.Agency, &r.Vehicle.Name, &boot, &r.From, &r.To); err != nil {
			return nil, fmt.Errorf("read received ranges: %w", err)
		}
		if r.BootID, err = alpr.ParseID(boot); err != nil {
			return nil, fmt.Errorf("read received ranges: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
