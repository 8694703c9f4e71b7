package console

import (
	"slices"
	"sync"
	"time"

	"alpr"
)

const (
	maxReads    = 60  // on the screen
	maxOpen     = 500 // cases that wait; older ones are only counted
	maxClosed   = 100 // cases that are done, for a second look
	maxPictures = 64  // cases whose pictures are held in memory
)

// board is what the pages show. It is safe for concurrent use.
type board struct {
	now      func() time.Time
	readsFor func() time.Duration
	sounds   map[string]Sound // by list
	rung     chan struct{}    // holds one: a hit came or changed

	mu       sync.Mutex
	hub      *hub
	cases    map[alpr.ID]*hitCase
	order    []alpr.ID // of cases, oldest first
	overflow int       // open cases that were pushed off the board; still open on record
	reads    []readView
}

func newBoard(boot string, readsFor func() time.Duration, sounds map[string]Sound, now func() time.Time) *board {
	return &board{now: now, readsFor: readsFor, sounds: sounds, rung: make(chan struct{}, 1), hub: newHub(boot), cases: map[alpr.ID]*hitCase{}}
}

// snapshot is the whole board.
type snapshot struct {
	Reads    []readView `json:"reads"` // oldest first
	Hits     []hitView  `json:"hits"`  // oldest first
	Overflow int        `json:"overflow"`
}

// alertView is all that a page learns of a hit before an officer is there: that
// there is one, and where the agency allows it what he must know to act.
type alertView struct {
	ID        alpr.ID   `json:"id"`
	At        time.Time `json:"at"`
	Open      bool      `json:"open"`
	Priority  int       `json:"priority"`
	PriorityW string    `json:"priority_word"`
	Sound     string    `json:"sound"`
	Withdrawn bool      `json:"withdrawn"`
	Quiet     time.Time `json:"quiet_until,omitzero"`
	Lead      string    `json:"lead"`

	Plate    string `json:"plate,omitempty"` // as read
	State    string `json:"state,omitempty"` // what is known of it, in words
	Category string `json:"category,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Caution  string `json:"caution,omitempty"`
	Why      string `json:"withdrawn_why,omitempty"`
}

// join adds a page: what it missed where that is known, otherwise everything.
func (b *board) join(session, lastID string) (*client, []event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, missed, isResumed := b.hub.subscribe(session, lastID)
	if !isResumed {
		full, bare := b.alertsLocked()
		missed = []event{{seq: b.hub.last, kind: eventSnapshot, data: mustJSON(b.snapshotLocked()), gateKind: eventAlert, gate: full, bare: bare}}
	}
	return c, missed
}

func (b *board) leave(c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hub.drop(c)
}

func (b *board) hasPages() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.hub.clients) > 0
}

func (b *board) snapshotLocked() snapshot {
	b.pruneLocked()
	s := snapshot{Reads: append([]readView{}, b.reads...), Hits: []hitView{}, Overflow: b.overflow}
	for _, id := range b.order {
		s.Hits = append(s.Hits, b.cases[id].view)
	}
	return s
}

// alertsLocked is the snapshot of a page before an officer is there: every open
// case that is not covert, with what it says and without.
func (b *board) alertsLocked() (full, bare []byte) {
	all, few := []alertView{}, []alertView{}
	for _, id := range b.order {
		if c := b.cases[id]; c.view.Open && !c.view.Covert {
			all, few = append(all, alertOf(c.view, true)), append(few, alertOf(c.view, false))
		}
	}
	return mustJSON(all), mustJSON(few)
}

func alertOf(v hitView, isFull bool) alertView {
	a := alertView{ID: v.ID, At: v.At, Open: v.Open, Priority: v.Priority, PriorityW: v.PriorityW, Sound: v.Sound,
		Withdrawn: v.Withdrawn, Quiet: v.QuietUntil, Lead: leadOnly}
	if isFull && v.Open {
		a.Plate, a.State, a.Category, a.Reason, a.Caution, a.Why = v.Read, v.StateW, v.Category, v.Reason, v.cautions(), v.WithdrawnWhy
	}
	return a
}

// showRead adds a read, or its newer revision.
func (b *board) showRead(v readView) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pruneLocked()
	v.ShownAt = b.now()
	if i := slices.IndexFunc(b.reads, func(o readView) bool { return o.ID == v.ID }); i >= 0 {
		if b.reads[i].Rev > v.Rev {
			return
		}
		b.reads[i] = v
	} else {
		b.reads = append(b.reads, v)
		if len(b.reads) > maxReads {
			b.reads = slices.Delete(b.reads, 0, len(b.reads)-maxReads)
		}
	}
	b.hub.publish(event{kind: eventRead, data: mustJSON(v), readAt: v.ShownAt})
}

// showAlert opens cases or revises them. An answer stays with its case; where the
// plate changes after it, the page says so.
func (b *board) showAlert(r alpr.Read, hits ...alpr.Hit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	touched := []*hitCase{}
	for _, h := range hits {
		c := b.caseOf(h)
		if c == nil {
			c = &hitCase{id: h.ID}
			b.cases[h.ID] = c
			b.order = append(b.order, h.ID)
		}
		if c.read.Revision > r.Revision {
			continue
		}
		c.read = r
		c.put(h)
		if !slices.Contains(touched, c) {
			touched = append(touched, c)
		}
	}
	for _, c := range touched {
		if len(r.Crop.JPEG) > 0 || len(r.Context.JPEG) > 0 {
			c.crop, c.context, c.hasPictures = r.Crop, r.Context, true
		}
		b.publishCase(c)
		c.read.Crop.JPEG, c.read.Context.JPEG = nil, nil // kept above, as long as there is room
	}
	b.trimLocked()
}

// caseOf is the case that a hit is on, or belongs to; nil where it opens one.
func (b *board) caseOf(h alpr.Hit) *hitCase {
	var other *hitCase
	for _, id := range b.order {
		c := b.cases[id]
		if c.has(h.ID) {
			return c
		}
		if other == nil && c.belongs(h) {
			other = c
		}
	}
	return other
}

func (b *board) publishCase(c *hitCase) {
	c.redo(b.sounds)
	e := event{kind: eventHit, data: mustJSON(c.view), gateKind: eventAlert}
	if !c.view.Covert {
		e.gate, e.bare = mustJSON(alertOf(c.view, true)), mustJSON(alertOf(c.view, false))
	}
	b.hub.publish(e)
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// change does something to a case and tells the pages. It says false for one
// that is not on the board, or where do does.
func (b *board) change(id alpr.ID, do func(*hitCase) bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.cases[id]
	if !ok || !do(c) {
		return false
	}
	b.publishCase(c)
	b.trimLocked()
	return true
}

// dispose notes a recorded answer.
func (b *board) dispose(id alpr.ID, d doneView) bool {
	return b.change(id, func(c *hitCase) bool {
		c.done, c.isChanged = &d, false
		return true
	})
}

// reopen takes an answer back.
func (b *board) reopen(id alpr.ID) bool {
	return b.change(id, func(c *hitCase) bool {
		c.done, c.isChanged = nil, false
		return true
	})
}

// acknowledge notes that an officer has seen a withdrawal.
func (b *board) acknowledge(id alpr.ID) bool {
	return b.change(id, func(c *hitCase) bool {
		c.isSeen = c.view.Withdrawn
		return c.isSeen
	})
}

// quieten keeps one case from sounding again until an instant.
func (b *board) quieten(id alpr.ID, until time.Time) bool {
	return b.change(id, func(c *hitCase) bool {
		c.quietUntil = until
		return true
	})
}

// hit returns a case's view and, where they are in memory, its pictures.
func (b *board) hit(id alpr.ID) (hitCase, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.cases[id]
	if !ok {
		return hitCase{}, false
	}
	return *c, true
}

// tellStatus sends how the system does to all pages; those at the gate learn only
// that it runs.
func (b *board) tellStatus(v statusView) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pruneLocked()
	b.hub.send(statusEvent(v))
}

func statusEvent(v statusView) event {
	pulse := mustJSON(v.pulseView)
	return event{kind: eventStatus, data: mustJSON(v), gateKind: eventPulse, gate: pulse, bare: pulse}
}

// pruneLocked takes reads off the screen whose time is over.
func (b *board) pruneLocked() {
	before := b.now().Add(-b.readsFor())
	b.reads = slices.DeleteFunc(b.reads, func(v readView) bool { return v.ShownAt.Before(before) })
	b.hub.forgetReads(before)
}

// trimLocked keeps the board within its limits: pictures of the newest cases
// only, closed cases before open ones, and never silently an open one.
func (b *board) trimLocked() {
	for _, id := range b.order[:max(0, len(b.order)-maxPictures)] {
		c := b.cases[id]
		c.crop, c.context, c.hasPictures = alpr.Picture{}, alpr.Picture{}, false
	}
	var open, closed int
	for _, id := range b.order {
		if b.cases[id].isOpen() {
			open++
		} else {
			closed++
		}
	}
	b.order = slices.DeleteFunc(b.order, func(id alpr.ID) bool {
		n, limit := &closed, maxClosed
		if b.cases[id].isOpen() {
			n, limit = &open, maxOpen
		}
		if *n <= limit {
			return false
		}
		if b.cases[id].isOpen() {
			b.overflow++
		}
		*n--
		delete(b.cases, id)
		return true
	})
}
