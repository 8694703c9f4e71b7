package alpr

import (
	"cmp"
	"slices"
	"strings"
)

// Alert is what an officer is told of one read: the car, and every reason that
// the lists give for stopping it, the gravest first. Lists overlap, so several
// hits may name one car: they are one alert, shown as one card, and each stays a
// hit of its own on record. ReadID tells which hits belong together.
type Alert struct {
	Read Read
	Hits []Hit // at least one; those that stand before those withdrawn, the gravest first
}

// NewAlert orders the hits of a read. It keeps hits as it is given.
func NewAlert(r Read, hits []Hit) Alert {
	hits = slices.Clone(hits)
	slices.SortStableFunc(hits, CompareGravity)
	return Alert{Read: r, Hits: hits}
}

// Stands says whether a hit of the alert is not withdrawn.
func (a Alert) Stands() bool { return len(a.Hits) > 0 && !a.Hits[0].IsWithdrawn }

// Priority is that of the gravest hit that stands; 0 where none does.
func (a Alert) Priority() Priority {
	if !a.Stands() {
		return 0
	}
	return a.Hits[0].Entry.Priority
}

// CompareGravity orders hits of one read: what stands before what is withdrawn,
// then by priority, by how well the issuing state agrees, by probability, and
// last by list and entry, so that the order is the same at every revision.
func CompareGravity(a, b Hit) int {
	return cmp.Or(
		compareBool(a.IsWithdrawn, b.IsWithdrawn),
		cmp.Compare(b.Entry.Priority, a.Entry.Priority),
		compareBool(a.State == StateMismatch, b.State == StateMismatch),
		cmp.Compare(b.P, a.P),
		strings.Compare(a.Entry.List, b.Entry.List),
		strings.Compare(a.Entry.ID, b.Entry.ID),
	)
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
