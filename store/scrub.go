package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"alpr"
)

const (
	// scrubAtOpen and scrubStep are how many reads are looked through at the
	// start, and at a time afterwards.
	scrubAtOpen = 1000
	scrubStep   = 200
)

// scrub opens reads, newest first, that have not been opened yet since the
// start: damage is found while it can still be told from the rest, and the hash
// that a plate is looked up by is put right.
func (s *Store) scrub(ctx context.Context, limit int) error {
	type line struct {
		sealedRow
		tag looseBytes
	}
	rows, err := s.r.QueryContext(ctx, "SELECT rowid, id, key_id, tag, body FROM reads WHERE rowid < ? AND purge_ms > ? ORDER BY rowid DESC LIMIT ?",
		s.scrubbed.Load(), ms(s.due()), limit)
	if err != nil {
		return fmt.Errorf("look through the reads: %w", err)
	}
	defer rows.Close()
	var damaged []int64
	var reason error
	for rows.Next() {
		l := line{sealedRow: sealedRow{table: "reads"}}
		if err := rows.Scan(&l.rowid, &l.id, &l.key, &l.tag, &l.sealed); err != nil {
			return fmt.Errorf("look through the reads: %w", err)
		}
		s.scrubbed.Store(l.rowid)
		read, err := s.openRead(s.reader(ctx), l.sealedRow)
		switch {
		case isRowDamage(err):
			damaged, reason = append(damaged, l.rowid), err
		case err != nil && !errors.Is(err, ErrForgotten):
			return fmt.Errorf("look through the reads: %w", err)
		case err == nil:
			s.checkTag(l.sealedRow, l.tag, read)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("look through the reads: %w", err)
	}
	s.setApart(ctx, "reads", damaged, reason)
	return nil
}

// checkTag compares the hash that a read is looked up by with its plate.
func (s *Store) checkTag(row sealedRow, tag []byte, read *alpr.Read) {
	key := s.keys.cached(int64(row.key))
	if key == nil {
		return
	}
	right := key.tag(alpr.Normalise(read.Text.Text))
	if bytes.Equal(tag, right) {
		return
	}
	s.remember(PartRecords, "the hash that a read is looked up by had changed and was put right")
	s.mended.add(func(t *tx) error {
		_, err := t.exec("UPDATE reads SET tag = ? WHERE rowid = ?", right, row.rowid)
		return err
	})
}
