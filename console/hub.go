package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	ringSize    = 1024 // events a page may have missed and still catch up on
	clientQueue = 128  // events a page may be behind before it is cut off
	maxStreams  = 4    // open pages of one session
)

// The kinds of event a page gets.
const (
	eventRead     = "read"
	eventHit      = "hit"
	eventStatus   = "status"
	eventSnapshot = "snapshot" // the whole board: forget what you know
	eventAlert    = "alert"    // a hit, to a page without an officer: one, or a list of all that are open
	eventPulse    = "pulse"    // the status, to a page without an officer: that the program runs
	eventLocked   = "locked"
	eventEnded    = "ended"    // the session is over
	eventReplaced = "replaced" // newer pages of the same session have taken this one's place
)

// event is one message to the pages.
type event struct {
	seq    uint64 // 0: not kept for those who missed it
	kind   string
	data   []byte // JSON; nil: gone, its time on the screen is over
	readAt time.Time

	// What a page without an officer gets instead: gate where the agency lets it
	// say what the alert is of, bare otherwise. nil: nothing.
	gateKind   string
	gate, bare []byte
}

// client is one open page.
type client struct {
	events     chan event // closed by the hub when the page is too slow, or is to give way
	session    string
	number     uint64 // grows with each page
	isReplaced bool   // to be looked at when events is closed
}

// hub keeps the last events and hands new ones to the open pages. The board's
// lock guards it.
type hub struct {
	boot    string // tells the event numbers of this run from those of others
	last    uint64
	ring    []event // ring[seq % ringSize]
	clients map[*client]struct{}
	joined  uint64
}

func newHub(boot string) *hub {
	return &hub{boot: boot, ring: make([]event, ringSize), clients: map[*client]struct{}{}}
}

// publish numbers the event, keeps it, and queues it for every page. It never
// waits: a page whose queue is full is cut off, and comes back for the rest.
func (h *hub) publish(e event) {
	h.last++
	e.seq = h.last
	h.ring[e.seq%ringSize] = e
	h.send(e)
}

// send queues an event that nobody needs to catch up on.
func (h *hub) send(e event) {
	for c := range h.clients {
		select {
		case c.events <- e:
		default:
			h.drop(c)
		}
	}
}

func (h *hub) drop(c *client) {
	if _, ok := h.clients[c]; ok {
		delete(h.clients, c)
		close(c.events)
	}
}

// subscribe adds a page. With the id of the last event it saw, it also gets
// what it missed; isResumed is false where that is not known any more, and the
// page needs a snapshot.
//
// Of the pages of one session only the newest stay: the oldest gives way, and
// nobody's pages keep another's from opening.
func (h *hub) subscribe(session, lastID string) (c *client, missed []event, isResumed bool) {
	h.makeRoom(session)
	h.joined++
	c = &client{events: make(chan event, clientQueue), session: session, number: h.joined}
	h.clients[c] = struct{}{}
	seq, ok := h.parseID(lastID)
	if !ok || seq > h.last || h.last-seq >= ringSize {
		return c, nil, false
	}
	for s := seq + 1; s <= h.last; s++ {
		if e := h.ring[s%ringSize]; e.data != nil {
			missed = append(missed, e)
		}
	}
	return c, missed, true
}

func (h *hub) makeRoom(session string) {
	var oldest *client
	n := 0
	for c := range h.clients {
		if c.session != session {
			continue
		}
		if n++; oldest == nil || c.number < oldest.number {
			oldest = c
		}
	}
	if n >= maxStreams {
		oldest.isReplaced = true
		h.drop(oldest)
	}
}

// forgetReads takes reads from before the instant out of what can be caught up on.
func (h *hub) forgetReads(before time.Time) {
	for i := range h.ring {
		if e := &h.ring[i]; e.kind == eventRead && e.readAt.Before(before) {
			e.data = nil
		}
	}
}

func (h *hub) id(seq uint64) string { return h.boot + "." + strconv.FormatUint(seq, 10) }

func (h *hub) parseID(s string) (uint64, bool) {
	boot, num, ok := strings.Cut(s, ".")
	if !ok || boot != h.boot {
		return 0, false
	}
	seq, err := strconv.ParseUint(num, 10, 64)
	return seq, err == nil
}

// frame is the event as text/event-stream puts it (WHATWG HTML, section 9.2).
func frame(id, kind string, data []byte) []byte {
	var b []byte
	if id != "" {
		b = fmt.Appendf(b, "id: %s\n", id)
	}
	return fmt.Appendf(b, "event: %s\ndata: %s\n\n", kind, data)
}

// mustJSON encodes the console's own views, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("console: encode %T: %v", v, err))
	}
	return b
}
