package console

import (
	"errors"
	"net/http"
	"time"

	"alpr"
)

const (
	writeWithin  = 10 * time.Second // a page that takes longer is gone
	checkSession = time.Second
)

// stream sends the events of the board as server-sent events until the page
// goes, falls behind, gives way to newer ones, or its session ends. A locked page learns only that there
// is an alert.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, me who) error {
	last := r.Header.Get("Last-Event-ID")
	cl, missed := c.board.join(me.token, last)
	defer c.board.leave(cl)
	if !me.isLocked && c.sessions.firstView(me.token, "page") {
		// Shown even where the log fails: an officer is not kept from alerts.
		_ = c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionViewPage, Purpose: "patrol"})
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	out := eventWriter{w: w, rc: http.NewResponseController(w), hub: c.board.hub, isLocked: me.isLocked}
	// The server's limit on reading a request must not end a stream.
	if err := out.rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	c.refreshStatus()
	out.raw("retry: 1000\n\n")
	if me.isLocked {
		out.write(event{kind: eventLocked, data: []byte("{}"), alert: []byte("{}")})
	}
	for _, e := range missed {
		out.write(e)
	}
	out.write(event{kind: eventStatus, data: mustJSON(c.statusView())})

	check := time.NewTicker(checkSession)
	defer check.Stop()
	for out.err == nil {
		select {
		case <-r.Context().Done():
			return nil
		case e, isOpen := <-cl.events:
			if !isOpen && cl.isReplaced {
				out.isLocked = false
				out.write(event{kind: eventReplaced, data: []byte("{}")})
				return nil
			}
			if !isOpen {
				return nil // too slow: the page comes back with the id it saw last
			}
			if c.recheck(r, &out) {
				return nil
			}
			out.write(e)
		case <-me.ended:
			c.recheck(r, &out)
			return nil
		case <-check.C:
			if c.recheck(r, &out) {
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
		out.isLocked = false
		out.write(event{kind: eventEnded, data: []byte("{}")})
		return true
	}
	if me.isLocked && !out.isLocked {
		out.isLocked = true
		out.write(event{kind: eventLocked, data: []byte("{}"), alert: []byte("{}")})
	}
	return out.err != nil
}

// eventWriter writes events to one page and remembers the first error.
type eventWriter struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	hub      *hub // for ids, which never change
	isLocked bool
	err      error
}

func (o *eventWriter) write(e event) {
	kind, data := e.kind, e.data
	if o.isLocked {
		data = e.alert
		if kind != eventLocked {
			kind = eventAlert
		}
	}
	if data == nil {
		return
	}
	id := ""
	if e.seq > 0 && !o.isLocked { // a locked page has not seen the event, and asks for it later
		id = o.hub.id(e.seq)
	}
	o.raw(string(frame(id, kind, data)))
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
