package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"alpr"
)

// keepVersions is how many versions of a list are kept: the active one and
// those that it can be rolled back to.
const keepVersions = 3

// HotlistInfo names one stored version of a list.
type HotlistInfo struct {
	List        string
	Version     string
	Entries     int
	PublishedAt time.Time // zero when the source does not say
	ImportedAt  time.Time
	IsActive    bool
	IsDamaged   bool // set aside: see SetListAside
	id          int64
}

// Save keeps a new version of a list and makes it the active one, all
// or nothing. chunks are opaque, a megabyte or so each; each is packed, sealed
// and committed on its own, so that recording goes on beside a long import.
func (l Lists) Save(ctx context.Context, who Access, info HotlistInfo, chunks iter.Seq[[]byte]) error {
	fail := func(err error) error {
		return fmt.Errorf("save list %q version %q: %w", info.List, info.Version, err)
	}
	if err := who.Validate(); err != nil {
		return fail(err)
	}
	var id int64
	err := l.s.write(ctx, func(t *tx) (err error) {
		id, err = t.stageHotlist(info)
		return err
	})
	if err != nil {
		return fail(err)
	}
	n := 0
	for chunk := range chunks {
		packed := l.s.codec.pack(chunk)
		if err := l.s.write(ctx, func(t *tx) error { return t.putChunk(id, n, packed) }); err != nil {
			return fail(err)
		}
		n++
	}
	err = l.s.write(ctx, func(t *tx) error {
		if err := t.activate(info.List, id); err != nil {
			return err
		}
		if err := t.dropVersions(info.List); err != nil {
			return err
		}
		detail := map[string]string{"version": info.Version, "entries": fmt.Sprint(info.Entries)}
		return t.auditNow(who.Record(alpr.ActionHotlistImport, info.List, detail))
	})
	if err != nil {
		return fail(err)
	}
	l.s.secureLists(ctx)
	return nil
}

func (t *tx) stageHotlist(info HotlistInfo) (int64, error) {
	key, err := t.sealingKey(classHotlist)
	if err != nil {
		return 0, err
	}
	res, err := t.exec(`INSERT INTO hotlists (list, version, key_id, state, entries, published_ms, imported_ms)
		VALUES (?, ?, ?, 'staging', ?, ?, ?)`, info.List, info.Version, key.id, info.Entries, ms(info.PublishedAt), ms(t.wall))
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

func (t *tx) putChunk(id int64, n int, packed []byte) error {
	var keyID int64
	if found, err := t.row("SELECT key_id FROM hotlists WHERE id = ?", []any{id}, &keyID); err != nil || !found {
		return errors.Join(err, errors.New("the staged version has gone"))
	}
	key, err := t.s.key(t, keyID)
	if err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO hotlist_chunks (hotlist_id, n, body) VALUES (?, ?, ?)", id, n, key.seal(packed, "hotlist_chunks", chunkID(id, n)))
	return err
}

func chunkID(id int64, n int) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(id)), uint64(n))
}

func (t *tx) activate(list string, id int64) error {
	if _, err := t.exec("UPDATE hotlists SET state = 'ready' WHERE list = ? AND state = 'active'", list); err != nil {
		return err
	}
	_, err := t.exec("UPDATE hotlists SET state = 'active' WHERE id = ?", id)
	return err
}

// dropVersions deletes what is too old to roll back to.
func (t *tx) dropVersions(list string) error {
	_, err := t.exec(`DELETE FROM hotlists WHERE list = ? AND state IN ('ready', 'damaged') AND id NOT IN
		(SELECT id FROM hotlists WHERE list = ? AND state <> 'staging' ORDER BY id DESC LIMIT ?)`, list, list, keepVersions)
	return err
}

// dropStaging clears what an import left that never ended.
func (s *Store) dropStaging(ctx context.Context) error {
	err := s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM hotlists WHERE state = 'staging' AND imported_ms < ?", ms(t.wall.Add(-time.Hour)))
		return err
	})
	if err != nil {
		return fmt.Errorf("clear unfinished imports: %w", err)
	}
	return nil
}

// All names the stored versions, newest first, lists in no order.
func (l Lists) All(ctx context.Context) ([]HotlistInfo, error) {
	rows, err := l.s.r.QueryContext(ctx, `SELECT id, list, version, entries, published_ms, imported_ms, state = 'active', state = 'damaged'
		FROM hotlists WHERE state <> 'staging' ORDER BY id DESC`)
	if err != nil {
		return nil, fmt.Errorf("list hotlists: %w", err)
	}
	defer rows.Close()
	var out []HotlistInfo
	for rows.Next() {
		var h HotlistInfo
		var published, imported int64
		if err := rows.Scan(&h.id, &h.List, &h.Version, &h.Entries, &published, &imported, &h.IsActive, &h.IsDamaged); err != nil {
			return nil, fmt.Errorf("list hotlists: %w", err)
		}
		h.PublishedAt, h.ImportedAt = fromMS(published), fromMS(imported)
		out = append(out, h)
	}
	return out, rows.Err()
}

// Load yields the chunks of a version as SaveHotlist took them. It ends
// after the first error.
func (l Lists) Load(ctx context.Context, info HotlistInfo) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for n := 0; ; n++ {
			chunk, err := l.s.loadChunk(ctx, info.id, n)
			if err != nil {
				yield(nil, fmt.Errorf("load list %q version %q: %w", info.List, info.Version, err))
				return
			}
			if chunk == nil || !yield(chunk, nil) {
				return
			}
		}
	}
}

func (s *Store) loadChunk(ctx context.Context, id int64, n int) ([]byte, error) {
	q := s.reader(ctx)
	row := sealedRow{table: "hotlist_chunks", id: chunkID(id, n)}
	found, err := q.row(`SELECT c.rowid, h.key_id, c.body FROM hotlist_chunks c JOIN hotlists h ON h.id = c.hotlist_id
		WHERE c.hotlist_id = ? AND c.n = ?`, []any{id, n}, &row.rowid, &row.key, &row.sealed)
	if err != nil || !found {
		return nil, err
	}
	packed, err := s.openBody(q, row)
	if errors.Is(err, ErrForgotten) { // no list in use has its key destroyed
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if errors.Is(err, errKeyLost) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	return s.codec.unpack(packed)
}

// SetAside takes a version out of use whose content is damaged. The newest
// other version that has not been set aside comes into use in its place; back
// is its info, and found is false where there is none: the list does not alert
// any more. The damaged version is kept until newer ones have replaced it.
func (l Lists) SetAside(ctx context.Context, info HotlistInfo, reason error) (back HotlistInfo, found bool, err error) {
	infos, err := l.All(ctx)
	if err != nil {
		return back, false, err
	}
	for _, other := range infos { // newest first
		if other.List == info.List && other.id != info.id && !other.IsDamaged {
			back, found = other, true
			back.IsActive = true
			break
		}
	}
	text := fmt.Sprintf("hotlist %s, version %q is damaged and NO other version of it is kept: its plates do not alert. Import it again", info.List, info.Version)
	if found {
		text = fmt.Sprintf("hotlist %s, version %q is damaged: version %q is in use in its place. Import it again", info.List, info.Version, back.Version)
	}
	l.s.remember(PartHotlist, text)
	err = l.s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE hotlists SET state = 'damaged' WHERE id = ?", info.id); err != nil {
			return err
		}
		if found {
			if err := t.activate(info.List, back.id); err != nil {
				return err
			}
		}
		detail := map[string]string{"version": info.Version, "reason": reason.Error()}
		if found {
			detail["in its place"] = back.Version
		}
		if err := t.putNotices(); err != nil {
			return err
		}
		return t.auditNow(alpr.AuditRecord{Officer: "system", Action: alpr.ActionQuarantine, Purpose: "a hotlist was damaged", Subject: info.List, Detail: detail})
	})
	if err != nil {
		return back, found, fmt.Errorf("set list %q aside: %w", info.List, err)
	}
	return back, found, nil
}

// Correct puts what the table says about a version right, by what its
// sealed content says. It returns the version as it is then.
func (l Lists) Correct(ctx context.Context, info, right HotlistInfo) (HotlistInfo, error) {
	right.id, right.ImportedAt, right.IsActive = info.id, info.ImportedAt, info.IsActive
	l.s.remember(PartHotlist, fmt.Sprintf("the name, version, time or count of hotlist %s, version %q had changed and was put right", right.List, right.Version))
	err := l.s.write(ctx, func(t *tx) error {
		var other int64
		isTaken, err := t.row("SELECT id FROM hotlists WHERE list = ? AND state = 'active' AND id <> ?", []any{right.List, info.id}, &other)
		if err != nil {
			return err
		}
		state := "active"
		if isTaken && other > info.id {
			state = "ready"
		} else if isTaken {
			if _, err := t.exec("UPDATE hotlists SET state = 'ready' WHERE id = ?", other); err != nil {
				return err
			}
		}
		right.IsActive = state == "active"
		if _, err := t.exec("UPDATE hotlists SET list = ?, version = ?, entries = ?, published_ms = ?, state = ? WHERE id = ?",
			right.List, right.Version, right.Entries, ms(right.PublishedAt), state, info.id); err != nil {
			return err
		}
		return t.putNotices()
	})
	if err != nil {
		return right, fmt.Errorf("put list %q right: %w", right.List, err)
	}
	return right, nil
}

// Rollback makes the version before the active one the active one, and drops
// the one it leaves: a second rollback goes one further back.
func (l Lists) Rollback(ctx context.Context, who Access, list string) (HotlistInfo, error) {
	var info HotlistInfo
	if err := who.Validate(); err != nil {
		return info, fmt.Errorf("roll back list %q: %w", list, err)
	}
	err := l.s.write(ctx, func(t *tx) error {
		var active, published, imported int64
		_, err := t.row("SELECT id FROM hotlists WHERE list = ? AND state = 'active'", []any{list}, &active)
		if err != nil {
			return err
		}
		found, err := t.row(`SELECT id, version, entries, published_ms, imported_ms FROM hotlists
			WHERE list = ? AND state = 'ready' AND id < ? ORDER BY id DESC LIMIT 1`, []any{list, active},
			&info.id, &info.Version, &info.Entries, &published, &imported)
		if err != nil {
			return err
		}
		if !found {
			return errors.New("there is no earlier version")
		}
		info.List, info.IsActive, info.PublishedAt, info.ImportedAt = list, true, fromMS(published), fromMS(imported)
		if _, err := t.exec("DELETE FROM hotlists WHERE id = ?", active); err != nil {
			return err
		}
		if err := t.activate(list, info.id); err != nil {
			return err
		}
		defer t.noteLists()
		return t.auditNow(who.Record(alpr.ActionHotlistRollback, list, map[string]string{"version": info.Version}))
	})
	if err != nil {
		return HotlistInfo{}, fmt.Errorf("roll back list %q: %w", list, err)
	}
	l.s.secureLists(ctx)
	return info, nil
}

// Drop deletes a list with all its versions.
func (l Lists) Drop(ctx context.Context, who Access, list string) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("drop list %q: %w", list, err)
	}
	err := l.s.write(ctx, func(t *tx) error {
		res, err := t.exec("DELETE FROM hotlists WHERE list = ?", list)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNotKept)
		}
		defer t.noteLists()
		return t.auditNow(who.Record(alpr.ActionHotlistDropped, list, nil))
	})
	if err != nil {
		return fmt.Errorf("drop list %q: %w", list, err)
	}
	l.s.secureLists(ctx)
	return nil
}

// Generation changes whenever a list, a version or a manual entry does:
// a cheap question for whoever keeps an index in memory.
func (l Lists) Generation(ctx context.Context) (string, error) {
	var generation string
	_, err := l.s.reader(ctx).row(`SELECT
		coalesce((SELECT group_concat(id, ' ') FROM (SELECT id FROM hotlists WHERE state = 'active' ORDER BY id)), '') || ';' ||
		coalesce((SELECT group_concat(id || '@' || recorded_ms, ' ') FROM (SELECT id, recorded_ms FROM manual_entries WHERE is_active = 1 ORDER BY id)), '')`,
		nil, &generation)
	if err != nil {
		return "", fmt.Errorf("ask for hotlist changes: %w", err)
	}
	return generation, nil
}
