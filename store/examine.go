package store

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"alpr"
)

// examine finds rows whose plain columns cannot be what was written. What can
// be told for sure is put right; other rows are set apart, so that no later
// query stumbles over them. It writes nothing where everything is sound.
func (s *Store) examine(ctx context.Context) error {
	err := s.write(ctx, func(t *tx) error {
		for _, m := range mends() {
			if err := t.mend(m); err != nil {
				return fmt.Errorf("put %s right: %w", m.table, err)
			}
		}
		for _, c := range checks() {
			ids, err := t.ints("SELECT rowid FROM " + c.table + " WHERE " + c.where() + " LIMIT 10000")
			if err != nil {
				return fmt.Errorf("examine %s: %w", c.table, err)
			}
			if len(ids) == 0 {
				continue
			}
			s.remember(PartRecords, fmt.Sprintf("damaged rows of table %s were found and set apart: %s", c.table, tableLoss(c.table)))
			if err := t.setApart(c.table, ids, "a column is not of its type or length"); err != nil {
				return fmt.Errorf("set rows of %s apart: %w", c.table, err)
			}
		}
		if err := t.mendTerms(); err != nil {
			return err
		}
		return t.capRetention()
	})
	if err != nil {
		return fmt.Errorf("examine the store: %w", err)
	}
	if err := s.reopenHits(ctx); err != nil {
		return err
	}
	return s.scrub(ctx, scrubAtOpen)
}

// mend puts a column right whose value can be told from the rest of the row.
type mend struct{ table, set, where, says string }

func mends() []mend {
	return []mend{
		{"hits", "is_open = 1", "is_open NOT IN (0, 1)", "a hit had a damaged state and counts as open"},
		{"manual_entries", "is_active = 1", "is_active NOT IN (0, 1)", "an entry made in the car had a damaged state and counts as active"},
		{"reads", "class = CASE WHEN EXISTS (SELECT 1 FROM hits WHERE read_id = reads.id) THEN 'hit' ELSE 'read' END",
			"class NOT IN ('read', 'hit')", "a read had a damaged class"},
		{"outbox", "class = CASE kind WHEN 'hit' THEN 'hit' WHEN 'read' THEN 'read' WHEN 'disposition' THEN 'disposition' ELSE '' END",
			"class NOT IN ('read', 'hit', 'disposition', 'manual', '')", "a record that waits for the backend had a damaged class"},
		{"outbox", `kind = CASE WHEN ref IN (SELECT id FROM reads) THEN 'read' WHEN ref IN (SELECT id FROM hits) THEN 'hit'
			WHEN ref IN (SELECT id FROM dispositions) THEN 'disposition' WHEN ref IN (SELECT id FROM audit) THEN 'audit' ELSE 'expired' END`,
			"kind NOT IN ('hit', 'read', 'disposition', 'audit', 'expired')", "a record that waits for the backend had a damaged kind"},
		{"outbox", "sent_ms = 0", "typeof(sent_ms) <> 'integer'", "a record that waits for the backend is sent again"},
		{"outbox", "recorded_ms = since_ms", "typeof(recorded_ms) <> 'integer'", "a record that waits for the backend had a damaged time"},
		{"hotlists", "list = 'list-' || id", "typeof(list) <> 'text' OR list = ''", "a hotlist had no name"},
		{"hotlists", "version = ''", "typeof(version) <> 'text'", "a hotlist had a damaged version"},
		{"hotlists", "entries = 0", "typeof(entries) <> 'integer'", "a hotlist had a damaged count"},
		{"hotlists", "published_ms = 0", "typeof(published_ms) <> 'integer'", "a hotlist had a damaged time"},
		{"hotlists", "imported_ms = 0", "typeof(imported_ms) <> 'integer'", "a hotlist had a damaged time"},
		{"hotlists", "key_id = 0", "typeof(key_id) <> 'integer'", "a hotlist had lost its key"},
		{"hotlists", "state = 'ready'", "state NOT IN ('staging', 'ready', 'active', 'damaged')", "a hotlist had a damaged state"},
		// A list that is kept is in use: its newest version where none says so.
		{"hotlists", "state = 'active'", `state = 'ready' AND id = (SELECT max(id) FROM hotlists h WHERE h.list = hotlists.list AND h.state = 'ready')
			AND NOT EXISTS (SELECT 1 FROM hotlists h WHERE h.list = hotlists.list AND h.state = 'active')`,
			"of a hotlist no version was in use: its newest is"},
		// Taking an entry off moves its end to that moment.
		{"manual_entries", "is_active = 1", "is_active = 0 AND since_ms > ?1", "an entry made in the car was marked as taken off, and counts as active"},
		{"outbox", "sent_ms = 0", "sent_ms > 0 AND sent_ms < recorded_ms", "a record that waits for the backend is sent again"},
		{"outbox", "bad = NULL", "bad = '' OR typeof(bad) NOT IN ('text', 'null')", "a record that waits for the backend is sent again"},
		{"pictures", `which = CASE WHEN EXISTS (SELECT 1 FROM pictures p WHERE p.read_id = pictures.read_id AND p.which = 'crop')
			THEN 'context' ELSE 'crop' END`, "which NOT IN ('crop', 'context') AND which NOT GLOB 'crop [0-9]*' AND which NOT GLOB 'context [0-9]*'",
			"a picture had a damaged kind"},
		{"tallies", "n = 0", "typeof(n) <> 'integer'", "a count of the transparency report was lost"},
	}
}

func (t *tx) mend(m mend) error {
	var n int64
	var args []any
	if strings.Contains(m.where, "?1") {
		args = []any{ms(t.due)}
	}
	if _, err := t.row("SELECT count(*) FROM "+m.table+" WHERE "+m.where, args, &n); err != nil || n == 0 {
		return err
	}
	if _, err := t.exec("UPDATE OR IGNORE "+m.table+" SET "+m.set+" WHERE "+m.where, args...); err != nil {
		return err
	}
	part := PartRecords
	if m.table == "hotlists" {
		part = PartHotlist
	}
	t.s.remember(part, m.says)
	return t.auditNow(alpr.AuditRecord{Officer: "system", Action: alpr.ActionQuarantine, Purpose: "rows of the store were damaged",
		Subject: m.table, Detail: map[string]string{"rows": fmt.Sprint(n), "mended": m.says}})
}

// check is what every row of a table must be.
type check struct {
	table    string
	integers string // columns, separated by spaces
	ids      string // blobs of the length of an ID
	blobs    string
	texts    string
}

func checks() []check {
	return []check{
		{table: "reads", ids: "id", integers: "revision key_id at_ms recorded_ms since_ms purge_ms", blobs: "body tag", texts: "class"},
		{table: "hits", ids: "id read_id", integers: "revision key_id at_ms recorded_ms since_ms purge_ms is_open", blobs: "body"},
		{table: "dispositions", ids: "id hit_id", integers: "key_id at_ms recorded_ms since_ms purge_ms", blobs: "body"},
		{table: "manual_entries", integers: "key_id recorded_ms since_ms purge_ms is_active", blobs: "body", texts: "id"},
		{table: "pictures", ids: "read_id", integers: "key_id", blobs: "body tag", texts: "which"},
		{table: "outbox", ids: "ref boot", integers: "revision seq recorded_ms since_ms purge_ms sent_ms", texts: "kind class"},
		{table: "hotlist_chunks", integers: "hotlist_id n", blobs: "body"},
	}
}

// where selects the rows that are not so.
func (c check) where() string {
	var bad []string
	for _, t := range []struct{ columns, is string }{{c.integers, "integer"}, {c.blobs, "blob"}, {c.ids, "blob"}, {c.texts, "text"}} {
		for _, column := range strings.Fields(t.columns) {
			bad = append(bad, "typeof("+column+") <> '"+t.is+"'")
		}
	}
	for _, column := range strings.Fields(c.ids) {
		bad = append(bad, fmt.Sprintf("length(%s) <> %d", column, len(alpr.ID{})))
	}
	return strings.Join(bad, " OR ")
}

// mendTerms puts since_ms and purge_ms right where one bit of them has changed:
// the two are a whole number of seconds of retention apart, which a power of two
// of milliseconds never is a difference between. Otherwise the row would be
// deleted too early, or too late.
func (t *tx) mendTerms() error {
	for _, k := range rules(t.s.policy()) {
		if k.table == "quarantine" {
			continue
		}
		keep := int64(k.keep) / 1e6
		rows, err := t.query("SELECT rowid, since_ms, purge_ms, recorded_ms FROM "+k.table+" WHERE ("+k.where+") AND purge_ms - since_ms <> ?", keep)
		if err != nil {
			return fmt.Errorf("examine the retention of %s: %w", k.table, err)
		}
		var changed [][3]int64
		for rows.Next() {
			var rowid, since, purge, recorded int64
			if err := rows.Scan(&rowid, &since, &purge, &recorded); err != nil {
				return errors.Join(err, rows.Close())
			}
			off := purge - since - keep
			if off = max(off, -off); bits.OnesCount64(uint64(off)) != 1 {
				continue
			}
			right := [3]int64{rowid, since, since + keep}
			if other := purge - keep; distance(other, recorded) < distance(since, recorded) {
				right = [3]int64{rowid, other, purge}
			}
			changed = append(changed, right)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("examine the retention of %s: %w", k.table, err)
		}
		for _, c := range changed {
			if _, err := t.exec("UPDATE "+k.table+" SET since_ms = ?, purge_ms = ? WHERE rowid = ?", c[1], c[2], c[0]); err != nil {
				return fmt.Errorf("put the retention of %s right: %w", k.table, err)
			}
			t.s.remember(PartRecords, "the time for which a row of table "+k.table+" is kept had a flipped bit and was put right")
		}
	}
	return nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// capRetention sees to it that no damaged time lets anything live longer than
// the policy in force says.
func (t *tx) capRetention() error {
	if t.s.isPolicyLost {
		return nil // what the rows themselves say holds
	}
	due := ms(t.due)
	for _, k := range rules(t.s.policy()) {
		millis := int64(k.keep) / 1e6
		where := k.where
		if k.table == "manual_entries" { // counts from the expiry, which lies ahead
			where += " AND false"
		}
		_, err := t.exec("UPDATE "+k.table+" SET since_ms = min(since_ms, ?1), purge_ms = min(since_ms, ?1) + ?2 WHERE ("+where+") AND purge_ms > min(since_ms, ?1) + ?2", due, millis)
		if err != nil {
			return fmt.Errorf("bound the retention of %s: %w", k.table, err)
		}
	}
	return nil
}

// reopenHits opens hits again that are marked as closed and that nobody has
// closed: one flipped bit must not take an alert from the officer.
func (s *Store) reopenHits(ctx context.Context) error {
	p := s.policy()
	if p.Retention.Dispositions == 0 || p.Retention.Dispositions < p.Retention.Hits {
		return nil // a disposition may have gone before its hit
	}
	const closed = "WHERE is_open = 0 AND purge_ms > ? AND id NOT IN (SELECT hit_id FROM dispositions) ORDER BY at_ms"
	hits, err := queryBodies[alpr.Hit](ctx, s, "hits", closed, ms(s.due()))
	if err != nil {
		return fmt.Errorf("look for hits that nobody closed: %w", err)
	}
	for _, h := range hits {
		if h.IsWithdrawn {
			continue
		}
		s.remember(PartRecords, "a hit was marked as closed that nobody has closed: it is open again")
		err := s.write(ctx, func(t *tx) error {
			_, err := t.exec("UPDATE hits SET is_open = 1 WHERE id = ?", h.ID[:])
			return err
		})
		if err != nil {
			return fmt.Errorf("open a hit again: %w", err)
		}
	}
	return nil
}
