package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alpr"
)

// Errors of manual entries.
var (
	ErrIncomplete = errors.New("a manual entry needs plate, reason, case number and expiry")
	ErrPast       = errors.New("the expiry is in the past")
)

// Add keeps an entry that an officer made in the car, and audits it.
// Plate, reason, case number and a future expiry are mandatory. An entry with
// the same ID is replaced.
func (m ManualEntries) Add(ctx context.Context, who Access, e alpr.Entry) error {
	if err := checkManual(e, m.s.now()); err != nil {
		return fmt.Errorf("add manual entry: %w", err)
	}
	e.IsManual = true
	if err := who.Validate(); err != nil {
		return fmt.Errorf("add manual entry: %w", err)
	}
	tag, err := m.s.AuditLog().PlateTag(e.Plate)
	if err != nil {
		return err
	}
	packed, err := m.s.codec.packJSON(&e)
	if err != nil {
		return err
	}
	err = m.s.write(ctx, func(t *tx) error {
		if err := t.putManual(&e, packed); err != nil {
			return err
		}
		detail := map[string]string{"entry": e.ID, "case": e.CaseNumber, "reason": e.Reason, "expires": e.Expires.UTC().Format(time.RFC3339)}
		return t.auditNow(who.Record(alpr.ActionManualEntry, tag, detail))
	})
	if err != nil {
		return fmt.Errorf("add manual entry: %w", err)
	}
	m.s.secureLists(ctx)
	return nil
}

// checkManual refuses what could not be put in use after the next start.
func checkManual(e alpr.Entry, now time.Time) error {
	given := e.PlateGiven
	if given == "" {
		given = e.Plate
	}
	plate, err := alpr.ParsePlate(given)
	switch {
	case e.ID == "" || e.Plate == "" || e.Reason == "" || e.CaseNumber == "" || e.Expires.IsZero():
		return ErrIncomplete
	case !e.Expires.After(now):
		return fmt.Errorf("%s: %w", e.Expires.Format(time.RFC3339), ErrPast)
	case err != nil:
		return err
	case plate != e.Plate:
		return fmt.Errorf("plate %q, given as %q: %w", e.Plate, given, alpr.ErrBadPlate)
	}
	return nil
}

// putManual keeps an entry until its expiry and the policy's time after it.
func (t *tx) putManual(e *alpr.Entry, packed []byte) error {
	key, err := t.sealingKey(alpr.RetainManual)
	if err != nil {
		return err
	}
	since := t.due.Add(max(0, e.Expires.Sub(t.wall)))
	after, _ := t.s.policy().For(alpr.RetainManual)
	_, err = t.exec(`INSERT OR REPLACE INTO manual_entries (id, key_id, is_active, recorded_ms, since_ms, purge_ms, body)
		VALUES (?, ?, 1, ?, ?, ?, ?)`, e.ID, key.id, ms(t.wall), ms(since), ms(since.Add(after)),
		key.seal(packed, "manual_entries", []byte(e.ID)))
	return err
}

// Remove ends a manual entry: it alerts no more. The row stays for as
// long as the policy keeps manual entries, counted from now.
func (m ManualEntries) Remove(ctx context.Context, who Access, id string) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("remove manual entry: %w", err)
	}
	err := m.s.write(ctx, func(t *tx) error {
		after, _ := m.s.policy().For(alpr.RetainManual)
		res, err := t.exec(`UPDATE manual_entries SET is_active = 0, since_ms = min(since_ms, ?1), purge_ms = min(purge_ms, ?1 + ?2)
			WHERE id = ?3 AND is_active = 1`, ms(t.due), after.Milliseconds(), id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("entry %q: %w", id, ErrNotKept))
		}
		defer t.noteLists()
		return t.auditNow(who.Record(alpr.ActionManualEntryRemoved, id, nil))
	})
	if err != nil {
		return fmt.Errorf("remove manual entry: %w", err)
	}
	m.s.secureLists(ctx)
	return nil
}

// All are the manual entries that still count, oldest first.
func (m ManualEntries) All(ctx context.Context) ([]alpr.Entry, error) {
	entries, err := queryBodies[alpr.Entry](ctx, m.s, "manual_entries", "WHERE is_active = 1 AND purge_ms > ? ORDER BY recorded_ms", ms(m.s.due()))
	if err != nil {
		return nil, fmt.Errorf("list manual entries: %w", err)
	}
	return entries, nil
}
