package store

import (
	"context"
	"fmt"

	"alpr"
)

// safeCandidateP is the probability from which an alternative text of a read
// counts for the safe list: a misread of a protected plate must vanish too.
const safeCandidateP = 0.05

// Add puts plates on the safe list. Only keyed hashes of them are kept.
// Reads of a plate on it vanish before storage, unless they raise a hit.
func (l SafeList) Add(ctx context.Context, who Access, plates []string) error {
	return l.s.changeSafe(ctx, who, alpr.ActionSafeListAdd, plates, "INSERT OR IGNORE INTO safe_list (tag, added_ms) VALUES (?, ?)", true)
}

// Remove takes plates off the safe list.
func (l SafeList) Remove(ctx context.Context, who Access, plates []string) error {
	return l.s.changeSafe(ctx, who, alpr.ActionSafeListRemove, plates, "DELETE FROM safe_list WHERE tag = ?", false)
}

func (s *Store) changeSafe(ctx context.Context, who Access, action alpr.AuditAction, plates []string, query string, withTime bool) error {
	if err := who.Validate(); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	err := s.write(ctx, func(t *tx) error {
		for _, p := range plates {
			norm, err := alpr.ParsePlate(p)
			if err != nil {
				return err
			}
			args := []any{keyedHash(s.safe, norm)}
			if withTime {
				args = append(args, ms(t.wall))
			}
			if _, err = t.exec(query, args...); err != nil {
				return err
			}
		}
		return t.auditNow(who.Record(action, "", map[string]string{"plates": fmt.Sprint(len(plates))}))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	s.secure(ctx)
	return nil
}

// Count is how many plates are on the safe list.
func (l SafeList) Count(ctx context.Context) (int, error) {
	var n int
	if _, err := l.s.reader(ctx).row("SELECT count(*) FROM safe_list", nil, &n); err != nil {
		return 0, fmt.Errorf("count the safe list: %w", err)
	}
	return n, nil
}

func (t *tx) isSafeListed(read *alpr.Read) (bool, error) {
	texts := []string{read.Text.Text}
	for _, c := range read.Text.Candidates {
		if c.P >= safeCandidateP && c.Text != read.Text.Text {
			texts = append(texts, c.Text)
		}
	}
	for _, text := range texts {
		var one int
		found, err := t.row("SELECT 1 FROM safe_list WHERE tag = ?", []any{keyedHash(t.s.safe, alpr.Normalise(text))}, &one)
		if err != nil {
			return false, fmt.Errorf("ask the safe list: %w", err)
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}
