package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"alpr"
)

const (
	// purgeEvery is how late a deletion may be.
	purgeEvery = 10 * time.Second
	// purgeBatch bounds how long one purge transaction holds up recording.
	purgeBatch = 1000
)

// Proof says what a purge deleted. It is what the audit log keeps of it.
type Proof struct {
	Rows          map[string]int // by table
	Unsent        int            // outbox items that had not been receipted
	From, To      time.Time      // capture times of the deleted reads
	DestroyedKeys []int64        // ids of data keys
}

func (p *Proof) isEmpty() bool { return len(p.Rows) == 0 && p.Unsent == 0 && len(p.DestroyedKeys) == 0 }

func (p *Proof) add(o Proof) {
	for table, n := range o.Rows {
		p.count(table, n)
	}
	p.Unsent += o.Unsent
	p.span(o.From, o.To)
	p.DestroyedKeys = append(p.DestroyedKeys, o.DestroyedKeys...)
}

func (p *Proof) count(table string, n int) {
	if n == 0 {
		return
	}
	if p.Rows == nil {
		p.Rows = make(map[string]int)
	}
	p.Rows[table] += n
}

func (p *Proof) span(from, to time.Time) {
	if !from.IsZero() && (p.From.IsZero() || from.Before(p.From)) {
		p.From = from
	}
	if to.After(p.To) {
		p.To = to
	}
}

// Purge deletes what is due on the retention clock, tells the backend what it
// will never get, destroys data keys that seal nothing any more, and leaves a
// proof in the audit log, all in transactions of bounded size.
func (s *Store) Purge(ctx context.Context) (Proof, error) {
	var all Proof
	for {
		var step Proof
		isMore := false
		err := s.write(ctx, func(t *tx) (err error) {
			step, isMore, err = t.purge()
			return err
		})
		if err != nil {
			return all, fmt.Errorf("purge: %w", err)
		}
		for _, id := range step.DestroyedKeys {
			s.keys.forget(id)
		}
		all.add(step)
		if !isMore {
			break
		}
	}
	n, err := s.dropOldAside(s.due())
	all.count("damaged files", n)
	if err != nil || all.isEmpty() {
		return all, err
	}
	return all, s.truncateLog(ctx)
}

// truncateLog empties the write-ahead log, which still holds what was deleted.
// A reader may be in the way; then the next purge does it.
func (s *Store) truncateLog(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-s.writer }()
	if s.w == nil {
		return ErrClosed
	}
	var isBusy, pages, done int
	if err := s.w.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&isBusy, &pages, &done); err != nil {
		return s.explain(err)
	}
	return nil
}

func (t *tx) purge() (p Proof, isMore bool, err error) {
	if p.Unsent, isMore, err = t.purgeOutbox(); err != nil {
		return p, false, fmt.Errorf("delete due outbox items: %w", err)
	}
	for _, table := range []string{"reads", "hits", "dispositions", "manual_entries", "quarantine"} {
		n, err := t.purgeTable(table, &p)
		if err != nil {
			return p, false, fmt.Errorf("delete due %s: %w", table, err)
		}
		p.count(table, n)
		isMore = isMore || n == purgeBatch
	}
	if p.Rows["manual_entries"] > 0 {
		t.noteLists() // they are missed by nobody
	}
	if p.DestroyedKeys, err = t.destroyKeys(); err != nil {
		return p, false, fmt.Errorf("destroy data keys: %w", err)
	}
	if p.isEmpty() {
		return p, isMore, nil
	}
	for table, n := range p.Rows {
		if err := t.tallyN("deleted", table, int64(n)); err != nil {
			return p, false, err
		}
	}
	return p, isMore, t.auditNow(alpr.AuditRecord{
		Officer: "system", Action: alpr.ActionPurge, Purpose: "retention policy", Detail: p.detail(),
	})
}

func (t *tx) purgeTable(table string, p *Proof) (int, error) {
	due := ms(t.due)
	if table == "reads" {
		var from, to *int64
		_, err := t.row(`SELECT min(at_ms), max(at_ms) FROM (SELECT at_ms FROM reads WHERE purge_ms <= ? ORDER BY purge_ms LIMIT ?)`,
			[]any{due, purgeBatch}, &from, &to)
		if err != nil {
			return 0, err
		}
		if from != nil && to != nil {
			p.span(fromMS(*from), fromMS(*to))
		}
	}
	res, err := t.exec("DELETE FROM "+table+" WHERE rowid IN (SELECT rowid FROM "+table+" WHERE purge_ms <= ? ORDER BY purge_ms LIMIT ?)",
		due, purgeBatch)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// purgeOutbox deletes due items and queues, for every unbroken range of
// numbers among them, an item that explains the gap.
func (t *tx) purgeOutbox() (n int, isMore bool, err error) {
	rows, err := t.query(`SELECT key, boot, seq FROM outbox WHERE purge_ms > 0 AND purge_ms <= ?
		ORDER BY boot, seq LIMIT ?`, ms(t.due), purgeBatch)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	var keys []int64
	var gaps []alpr.Expired
	for rows.Next() {
		var key, seq int64
		var boot []byte
		if err := rows.Scan(&key, &boot, &seq); err != nil {
			return 0, false, err
		}
		keys = append(keys, key)
		id, at := alpr.ID(boot), uint64(seq)
		if i := len(gaps) - 1; i >= 0 && gaps[i].BootID == id && gaps[i].ToSeq+1 == at {
			gaps[i].ToSeq = at
			continue
		}
		gaps = append(gaps, alpr.Expired{BootID: id, FromSeq: at, ToSeq: at})
	}
	if err := rows.Err(); err != nil {
		return 0, false, err
	}
	for _, key := range keys {
		if _, err := t.exec("DELETE FROM outbox WHERE key = ?", key); err != nil {
			return 0, false, err
		}
	}
	for _, gap := range gaps {
		detail, err := json.Marshal(gap)
		if err != nil {
			return 0, false, fmt.Errorf("encode a gap: %w", err)
		}
		if err := t.enqueueExpired(detail); err != nil {
			return 0, false, err
		}
	}
	return len(keys), len(keys) == purgeBatch, nil
}

// destroyKeys forgets every data key whose period is over and that seals
// nothing any more. With it goes whatever flash still holds of the rows.
func (t *tx) destroyKeys() ([]int64, error) {
	rows, err := t.query(`SELECT id FROM data_keys k WHERE wrapped IS NOT NULL AND to_ms <= ?
		AND NOT EXISTS (SELECT 1 FROM reads          WHERE key_id = k.id)
		AND NOT EXISTS (SELECT 1 FROM hits           WHERE key_id = k.id)
		AND NOT EXISTS (SELECT 1 FROM dispositions   WHERE key_id = k.id)
		AND NOT EXISTS (SELECT 1 FROM manual_entries WHERE key_id = k.id)
		AND NOT EXISTS (SELECT 1 FROM hotlists       WHERE key_id = k.id)`, ms(t.due))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, err := t.exec("UPDATE data_keys SET wrapped = NULL, destroyed_ms = ? WHERE id = ?", ms(t.wall), id); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (p *Proof) detail() map[string]string {
	d := make(map[string]string)
	for table, n := range p.Rows {
		d[table] = strconv.Itoa(n)
	}
	if p.Unsent > 0 {
		d["unsent"] = strconv.Itoa(p.Unsent)
	}
	if !p.From.IsZero() {
		d["from"], d["to"] = p.From.Format(time.RFC3339), p.To.Format(time.RFC3339)
	}
	if len(p.DestroyedKeys) > 0 {
		ids := make([]string, len(p.DestroyedKeys))
		for i, id := range slices.Sorted(slices.Values(p.DestroyedKeys)) {
			ids[i] = strconv.FormatInt(id, 10)
		}
		d["keys"] = strings.Join(ids, " ")
	}
	return d
}
