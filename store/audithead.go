package store

import (
	"context"
	"errors"
	"fmt"

	"alpr"
	"alpr/audit"
)

// metaAuditHead is where the signed end of the audit log is kept: without it,
// cutting records off the end would leave a sound chain.
const metaAuditHead = "audit head"

// putHead signs the end of the log, in the transaction that moves it.
func (t *tx) putHead(h *alpr.AuditHead) error {
	value, err := t.s.sealer.SignHead(h, t.s.bootID, t.wall)
	if err != nil {
		return err
	}
	if err := t.putMeta(metaAuditHead, value); err != nil {
		return fmt.Errorf("sign the end of the audit log: %w", err)
	}
	return nil
}

// lastRow is the end of the log as the file has it: the signed value, and the
// last record. One query, so that both are of one instant.
func lastRow(q querier) (value []byte, last audit.Row, found bool, err error) {
	var seq *int64
	_, err = q.row(`SELECT (SELECT value FROM meta WHERE name = ?), a.seq, a.id, a.record, a.prev, a.hash, a.sig
		FROM (SELECT 1) LEFT JOIN (SELECT * FROM audit ORDER BY seq DESC LIMIT 1) a`,
		[]any{metaAuditHead}, &value, &seq, &last.ID, &last.Record, &last.Prev, &last.Hash, &last.Sig)
	if err != nil {
		return nil, last, false, fmt.Errorf("find the end of the audit log: %w", err)
	}
	if seq != nil {
		last.Seq = *seq
	}
	return value, last, seq != nil, nil
}

// errNoEnd reports an end that must be looked for: nothing signed vouches for one.
var errNoEnd = errors.New("the signed end of the log is missing")

// auditEnd is the signed end, with what tampering it shows beside those on
// record. errNoEnd says that there is none. isOld says that an earlier release wrote it.
func (s *Store) auditEnd(q querier) (end alpr.AuditHead, found *alpr.AuditBreak, isOld bool, err error) {
	value, last, hasRow, err := lastRow(q)
	if err != nil {
		return end, nil, false, err
	}
	end, ok := s.sealer.OpenHead(value)
	if !ok {
		if hasRow && s.sealer.IsOldEnd(value, &last) {
			return alpr.AuditHead{Seq: uint64(last.Seq), Hash: [32]byte(last.Hash)}, nil, true, nil
		}
		return end, nil, false, errNoEnd
	}
	at, why := uint64(0), ""
	switch {
	case last.Seq < int64(end.Seq):
		at, why = uint64(max(0, last.Seq))+1, fmt.Sprintf("records up to %d are missing at the end of the log", end.Seq)
	case last.Seq > int64(end.Seq):
		at, why = end.Seq+1, "it was added after the signed end, or the signed end was set back"
	case hasRow && ([32]byte(pad(last.Hash)) != end.Hash || s.sealer.Fault(&last) != nil):
		at, why = end.Seq, "it was changed"
	}
	if at > 0 {
		found = &alpr.AuditBreak{At: at, Why: why}
	}
	return end, found, false, nil
}

// pad makes 32 bytes of what should be.
func pad(b []byte) []byte {
	var out [32]byte
	copy(out[:], b)
	return out[:]
}

// resolveEnd is the end to append after. Tampering that it shows is written into
// the log first, and stays there: the numbers go on after the highest that the
// device has signed, so that what was cut off is missing for ever.
func (t *tx) resolveEnd() (alpr.AuditHead, error) {
	end, found, isOld, err := t.s.auditEnd(t)
	switch {
	case errors.Is(err, errNoEnd):
		isNew, err := t.isNewLog()
		if err != nil || isNew {
			return alpr.AuditHead{}, err
		}
		if end, err = t.lastSigned(alpr.AuditHead{}); err != nil {
			return end, err
		}
		found = &alpr.AuditBreak{At: end.Seq + 1, Why: "the signed end of the log is missing: records from here on may have been removed"}
	case err != nil:
		return end, err
	case isOld:
		return t.recall(end)
	}
	if found == nil {
		return end, nil
	}
	if end, err = t.lastSigned(end); err != nil {
		return end, err
	}
	return end, t.noteBreaks(&end, []alpr.AuditBreak{*found})
}

// isNewLog says that nothing was ever recorded in this file: the first record
// is yet to come. Keys and the policy come with records, and are never deleted.
func (t *tx) isNewLog() (bool, error) {
	var n int
	_, err := t.row(`SELECT (SELECT count(*) FROM audit) + (SELECT count(*) FROM data_keys) + (SELECT count(*) FROM meta WHERE name IN (?, ?))`,
		[]any{metaPolicy, metaAuditHead}, &n)
	return n == 0, err
}

// lastSigned is the last record after end that the device has signed, or end.
// What stands after it was not written by the store, and is moved out of the
// way, into table audit_foreign.
func (t *tx) lastSigned(end alpr.AuditHead) (alpr.AuditHead, error) {
	for {
		var row audit.Row
		found, err := t.row("SELECT "+auditColumns+" FROM audit WHERE seq > ? OR seq < 1 ORDER BY seq DESC LIMIT 1", []any{int64(end.Seq)}, auditDest(&row)...)
		if err != nil {
			return end, fmt.Errorf("find the end of the audit log: %w", err)
		}
		if found && t.s.sealer.Fault(&row) == nil {
			end.Seq, end.Hash = uint64(row.Seq), [32]byte(row.Hash)
			continue // also clears rows of numbers below 1
		}
		if !found {
			return t.recall(end)
		}
		for _, query := range []string{
			"INSERT INTO audit_foreign (found_ms, " + auditColumns + ") SELECT ?, " + auditColumns + " FROM audit WHERE seq = ?",
			"DELETE FROM audit WHERE ? > 0 AND seq = ?",
		} {
			if _, err := t.exec(query, ms(t.wall), row.Seq); err != nil {
				return end, fmt.Errorf("move foreign audit records away: %w", err)
			}
		}
	}
}

// recall makes good what an end that was lost knew beside its place: which log
// this is, and where it was found broken.
func (t *tx) recall(end alpr.AuditHead) (alpr.AuditHead, error) {
	if end.Log != [32]byte{} {
		return end, nil
	}
	rows, err := t.query("SELECT " + auditColumns + " FROM audit ORDER BY seq")
	if err != nil {
		return end, fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var row audit.Row
		if err := rows.Scan(auditDest(&row)...); err != nil {
			return end, fmt.Errorf("read the audit log: %w", err)
		}
		if end.Log == [32]byte{} {
			copy(end.Log[:], row.Hash)
		}
		if b, ok := audit.BreakOf(&row); ok {
			end.Breaks = audit.AddBreak(end.Breaks, b)
		}
	}
	return end, rows.Err()
}

// noteBreaks writes new breaks into the log, for ever.
func (t *tx) noteBreaks(end *alpr.AuditHead, found []alpr.AuditBreak) error {
	for _, b := range found {
		b.FoundAt = t.wall
		breaks := audit.AddBreak(end.Breaks, b)
		if len(breaks) == len(end.Breaks) {
			continue
		}
		t.s.log.Error("the audit log was tampered with: it says so from now on, and the program goes on", "record", b.At, "error", b.Why)
		end.Breaks = breaks
		note := audit.BreakNote(b)
		rec := alpr.AuditRecord{Officer: "system", Action: alpr.ActionAuditBroken, Purpose: "the audit log was tampered with", Detail: note}
		if err := t.auditAfter(end, rec, note); err != nil {
			return err
		}
	}
	return nil
}

// Head is the signed end of the log, with every place at which the log was
// tampered with, this moment's included. It is a cheap question.
func (l AuditLog) Head(ctx context.Context) (alpr.AuditHead, error) {
	end, found, _, err := l.s.auditEnd(l.s.reader(ctx))
	if errors.Is(err, errNoEnd) {
		found, err = &alpr.AuditBreak{At: 1, Why: errNoEnd.Error()}, nil
	}
	if err != nil {
		return end, err
	}
	if found != nil && !audit.HasBreak(end.Breaks, found.At) {
		found.FoundAt = l.s.now()
		end.Breaks = append(end.Breaks, *found)
	}
	return end, nil
}
