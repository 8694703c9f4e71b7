package console

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"alpr"
)

const (
	// refusalWindow is how long repeats of a refusal are counted before they
	// are written down.
	refusalWindow = 5 * time.Minute
	refusalEvery  = 10 * time.Second // how late that may be
	// maxRefusals bounds how many clients and names are told apart.
	maxRefusals = 128
	manyClients = "many others"
)

// refusalKey is what repeats have in common.
type refusalKey struct {
	action alpr.AuditAction
	client string // its address
	name   string // of an account; others are "unknown"
}

// refusal counts the repeats of one that is in the audit log already.
type refusal struct {
	since       time.Time // of the window
	first, last time.Time // of the repeats
	times       int
	tooSoon     int // of these, not even looked at
}

// refusals keeps a guesser from filling the audit log: the first refusal of a
// client and a name is written down at once, what follows within the window as
// one record with its number. Who goes on gets one record a window.
type refusals struct {
	mu   sync.Mutex
	open map[refusalKey]*refusal
}

func newRefusals() *refusals { return &refusals{open: map[refusalKey]*refusal{}} }

// note counts a refusal, and says whether it is to be written down at once, and
// under which key.
func (s *refusals) note(key refusalKey, why error, now time.Time) (refusalKey, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, isOpen := s.open[key]
	if !isOpen && len(s.open) >= maxRefusals {
		key.client, key.name = manyClients, "unknown"
		r, isOpen = s.open[key]
	}
	if !isOpen {
		s.open[key] = &refusal{since: now}
		return key, true
	}
	if r.times == 0 {
		r.first = now
	}
	r.times, r.last = r.times+1, now
	if errors.Is(why, errTooMany) || errors.Is(why, errBusy) {
		r.tooSoon++
	}
	return key, false
}

// due takes the repeats that are to be written down: of windows that are over,
// of one name ("" for none), or all. A window without repeats closes.
func (s *refusals) due(now time.Time, name string, isAll bool) map[refusalKey]refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[refusalKey]refusal{}
	for key, r := range s.open {
		isOver := now.Sub(r.since) >= refusalWindow || now.Before(r.since) // the clock was set back
		if !isOver && !isAll && (name == "" || key.name != name) {
			continue
		}
		if r.times == 0 {
			if isOver {
				delete(s.open, key)
			}
			continue
		}
		out[key] = *r
		*r = refusal{since: now}
	}
	return out
}

// giveBack takes repeats that could not be written down back into the count.
func (s *refusals) giveBack(key refusalKey, r refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, isOpen := s.open[key]
	if !isOpen {
		s.open[key] = &r
		return
	}
	if now.times == 0 {
		now.last = r.last
	}
	now.first, now.times, now.tooSoon = r.first, now.times+r.times, now.tooSoon+r.tooSoon
}

// refuse writes a refused login or unlock down, or counts it. The answer is a
// refusal already, whether or not it could be written down.
func (c *Console) refuse(r *http.Request, action alpr.AuditAction, name string, why error) {
	key, isFirst := c.refused.note(refusalKey{action, cmp.Or(visitorAddr(r.RemoteAddr), "this computer"), name}, why, c.now())
	if isFirst {
		_ = c.audit(r.Context(), who{User: User{Name: key.name}}, alpr.AuditRecord{Action: action,
			Detail: map[string]string{"why": why.Error(), "client": key.client}})
	}
}

// writeRefusals writes the repeats that are due down, a record each.
func (c *Console) writeRefusals(ctx context.Context, name string, isAll bool) {
	due := c.refused.due(c.now(), name, isAll)
	keys := slices.SortedFunc(maps.Keys(due), func(a, b refusalKey) int {
		return cmp.Or(due[a].first.Compare(due[b].first), strings.Compare(a.client+a.name, b.client+b.name))
	})
	for _, key := range keys {
		r := due[key]
		err := c.audit(ctx, who{User: User{Name: key.name}}, alpr.AuditRecord{Action: key.action, Detail: map[string]string{
			"client": key.client, "times": strconv.Itoa(r.times), "too soon": strconv.Itoa(r.tooSoon),
			"first": r.first.UTC().Format(time.RFC3339), "last": r.last.UTC().Format(time.RFC3339)}})
		if err != nil {
			c.refused.giveBack(key, r)
		}
	}
}

// watchRefusals writes repeats down when their window is over, and all of them
// at the end.
func (c *Console) watchRefusals(ctx context.Context) {
	tick := time.NewTicker(refusalEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.writeRefusals(ctx, "", false)
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownIn)
			defer cancel()
			c.writeRefusals(end, "", true)
			return
		}
	}
}
