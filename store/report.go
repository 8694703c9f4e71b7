package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alpr"
)

// Tally is one number of the transparency report: how often something
// happened, and nothing about whom.
type Tally struct {
	What string // "reads", "hits", "withdrawn", "verdicts", "actions", "deleted"
	Item string // of reads: why they were not kept, "" for kept; else category, verdict, action or table
	N    int64
}

// Tallies sums up the UTC days from (inclusive) to (exclusive). Tallies outlive
// what they count.
func (h Reads) Tallies(ctx context.Context, from, to time.Time) ([]Tally, error) {
	rows, err := h.s.r.QueryContext(ctx, "SELECT what, item, CAST(sum(n) AS INTEGER) FROM tallies WHERE day >= ? AND day < ? GROUP BY what, item ORDER BY what, item",
		from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("sum up for the report: %w", err)
	}
	defer rows.Close()
	var out []Tally
	for rows.Next() {
		var t Tally
		if err := rows.Scan(&t.What, &t.Item, &t.N); err != nil {
			return nil, fmt.Errorf("sum up for the report: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// Names of rows in table meta that improvement sharing uses.
const (
	metaConsent = "consent to share misreads"
	metaBatch   = "shared batch: " // and its name
)

// ErrNoConsent reports that the agency has not agreed to share.
var ErrNoConsent = errors.New("the agency has not agreed to share corrected misreads: see alpr contribute consent")

// SetConsent records the agency's consent to share corrected misreads, or its
// withdrawal. Withdrawing returns the names of the batches that were shared,
// for whoever has them to delete.
func (c Contributions) SetConsent(ctx context.Context, who Access, isGiven bool) (shared []string, err error) {
	if err := who.Validate(); err != nil {
		return nil, fmt.Errorf("record consent: %w", err)
	}
	action := alpr.ActionConsentGiven
	if !isGiven {
		action = alpr.ActionConsentWithdrawn
	}
	err = c.s.write(ctx, func(t *tx) error {
		if err := t.putMeta(metaConsent, isGiven); err != nil {
			return err
		}
		return t.auditNow(who.Record(action, "improvement sharing", nil))
	})
	if err != nil {
		return nil, fmt.Errorf("record consent: %w", err)
	}
	if isGiven {
		return nil, nil
	}
	return c.s.sharedBatches(ctx)
}

func (s *Store) sharedBatches(ctx context.Context) ([]string, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT name FROM meta WHERE name >= ? AND name < ? ORDER BY name", metaBatch, metaBatch+"\U0010ffff")
	if err != nil {
		return nil, fmt.Errorf("list shared batches: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list shared batches: %w", err)
		}
		out = append(out, name[len(metaBatch):])
	}
	return out, rows.Err()
}

// Misread is a read that an officer has corrected.
type Misread struct {
	Read    alpr.Read // with its crop's JPEG, without the context picture
	Correct string
}

// Misreads returns the corrected misreads that are kept with their crop.
func (c Contributions) Misreads(ctx context.Context) ([]Misread, error) {
	all, err := queryBodies[alpr.Disposition](ctx, c.s, "dispositions", "WHERE purge_ms > ? ORDER BY at_ms", ms(c.s.due()))
	if err != nil {
		return nil, fmt.Errorf("collect misreads: %w", err)
	}
	var out []Misread
	for _, d := range all {
		if d.Verdict != alpr.VerdictMisread || d.Corrected == "" {
			continue
		}
		hit, _, err := c.s.hit(ctx, d.HitID)
		if err != nil || hit == nil {
			if err != nil {
				return nil, fmt.Errorf("collect misreads: %w", err)
			}
			continue
		}
		read, err := c.s.Reads().ByID(ctx, hit.ReadID)
		if err != nil {
			return nil, fmt.Errorf("collect misreads: %w", err)
		}
		if read == nil {
			continue
		}
		if read.Crop, err = c.s.Reads().Picture(ctx, read.ID, PictureCrop); err != nil {
			return nil, fmt.Errorf("collect misreads: %w", err)
		}
		if read.Crop.JPEG != nil {
			out = append(out, Misread{Read: *read, Correct: d.Corrected})
		}
	}
	return out, nil
}

// NoteShared records, before anything is handed over, that n misreads leave as
// the named batch. It refuses without consent.
func (c Contributions) NoteShared(ctx context.Context, who Access, batch string, n int) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("note what is shared: %w", err)
	}
	err := c.s.write(ctx, func(t *tx) error {
		var isGiven looseInt
		if _, err := t.row("SELECT value FROM meta WHERE name = ?", []any{metaConsent}, &isGiven); err != nil {
			return err
		}
		if isGiven != 1 {
			return ErrNoConsent
		}
		if err := t.putMeta(metaBatch+batch, n); err != nil {
			return err
		}
		return t.auditNow(who.Record(alpr.ActionContribute, batch, map[string]string{"misreads": fmt.Sprint(n)}))
	})
	if err != nil {
		return fmt.Errorf("note what is shared: %w", err)
	}
	return nil
}
