package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"alpr"
)

// ErrNotKept reports something that is not in the store: never recorded,
// deleted by policy, or not allowed to be kept.
var ErrNotKept = errors.New("not in the store: never recorded, or deleted by policy")

// Access says who looks at personal data and why. Some states ask for all
// three of every access.
type Access struct {
	Officer string
	Agency  string
	Purpose string
}

// Validate says what is missing. The agency may be left to the configuration.
func (a Access) Validate() error {
	if strings.TrimSpace(a.Officer) == "" || a.Purpose == "" {
		return errors.New("an officer and a purpose are needed for every access")
	}
	return alpr.CheckPurpose(a.Purpose)
}

// Record is what the audit log keeps of an access.
func (a Access) Record(action alpr.AuditAction, subject string, detail map[string]string) alpr.AuditRecord {
	return alpr.AuditRecord{Officer: a.Officer, Agency: a.Agency, Purpose: a.Purpose, Action: action, Subject: subject, Detail: detail}
}

// due is the retention clock for readers: what is past it is treated as
// deleted even where no purge has come by yet.
func (s *Store) due() time.Time { return s.clock.Advance(s.now()) }

// ByID returns one read without its pictures, nil where it is not kept, or
// cannot be read any more.
func (h Reads) ByID(ctx context.Context, id alpr.ID) (*alpr.Read, error) {
	q := h.s.reader(ctx)
	row := sealedRow{table: "reads", id: id[:]}
	found, err := q.row("SELECT rowid, key_id, body FROM reads WHERE id = ? AND purge_ms > ?", []any{id[:], ms(h.s.due())}, &row.rowid, &row.key, &row.sealed)
	if err != nil {
		return nil, fmt.Errorf("look up read %s: %w", id, err)
	}
	if !found {
		return nil, nil
	}
	r, err := h.s.openRead(q, row)
	return r, h.s.passOver(ctx, row, err)
}

// passOver sets a damaged row apart and lets its error go; any other stays.
func (s *Store) passOver(ctx context.Context, row sealedRow, err error) error {
	if !isRowDamage(err) {
		return err
	}
	s.setApart(ctx, row.table, []int64{row.rowid}, err)
	return nil
}

func (s *Store) openRead(q querier, row sealedRow) (*alpr.Read, error) {
	packed, err := s.openBody(q, row)
	if err != nil {
		return nil, err
	}
	return s.codec.unpackRead(packed)
}

// openJSON opens a body that packJSON made into v.
func (s *Store) openJSON(q querier, row sealedRow, v any) error {
	packed, err := s.openBody(q, row)
	if err != nil {
		return err
	}
	return s.codec.unpackJSON(packed, v)
}

func (s *Store) hit(ctx context.Context, id alpr.ID) (*alpr.Hit, int, error) {
	q := s.reader(ctx)
	var revision int
	row := sealedRow{table: "hits", id: id[:]}
	found, err := q.row("SELECT rowid, revision, key_id, body FROM hits WHERE id = ? AND purge_ms > ?",
		[]any{id[:], ms(s.due())}, &row.rowid, &revision, &row.key, &row.sealed)
	if err != nil {
		return nil, 0, fmt.Errorf("look up hit %s: %w", id, err)
	}
	if !found {
		return nil, 0, nil
	}
	var hit alpr.Hit
	if err := s.openJSON(q, row, &hit); err != nil {
		return nil, 0, s.passOver(ctx, row, err)
	}
	return &hit, revision, nil
}

func (s *Store) disposition(ctx context.Context, id alpr.ID) (*alpr.Disposition, error) {
	q := s.reader(ctx)
	row := sealedRow{table: "dispositions", id: id[:]}
	found, err := q.row("SELECT rowid, key_id, body FROM dispositions WHERE id = ? AND purge_ms > ?",
		[]any{id[:], ms(s.due())}, &row.rowid, &row.key, &row.sealed)
	if err != nil {
		return nil, fmt.Errorf("look up disposition %s: %w", id, err)
	}
	if !found {
		return nil, nil
	}
	var d alpr.Disposition
	if err := s.openJSON(q, row, &d); err != nil {
		return nil, s.passOver(ctx, row, err)
	}
	return &d, nil
}

// Count is how many reads are on record.
func (h Reads) Count(ctx context.Context) (n int64, err error) {
	if _, err = h.s.reader(ctx).row("SELECT count(*) FROM reads WHERE purge_ms > ?", []any{ms(h.s.due())}, &n); err != nil {
		return 0, fmt.Errorf("count the reads on record: %w", err)
	}
	return n, nil
}

// queryReads opens the reads that a clause selects.
func (s *Store) queryReads(ctx context.Context, clause string, args ...any) ([]alpr.Read, error) {
	var reads []alpr.Read
	err := s.scanReads(ctx, clause, args, func(r *alpr.Read) error {
		reads = append(reads, *r)
		return nil
	})
	return reads, err
}

func (s *Store) scanReads(ctx context.Context, clause string, args []any, each func(*alpr.Read) error) error {
	return s.scanBodies(ctx, "reads", clause, args, func(row sealedRow) error {
		r, err := s.openRead(s.reader(ctx), row)
		if err != nil {
			return err
		}
		return each(r)
	})
}

// scanBodies hands the rows that a clause selects to each. Those whose key was
// destroyed are passed over, and damaged ones set apart.
func (s *Store) scanBodies(ctx context.Context, table, clause string, args []any, each func(sealedRow) error) error {
	rows, err := s.r.QueryContext(ctx, "SELECT rowid, id, key_id, body FROM "+table+" "+clause, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var damaged []int64
	var reason error
	for rows.Next() {
		row := sealedRow{table: table}
		if err := rows.Scan(&row.rowid, &row.id, &row.key, &row.sealed); err != nil {
			return err
		}
		err := each(row)
		switch {
		case isRowDamage(err):
			damaged, reason = append(damaged, row.rowid), err
		case err != nil && !errors.Is(err, ErrForgotten):
			return err
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	s.setApart(ctx, table, damaged, reason)
	return nil
}

// OpenHits returns the hits that await a disposition, oldest first, each with
// its read at the same place. The caller audits the view.
func (h Reads) OpenHits(ctx context.Context) ([]alpr.Read, []alpr.Hit, error) {
	reads, hits, err := h.s.hitsOf(ctx, "WHERE is_open = 1 AND purge_ms > ? ORDER BY at_ms", ms(h.s.due()))
	if err != nil {
		return nil, nil, fmt.Errorf("list open hits: %w", err)
	}
	return reads, hits, nil
}

// HitsSince returns the hits that were recorded from an instant of the system's
// clock on, answered ones too, oldest first, each with its read at the same place.
// It is for the program itself: it shows nobody anything.
func (h Reads) HitsSince(ctx context.Context, since time.Time) ([]alpr.Read, []alpr.Hit, error) {
	reads, hits, err := h.s.hitsOf(ctx, "WHERE recorded_ms >= ? AND purge_ms > ? ORDER BY at_ms", ms(since), ms(h.s.due()))
	if err != nil {
		return nil, nil, fmt.Errorf("list hits since %s: %w", since.Format(time.RFC3339), err)
	}
	return reads, hits, nil
}

func (s *Store) hitsOf(ctx context.Context, clause string, args ...any) ([]alpr.Read, []alpr.Hit, error) {
	hits, err := queryBodies[alpr.Hit](ctx, s, "hits", clause, args...)
	if err != nil {
		return nil, nil, err
	}
	reads := make([]alpr.Read, 0, len(hits))
	kept := hits[:0]
	for _, h := range hits {
		read, err := s.readOf(ctx, &h)
		if err != nil {
			return nil, nil, err
		}
		if read != nil { // else both have just been purged
			reads, kept = append(reads, *read), append(kept, h)
		}
	}
	return reads, kept, nil
}

// readOf is the read that a hit was raised on. Where it cannot be read any more,
// and its hit can, it is one that says no more than the hit does: an alert does
// not go with it. It is nil once the hit is past its time.
func (s *Store) readOf(ctx context.Context, h *alpr.Hit) (*alpr.Read, error) {
	read, err := s.Reads().ByID(ctx, h.ReadID)
	if err != nil || read != nil {
		return read, err
	}
	var revision int
	found, err := s.reader(ctx).row("SELECT revision FROM hits WHERE id = ? AND purge_ms > ?", []any{h.ID[:], ms(s.due())}, &revision)
	if err != nil || !found {
		return nil, err
	}
	return &alpr.Read{ID: h.ReadID, Revision: revision, Camera: "not on record", FirstAt: h.At, At: h.At, LastAt: h.At,
		Fix: alpr.Fix{At: h.At}, TimeSource: alpr.TimeSystem}, nil
}

// Verdicts counts what officers found, the last verdict of each hit, over the
// dispositions on record.
func (h Reads) Verdicts(ctx context.Context) (map[alpr.Verdict]int, error) {
	all, err := queryBodies[alpr.Disposition](ctx, h.s, "dispositions", "WHERE purge_ms > ? ORDER BY at_ms, recorded_ms", ms(h.s.due()))
	if err != nil {
		return nil, fmt.Errorf("count verdicts: %w", err)
	}
	last := make(map[alpr.ID]alpr.Verdict)
	for _, d := range all {
		last[d.HitID] = d.Verdict
	}
	counts := make(map[alpr.Verdict]int)
	for _, v := range last {
		if v != alpr.VerdictUndone {
			counts[v]++
		}
	}
	return counts, nil
}

// queryBodies opens the JSON bodies that a clause selects.
func queryBodies[T any](ctx context.Context, s *Store, table, clause string, args ...any) ([]T, error) {
	var out []T
	err := s.scanBodies(ctx, table, clause, args, func(row sealedRow) error {
		var v T
		if err := s.openJSON(s.reader(ctx), row, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

// Picture returns one picture of a read (PictureCrop, PictureContext, or a
// ViewPicture), the zero Picture where none is kept. The caller audits the view.
func (h Reads) Picture(ctx context.Context, readID alpr.ID, which string) (alpr.Picture, error) {
	read, err := h.ByID(ctx, readID)
	if err != nil || read == nil {
		return alpr.Picture{}, err
	}
	q := h.s.reader(ctx)
	row := sealedRow{table: "pictures", bound: "pictures " + which, id: readID[:]}
	found, err := q.row("SELECT rowid, key_id, body FROM pictures WHERE read_id = ? AND which = ?", []any{readID[:], which},
		&row.rowid, &row.key, &row.sealed)
	if err != nil {
		return alpr.Picture{}, fmt.Errorf("look up the %s picture of read %s: %w", which, readID, err)
	}
	if !found {
		return alpr.Picture{}, nil
	}
	picture := alpr.Picture{}
	for _, p := range picturesOf(read) {
		if p.which == which {
			picture = *p.Picture
		}
	}
	if picture.JPEG, err = h.s.openBody(q, row); err != nil {
		return alpr.Picture{}, h.s.passOver(ctx, row, err)
	}
	return picture, nil
}

// PictureByHash finds a kept picture by the SHA-256 of its bytes, with its
// read and, where there is one, its hit. One that is gone, or past its time, is
// ErrNotKept.
func (h Reads) PictureByHash(ctx context.Context, sum [32]byte) (alpr.Picture, *alpr.Read, *alpr.Hit, error) {
	fail := func(err error) (alpr.Picture, *alpr.Read, *alpr.Hit, error) {
		return alpr.Picture{}, nil, nil, fmt.Errorf("find picture %x: %w", sum, err)
	}
	keys, err := h.s.liveKeys(ctx)
	if err != nil {
		return fail(err)
	}
	for _, k := range keys {
		var id looseBytes
		var which looseText
		found, err := h.s.reader(ctx).row("SELECT read_id, which FROM pictures WHERE key_id = ? AND tag = ?",
			[]any{k.id, keyedHash(k.index, string(sum[:]))}, &id, &which)
		if err != nil {
			return fail(err)
		}
		readID, isID := idOf(id)
		if !found || !isID {
			continue
		}
		picture, err := h.Picture(ctx, readID, string(which))
		if err != nil {
			return fail(err)
		}
		read, err := h.ByID(ctx, readID)
		if err != nil {
			return fail(err)
		}
		if read == nil || picture.JPEG == nil {
			break // past its time
		}
		hits, err := queryBodies[alpr.Hit](ctx, h.s, "hits", "WHERE read_id = ? AND purge_ms > ? ORDER BY recorded_ms DESC LIMIT 1", readID[:], ms(h.s.due()))
		if err != nil {
			return fail(err)
		}
		if len(hits) == 0 {
			return picture, read, nil, nil
		}
		return picture, read, &hits[0], nil
	}
	return fail(ErrNotKept)
}

// Lookup finds the kept reads whose text is plate, newest first. The look-up
// is in the audit log before its answer is given.
func (h Reads) Lookup(ctx context.Context, who Access, plate string, limit int) ([]alpr.Read, error) {
	plate, err := alpr.ParsePlate(plate)
	if err != nil {
		return nil, fmt.Errorf("look up a plate: %w", err)
	}
	if err := h.s.auditAccess(ctx, who, alpr.ActionLookup, plate, nil); err != nil {
		return nil, err
	}
	return h.ReadsByPlate(ctx, plate, limit)
}

// ReadsByPlate finds the kept reads whose text is plate, newest first, at most
// limit, without pictures. The caller audits the view: see Lookup.
func (h Reads) ReadsByPlate(ctx context.Context, plate string, limit int) ([]alpr.Read, error) {
	plate = alpr.Normalise(plate)
	keys, err := h.s.liveKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up a plate: %w", err)
	}
	var reads []alpr.Read
	for _, k := range keys {
		got, err := h.s.queryReads(ctx, "WHERE key_id = ? AND tag = ? AND purge_ms > ? ORDER BY at_ms DESC LIMIT ?", k.id, k.tag(plate), ms(h.s.due()), limit)
		if err != nil {
			return nil, fmt.Errorf("look up a plate: %w", err)
		}
		reads = append(reads, got...)
	}
	slices.SortFunc(reads, func(a, b alpr.Read) int { return b.At.Compare(a.At) })
	return reads[:min(limit, len(reads))], nil
}

// errEnough ends a scan that has found what it was to find.
var errEnough = errors.New("enough is found")

// Like finds the kept reads whose text fits a pattern, in which ? is one
// character and * any number of them, newest first, at most limit, without
// pictures. It opens every read on record, newest first, until it has enough.
// The caller audits the view.
func (h Reads) Like(ctx context.Context, pattern string, limit int) (found []alpr.Read, err error) {
	err = h.s.scanReads(ctx, "WHERE purge_ms > ? ORDER BY at_ms DESC", []any{ms(h.s.due())}, func(r *alpr.Read) error {
		if ok, _ := path.Match(pattern, r.Text.Text); ok {
			found = append(found, *r)
		}
		if len(found) >= limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("look up a part of a plate: %w", err)
	}
	return found, nil
}

func (s *Store) auditAccess(ctx context.Context, who Access, action alpr.AuditAction, plate string, detail map[string]string) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	tag, err := s.AuditLog().PlateTag(plate)
	if err != nil {
		return err
	}
	return s.AuditLog().Audit(ctx, who.Record(action, tag, detail))
}

// liveKeys are the data keys that reads may be sealed under.
func (s *Store) liveKeys(ctx context.Context) ([]*dataKey, error) {
	ids, err := s.ints(ctx, "SELECT id FROM data_keys WHERE wrapped IS NOT NULL AND class NOT IN (?, ?, ?)",
		string(alpr.RetainDisposition), string(alpr.RetainManual), string(classHotlist))
	if err != nil {
		return nil, err
	}
	var keys []*dataKey
	for _, id := range ids {
		k, err := s.key(s.reader(ctx), id)
		if errors.Is(err, ErrForgotten) || isRowDamage(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// MatchPast runs every kept read past match, oldest first: how an entry that
// was just added is compared with what was already seen. Only what retention
// still allows is looked at, and the comparison is in the audit log, under the
// entry's plate, before it starts.
func (h Reads) MatchPast(ctx context.Context, who Access, entry alpr.Entry, match func(*alpr.Read) error) error {
	detail := map[string]string{"list": entry.List, "case": entry.CaseNumber, "reason": entry.Reason}
	if err := h.s.auditAccess(ctx, who, alpr.ActionMatchPast, entry.Plate, detail); err != nil {
		return err
	}
	if err := h.s.scanReads(ctx, "WHERE purge_ms > ? ORDER BY at_ms", []any{ms(h.s.due())}, match); err != nil {
		return fmt.Errorf("match past reads: %w", err)
	}
	return nil
}

// ints are the whole numbers of a query's first column.
func (s *Store) ints(ctx context.Context, query string, args ...any) ([]int64, error) {
	rows, err := s.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n looseInt
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		if n != badInt {
			out = append(out, int64(n))
		}
	}
	return out, rows.Err()
}
