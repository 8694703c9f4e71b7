package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"time"

	"alpr"
	"alpr/audit"
)

const (
	// auditBatch is how many records are checked or sealed at a time.
	auditBatch = 200
	// auditEvery is how often the whole log is checked while the program runs,
	// beside once after its start.
	auditEvery = 24 * time.Hour
	// auditRest is how much longer than each batch the check rests: reading
	// plates goes first.
	auditRest = 3
)

// Check checks the store's own log, record by record and column by column.
// key and known are as for audit.Verify. It writes nothing.
func (l AuditLog) Check(ctx context.Context, key ed25519.PublicKey, known map[uint64]string) (audit.Summary, error) {
	if key != nil && !key.Equal(l.s.sealer.Public()) {
		return audit.Summary{}, fmt.Errorf("check the audit log: signed by device key %s, not by %x: %w", l.Key(), []byte(key), audit.ErrTampered)
	}
	c, err := l.s.walkAudit(ctx, known, func(time.Duration) error { return nil })
	if err == nil {
		err = c.Err()
	}
	if err != nil {
		return audit.Summary{}, fmt.Errorf("check the audit log: %w", err)
	}
	return c.Summary(l.Key()), nil
}

// walkAudit checks the whole log in batches, and calls rest with how long each
// one took. What is appended meanwhile is checked as well.
func (s *Store) walkAudit(ctx context.Context, known map[uint64]string, rest func(time.Duration) error) (*audit.Chain, error) {
	c, at := audit.NewChain(known), int64(math.MinInt64)
	for {
		start := time.Now()
		batch, err := s.auditRows(ctx, at, auditBatch)
		if err != nil {
			return c, err
		}
		for i := range batch {
			c.Next(&batch[i], true, s.sealer.Fault(&batch[i]))
			at = batch[i].Seq
		}
		if len(batch) > 0 {
			if err := rest(time.Since(start)); err != nil {
				return c, err
			}
			continue
		}
		value, last, hasRow, err := lastRow(s.reader(ctx))
		if err != nil {
			return c, err
		}
		if hasRow && last.Seq > at {
			continue
		}
		end, ok := s.sealer.OpenHead(value)
		if !ok {
			c.Broken(c.Seq()+1, "%v", errNoEnd)
			return c, nil
		}
		c.End(&end)
		return c, nil
	}
}

// auditRows are the records after the number at, at most n of them.
func (s *Store) auditRows(ctx context.Context, at int64, n int) ([]audit.Row, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT "+auditColumns+" FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", at, n)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	var out []audit.Row
	for rows.Next() {
		var row audit.Row
		if err := rows.Scan(auditDest(&row)...); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// watchAudit checks the whole log now and then until ctx ends, and writes what
// it finds into the log.
func (s *Store) watchAudit(ctx context.Context) {
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	for {
		err := s.searchAudit(ctx, func(took time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(auditRest * took):
				return nil
			}
		})
		if err != nil && ctx.Err() == nil {
			s.log.Error("the audit log cannot be checked", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// searchAudit checks the whole log and notes every new break in it.
func (s *Store) searchAudit(ctx context.Context, rest func(time.Duration) error) error {
	c, err := s.walkAudit(ctx, nil, rest)
	if err != nil {
		return err
	}
	if c.HasClear() { // an earlier release wrote beside this one, or the disk was full at the upgrade
		if err := s.sealAudit(ctx); err != nil {
			return err
		}
	}
	head, err := s.AuditLog().Head(ctx)
	if err != nil {
		return err
	}
	isKnown := true
	for _, b := range c.Breaks() {
		isKnown = isKnown && audit.HasBreak(head.Breaks, b.At)
	}
	if isKnown {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		end, err := t.resolveEnd()
		if err != nil {
			return err
		}
		return t.noteBreaks(&end, c.Breaks())
	})
}

// resolveAudit looks at the log when the file is opened: it begins a new one,
// notes tampering, and seals what an earlier release wrote in clear. A disk that
// is full or refuses to write is no reason not to start: the same is tried with
// the next record, and by the search.
func (s *Store) resolveAudit(ctx context.Context) error {
	end, found, isOld, err := s.auditEnd(s.reader(ctx))
	if err != nil && !errors.Is(err, errNoEnd) {
		return err
	}
	isResolved := err == nil && !isOld && (found == nil || audit.HasBreak(end.Breaks, found.At))
	if isResolved {
		first, err := s.auditRows(ctx, 0, 1)
		if err != nil || len(first) == 0 || !audit.IsInClear(first[0].Record) {
			return err
		}
	}
	err = s.sealAudit(ctx)
	if errors.Is(err, ErrFull) || errors.Is(err, ErrIO) {
		s.log.Error("the audit log could not be checked and sealed", "error", err)
		return nil
	}
	return err
}

// sealAudit resolves the end of the log and seals what stands in it in clear.
func (s *Store) sealAudit(ctx context.Context) error {
	isSealed := false
	err := s.write(ctx, func(t *tx) error {
		isNew, err := t.isNewLog()
		if err != nil {
			return err
		}
		if isNew {
			return t.putHead(&alpr.AuditHead{})
		}
		end, err := t.resolveEnd()
		if err != nil {
			return err
		}
		isSealed, err = t.sealOld(&end)
		return err
	})
	if err != nil {
		return fmt.Errorf("check and seal the audit log: %w", err)
	}
	if isSealed { // the write-ahead log still holds it in clear
		return s.truncateLog(ctx)
	}
	return nil
}

// sealOld seals the free text of records of an earlier release. Their hashes
// stay those of the clear forms, which earlier exports and the backend know; a
// note in the log vouches for the sealed forms to whoever cannot open them.
func (t *tx) sealOld(end *alpr.AuditHead) (bool, error) {
	c, at, n := audit.NewChain(nil), int64(0), 0
	for {
		batch, err := t.oldRows(at)
		if err != nil {
			return false, fmt.Errorf("seal the audit log: %w", err)
		}
		for i := range batch {
			row := &batch[i]
			isClear, err := t.sealRow(c, row)
			if err != nil {
				return false, fmt.Errorf("seal the audit log: %w", err)
			}
			if isClear {
				n++
			}
			at = row.Seq
		}
		if len(batch) < auditBatch {
			break
		}
	}
	if n == 0 {
		return false, nil
	}
	if err := t.noteBreaks(end, c.Breaks()); err != nil {
		return false, err
	}
	note := c.SealedNote()
	rec := alpr.AuditRecord{Officer: "system", Action: alpr.ActionAuditSealed, Purpose: "free text may hold plates", Detail: note}
	return true, t.auditAfter(end, rec, note)
}

func (t *tx) oldRows(at int64) (out []audit.Row, err error) {
	rows, err := t.query("SELECT "+auditColumns+" FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", at, auditBatch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row audit.Row
		if err := rows.Scan(auditDest(&row)...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// sealRow seals one record where it is in clear, after it was checked as it is.
func (t *tx) sealRow(c *audit.Chain, row *audit.Row) (isClear bool, err error) {
	fault := t.s.sealer.Fault(row)
	if isClear = audit.IsInClear(row.Record); isClear {
		sealed, err := t.s.sealer.SealOld(row)
		if err != nil {
			return false, err
		}
		if _, err := t.exec("UPDATE audit SET record = ? WHERE seq = ?", sealed, row.Seq); err != nil {
			return false, err
		}
		row.Record = sealed
	}
	c.Next(row, true, fault)
	return isClear, nil
}
