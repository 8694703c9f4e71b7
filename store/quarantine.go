package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"alpr"
)

// forensicKeep is how long a damaged row is kept apart that no retention rule
// covers.
const forensicKeep = 30 * 24 * time.Hour

// ErrDamaged reports something stored that cannot be what was written.
var ErrDamaged = errors.New("changed or damaged")

// isRowDamage tells a row that cannot be opened from a store that cannot be
// asked.
func isRowDamage(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, errKeyLost) }

// setApart takes damaged rows out of a table, by their rowids, and keeps them in
// quarantine for somebody to look at. What cannot be moved now is passed over
// and found again. It never fails: nothing else may suffer.
func (s *Store) setApart(ctx context.Context, table string, rowids []int64, reason error) {
	if len(rowids) == 0 {
		return
	}
	s.remember(PartRecords, fmt.Sprintf("damaged rows of table %s were found and set apart: %s", table, tableLoss(table)))
	err := s.write(ctx, func(t *tx) error {
		if err := t.setApart(table, rowids, reason.Error()); err != nil {
			return err
		}
		return t.putNotices()
	})
	if err != nil {
		s.log.Warn("damaged rows are not set apart yet", "table", table, "rows", len(rowids), "error", err)
	}
}

// tableLoss is what it means that a row of a table is missing.
func tableLoss(table string) string {
	switch table {
	case "reads":
		return "these reads are lost, their hits are not"
	case "hits":
		return "these hits are not shown any more"
	case "manual_entries":
		return "these entries made in the car do not alert: make them again"
	case "outbox":
		return "what they stood for is not sent to the backend"
	case "safe_list":
		return "plates on the safe list may be recorded: add the list again"
	}
	return "the rest is as it was"
}

func (t *tx) setApart(table string, rowids []int64, reason string) error {
	if table == "reads" { // its pictures would go with it
		for _, id := range rowids {
			pictures, err := t.ints("SELECT rowid FROM pictures WHERE read_id = (SELECT id FROM reads WHERE rowid = ?)", id)
			if err != nil {
				return err
			}
			for _, p := range pictures {
				if err := t.moveRow("pictures", p, "reads", reason); err != nil {
					return err
				}
			}
		}
	}
	for _, id := range rowids {
		if err := t.moveRow(table, id, table, reason); err != nil {
			return err
		}
	}
	if table == "manual_entries" {
		defer t.noteLists() // that they do not alert is said
	}
	return t.auditNow(alpr.AuditRecord{Officer: "system", Action: alpr.ActionQuarantine, Purpose: "rows of the store were damaged",
		Subject: table, Detail: map[string]string{"rows": strconv.Itoa(len(rowids)), "reason": reason}})
}

// moveRow puts one row into quarantine; termOf is the table whose retention it has.
func (t *tx) moveRow(table string, rowid int64, termOf, reason string) error {
	row, err := t.dump(table, rowid)
	if err != nil || row == nil {
		return err
	}
	if id, ok := row["id"].([]byte); ok && table != "audit" {
		// What waits for the backend stands for a row that is gone.
		if _, err := t.exec("UPDATE outbox SET bad = ? WHERE ref = ? AND bad IS NULL", "its record was damaged", id); err != nil {
			return err
		}
	}
	if err := t.putQuarantine(table, termOf, row, reason); err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM "+table+" WHERE rowid = ?", rowid)
	return err
}

// dump is a row with all its columns, nil where there is none.
func (t *tx) dump(table string, rowid int64) (map[string]any, error) {
	rows, err := t.query("SELECT * FROM "+table+" WHERE rowid = ?", rowid)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(names))
	for i := range values {
		values[i] = new(any)
	}
	if err := rows.Scan(values...); err != nil {
		return nil, err
	}
	row := make(map[string]any, len(names))
	for i, name := range names {
		row[name] = *values[i].(*any)
	}
	return row, rows.Err()
}

// putQuarantine keeps a row for no longer than it might have been kept.
func (t *tx) putQuarantine(table, termOf string, row map[string]any, reason string) error {
	class, keep := t.quarantineTerm(termOf, row)
	if keep <= 0 {
		return nil
	}
	purge := t.due.Add(keep)
	if own, ok := row["purge_ms"].(int64); ok && own > 0 && fromMS(own).Before(purge) {
		purge = fromMS(own)
	}
	text := make(map[string]string, len(row))
	for name, v := range row {
		text[name] = literal(v)
	}
	line, err := json.Marshal(text)
	if err != nil {
		return fmt.Errorf("write out a damaged row: %w", err)
	}
	_, err = t.exec("INSERT INTO quarantine (from_table, class, row, reason, since_ms, purge_ms) VALUES (?, ?, ?, ?, ?, ?)",
		table, string(class), string(line), reason, ms(purge.Add(-keep)), ms(purge))
	return err
}

func (t *tx) quarantineTerm(table string, row map[string]any) (alpr.RetentionClass, time.Duration) {
	class := alpr.RetentionClass("")
	switch table {
	case "reads", "outbox":
		class = alpr.RetainHit
		if text, ok := row["class"].(string); ok && text == string(alpr.RetainRead) {
			class = alpr.RetainRead
		}
	case "hits":
		class = alpr.RetainHit
	case "dispositions":
		class = alpr.RetainDisposition
	case "manual_entries":
		class = alpr.RetainManual
	}
	if keep, ok := t.s.policy().For(class); ok {
		return class, keep
	}
	return class, forensicKeep
}

// literal writes a value as SQL would, so that a person can put it back.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return fmt.Sprint(v)
}

// ints are the whole numbers of a query's first column.
func (t *tx) ints(query string, args ...any) ([]int64, error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
