package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"alpr"
)

// ErrNotAnswered reports an answer taken back that nobody gave.
var ErrNotAnswered = errors.New("nobody has answered it")

// verdicts lists what an officer can find.
func verdicts() []alpr.Verdict {
	return []alpr.Verdict{
		alpr.VerdictConfirmed, alpr.VerdictMisread, alpr.VerdictWrongState, alpr.VerdictNotWanted, alpr.VerdictDismissed,
		alpr.VerdictUndone,
	}
}

// Dispose records what an officer found, closes the hit, queues both for the
// backend and writes the audit log, in one transaction. A second disposition
// of a hit (the action taken later, say) is kept beside the first. Repeating
// one, under the same ID, changes nothing. One that takes the last answer back
// opens the hit again; both stay on record.
func (rec Recorder) Dispose(ctx context.Context, d alpr.Disposition) error {
	switch {
	case d.ID.IsZero() || d.HitID.IsZero():
		return fmt.Errorf("record a disposition: %w", ErrNoID)
	case d.Officer == "":
		return fmt.Errorf("record disposition %s: no officer is named", d.ID)
	case !slices.Contains(verdicts(), d.Verdict):
		return fmt.Errorf("record disposition %s: verdict %q: expected one of %q", d.ID, d.Verdict, verdicts())
	}
	d.Corrected = alpr.Normalise(d.Corrected)
	packed, err := rec.s.codec.packJSON(&d)
	if err != nil {
		return fmt.Errorf("record disposition %s: %w", d.ID, err)
	}
	var counted alpr.Verdict
	if d.Verdict == alpr.VerdictUndone {
		if counted, err = rec.s.countedVerdict(ctx, d.HitID); err != nil {
			return fmt.Errorf("look up the answer that is taken back: %w", err)
		}
	}
	if err := rec.s.write(ctx, func(t *tx) error { return t.dispose(&d, packed, counted) }); err != nil {
		return fmt.Errorf("record disposition %s: %w", d.ID, err)
	}
	return nil
}

// dispose records d. counted is the answer that it takes back, if it does.
func (t *tx) dispose(d *alpr.Disposition, packed []byte, counted alpr.Verdict) error {
	var isOpen bool
	found, err := t.row("SELECT is_open FROM hits WHERE id = ?", []any{d.HitID[:]}, &isOpen)
	if err != nil {
		return fmt.Errorf("look up its hit: %w", err)
	}
	if !found {
		return fmt.Errorf("hit %s: %w", d.HitID, ErrNotKept)
	}
	var n int
	if _, err := t.row("SELECT count(*) FROM dispositions WHERE id = ?", []any{d.ID[:]}, &n); err != nil || n > 0 {
		return err
	}
	isUndone := d.Verdict == alpr.VerdictUndone
	switch {
	case isUndone && isOpen:
		return fmt.Errorf("take back the answer to hit %s: %w", d.HitID, ErrNotAnswered)
	case isUndone && counted != "":
		err = t.tallyN("verdicts", string(counted), -1)
	case isUndone: // policy keeps no answers
	case isOpen:
		err = t.tally("verdicts", string(d.Verdict))
	}
	if err != nil {
		return err
	}
	if d.Action != "" {
		if err := t.tally("actions", d.Action); err != nil {
			return err
		}
	}
	if _, err := t.exec("UPDATE hits SET is_open = ? WHERE id = ?", isUndone, d.HitID[:]); err != nil {
		return fmt.Errorf("close the hit: %w", err)
	}
	if err := t.putDisposition(d, packed); err != nil {
		return err
	}
	return t.auditNow(alpr.AuditRecord{
		Officer: d.Officer, Action: alpr.ActionDisposition, Purpose: "verify a hit", Subject: d.HitID.String(),
		Detail: map[string]string{"verdict": string(d.Verdict), "action": d.Action},
	})
}

// countedVerdict is the answer to a hit that the transparency report counts: the
// first since the hit was last open; "" where policy keeps none.
func (s *Store) countedVerdict(ctx context.Context, hit alpr.ID) (counted alpr.Verdict, err error) {
	all, err := queryBodies[alpr.Disposition](ctx, s, "dispositions", "WHERE hit_id = ? ORDER BY at_ms, recorded_ms", hit[:])
	for _, d := range all {
		switch {
		case d.Verdict == alpr.VerdictUndone:
			counted = ""
		case counted == "":
			counted = d.Verdict
		}
	}
	return counted, err
}

// putDisposition keeps the disposition for as long as the policy says; where
// that is not at all, only the count and the audit record remain.
func (t *tx) putDisposition(d *alpr.Disposition, packed []byte) error {
	if keep, _ := t.s.policy().For(alpr.RetainDisposition); keep == 0 {
		return nil
	}
	key, err := t.sealingKey(alpr.RetainDisposition)
	if err != nil {
		return err
	}
	keep := t.term(alpr.RetainDisposition, d.At, alpr.TimeSystem)
	_, err = t.exec(`INSERT INTO dispositions (id, hit_id, key_id, at_ms, recorded_ms, since_ms, purge_ms, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, d.ID[:], d.HitID[:], key.id, ms(d.At), ms(t.wall), ms(keep.since), ms(keep.purge),
		key.seal(packed, "dispositions", d.ID[:]))
	if err != nil {
		return fmt.Errorf("keep the disposition: %w", err)
	}
	return t.enqueue(alpr.KindDisposition, d.ID, 1, keep)
}
