package store

import (
	"context"
	"encoding/json"
	"fmt"

	"alpr"
)

// policy is the policy in force: the configured one, as tightened by the
// backend.
func (s *Store) policy() Policy {
	s.policyMu.RLock()
	defer s.policyMu.RUnlock()
	return s.inForce
}

// PolicyInForce is what the store keeps by: the configured policy, or what the
// backend has tightened it to.
func (s *Store) PolicyInForce() Policy { return s.policy() }

// loadPolicy settles the policy at start. A policy that differs from the last
// one in force is audited, and where it is tighter it holds for what is
// already there.
func (s *Store) loadPolicy(ctx context.Context) error {
	inForce := s.cfg.Policy
	var tightened Policy
	found, err := s.metaPolicy(ctx, metaTightened, &tightened)
	if err != nil {
		return err
	}
	if found {
		inForce = inForce.tightest(tightened)
	}
	var last Policy
	known, err := s.metaPolicy(ctx, metaPolicy, &last)
	if err != nil {
		return err
	}
	s.setPolicy(inForce)
	if known && last == inForce {
		return nil
	}
	if err := s.write(ctx, func(t *tx) error { return t.enforce(inForce, "system", "configuration") }); err != nil {
		return fmt.Errorf("put the retention policy in force: %w", err)
	}
	return nil
}

// metaPolicy reads a policy from the file. One that does not read or hold is
// an error: the store would not know what it may keep.
func (s *Store) metaPolicy(ctx context.Context, name string, p *Policy) (bool, error) {
	var text []byte
	found, err := s.reader(ctx).row("SELECT value FROM meta WHERE name = ?", []any{name}, &text)
	if err != nil || !found {
		return false, err
	}
	if err := json.Unmarshal(text, p); err != nil {
		return false, fmt.Errorf("read %s: %w: %w", name, ErrBadPolicy, err)
	}
	if err := p.Validate(); err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}

func (s *Store) setPolicy(p Policy) {
	s.policyMu.Lock()
	defer s.policyMu.Unlock()
	s.inForce = p
}

// Tighten puts a policy of the backend in force, at once and after every
// restart. No rule of it may be looser than the one in force (ErrNotTight):
// the agency's own file alone can do that, and never for what the backend
// has tightened.
func (s *Store) Tighten(ctx context.Context, p Policy) error {
	if err := p.Validate(); err != nil {
		return fmt.Errorf("tighten the policy: %w", err)
	}
	err := s.write(ctx, func(t *tx) error {
		if !p.isTighter(s.policy()) {
			return ErrNotTight
		}
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("encode the policy: %w", err)
		}
		if err := t.putMeta(metaTightened, text); err != nil {
			return err
		}
		return t.enforce(p, "backend", "tightened by the backend")
	})
	if err != nil {
		return fmt.Errorf("tighten the policy: %w", err)
	}
	s.setPolicy(p)
	_, err = s.Purge(ctx)
	return err
}

// enforce shortens what is already kept, and audits the change.
func (t *tx) enforce(p Policy, who, why string) error {
	for _, table := range []struct {
		name, where string
		keep        Span
	}{
		{"reads", "class = 'read'", p.Retention.Reads},
		{"reads", "class = 'hit'", p.Retention.Hits},
		{"hits", "true", p.Retention.Hits},
		{"dispositions", "true", p.Retention.Dispositions},
		{"outbox", "class = 'read' AND purge_ms > 0", p.Retention.Reads},
		{"outbox", "class = 'hit' AND purge_ms > 0", p.Retention.Hits},
		{"outbox", "class = 'disposition' AND purge_ms > 0", p.Retention.Dispositions},
		{"manual_entries", "true", p.Retention.Manual},
	} {
		millis := int64(table.keep) / 1e6
		if _, err := t.exec("UPDATE "+table.name+" SET purge_ms = since_ms + ? WHERE "+table.where+" AND purge_ms > since_ms + ?",
			millis, millis); err != nil {
			return fmt.Errorf("shorten %s: %w", table.name, err)
		}
	}
	if err := t.dropPictures(p.Pictures); err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	if err := t.putMeta(metaPolicy, text); err != nil {
		return err
	}
	return t.auditNow(alpr.AuditRecord{
		Officer: who, Action: "policy change", Purpose: why, Detail: map[string]string{"policy": string(text)},
	})
}

// dropPictures deletes what the policy does not allow any more.
func (t *tx) dropPictures(p Pictures) error {
	for class, allowed := range map[alpr.RetentionClass]Detail{alpr.RetainRead: p.Reads, alpr.RetainHit: p.Hits} {
		for which, needs := range map[string]Detail{PictureCrop: DetailCrop, PictureContext: DetailContext} {
			if allowed.rank() >= needs.rank() {
				continue
			}
			_, err := t.exec("DELETE FROM pictures WHERE which = ? AND read_id IN (SELECT id FROM reads WHERE class = ?)", which, string(class))
			if err != nil {
				return fmt.Errorf("drop pictures: %w", err)
			}
		}
	}
	return nil
}
