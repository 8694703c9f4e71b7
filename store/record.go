package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"alpr"
	"alpr/retention"
)

// ErrNoID reports a read, hit or disposition without an identity, which could
// be neither repeated safely nor revised.
var ErrNoID = errors.New("it has no ID")

// Names of pictures.
const (
	PictureCrop    = "crop"
	PictureContext = "context"
)

// RecordAll writes reads, their hits and their outbox items in one transaction,
// in order, and returns when they are durable: all of them or, with an error,
// none. Repeating it changes nothing: for one ID the highest revision is kept.
// What one call is given, and what several callers write at once, shares an
// fsync.
//
// A read that policy or the safe list forbids to keep is only counted, and is
// not among those returned.
func (rec Recorder) RecordAll(ctx context.Context, records []alpr.Record) (kept []alpr.Record, err error) {
	records = slices.Clone(records) // the write may outlive the call, where ctx ends first
	packed := make([]packedRead, len(records))
	for i := range records {
		if packed[i], err = rec.s.pack(&records[i]); err != nil {
			return nil, fmt.Errorf("record read %s: %w", records[i].Read.ID, err)
		}
	}
	isKept := make([]bool, len(records))
	err = rec.s.write(ctx, func(t *tx) (err error) {
		for i := range records {
			if isKept[i], err = t.record(&records[i].Read, records[i].Hits, packed[i]); err != nil {
				return fmt.Errorf("read %s: %w", records[i].Read.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record %d reads: %w", len(records), err)
	}
	for i := range records {
		if isKept[i] {
			kept = append(kept, records[i])
		}
	}
	return kept, nil
}

// packedRead is what can be encoded before the writer is held.
type packedRead struct {
	read []byte
	hits [][]byte
}

// pack encodes what has an identity, and refuses what has none.
func (s *Store) pack(r *alpr.Record) (p packedRead, err error) {
	if r.Read.ID.IsZero() {
		return p, ErrNoID
	}
	if p.read, err = s.codec.packRead(&r.Read); err != nil {
		return p, err
	}
	p.hits = make([][]byte, len(r.Hits))
	for i := range r.Hits {
		if r.Hits[i].ID.IsZero() {
			return p, fmt.Errorf("hit %d: %w", i, ErrNoID)
		}
		if p.hits[i], err = s.codec.packJSON(&r.Hits[i]); err != nil {
			return p, err
		}
	}
	return p, nil
}

// record says whether the read is kept.
func (t *tx) record(read *alpr.Read, hits []alpr.Hit, packed packedRead) (isKept bool, err error) {
	var have int
	var class string
	known, err := t.row("SELECT revision, class FROM reads WHERE id = ?", []any{read.ID[:]}, &have, &class)
	if err != nil {
		return false, fmt.Errorf("look for an earlier revision: %w", err)
	}
	if known && have >= read.Revision {
		return true, nil
	}
	// Once an alert has been shown, the read is accounted for as a hit, even
	// if the alert is withdrawn.
	wasHit := known && alpr.RetentionClass(class) == alpr.RetainHit
	as := alpr.RetainRead
	if len(hits) > 0 || wasHit {
		as = alpr.RetainHit
	}
	if isDropped, err := t.dropped(read, as); err != nil || isDropped && !known {
		return false, err
	} else if isDropped {
		return false, t.retract(read.ID)
	}
	if err := t.putRead(read, as, packed.read); err != nil {
		return false, err
	}
	if !known {
		if err := t.tally("reads", ""); err != nil {
			return false, err
		}
	}
	for i := range hits {
		if err := t.putHit(read, &hits[i], packed.hits[i]); err != nil {
			return false, fmt.Errorf("hit %s: %w", hits[i].ID, err)
		}
	}
	return true, nil
}

// dropped says whether the read must vanish before storage, and counts it.
func (t *tx) dropped(read *alpr.Read, as alpr.RetentionClass) (bool, error) {
	if keep, _ := t.s.policy().For(as); keep == 0 {
		return true, t.tallyFinal(read, "reads", "not stored")
	}
	if as == alpr.RetainHit {
		return false, nil
	}
	isSafe, err := t.isSafeListed(read)
	if err != nil || !isSafe {
		return false, err
	}
	return true, t.tallyFinal(read, "reads", "safe list")
}

// retract makes what was kept of a read due at once: its newer revision is of a
// plate that is not to be kept.
func (t *tx) retract(id alpr.ID) error {
	for _, query := range []string{"UPDATE reads SET purge_ms = ? WHERE id = ?", "UPDATE outbox SET purge_ms = ? WHERE ref = ?"} {
		if _, err := t.exec(query, ms(t.due), id[:]); err != nil {
			return fmt.Errorf("retract an earlier revision: %w", err)
		}
	}
	return nil
}

func (t *tx) tallyFinal(read *alpr.Read, what, item string) error {
	if read.Preview {
		return nil
	}
	return t.tally(what, item)
}

// term is how long something is kept, on the retention clock.
type term struct {
	class alpr.RetentionClass
	since time.Time
	purge time.Time
}

// term starts when something was seen: time that passed before it was recorded
// counts. A recording played back later counts from its playing.
func (t *tx) term(class alpr.RetentionClass, seen time.Time, source alpr.TimeSource) term {
	keep, _ := t.s.policy().For(class)
	age := time.Duration(0)
	if source != alpr.TimeFile {
		age = min(keep, max(0, t.wall.Sub(seen)))
	}
	since := t.due.Add(-age)
	return term{class: class, since: since, purge: since.Add(keep)}
}

func (t *tx) putRead(read *alpr.Read, class alpr.RetentionClass, packed []byte) error {
	key, err := t.sealingKey(class)
	if err != nil {
		return err
	}
	keep := t.term(class, read.LastAt, read.TimeSource)
	_, err = t.exec(`INSERT INTO reads (id, revision, class, key_id, tag, at_ms, recorded_ms, since_ms, purge_ms, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, class = excluded.class, key_id = excluded.key_id,
			tag = excluded.tag, at_ms = excluded.at_ms, recorded_ms = excluded.recorded_ms,
			since_ms = excluded.since_ms, purge_ms = excluded.purge_ms, body = excluded.body`,
		read.ID[:], read.Revision, string(class), key.id, key.tag(alpr.Normalise(read.Text.Text)), ms(read.At), ms(t.wall),
		ms(keep.since), ms(keep.purge), key.seal(packed, "reads", read.ID[:]))
	if err != nil {
		return fmt.Errorf("keep the read: %w", err)
	}
	if err := t.putPictures(read, class, key); err != nil {
		return err
	}
	return t.enqueue(alpr.KindRead, read.ID, read.Revision, keep)
}

// putPictures keeps as much of the read's pictures as the policy allows. Those
// of an earlier revision go: a picture always is of the frame that was read.
func (t *tx) putPictures(read *alpr.Read, class alpr.RetentionClass, key *dataKey) error {
	if _, err := t.exec("DELETE FROM pictures WHERE read_id = ?", read.ID[:]); err != nil {
		return fmt.Errorf("replace pictures: %w", err)
	}
	allowed := t.s.policy().Pictures.Reads
	if class == alpr.RetainHit {
		allowed = t.s.policy().Pictures.Hits
	}
	for _, p := range picturesOf(read) {
		if p.JPEG == nil || allowed.Rank() < p.needs.Rank() {
			continue
		}
		_, err := t.exec("INSERT INTO pictures (read_id, which, key_id, tag, body) VALUES (?, ?, ?, ?, ?)",
			read.ID[:], p.which, key.id, keyedHash(key.index, string(p.SHA256[:])), key.seal(p.JPEG, "pictures "+p.which, read.ID[:]))
		if err != nil {
			return fmt.Errorf("keep the %s picture: %w", p.which, err)
		}
	}
	return nil
}

// namedPicture is a picture of a read, with its name and what policy must allow.
type namedPicture struct {
	which string
	needs retention.Detail
	*alpr.Picture
}

// picturesOf are the pictures of a read: its own, and those of the views of
// other cameras, named after their place among the views.
func picturesOf(read *alpr.Read) []namedPicture {
	list := []namedPicture{
		{PictureCrop, retention.DetailCrop, &read.Crop},
		{PictureContext, retention.DetailContext, &read.Context},
	}
	for i := range read.Views {
		v := &read.Views[i]
		if v.Camera == read.Camera {
			continue // the read's own
		}
		list = append(list, namedPicture{ViewPicture(PictureCrop, i), retention.DetailCrop, &v.Crop},
			namedPicture{ViewPicture(PictureContext, i), retention.DetailContext, &v.Context})
	}
	return list
}

// ViewPicture is the name of the crop or context picture of a read's i-th view.
func ViewPicture(which string, i int) string { return which + " " + strconv.Itoa(i) }

// putHit keeps a hit or its newer form. A hit counts its revisions itself: it
// may be taken back between two revisions of its read.
func (t *tx) putHit(read *alpr.Read, hit *alpr.Hit, packed []byte) error {
	key, err := t.sealingKey(alpr.RetainHit)
	if err != nil {
		return err
	}
	have, err := t.tallyHit(hit)
	if err != nil {
		return err
	}
	revision := max(read.Revision, have+1)
	keep := t.term(alpr.RetainHit, read.LastAt, read.TimeSource)
	_, err = t.exec(`INSERT INTO hits (id, read_id, revision, key_id, at_ms, is_open, recorded_ms, since_ms, purge_ms, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, key_id = excluded.key_id, at_ms = excluded.at_ms,
			is_open = excluded.is_open AND (hits.is_open = 1 OR hits.id NOT IN (SELECT hit_id FROM dispositions)),
			recorded_ms = excluded.recorded_ms, since_ms = excluded.since_ms, purge_ms = excluded.purge_ms,
			body = excluded.body`,
		hit.ID[:], read.ID[:], revision, key.id, ms(hit.At), !hit.IsWithdrawn, ms(t.wall), ms(keep.since),
		ms(keep.purge), key.seal(packed, "hits", hit.ID[:]))
	if err != nil {
		return fmt.Errorf("keep the hit: %w", err)
	}
	return t.enqueue(alpr.KindHit, hit.ID, revision, keep)
}

// tallyHit counts a hit once, and its withdrawal once. It returns the revision
// on record, 0 for none.
func (t *tx) tallyHit(hit *alpr.Hit) (have int, err error) {
	isOpen := true
	known, err := t.row("SELECT is_open, revision FROM hits WHERE id = ?", []any{hit.ID[:]}, &isOpen, &have)
	if err != nil {
		return 0, fmt.Errorf("look for an earlier revision: %w", err)
	}
	if !known {
		if err := t.tally("hits", hit.Entry.Category); err != nil {
			return 0, err
		}
	}
	if hit.IsWithdrawn && isOpen {
		return have, t.tally("withdrawn", hit.Entry.Category)
	}
	return have, nil
}

// tally counts for the transparency report, which outlives what it counts.
func (t *tx) tally(what, item string) error { return t.tallyN(what, item, 1) }

func (t *tx) tallyN(what, item string, n int64) error {
	_, err := t.exec(`INSERT INTO tallies (day, what, item, n) VALUES (?, ?, ?, ?)
		ON CONFLICT (day, what, item) DO UPDATE SET n = n + excluded.n`, t.wall.UTC().Format(time.DateOnly), what, item, n)
	if err != nil {
		return fmt.Errorf("count %s: %w", what, err)
	}
	return nil
}
