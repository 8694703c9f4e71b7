package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"alpr"
	"alpr/hotlist"
	"alpr/store"
	"alpr/sync/downlink"
)

const (
	// manualList is the list that officers' own entries form.
	manualList = "manual"
	// syncVersion is before the number in the version of a list that the
	// backend published.
	syncVersion = "sync "
	// listPoll is how soon a change made by another process is noticed.
	listPoll = 2 * time.Second
)

// lists keeps the matcher's index and rules as the store says they are. It is
// safe for concurrent use.
type lists struct {
	store   *store.Store
	matcher *hotlist.Matcher
	rules   hotlist.Policy // as configured; the store may forbid more
	log     *slog.Logger

	mu         sync.Mutex // held while something changes
	generation string
	loaded     map[string]store.HotlistInfo // by name
}

func newLists(s *store.Store, m *hotlist.Matcher, rules hotlist.Policy, log *slog.Logger) *lists {
	return &lists{store: s, matcher: m, rules: rules, log: log, loaded: make(map[string]store.HotlistInfo)}
}

// Run takes over changes that other processes make to the store.
func (l *lists) Run(ctx context.Context) error {
	tick := time.NewTicker(listPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := l.Load(ctx); err != nil && ctx.Err() == nil {
			l.log.Error("hotlists are not up to date", "error", err)
		}
	}
}

// Load puts the active version of every list, the manual entries and the
// forbidden categories in use. What has not changed is not read again. A list
// that cannot be read leaves the one before it in use.
func (l *lists) Load(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load(ctx)
}

func (l *lists) load(ctx context.Context) error {
	forbidden, err := l.store.Forbidden(ctx)
	if err != nil {
		return err
	}
	generation, err := l.store.HotlistGeneration(ctx)
	if err != nil {
		return err
	}
	generation += ";" + strings.Join(forbidden, ";")
	if generation == l.generation {
		return nil
	}
	rules := l.rules
	rules.ForbidCategories = append(slices.Clone(rules.ForbidCategories), forbidden...)
	if err := l.matcher.SetPolicy(rules); err != nil {
		return err
	}
	index, err := l.index(ctx)
	l.matcher.Swap(index)
	if err == nil {
		l.generation = generation
	}
	return err
}

// index makes the index that the store asks for. With an error it is as good
// as it could be made.
func (l *lists) index(ctx context.Context) (*hotlist.Index, error) {
	index := l.matcher.Index()
	infos, err := l.store.Hotlists(ctx)
	if err != nil {
		return index, err
	}
	active := map[string]store.HotlistInfo{}
	for _, info := range infos {
		if info.IsActive {
			active[info.List] = info
		}
	}
	for name := range l.loaded {
		if _, ok := active[name]; !ok {
			index = index.Without(name)
			delete(l.loaded, name)
		}
	}
	var errs []error
	for name, info := range active {
		if l.loaded[name] == info {
			continue
		}
		list, err := hotlist.FromChunks(l.store.LoadHotlist(ctx, info))
		if err != nil {
			errs = append(errs, fmt.Errorf("load hotlist %s version %s: %w", name, info.Version, err))
			continue
		}
		index = index.With(list)
		l.loaded[name] = info
	}
	manual, err := l.manual(ctx)
	if err != nil {
		return index, errors.Join(append(errs, err)...)
	}
	return index.With(manual), errors.Join(errs...)
}

func (l *lists) manual(ctx context.Context) (*hotlist.List, error) {
	entries, err := l.store.ManualEntries(ctx)
	if err != nil {
		return nil, err
	}
	return hotlist.FromEntries(manualList, "", time.Time{}, entries)
}

// Replace stores a list as the next version of its name and puts it in use.
func (l *lists) Replace(ctx context.Context, who store.Access, list *hotlist.List) error {
	if list.Name == manualList {
		return fmt.Errorf("replace hotlist %q: the name is taken by officers' own entries: choose another", list.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	info := store.HotlistInfo{List: list.Name, Version: list.Version, Entries: list.Len(), PublishedAt: list.PublishedAt}
	if err := l.store.SaveHotlist(ctx, who, info, list.Chunks()); err != nil {
		return err
	}
	return l.load(ctx)
}

// HotlistVersions is the version in use of each list that the backend
// published.
func (l *lists) HotlistVersions(context.Context) (map[string]uint64, error) {
	versions := map[string]uint64{}
	for _, list := range l.matcher.Index().Lists() {
		number, isSync := strings.CutPrefix(list.Version, syncVersion)
		if !isSync {
			continue
		}
		v, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("hotlist %s has version %q: %w", list.Name, list.Version, err)
		}
		versions[list.Name] = v
	}
	return versions, nil
}

// ApplyHotlist takes an update that the backend published, whole or not at all.
func (l *lists) ApplyHotlist(ctx context.Context, u downlink.Update) error {
	base, err := hotlist.FromEntries(u.List, "", u.PublishedAt, nil)
	if err != nil {
		return err
	}
	if u.Base > 0 {
		if base, err = l.base(ctx, u); err != nil {
			return err
		}
	}
	next, err := base.Apply(syncVersion+strconv.FormatUint(u.Version, 10), u.PublishedAt, u.Remove, u.Entries)
	if err != nil {
		return err
	}
	return l.Replace(ctx, store.Access{Officer: "backend", Purpose: "hotlist published to the fleet"}, next)
}

// base is the version in use that an update changes.
func (l *lists) base(ctx context.Context, u downlink.Update) (*hotlist.List, error) {
	have, err := l.HotlistVersions(ctx)
	if err != nil {
		return nil, err
	}
	if have[u.List] != u.Base {
		return nil, fmt.Errorf("update hotlist %s to version %d: it changes version %d, in use is %d", u.List, u.Version, u.Base, have[u.List])
	}
	for _, list := range l.matcher.Index().Lists() {
		if list.Name == u.List {
			return list, nil
		}
	}
	return nil, fmt.Errorf("update hotlist %s: it is not in use", u.List)
}

// listName is what a list is called that comes from a file.
func listName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// AddEntry puts an entry made in the car in use; its Source is the officer.
func (l *lists) AddEntry(ctx context.Context, e alpr.Entry) error {
	if err := l.store.AddManual(ctx, store.Access{Officer: e.Source, Purpose: e.Reason}, e); err != nil {
		return err
	}
	return l.Load(ctx)
}

// RemoveEntry takes an entry made in the car out of use.
func (l *lists) RemoveEntry(ctx context.Context, id, officer, reason string) error {
	if err := l.store.RemoveManual(ctx, store.Access{Officer: officer, Purpose: reason}, id); err != nil {
		return err
	}
	return l.Load(ctx)
}

// Entries are the entries made in the car.
func (l *lists) Entries(ctx context.Context) ([]alpr.Entry, error) { return l.store.ManualEntries(ctx) }
