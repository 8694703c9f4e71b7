package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alpr"
)

// Withdraw takes an open hit back for the reason in hit.Withdrawal: it is no
// longer open, its next revision is queued for the backend, and the audit log
// says so, in one transaction. A hit that is not open is left as it is. Its
// error wraps ErrNotKept where the hit is not on record, or not yet.
func (rec Recorder) Withdraw(ctx context.Context, hit alpr.Hit) error {
	hit.IsWithdrawn = true
	packed, err := rec.s.codec.packJSON(&hit)
	if err != nil {
		return fmt.Errorf("withdraw hit %s: %w", hit.ID, err)
	}
	if err := rec.s.write(ctx, func(t *tx) error { return t.withdraw(&hit, packed) }); err != nil {
		return fmt.Errorf("withdraw hit %s: %w", hit.ID, err)
	}
	return nil
}

func (t *tx) withdraw(hit *alpr.Hit, packed []byte) error {
	var isOpen bool
	var revision int
	var since, purge int64
	found, err := t.row("SELECT is_open, revision, since_ms, purge_ms FROM hits WHERE id = ?", []any{hit.ID[:]}, &isOpen, &revision, &since, &purge)
	if err != nil || !found {
		return errors.Join(err, ErrNotKept)
	}
	if !isOpen {
		return nil
	}
	key, err := t.sealingKey(alpr.RetainHit)
	if err != nil {
		return err
	}
	if err := t.tally("withdrawn", hit.Entry.Category); err != nil {
		return err
	}
	revision++
	_, err = t.exec("UPDATE hits SET is_open = 0, revision = ?, key_id = ?, recorded_ms = ?, body = ? WHERE id = ?",
		revision, key.id, ms(t.wall), key.seal(packed, "hits", hit.ID[:]), hit.ID[:])
	if err != nil {
		return fmt.Errorf("keep the withdrawal: %w", err)
	}
	if err := t.enqueue(alpr.KindHit, hit.ID, revision, term{class: alpr.RetainHit, since: fromMS(since), purge: fromMS(purge)}); err != nil {
		return err
	}
	detail := map[string]string{"why": string(hit.Withdrawal.Why), "list": hit.Entry.List, "entry": hit.Entry.ID}
	if at := hit.Withdrawal.At; !at.IsZero() {
		detail["since"] = at.UTC().Format(time.RFC3339)
	}
	return t.auditNow(alpr.AuditRecord{Officer: "system", Action: alpr.ActionHitWithdrawn, Purpose: "hit", Subject: hit.ID.String(), Detail: detail})
}
