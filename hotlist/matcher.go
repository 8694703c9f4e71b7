package hotlist

import (
	"sync"
	"sync/atomic"
	"time"

	"alpr"
)

// Matcher compares reads with the index in use. It is safe for concurrent use.
type Matcher struct {
	index  atomic.Pointer[Index]
	policy atomic.Pointer[AlertPolicy]

	mu     sync.Mutex
	recent map[alertKey]alert
}

// alertKey is what the cool-down is kept for: one entry, for one plate of one
// state. Another wanted plate, or another entry of the same plate, has its own.
type alertKey struct {
	plate, state, list, entry string
}

type alert struct {
	read alpr.ID   // which read raised it: its revisions are the same alert
	at   time.Time // when it was raised
}

// maxRecent bounds the cool-down's memory. Alerts are rare: so many are days.
const maxRecent = 10000

// NewMatcher makes a matcher with an empty index.
func NewMatcher(p AlertPolicy) (*Matcher, error) {
	m := &Matcher{recent: make(map[alertKey]alert)}
	m.index.Store(NewIndex())
	if err := m.SetPolicy(p); err != nil {
		return nil, err
	}
	return m, nil
}

// SetPolicy puts another policy in force.
func (m *Matcher) SetPolicy(p AlertPolicy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	m.policy.Store(&p)
	return nil
}

// Swap puts another index in use, at once and whole, and returns the last one.
func (m *Matcher) Swap(x *Index) *Index { return m.index.Swap(x) }

// Index is the index in use.
func (m *Matcher) Index() *Index { return m.index.Load() }

// WhyNot says in a few words why an entry would not alert at an instant,
// however well its plate were read; "" where it would.
func (m *Matcher) WhyNot(e alpr.Entry, at time.Time) string {
	return m.policy.Load().whyNot(&e, at)
}

// Match returns the hits of a read, most urgent first, without IDs. An entry
// that has alerted for another read of the same plate is left out until the
// policy's cool-down has passed since that alert. Revisions of one read are
// one alert; a hit that a later revision does not bear out is forgotten, so
// that the right car still alerts.
func (m *Matcher) Match(read alpr.Read) []alpr.Hit {
	p := m.policy.Load()
	found := m.index.Load().Match(&read, p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(&read, found)
	hits := found[:0]
	for _, h := range found {
		key := keyOf(&h.Entry)
		last, isKnown := m.recent[key]
		if isKnown && last.read != read.ID && read.At.Sub(last.at).Abs() < p.CoolDown {
			continue
		}
		if !isKnown || last.read != read.ID {
			m.prune(read.At, p.CoolDown)
			m.recent[key] = alert{read: read.ID, at: read.At}
		}
		hits = append(hits, h)
	}
	return hits
}

// Remember puts back what alerted before the program's last start, so that no
// cool-down ends with it.
func (m *Matcher) Remember(read *alpr.Read, h *alpr.Hit) {
	if h.IsWithdrawn {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prune(read.At, m.policy.Load().CoolDown)
	if key := keyOf(&h.Entry); !read.At.Before(m.recent[key].at) {
		m.recent[key] = alert{read: read.ID, at: read.At}
	}
}

// CoolDown is for how long an entry does not alert again for one car.
func (m *Matcher) CoolDown() time.Duration { return m.policy.Load().CoolDown }

// Forget ends the cool-down of an entry whose alert was taken back: should it be
// listed again, the next read of it alerts.
func (m *Matcher) Forget(e alpr.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.recent, keyOf(&e))
}

func keyOf(e *alpr.Entry) alertKey { return alertKey{e.Plate, e.State, e.List, e.ID} }

// forget drops the alerts of earlier revisions that found does not hold any more.
func (m *Matcher) forget(read *alpr.Read, found []alpr.Hit) {
	for key, a := range m.recent {
		if a.read != read.ID {
			continue
		}
		isBorneOut := false
		for i := range found {
			isBorneOut = isBorneOut || keyOf(&found[i].Entry) == key
		}
		if !isBorneOut {
			delete(m.recent, key)
		}
	}
}

// prune makes room where the cool-down's memory is full.
func (m *Matcher) prune(now time.Time, coolDown time.Duration) {
	if len(m.recent) < maxRecent {
		return
	}
	for key, a := range m.recent {
		if now.Sub(a.at).Abs() >= coolDown {
			delete(m.recent, key)
		}
	}
	for key := range m.recent { // all are recent: any may alert again
		if len(m.recent) <= maxRecent*7/8 {
			return
		}
		delete(m.recent, key)
	}
}
