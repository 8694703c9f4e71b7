package console

import (
	"errors"
	"net"
	"net/http"
	"time"

	"alpr"
)

const (
	writeWithin  = 10 * time.Second // a page that takes longer is gone
	checkSession = time.Second
)

// audience is who sits before a page.
type audience int

const (
	officerThere    audience = iota
	lockedOut                // his session is locked
	nobodyThere              // nobody has logged in
	technicianThere          // how the system does, no plates
)

// stream sends the events of the board as server-sent events until the page
// goes, falls behind, gives way to newer ones, or its session ends. A locked page
// gets alerts as far as the agency lets it.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, me who) error {
	if !me.isLocked && me.Role != RoleTechnician && c.sessions.firstView(me.token, "page") {
		// Shown even where the log fails: an officer is not kept from alerts.
		_ = c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionViewPage, Purpose: "patrol"})
	}
	out := c.eventWriter(w, audienceOf(me))
	return c.pump(r, out, pageOf{session: me.token, ended: me.ended, check: func() bool { return c.recheck(r, out) }})
}

// watch sends alerts to a page at which nobody has logged in yet, or any more: a
// car that is just being taken over, an account that was removed. Only the
// computer in the car, and browsers in which an account has logged in before, may.
func (c *Console) watch(w http.ResponseWriter, r *http.Request) error {
	if !c.isKnownPage(r) {
		return problem{http.StatusForbidden, errors.New("alerts are for this car's own screens: log in first")}
	}
	return c.pump(r, c.eventWriter(w, nobodyThere), pageOf{session: "watch " + visitorAddr(r.RemoteAddr), check: func() bool { return false }})
}

func (c *Console) isKnownPage(r *http.Request) bool {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && isLoopback(host) {
		return true
	}
	return c.sessions.knowsDevice(r.Cookies())
}

func audienceOf(me who) audience {
	switch {
	case me.isLocked:
		return lockedOut
	case me.Role == RoleTechnician:
		return technicianThere
	}
	return officerThere
}

// pageOf is whose page a stream feeds.
type pageOf struct {
	session string
	ended   <-chan struct{}
	check   func() bool // true: the stream ends
}

func (c *Console) pump(r *http.Request, out *eventWriter, p pageOf) error {
	cl, missed := c.board.join(p.session, r.Header.Get("Last-Event-ID"))
	defer c.board.leave(cl)
	out.w.Header().Set("Content-Type", "text/event-stream")
	// The server's limit on reading a request must not end a stream.
	if err := out.rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	c.refreshStatus()
	out.raw("retry: 1000\n\n")
	if out.to == lockedOut {
		out.notice(eventLocked)
	}
	for _, e := range missed {
		out.write(e)
	}
	out.write(statusEvent(c.statusView()))

	check := time.NewTicker(checkSession)
	defer check.Stop()
	for out.err == nil {
		select {
		case <-r.Context().Done():
			return nil
		case e, isOpen := <-cl.events:
			if !isOpen && cl.isReplaced {
				out.notice(eventReplaced)
				return nil
			}
			if !isOpen || p.check() { // too slow: the page comes back with the id it saw last
				return nil
			}
			out.write(e)
		case <-p.ended:
			p.check()
			return nil
		case <-check.C:
			if p.check() {
				return nil
			}
		}
	}
	return nil
}

// recheck looks after the session of an open stream. An unlocked page opens a
// new stream by itself.
func (c *Console) recheck(r *http.Request, out *eventWriter) (end bool) {
	me, err := c.whoIs(r)
	if err != nil {
		out.notice(eventEnded)
		return true
	}
	if me.isLocked && out.to != lockedOut {
		out.to = lockedOut
		out.notice(eventLocked)
	}
	return out.err != nil
}

// eventWriter writes events to one page and remembers the first error.
type eventWriter struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	hub    *hub // for ids, which never change
	to     audience
	isFull bool // what an alert is of may be shown without an officer
	err    error
}

func (c *Console) eventWriter(w http.ResponseWriter, to audience) *eventWriter {
	isFull := c.cfg.ShowLocked
	if to == nobodyThere {
		isFull = c.cfg.ShowLoggedOut
	}
	return &eventWriter{w: w, rc: http.NewResponseController(w), hub: c.board.hub, to: to, isFull: isFull}
}

// notice sends an event that only has a name.
func (o *eventWriter) notice(kind string) { o.raw(string(frame("", kind, []byte("{}")))) }

func (o *eventWriter) write(e event) {
	id, kind, data := "", e.kind, e.data
	switch {
	case o.to == officerThere && e.seq > 0:
		id = o.hub.id(e.seq)
	case o.to == technicianThere && e.kind != eventStatus:
		return
	case o.to == lockedOut, o.to == nobodyThere: // without an id: such a page asks for all of it later
		kind, data = e.gateKind, e.bare
		if o.isFull {
			data = e.gate
		}
	}
	if data != nil {
		o.raw(string(frame(id, kind, data)))
	}
}

func (o *eventWriter) raw(s string) {
	if o.err != nil {
		return
	}
	// Not every ResponseWriter has deadlines; the server's own has.
	if err := o.rc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		o.err = err
		return
	}
	if _, o.err = o.w.Write([]byte(s)); o.err == nil {
		o.err = o.rc.Flush()
	}
}
