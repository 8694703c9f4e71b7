package hotlist

import (
	"fmt"
	"iter"
	"time"

	"alpr"
)

// Apply makes the next version of a list: without the entries whose ids remove
// names, and with those of changes added, or replaced where an id is known. An
// error among the changes ends it, and the list stays as it was.
func (l *List) Apply(version string, published time.Time, remove []string, changes iter.Seq2[alpr.Entry, error]) (*List, error) {
	gone := make(map[string]bool, len(remove))
	for _, id := range remove {
		gone[id] = true
	}
	b := newBuilder(l.Name, version, published)
	b.list.IsManual = l.IsManual
	for e, err := range changes {
		if err != nil {
			return nil, fmt.Errorf("change list %q: %w", l.Name, err)
		}
		if e.Plate, err = normalisePlate(first(e.PlateGiven, e.Plate)); err != nil {
			return nil, fmt.Errorf("change list %q: entry %q: %w", l.Name, e.ID, err)
		}
		e.PlateGiven = first(e.PlateGiven, e.Plate)
		if err := b.add(&e); err != nil {
			return nil, fmt.Errorf("change list %q: entry %q: %w", l.Name, e.ID, err)
		}
		gone[e.ID] = true
	}
	for e := range l.All() {
		if gone[e.ID] {
			continue
		}
		if err := b.add(&e); err != nil {
			return nil, fmt.Errorf("change list %q: entry %q: %w", l.Name, e.ID, err)
		}
	}
	next, err := b.done()
	if err != nil {
		return nil, fmt.Errorf("change list %q: %w", l.Name, err)
	}
	return next, nil
}
