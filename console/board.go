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

// hitCase is one hit with what became of it.
type hitCase struct {
	view          hitView
	crop, context alpr.Picture
	hasPictures   bool // in memory; otherwise History has them
	isSeen        bool // a withdrawal that an officer has taken note of
}

func (c *hitCase) isOpen() bool {
	return c.view.Done == nil && !(c.view.Withdrawn && c.isSeen)
}

// board is what the pages show. It is safe for concurrent use.
type board struct {
	now      func() time.Time
	readsFor func() time.Duration
	// showLocked lets a locked page show what an alert says.
	showLocked bool

	mu       sync.Mutex
	hub      *hub
	cases    map[alpr.ID]*hitCase
	order    []alpr.ID // of cases, oldest first
	overflow int       // open cases that were pushed off the board; still open on record
	reads    []readView
}

func newBoard(boot string, readsFor func() time.Duration, now func() time.Time) *board {
	return &board{now: now, readsFor: readsFor, hub: newHub(boot), cases: map[alpr.ID]*hitCase{}}
}

// snapshot is the whole board.
type snapshot struct {
	Reads    []readView `json:"reads"` // oldest first
	Hits     []hitView  `json:"hits"`  // oldest first
	Overflow int        `json:"overflow"`
}

// alertView is all that a locked page learns of a hit: that there is one, and
// where the agency allows it what an officer must know to act.
type alertView struct {
	ID        alpr.ID `json:"id"`
	Priority  int     `json:"priority"`
	PriorityW string  `json:"priority_word"`
	Withdrawn bool    `json:"withdrawn"`

	Plate    string `json:"plate,omitempty"` // as read
	State    string `json:"state,omitempty"` // what is known of it, in words
	Category string `json:"category,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Caution  string `json:"caution,omitempty"`
	Lead     string `json:"lead,omitempty"`
	Why      string `json:"withdrawn_why,omitempty"`
}

// join adds a page: what it missed where that is known, otherwise everything.
func (b *board) join(session, lastID string) (*client, []event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, missed, isResumed := b.hub.subscribe(session, lastID)
	if !isResumed {
		missed = []event{{seq: b.hub.last, kind: eventSnapshot, data: mustJSON(b.snapshotLocked()), alert: b.alertsLocked()}}
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

// alertsLocked is a locked page's snapshot: the most urgent open case.
func (b *board) alertsLocked() []byte {
	var worst *hitView
	for _, id := range b.order {
		c := b.cases[id]
		if c.isOpen() && !c.view.Covert && !c.view.Withdrawn && (worst == nil || c.view.Priority >= worst.Priority) {
			worst = &c.view
		}
	}
	if worst == nil {
		return nil
	}
	return b.alertOf(*worst)
}

func (b *board) alertOf(v hitView) []byte {
	if v.Covert || !v.Open {
		return nil
	}
	a := alertView{ID: v.ID, Priority: v.Priority, PriorityW: v.PriorityW, Withdrawn: v.Withdrawn}
	if b.showLocked {
		a.Plate, a.State, a.Category, a.Reason, a.Caution = v.Read, v.StateW, v.Category, v.Reason, v.Caution
		a.Lead, a.Why = leadOnly, v.WithdrawnWhy
	}
	return mustJSON(a)
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

// showHit opens a case or revises it. A disposition stays with its case; where
// the plate changes after it, the page says so.
func (b *board) showHit(v hitView, crop, context alpr.Picture) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, known := b.cases[v.ID]
	if known && c.view.Rev > v.Rev {
		return
	}
	if !known {
		c = &hitCase{}
		b.cases[v.ID] = c
		b.order = append(b.order, v.ID)
	}
	v.Done = c.view.Done
	v.Changed = c.view.Changed || v.Done != nil && (v.Read != c.view.Read || v.Withdrawn != c.view.Withdrawn)
	if len(crop.JPEG) == 0 && len(context.JPEG) == 0 && known && c.view.Rev == v.Rev { // taken back: the pictures are as before
		v.Crop, v.Context = c.view.Crop, c.view.Context
	}
	c.view = v
	if len(crop.JPEG) > 0 || len(context.JPEG) > 0 {
		c.crop, c.context, c.hasPictures = crop, context, true
	}
	b.publishCase(c)
	b.trimLocked()
}

func (b *board) publishCase(c *hitCase) {
	c.view.Open = c.isOpen()
	b.hub.publish(event{kind: eventHit, data: mustJSON(c.view), alert: b.alertOf(c.view)})
}

// dispose notes a recorded disposition. It says false for a hit that is not on
// the board.
func (b *board) dispose(id alpr.ID, d doneView) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.cases[id]
	if !ok {
		return false
	}
	c.view.Done, c.view.Changed = &d, false
	b.publishCase(c)
	b.trimLocked()
	return true
}

// acknowledge notes that an officer has seen a withdrawal.
func (b *board) acknowledge(id alpr.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.cases[id]
	if !ok || !c.view.Withdrawn {
		return false
	}
	c.isSeen = true
	b.publishCase(c)
	b.trimLocked()
	return true
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

// tell sends a passing message, such as the status, to all pages.
func (b *board) tell(kind string, v any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pruneLocked()
	data := mustJSON(v)
	b.hub.send(event{kind: kind, data: data})
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
