package hotlist

import (
	"cmp"
	"fmt"
	"iter"
	"time"

	"alpr"
)

// EntryError is an entry that cannot be taken, and why.
type EntryError struct {
	List  string
	Entry string // its id
	Err   error
}

func (e EntryError) Error() string {
	return fmt.Sprintf("entry %q of list %q: %v", e.Entry, e.List, e.Err)
}
func (e EntryError) Unwrap() error { return e.Err }

// Apply makes the next version of a list: without the entries whose ids remove
// names, and with those of changes added, or replaced where an id is known. An
// error among the changes ends it, and the list stays as it was.
func (l *List) Apply(version string, published time.Time, remove []string, changes iter.Seq2[alpr.Entry, error]) (*List, error) {
	next, bad, err := l.ApplySound(version, published, remove, changes)
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("change list %q: %w", l.Name, bad[0])
	}
	if err != nil {
		return nil, err
	}
	return next, nil
}

// ApplySound is Apply that leaves out the entries that cannot be taken, and
// returns them: one of them keeps no other from alerting. What had the id of
// one is gone all the same, for the list does not say it any more. An error of
// changes itself ends it.
func (l *List) ApplySound(version string, published time.Time, remove []string, changes iter.Seq2[alpr.Entry, error]) (*List, []EntryError, error) {
	gone := make(map[string]bool, len(remove))
	for _, id := range remove {
		gone[id] = true
	}
	b := NewBuilder(l.Name, version, published)
	b.list.IsManual = l.IsManual
	var bad []EntryError
	for e, err := range changes {
		if err != nil {
			return nil, nil, fmt.Errorf("change list %q: %w", l.Name, err)
		}
		gone[e.ID] = true
		if err := b.addGiven(e); err != nil {
			bad = append(bad, EntryError{l.Name, e.ID, err})
		}
	}
	for e := range l.All() {
		if gone[e.ID] {
			continue
		}
		if err := b.Add(&e); err != nil {
			return nil, nil, fmt.Errorf("change list %q: entry %q: %w", l.Name, e.ID, err)
		}
	}
	next, err := b.Done()
	if err != nil {
		return nil, nil, fmt.Errorf("change list %q: %w", l.Name, err)
	}
	return next, bad, nil
}

// addGiven adds an entry whose plate is as people write it.
func (b *Builder) addGiven(e alpr.Entry) (err error) {
	e.PlateGiven = cmp.Or(e.PlateGiven, e.Plate)
	if e.Plate, err = alpr.ParsePlate(e.PlateGiven); err != nil {
		return err
	}
	return b.Add(&e)
}

// FromEntries makes a list of entries that come another way than by a file:
// from officers, or from the backend. The plate as given is normalised.
func FromEntries(name, version string, published time.Time, entries []alpr.Entry) (*List, error) {
	empty := &List{Name: name}
	return empty.Apply(version, published, nil, sequence(entries))
}

// FromSound is FromEntries that leaves out the entries that cannot be taken,
// and returns them.
func FromSound(name, version string, published time.Time, entries []alpr.Entry) (*List, []EntryError, error) {
	empty := &List{Name: name}
	return empty.ApplySound(version, published, nil, sequence(entries))
}

func sequence(entries []alpr.Entry) iter.Seq2[alpr.Entry, error] {
	return func(yield func(alpr.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}
