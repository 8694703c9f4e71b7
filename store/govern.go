package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"alpr"
	"alpr/retention"
)

// ErrPolicyKept refuses to restore a policy that is there.
var ErrPolicyKept = errors.New("the policy in force was not lost: there is nothing to restore")

// policy is the policy in force: the configured one, as tightened by the
// backend.
func (s *Store) policy() retention.Policy {
	s.policyMu.RLock()
	defer s.policyMu.RUnlock()
	return s.inForce
}

// InForce is what the store keeps by: the configured policy, or what the
// backend has tightened it to.
func (r Rules) InForce() retention.Policy { return r.s.policy() }

// loadPolicy resolves the policy at start. A policy that differs from the last
// one in force is audited, and where it is tighter it holds for what is
// already there. Where what the backend has tightened cannot be read any more,
// the last policy in force says it too; where that is lost as well nothing new is
// kept, until the owner says what may be (RestorePolicy). Alerts go on.
func (s *Store) loadPolicy(ctx context.Context, d metaDamage) error {
	var tightened, last retention.Policy
	hasTightened, err := s.metaPolicy(ctx, metaTightened, &tightened, &d.tightened)
	if err != nil {
		return err
	}
	known, err := s.metaPolicy(ctx, metaPolicy, &last, &d.inForce)
	if err != nil {
		return err
	}
	inForce := s.cfg.Policy
	if hasTightened {
		inForce = inForce.Tightest(tightened)
	}
	if d.tightened {
		if known {
			inForce = inForce.Tightest(last)
		} else {
			inForce = inForce.Strictest()
		}
	}
	_, s.isPolicyLost, err = s.metaInt(ctx, metaPolicyLost)
	if err != nil {
		return err
	}
	s.isPolicyLost = s.isPolicyLost || d.tightened && !known
	s.setPolicy(inForce)
	switch {
	case d.tightened && !known:
		s.remember(PartPolicy, "the retention policy in force cannot be read any more: nothing new is kept, alerts go on. See what the backend has tightened, then run `alpr policy restore`")
	case d.tightened:
		s.remember(PartPolicy, "what the backend has tightened of the retention policy was damaged: the last policy in force holds, or the configuration where that is stricter")
	case d.inForce:
		s.remember(PartPolicy, "the record of the last retention policy was damaged: the configured one holds, as the backend has tightened it")
	}
	if known && last == inForce && !d.tightened {
		return nil
	}
	err = s.write(ctx, func(t *tx) error {
		if d.tightened { // from now on this is what was tightened
			if err := t.putTightened(inForce); err != nil {
				return err
			}
		}
		if s.isPolicyLost {
			return t.putPolicy(inForce, "system", "what was in force cannot be read any more")
		}
		return t.enforce(inForce, "system", "configuration")
	})
	if err != nil {
		return fmt.Errorf("put the retention policy in force: %w", err)
	}
	return nil
}

func (t *tx) putTightened(p retention.Policy) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	if t.s.isPolicyLost {
		if err := t.putMeta(metaPolicyLost, 1); err != nil {
			return err
		}
	}
	return t.putMeta(metaTightened, text)
}

// Restore puts the configured policy in force after what was in force had
// been lost. Without such a loss it is refused: the owner does not undo what the
// backend has tightened.
func (r Rules) Restore(ctx context.Context, who Access) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("restore the policy: %w", err)
	}
	err := r.s.write(ctx, func(t *tx) error {
		if !r.s.isPolicyLost {
			return ErrPolicyKept
		}
		if _, err := t.exec("DELETE FROM meta WHERE name IN (?, ?)", metaPolicyLost, metaTightened); err != nil {
			return err
		}
		if err := t.enforce(r.s.cfg.Policy, who.Officer, who.Purpose); err != nil {
			return err
		}
		r.s.isPolicyLost = false
		r.s.setPolicy(r.s.cfg.Policy)
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore the policy: %w", err)
	}
	r.s.secure(ctx)
	return nil
}

// metaPolicy reads a policy from the file. One that does not read or hold
// counts as damaged, and as not there.
func (s *Store) metaPolicy(ctx context.Context, name string, p *retention.Policy, isDamaged *bool) (bool, error) {
	var text looseBytes
	found, err := s.reader(ctx).row("SELECT value FROM meta WHERE name = ?", []any{name}, &text)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if !found {
		return false, nil
	}
	if json.Unmarshal(text, p) != nil || p.Validate() != nil {
		*p, *isDamaged = retention.Policy{}, true
		return false, nil
	}
	return true, nil
}

func (s *Store) setPolicy(p retention.Policy) {
	s.policyMu.Lock()
	defer s.policyMu.Unlock()
	s.inForce = p
}

// Tighten shortens how long a class is kept, as the backend asks, at once and
// after every restart. It changes nothing where the rule in force is as tight
// or tighter (retention.ErrNotTight): the backend can shorten, never lengthen, and what it
// has shortened the configuration cannot lengthen again.
func (r Rules) Tighten(ctx context.Context, class alpr.RetentionClass, keep time.Duration) error {
	p := r.s.policy()
	switch class {
	case alpr.RetainRead:
		p.Retention.Reads = retention.Span(keep)
	case alpr.RetainHit:
		p.Retention.Hits = retention.Span(keep)
	case alpr.RetainDisposition:
		p.Retention.Dispositions = retention.Span(keep)
	case alpr.RetainManual:
		p.Retention.Manual = retention.Span(keep)
	default:
		return fmt.Errorf("tighten the policy: class %q: %w", class, retention.ErrBadPolicy)
	}
	if err := p.Validate(); err != nil {
		return fmt.Errorf("tighten the policy: %w", err)
	}
	return r.s.tighten(ctx, p)
}

func (s *Store) tighten(ctx context.Context, p retention.Policy) error {
	err := s.write(ctx, func(t *tx) error {
		if now := s.policy(); p == now || !p.IsTighter(now) {
			return retention.ErrNotTight
		}
		if err := t.putTightened(p); err != nil {
			return err
		}
		if err := t.enforce(p, "backend", "tightened by the backend"); err != nil {
			return err
		}
		s.setPolicy(p) // for what is written next; should the commit fail, too tight is the safe side
		return nil
	})
	if err != nil {
		return fmt.Errorf("tighten the policy: %w", err)
	}
	s.secure(ctx)
	_, err = s.Purge(ctx)
	return err
}

// Note puts rules of the owner's that the store does not keep by, such as
// those that lists alert by, into the audit log where they differ from those of
// the last start.
func (r Rules) Note(ctx context.Context, name, text string) error {
	err := r.s.write(ctx, func(t *tx) error {
		var last looseBytes
		known, err := t.row("SELECT value FROM meta WHERE name = ?", []any{metaRules + name}, &last)
		if err != nil || known && string(last) == text {
			return err
		}
		if err := t.putMeta(metaRules+name, []byte(text)); err != nil {
			return err
		}
		return t.auditNow(alpr.AuditRecord{Officer: "system", Action: alpr.ActionPolicyChange, Purpose: "configuration", Detail: map[string]string{name: text}})
	})
	if err != nil {
		return fmt.Errorf("note the rules of %s: %w", name, err)
	}
	return nil
}

// Forbid keeps a hotlist category from alerting, as the backend asks, at once
// and after every restart. Matching asks Forbidden.
func (r Rules) Forbid(ctx context.Context, category string) error {
	if category == "" {
		return errors.New("forbid a category: it has no name")
	}
	err := r.s.write(ctx, func(t *tx) error {
		name := metaForbidden + strings.ToLower(category)
		var one int
		if known, err := t.row("SELECT 1 FROM meta WHERE name = ?", []any{name}, &one); err != nil || known {
			return err
		}
		if err := t.putMeta(name, []byte(category)); err != nil {
			return err
		}
		return t.auditNow(alpr.AuditRecord{Officer: "backend", Action: alpr.ActionPolicyChange, Purpose: "forbidden by the backend",
			Detail: map[string]string{"category": category}})
	})
	if err != nil {
		return fmt.Errorf("forbid category %q: %w", category, err)
	}
	r.s.secure(ctx)
	return nil
}

// Forbidden lists the categories that the backend has forbidden.
func (r Rules) Forbidden(ctx context.Context) ([]string, error) {
	rows, err := r.s.r.QueryContext(ctx, "SELECT value FROM meta WHERE name >= ? AND name < ? ORDER BY name", metaForbidden, metaForbidden+"\U0010ffff")
	if err != nil {
		return nil, fmt.Errorf("list forbidden categories: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var category looseText
		if err := rows.Scan(&category); err != nil {
			return nil, fmt.Errorf("list forbidden categories: %w", err)
		}
		out = append(out, string(category))
	}
	return out, rows.Err()
}

// rule is for how long rows of a table are kept.
type rule struct {
	table, where string
	keep         retention.Span
}

func rules(p retention.Policy) []rule {
	return []rule{
		{"reads", "class = 'read'", p.Retention.Reads},
		{"reads", "class = 'hit'", p.Retention.Hits},
		{"hits", "true", p.Retention.Hits},
		{"dispositions", "true", p.Retention.Dispositions},
		{"outbox", "class = 'read' AND purge_ms > 0", p.Retention.Reads},
		{"outbox", "class = 'hit' AND purge_ms > 0", p.Retention.Hits},
		{"outbox", "class = 'disposition' AND purge_ms > 0", p.Retention.Dispositions},
		{"manual_entries", "true", p.Retention.Manual},
		{"quarantine", "class = 'read'", p.Retention.Reads},
		{"quarantine", "class = 'hit'", p.Retention.Hits},
		{"quarantine", "class = 'disposition'", p.Retention.Dispositions},
		{"quarantine", "class = 'manual'", p.Retention.Manual},
	}
}

// enforce shortens what is already kept, and audits the change.
func (t *tx) enforce(p retention.Policy, who, why string) error {
	for _, k := range rules(p) {
		millis := int64(k.keep) / 1e6
		if _, err := t.exec("UPDATE "+k.table+" SET purge_ms = since_ms + ? WHERE "+k.where+" AND purge_ms > since_ms + ?",
			millis, millis); err != nil {
			return fmt.Errorf("shorten %s: %w", k.table, err)
		}
	}
	if err := t.dropPictures(p.Pictures); err != nil {
		return err
	}
	return t.putPolicy(p, who, why)
}

// putPolicy notes the policy in force, and audits the change.
func (t *tx) putPolicy(p retention.Policy, who, why string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	if err := t.putMeta(metaPolicy, text); err != nil {
		return err
	}
	return t.auditNow(alpr.AuditRecord{
		Officer: who, Action: alpr.ActionPolicyChange, Purpose: why, Detail: map[string]string{"policy": string(text)},
	})
}

// dropPictures deletes what the policy does not allow any more.
func (t *tx) dropPictures(p retention.Pictures) error {
	for class, allowed := range map[alpr.RetentionClass]retention.Detail{alpr.RetainRead: p.Reads, alpr.RetainHit: p.Hits} {
		for which, needs := range map[string]retention.Detail{PictureCrop: retention.DetailCrop, PictureContext: retention.DetailContext} {
			if allowed.Rank() >= needs.Rank() {
				continue
			}
			_, err := t.exec("DELETE FROM pictures WHERE (which = ?1 OR which GLOB ?1 || ' *') AND read_id IN (SELECT id FROM reads WHERE class = ?2)",
				which, string(class))
			if err != nil {
				return fmt.Errorf("drop pictures: %w", err)
			}
		}
	}
	return nil
}
