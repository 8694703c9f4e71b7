package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"alpr"
)

// kinds lists every kind of outbox item.
func kinds() []alpr.Kind {
	return []alpr.Kind{alpr.KindHit, alpr.KindRead, alpr.KindDisposition, alpr.KindAudit, alpr.KindExpired}
}

// enqueue adds an item to the outbox, under the next number of this boot.
func (t *tx) enqueue(kind alpr.Kind, ref alpr.ID, revision int, keep term) error {
	return t.enqueueDetail(kind, ref, revision, keep, nil)
}

func (t *tx) enqueueDetail(kind alpr.Kind, ref alpr.ID, revision int, keep term, detail []byte) error {
	_, err := t.exec(`INSERT INTO outbox (kind, ref, revision, boot, seq, recorded_ms, class, since_ms, purge_ms, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(kind), ref[:], revision, t.s.bootID[:], t.seq+1, ms(t.wall), string(keep.class), ms(keep.since), ms(keep.purge), detail)
	if err != nil {
		return fmt.Errorf("queue the %s for the backend: %w", kind, err)
	}
	t.seq++
	t.added = true
	return nil
}

// outboxRow is an item before its body is fetched.
type outboxRow struct {
	key                                  int64
	seq, recorded, purge, sent, revision looseInt
	kind, class                          looseText
	ref, boot, detail                    looseBytes
}

// Peek returns the items that q selects, in order of Key, without removing
// them. Bodies are opened here: what has been deleted since, or must not leave
// the vehicle any more, does not appear. Pictures are not included: ask Picture.
func (o Outbox) Peek(ctx context.Context, q alpr.OutboxQuery) ([]alpr.OutboxItem, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	want := q.Kinds
	if len(want) == 0 {
		want = kinds()
	}
	after, err := o.s.keyFloor(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("peek into the outbox: %w", err)
	}
	var rows []outboxRow
	for _, kind := range want {
		got, err := o.s.peekKind(ctx, kind, after, limit, q)
		if err != nil {
			return nil, fmt.Errorf("peek into the outbox: %w", err)
		}
		rows = append(rows, got...)
	}
	slices.SortFunc(rows, func(a, b outboxRow) int { return cmp.Compare(a.key, b.key) })
	rows = rows[:min(limit, len(rows))]
	items := make([]alpr.OutboxItem, 0, len(rows))
	for i := range rows {
		item, found, err := o.s.fetch(ctx, &rows[i])
		if isRowDamage(err) {
			o.s.setApart(ctx, "outbox", []int64{rows[i].key}, err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open outbox item %d: %w", rows[i].key, err)
		}
		if found {
			items = append(items, item)
			continue
		}
		if err := o.s.checkRef(ctx, &rows[i]); err != nil {
			return nil, fmt.Errorf("look for what outbox item %d stands for: %w", rows[i].key, err)
		}
	}
	return items, nil
}

// keyFloor is the key after which the query's items lie. Keys grow with the
// time of recording, so that a look at the newest need not pass a long backlog.
func (s *Store) keyFloor(ctx context.Context, q alpr.OutboxQuery) (int64, error) {
	if q.RecordedAfter.IsZero() {
		return q.AfterKey, nil
	}
	var key int64
	_, err := s.reader(ctx).row("SELECT key FROM outbox WHERE recorded_ms > ? ORDER BY recorded_ms, key LIMIT 1",
		[]any{ms(q.RecordedAfter)}, &key)
	return max(q.AfterKey, key-1), err
}

func (s *Store) peekKind(ctx context.Context, kind alpr.Kind, after int64, limit int, q alpr.OutboxQuery) ([]outboxRow, error) {
	before := int64(1) << 62
	if !q.RecordedBefore.IsZero() {
		before = ms(q.RecordedBefore)
	}
	const columns = "SELECT key, kind, ref, revision, boot, seq, recorded_ms, class, purge_ms, sent_ms, detail FROM outbox "
	const common = " AND kind = ? AND key > ? AND recorded_ms > ? AND recorded_ms < ? AND (purge_ms = 0 OR purge_ms > ?) ORDER BY key LIMIT ?"
	args := []any{string(kind), after, ms(q.RecordedAfter), before, ms(s.due()), limit}
	rows, err := s.outboxRows(ctx, columns+"WHERE sent_ms = 0 AND bad IS NULL"+common, args)
	if err != nil || q.SentBefore.IsZero() {
		return rows, err
	}
	stale, err := s.outboxRows(ctx, columns+"WHERE sent_ms > 0 AND bad IS NULL AND sent_ms < ?"+common,
		append([]any{ms(q.SentBefore)}, args...))
	return append(rows, stale...), err
}

func (s *Store) outboxRows(ctx context.Context, query string, args []any) ([]outboxRow, error) {
	rows, err := s.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []outboxRow
	for rows.Next() {
		var r outboxRow
		if err := rows.Scan(&r.key, &r.kind, &r.ref, &r.revision, &r.boot, &r.seq, &r.recorded, &r.class, &r.purge, &r.sent, &r.detail); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// fetch opens what an outbox row refers to. found is false where a purge was
// faster: the range of items it deleted is told by an item of its own.
func (s *Store) fetch(ctx context.Context, r *outboxRow) (item alpr.OutboxItem, found bool, err error) {
	ref, isRef := idOf(r.ref)
	boot, isBoot := idOf(r.boot)
	if !isRef || !isBoot || r.seq < 1 || r.revision == badInt {
		return item, false, fmt.Errorf("outbox item %d: %w", r.key, ErrDamaged)
	}
	item = alpr.OutboxItem{
		Key: r.key, Kind: alpr.Kind(r.kind), ID: ref, Revision: int(r.revision), BootID: boot, Seq: uint64(r.seq),
		RecordedAt: fromMS(int64(r.recorded)), Class: alpr.RetentionClass(r.class), PurgeAt: fromMS(int64(r.purge)), SentAt: fromMS(int64(r.sent)),
	}
	switch item.Kind {
	case alpr.KindRead:
		item.Read, err = s.Reads().ByID(ctx, item.ID)
		found = item.Read != nil
		if found {
			item.Revision = item.Read.Revision
		}
	case alpr.KindHit:
		item.Hit, item.Revision, err = s.hit(ctx, item.ID)
		if found = item.Hit != nil; found && err == nil {
			item.Read, err = s.readOf(ctx, item.Hit)
			found = item.Read != nil
		}
	case alpr.KindDisposition:
		found, err = s.fetchDisposition(ctx, &item)
	case alpr.KindAudit:
		item.Audit, err = s.auditByID(ctx, item.ID)
		found = item.Audit != nil
	case alpr.KindExpired:
		item.Expired = &alpr.Expired{}
		if found, err = true, json.Unmarshal(bytes.Clone(r.detail), item.Expired); err != nil {
			err = fmt.Errorf("outbox item %d: %w: %w", r.key, ErrDamaged, err)
		}
	default:
		err = fmt.Errorf("outbox item %d: unknown kind %q: %w", r.key, r.kind, ErrDamaged)
	}
	if errors.Is(err, ErrForgotten) {
		return item, false, nil
	}
	return item, found, err
}

func (s *Store) fetchDisposition(ctx context.Context, item *alpr.OutboxItem) (found bool, err error) {
	if item.Disposition, err = s.disposition(ctx, item.ID); err != nil || item.Disposition == nil {
		return false, err
	}
	if item.Hit, _, err = s.hit(ctx, item.Disposition.HitID); err != nil || item.Hit == nil {
		return err == nil, err
	}
	item.Read, err = s.readOf(ctx, item.Hit)
	return err == nil, err
}

// Sent notes that the broker took the items (PUBACK) at the given time. They
// stay until Receipt or Delivered.
func (o Outbox) Sent(ctx context.Context, keys []int64, at time.Time) error {
	return o.s.eachKey(ctx, "mark as sent", keys, "UPDATE outbox SET sent_ms = ? WHERE key = ?", ms(at))
}

// Delivered removes items for which nothing more is awaited.
func (o Outbox) Delivered(ctx context.Context, keys []int64) error {
	return o.s.eachKey(ctx, "remove delivered items", keys, "DELETE FROM outbox WHERE key = ?")
}

// Quarantine takes an item out of sending for good, and keeps it for a person
// to look at until its retention ends.
func (o Outbox) Quarantine(ctx context.Context, key int64, reason string) error {
	return o.s.eachKey(ctx, "quarantine", []int64{key}, "UPDATE outbox SET bad = ? WHERE key = ?", reason)
}

func (s *Store) eachKey(ctx context.Context, what string, keys []int64, query string, args ...any) error {
	if len(keys) == 0 {
		return nil
	}
	err := s.write(ctx, func(t *tx) error {
		for _, key := range keys {
			if _, err := t.exec(query, append(args[:len(args):len(args)], key)...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Receipt removes the items of one boot, numbers from to to inclusive, that
// the backend says it has for good.
func (o Outbox) Receipt(ctx context.Context, boot alpr.ID, from, to uint64) error {
	err := o.s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM outbox WHERE boot = ? AND seq BETWEEN ? AND ?", boot[:], clampSeq(from), clampSeq(to))
		return err
	})
	if err != nil {
		return fmt.Errorf("take the backend's receipt: %w", err)
	}
	return nil
}

// clampSeq keeps a number from outside within SQLite's signed 64 bits.
func clampSeq(v uint64) int64 { return int64(min(v, 1<<62)) }

// Depth says what waits to be sent.
func (o Outbox) Depth(ctx context.Context) (alpr.OutboxDepth, error) {
	d := alpr.OutboxDepth{Waiting: make(map[alpr.Kind]int64)}
	var oldest sql.NullInt64
	for _, kind := range kinds() {
		var n int64
		var first sql.NullInt64
		_, err := o.s.reader(ctx).row("SELECT count(*), min(key) FROM outbox WHERE sent_ms = 0 AND bad IS NULL AND kind = ?",
			[]any{string(kind)}, &n, &first)
		if err != nil {
			return d, fmt.Errorf("measure the outbox: %w", err)
		}
		if n > 0 {
			d.Waiting[kind] = n
		}
		if first.Valid && (!oldest.Valid || first.Int64 < oldest.Int64) {
			oldest = first
		}
	}
	var recorded int64
	_, err := o.s.reader(ctx).row(`SELECT
		(SELECT count(*) FROM outbox WHERE sent_ms > 0 AND bad IS NULL),
		(SELECT count(*) FROM outbox WHERE bad IS NOT NULL),
		coalesce((SELECT recorded_ms FROM outbox WHERE key = ?), 0)`, []any{oldest}, &d.Unreceipted, &d.Quarantined, &recorded)
	if err != nil {
		return d, fmt.Errorf("measure the outbox: %w", err)
	}
	d.OldestUnsent = fromMS(recorded)
	return d, nil
}

// enqueueExpired queues an item that explains a gap. It refers to no row, so
// that its identity is its own.
func (t *tx) enqueueExpired(detail []byte) error {
	id, err := alpr.NewID(t.wall, rand.Reader)
	if err != nil {
		return err
	}
	return t.enqueueDetail(alpr.KindExpired, id, 1, term{}, detail)
}

// checkRef looks at an item that stands for nothing. Where a purge was faster
// there is nothing to do; otherwise its reference has changed, and is put right
// where it differs in one bit, or the item is set apart.
func (s *Store) checkRef(ctx context.Context, r *outboxRow) error {
	var one looseInt
	isKept, err := s.reader(ctx).row("SELECT 1 FROM outbox WHERE key = ? AND bad IS NULL AND (purge_ms = 0 OR purge_ms > ?)",
		[]any{r.key, ms(s.due())}, &one)
	if err != nil || !isKept {
		return err
	}
	table := map[alpr.Kind]string{alpr.KindRead: "reads", alpr.KindHit: "hits", alpr.KindDisposition: "dispositions", alpr.KindAudit: "audit"}[alpr.Kind(r.kind)]
	if table == "" {
		return nil
	}
	var there looseInt
	if isThere, err := s.reader(ctx).row("SELECT 1 FROM "+table+" WHERE id = ?", []any{[]byte(r.ref)}, &there); err != nil || isThere {
		return err // it could not be opened; whoever tried has said so
	}
	for bit := range 8 * len(r.ref) {
		right := flipBit(r.ref, bit)
		isThere, err := s.reader(ctx).row("SELECT 1 FROM "+table+" WHERE id = ?", []any{right}, &there)
		if err != nil {
			return err
		}
		if isThere {
			s.remember(PartRecords, "a record that waits for the backend stood for nothing and was put right")
			return s.eachKey(ctx, "put an outbox item right", []int64{r.key}, "UPDATE outbox SET ref = ? WHERE key = ?", right)
		}
	}
	s.setApart(ctx, "outbox", []int64{r.key}, fmt.Errorf("it stands for nothing: %w", ErrDamaged))
	return nil
}
