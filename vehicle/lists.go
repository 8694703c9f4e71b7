package vehicle

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"alpr"
	"alpr/hotlist"
	"alpr/hotlist/importer"
	"alpr/internal/logkey"
	"alpr/store"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

const (
	// ManualList is the list that officers' own entries form.
	ManualList = "manual"
	// syncVersion is before the number in the version of a list that the
	// backend published.
	syncVersion = "sync "
	// listPoll is how soon a change made by another process is noticed.
	listPoll = 2 * time.Second
)

// Lists keeps the matcher's index and rules as the store says they are. It is
// safe for concurrent use.
type Lists struct {
	store   *store.Store
	matcher *hotlist.Matcher
	rules   atomic.Pointer[hotlist.AlertPolicy] // as configured; the store may forbid more
	log     *slog.Logger

	mu         sync.Mutex // held while something changes
	generation string
	loaded     map[string]store.HotlistInfo // by name

	problems atomic.Pointer[[]string] // of the last load
	changed  chan struct{}            // holds one pulse: the lists in use have changed

	changeMu sync.Mutex // never held while something is read
	changes  map[string]listChange
	unread   map[string]bool // lists in use that could not be read: nothing is known of their entries
	isKnown  bool            // which lists there are
}

// listChange is what last took entries off a list.
type listChange struct {
	why alpr.WithdrawalReason
	at  time.Time
}

// NewLists keeps m as s says. rules are as configured; the store may forbid more.
func NewLists(s *store.Store, m *hotlist.Matcher, rules hotlist.AlertPolicy, log *slog.Logger) *Lists {
	l := &Lists{store: s, matcher: m, log: log, loaded: make(map[string]store.HotlistInfo),
		changed: make(chan struct{}, 1), changes: make(map[string]listChange), unread: make(map[string]bool)}
	l.rules.Store(&rules)
	return l
}

// Rules are what is configured; the store may forbid more. Do not change them.
func (l *Lists) Rules() *hotlist.AlertPolicy { return l.rules.Load() }

// SetRules puts other rules in force, or says why they cannot be. Lists that
// cannot be read meanwhile are told as by Load.
func (l *Lists) SetRules(ctx context.Context, rules hotlist.AlertPolicy) error {
	if err := rules.Validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules.Store(&rules)
	l.generation = "" // all is put in use anew
	_ = l.load(ctx)   // it has said what is wrong
	return nil
}

// Run takes over changes that other processes make to the store.
func (l *Lists) Run(ctx context.Context) error {
	tick := time.NewTicker(listPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		_ = l.Load(ctx) // it has said what is wrong, and goes on with what is sound
	}
}

// Load puts the active version of every list, the manual entries and the
// forbidden categories in use. What has not changed is not read again. A list
// that cannot be read leaves the one before it in use, and an entry that cannot
// be taken keeps no other from alerting: Problems names both.
func (l *Lists) Load(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load(ctx)
}

// loadUnlessBusy is Load where no other load or import is under way: nobody waits
// for one with a million entries.
func (l *Lists) loadUnlessBusy(ctx context.Context) {
	if !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	_ = l.load(ctx) // it has said what is wrong
}

// Problems are what the last load could not take, a sentence each.
func (l *Lists) Problems() []string {
	if p := l.problems.Load(); p != nil {
		return *p
	}
	return nil
}

// tell keeps the problems of a load, and logs them where they are new.
func (l *Lists) tell(problems []string) {
	if !slices.Equal(problems, l.Problems()) {
		for _, p := range problems {
			l.log.Error("hotlists are not whole", logkey.Error, p)
		}
		if len(problems) == 0 {
			l.log.Info("hotlists are whole again")
		}
	}
	l.problems.Store(&problems)
}

func (l *Lists) load(ctx context.Context) (err error) {
	var unsound []hotlist.EntryError
	isNew := true
	defer func() {
		if ctx.Err() == nil && (isNew || err != nil) {
			l.tell(listProblems(err, unsound))
		}
	}()
	forbidden, err := l.store.Rules().Forbidden(ctx)
	if err != nil {
		return err
	}
	generation, err := l.store.Lists().Generation(ctx)
	if err != nil {
		return err
	}
	generation += ";" + strings.Join(forbidden, ";")
	if isNew = generation != l.generation; !isNew {
		return nil
	}
	rules := *l.rules.Load()
	rules.ForbidCategories = append(slices.Clone(rules.ForbidCategories), forbidden...)
	if err := l.matcher.SetPolicy(rules); err != nil {
		return err
	}
	index, unsound, err := l.index(ctx)
	l.matcher.Swap(index)
	select {
	case l.changed <- struct{}{}:
	default: // the pulse before was not taken yet
	}
	if err == nil {
		l.generation = generation
	}
	return err
}

func listProblems(err error, unsound []hotlist.EntryError) (problems []string) {
	if err != nil {
		problems = append(problems, fmt.Sprintf("hotlists are not up to date: %v", err))
	}
	for _, e := range unsound {
		problems = append(problems, fmt.Sprintf("an entry made in this car does not alert: %v: take it off and add it anew", e))
	}
	return problems
}

// index makes the index that the store asks for. With an error it is as good
// as it could be made.
func (l *Lists) index(ctx context.Context) (*hotlist.Index, []hotlist.EntryError, error) {
	index := l.matcher.Index()
	infos, err := l.store.Lists().All(ctx)
	if err != nil {
		return index, nil, err
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
			l.noteChange(name, listChange{alpr.WithdrawnDropped, time.Now()})
		}
	}
	var errs []error
	unread := damagedLists(infos)
	for name, info := range active {
		before, wasLoaded := l.loaded[name]
		if before == info {
			continue
		}
		list, used, err := l.read(ctx, info)
		if err != nil {
			errs = append(errs, fmt.Errorf("load hotlist %s version %s: %w", name, info.Version, err))
			unread[name] = true
			continue
		}
		if list == nil { // no version of it can be read: what it has alerted stands
			index = index.Without(name)
			delete(l.loaded, name)
			unread[name] = true
			continue
		}
		unread[name] = unread[name] || used.Version != info.Version
		index = index.With(list)
		l.loaded[used.List] = used
		change := listChange{alpr.WithdrawnRemoved, info.ImportedAt}
		if wasLoaded && info.ImportedAt.Before(before.ImportedAt) {
			change = listChange{alpr.WithdrawnRolledBack, time.Now()}
		}
		l.noteChange(name, change)
	}
	manual, unsound, err := l.manual(ctx)
	if err != nil {
		unread[ManualList] = true
		l.noteKnown(unread)
		return index, nil, errors.Join(append(errs, err)...)
	}
	l.noteChange(ManualList, listChange{alpr.WithdrawnRemoved, time.Now()})
	l.noteKnown(unread)
	return index.With(manual), unsound, errors.Join(errs...)
}

// damagedLists are the lists whose newest version is damaged: an older one in its
// place says nothing against what the newest has alerted. infos are newest first.
func damagedLists(infos []store.HotlistInfo) map[string]bool {
	damaged, isSeen := map[string]bool{}, map[string]bool{}
	for _, info := range infos {
		damaged[info.List] = damaged[info.List] || info.IsDamaged && !isSeen[info.List]
		isSeen[info.List] = isSeen[info.List] || info.IsActive
	}
	return damaged
}

// read reads the active version of a list. One that is damaged is set aside, and
// the newest that can be read comes in its place: used says which. The list is nil
// where there is none. An error is one of the store's, and may pass.
func (l *Lists) read(ctx context.Context, info store.HotlistInfo) (list *hotlist.List, used store.HotlistInfo, err error) {
	for range maxVersions {
		list, err := hotlist.FromChunks(l.store.Lists().Load(ctx, info))
		if err == nil {
			return list, l.correct(ctx, info, list), nil
		}
		if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, hotlist.ErrDamaged) {
			return nil, info, err
		}
		back, found, serr := l.store.Lists().SetAside(ctx, info, err)
		if serr != nil { // it goes on without; the store has said so
			l.log.Warn("a damaged hotlist is not on record yet", logkey.List, info.List, logkey.Error, serr)
		}
		if !found {
			return nil, info, nil
		}
		info = back
	}
	return nil, info, fmt.Errorf("load hotlist %s: too many damaged versions", info.List)
}

// maxVersions is more than there are of any list.
const maxVersions = 16

// correct puts what the store says of a version right by what the sealed list
// says itself.
func (l *Lists) correct(ctx context.Context, info store.HotlistInfo, list *hotlist.List) store.HotlistInfo {
	if info.List == list.Name && info.Version == list.Version && info.Entries == list.Len() && info.PublishedAt.UnixMilli() == list.PublishedAt.UnixMilli() {
		return info
	}
	right := store.HotlistInfo{List: list.Name, Version: list.Version, Entries: list.Len(), PublishedAt: list.PublishedAt}
	right, err := l.store.Lists().Correct(ctx, info, right)
	if err != nil {
		l.log.Warn("a hotlist's row is not put right yet", logkey.List, info.List, logkey.Error, err)
	}
	return right
}

func (l *Lists) manual(ctx context.Context) (*hotlist.List, []hotlist.EntryError, error) {
	entries, err := l.store.Manual().All(ctx)
	if err != nil {
		return nil, nil, err
	}
	return hotlist.FromSound(ManualList, "", time.Time{}, entries)
}

func (l *Lists) noteChange(list string, c listChange) {
	l.changeMu.Lock()
	defer l.changeMu.Unlock()
	l.changes[list] = c
}

func (l *Lists) noteKnown(unread map[string]bool) {
	l.changeMu.Lock()
	defer l.changeMu.Unlock()
	l.unread, l.isKnown = unread, true
}

// Withdrawal says why an entry that has alerted may do so no more at an
// instant; zero where it may, and where that cannot be said because its list
// could not be read. It does not block.
func (l *Lists) Withdrawal(e alpr.Entry, at time.Time) alpr.Withdrawal {
	now, isListed := l.matcher.Index().Find(e)
	if !isListed {
		return l.unlisted(e, at)
	}
	switch l.matcher.WhyNot(now, at) {
	case hotlist.WhyExpired:
		return alpr.Withdrawal{Why: alpr.WithdrawnExpired, At: now.Expires}
	case hotlist.WhyNotYet:
		return alpr.Withdrawal{Why: alpr.WithdrawnChanged, At: at}
	case hotlist.WhyNotAllowed:
		return alpr.Withdrawal{Why: alpr.WithdrawnForbidden, At: at}
	}
	return alpr.Withdrawal{} // what an old list said yesterday it still says
}

func (l *Lists) unlisted(e alpr.Entry, at time.Time) alpr.Withdrawal {
	l.changeMu.Lock()
	defer l.changeMu.Unlock()
	change, ok := l.changes[e.List]
	switch {
	case !l.isKnown || l.unread[e.List]:
		return alpr.Withdrawal{}
	case !e.Expires.IsZero() && !at.Before(e.Expires):
		return alpr.Withdrawal{Why: alpr.WithdrawnExpired, At: e.Expires}
	case !ok: // it was in use before this start
		return alpr.Withdrawal{Why: alpr.WithdrawnDropped}
	}
	return alpr.Withdrawal{Why: change.why, At: change.at}
}

// Replace stores a list as the next version of its name and puts it in use.
func (l *Lists) Replace(ctx context.Context, who store.Access, list *hotlist.List) error {
	if list.Name == ManualList {
		return fmt.Errorf("replace hotlist %q: the name is taken by officers' own entries: choose another", list.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	info := store.HotlistInfo{List: list.Name, Version: list.Version, Entries: list.Len(), PublishedAt: list.PublishedAt}
	if err := l.store.Lists().Save(ctx, who, info, list.Chunks()); err != nil {
		return err
	}
	return l.load(ctx)
}

// HotlistVersions is the version in use of each list that the backend
// published.
func (l *Lists) HotlistVersions(context.Context) (map[string]uint64, error) {
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

// InUse are all lists that reads are checked against, whichever way they came.
func (l *Lists) InUse() (out []event.ListInUse) {
	for _, list := range l.matcher.Index().Lists() {
		if list.Len() > 0 || !list.IsManual {
			out = append(out, event.ListInUse{Name: list.Name, Version: list.Version, Entries: list.Len(), PublishedAt: list.PublishedAt.UTC()})
		}
	}
	return out
}

// ApplyHotlist takes an update that the backend published, whole or not at all.
func (l *Lists) ApplyHotlist(ctx context.Context, u downlink.Update) error {
	base, err := hotlist.FromEntries(u.List, "", u.PublishedAt, nil)
	if err != nil {
		return err
	}
	if u.Base > 0 {
		if base, err = l.base(ctx, u); err != nil {
			return err
		}
	}
	if u.PublishedAt.IsZero() {
		u.PublishedAt = base.PublishedAt
	}
	n := 0
	next, unsound, err := base.ApplySound(syncVersion+strconv.FormatUint(u.Version, 10), u.PublishedAt, u.Remove, counted(u.Entries, &n))
	if err != nil {
		return err
	}
	if u.Version == u.Base && n == 0 && next.Len() == base.Len() {
		return nil // the removals were done before: a manifest comes again with each connection
	}
	if len(unsound) > 0 {
		if float64(len(unsound)) > importer.DefaultMaxBad*float64(n) {
			return fmt.Errorf("%d of %d entries, the first: %w: %w", len(unsound), n, unsound[0], importer.ErrTooManyBad)
		}
		l.log.Warn("entries of a published list are left out", logkey.List, u.List, logkey.Entries, len(unsound), logkey.First, unsound[0].Error())
	}
	return l.Replace(ctx, store.Access{Officer: "backend", Purpose: "hotlist published to the fleet"}, next)
}

// counted is entries, and counts them.
func counted(entries iter.Seq2[alpr.Entry, error], n *int) iter.Seq2[alpr.Entry, error] {
	return func(yield func(alpr.Entry, error) bool) {
		for e, err := range entries {
			*n++
			if !yield(e, err) {
				return
			}
		}
	}
}

// base is the version in use that an update changes.
func (l *Lists) base(ctx context.Context, u downlink.Update) (*hotlist.List, error) {
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

// AddEntry puts an entry made in the car in use; its Source is the officer.
func (l *Lists) AddEntry(ctx context.Context, e alpr.Entry) error {
	if err := l.store.Manual().Add(ctx, store.Access{Officer: e.Source, Purpose: e.Reason}, e); err != nil {
		return err
	}
	return l.Load(ctx)
}

// RemoveEntry takes an entry made in the car out of use.
func (l *Lists) RemoveEntry(ctx context.Context, id, officer, reason string) error {
	if err := l.store.Manual().Remove(ctx, store.Access{Officer: officer, Purpose: reason}, id); err != nil {
		return err
	}
	return l.Load(ctx)
}

// Entries are the entries made in the car.
func (l *Lists) Entries(ctx context.Context) ([]alpr.Entry, error) { return l.store.Manual().All(ctx) }

// Listed finds the entries in force of a plate, or of a pattern in which ? is one
// character and * any number of them.
func (l *Lists) Listed(ctx context.Context, pattern string) (found []alpr.Entry, err error) {
	now := time.Now()
	for _, list := range l.matcher.Index().Lists() {
		entries := list.Lookup(pattern)
		if strings.ContainsAny(pattern, "?*") {
			entries = list.All()
		}
		for e := range entries {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if ok, _ := path.Match(pattern, e.Plate); ok && l.matcher.WhyNot(e, now) == "" {
				found = append(found, e)
			}
		}
	}
	return found, nil
}
