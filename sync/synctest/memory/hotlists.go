package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"alpr"
	"alpr/sync/downlink"
)

// Hotlists takes lists from a backend by the rules that a vehicle's store has.
// It is safe for concurrent use.
type Hotlists struct {
	mu       sync.Mutex
	versions map[string]uint64
	entries  map[string]map[string]alpr.Entry // by list, by id
	updates  []downlink.Update
}

// NewHotlists has lists of the given versions, with nothing in them.
func NewHotlists(versions map[string]uint64) *Hotlists {
	h := &Hotlists{versions: map[string]uint64{}, entries: map[string]map[string]alpr.Entry{}}
	maps.Copy(h.versions, versions)
	return h
}

// HotlistVersions is the version of each list.
func (h *Hotlists) HotlistVersions(context.Context) (map[string]uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.versions), nil
}

// ApplyHotlist takes an update whole, or not at all.
func (h *Hotlists) ApplyHotlist(_ context.Context, u downlink.Update) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := map[string]alpr.Entry{}
	if u.Base != 0 {
		if have := h.versions[u.List]; have != u.Base {
			return fmt.Errorf("update list %s from version %d: have %d", u.List, u.Base, have)
		}
		maps.Copy(next, h.entries[u.List])
	}
	for _, id := range u.Remove {
		delete(next, id)
	}
	for e, err := range u.Entries {
		if err != nil {
			return err
		}
		next[e.ID] = e
	}
	h.entries[u.List], h.versions[u.List] = next, u.Version
	u.Entries = nil
	h.updates = append(h.updates, u)
	return nil
}

// List is a list's version, and the ids of its entries, sorted.
func (h *Hotlists) List(name string) (version uint64, ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.versions[name], slices.Sorted(maps.Keys(h.entries[name]))
}

// Updates is what was applied, in order, without the entries.
func (h *Hotlists) Updates() []downlink.Update {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.updates)
}
