package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

var errBusy = errors.New("too many are logging in at this moment: try again in a few seconds")

const (
	freeTries     = 3 // wrong passwords before waiting begins
	freeAddrTries = 20
	maxWait       = 5 * time.Minute
	forgetAfter   = 15 * time.Minute // without a wrong password
	maxAttempts   = 4096             // remembered of each kind
)

// Kinds of what wrong passwords are counted against. Each has room of its own,
// so that what a guesser makes up pushes nothing out that counts.
type throttleKind int

const (
	byDevice  throttleKind = iota // one known browser and one account: others' guesses do not count there
	byAccount                     // one account, from browsers that it is not known on
	byUnknown                     // a name that no account has
	byAddress                     // another computer
	throttleKinds
)

// throttle makes wrong passwords wait, longer and longer.
type throttle struct {
	mu    sync.Mutex
	tries [throttleKinds]map[string]attempts
}

type attempts struct {
	wrong int
	last  time.Time
	until time.Time // no further try before
}

// visitor is where a login comes from.
type visitor struct {
	addr   string // of another computer; "" for this one, which all its browsers share
	device string // not "": this browser has logged in to the account before
}

// visitorAddr is the address that tries are counted against. An IPv6 host has a
// whole /64 to itself.
func visitorAddr(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsLoopback() {
		return ""
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// keys are what a try at a name counts against. A known browser has a count of
// its own, as OWASP's device cookies have it: others' guesses do not lock out
// the right password there.
func (v visitor) keys(name string, isAccount bool) map[throttleKind]string {
	if v.device != "" {
		return map[throttleKind]string{byDevice: v.device}
	}
	keys := map[throttleKind]string{byUnknown: name}
	if isAccount {
		keys = map[throttleKind]string{byAccount: name}
	}
	if v.addr != "" {
		keys[byAddress] = v.addr
	}
	return keys
}

// wait is how long a try must still wait.
func (t *throttle) wait(keys map[throttleKind]string, now time.Time) (longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, key := range keys {
		longest = max(longest, t.tries[kind][key].until.Sub(now))
	}
	return longest
}

func (t *throttle) countWrong(keys map[throttleKind]string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, key := range keys {
		if t.tries[kind] == nil {
			t.tries[kind] = map[string]attempts{}
		}
		t.prune(kind, now)
		a := t.tries[kind][key]
		if now.Sub(a.last) > forgetAfter {
			a = attempts{}
		}
		free := freeTries
		if kind == byAddress {
			free = freeAddrTries
		}
		a.wrong++
		a.last = now
		if over := a.wrong - free; over >= 0 {
			a.until = now.Add(min(time.Second<<min(over, 20), maxWait))
		}
		t.tries[kind][key] = a
	}
}

// prune is called with mu held. It makes room: what is forgotten first, then
// whatever comes to hand.
func (t *throttle) prune(kind throttleKind, now time.Time) {
	tries := t.tries[kind]
	if len(tries) < maxAttempts {
		return
	}
	for key, a := range tries {
		if now.Sub(a.last) > forgetAfter {
			delete(tries, key)
		}
	}
	for key := range tries {
		if len(tries) <= maxAttempts*7/8 {
			return
		}
		delete(tries, key)
	}
}

// forgive forgets what the right password makes up for. The count of an address
// stays: it is not one officer's.
func (t *throttle) forgive(keys map[throttleKind]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, key := range keys {
		if kind != byAddress {
			delete(t.tries[kind], key)
		}
	}
}

func tooMany(wait time.Duration) error {
	return fmt.Errorf("%w: try again in %d s", errTooMany, int(wait.Seconds())+1)
}

const (
	placesKnown   = 8 // known browsers that wait for their password to be hashed
	placesUnknown = 8
	placesOfAddr  = 2 // of one other computer, among the unknown
	placesDecoy   = 64
	decoyWait     = 100 * time.Millisecond // until a hash has been timed
)

// hashQueue lets one password be hashed at a time, so that a guesser does not
// take the processor from the cameras. Those of known browsers come first and
// have places of their own; who finds no place is turned away at once.
type hashQueue struct {
	mu      sync.Mutex
	isBusy  bool
	known   []*hashPlace
	unknown []*hashPlace
	decoys  int
	took    time.Duration // the last hash
}

type hashPlace struct {
	addr string
	turn chan struct{} // closed when it is
}

// hash runs f when its turn comes.
func (q *hashQueue) hash(ctx context.Context, v visitor, f func() bool) (ok bool, err error) {
	place, err := q.enter(v)
	if err != nil {
		return false, err
	}
	select {
	case <-place.turn:
	case <-ctx.Done():
		q.abandon(place)
		return false, ctx.Err()
	}
	start := time.Now()
	ok = f()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.took = time.Since(start)
	q.next()
	return ok, nil
}

func (q *hashQueue) enter(v visitor) (*hashPlace, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &hashPlace{addr: v.addr, turn: make(chan struct{})}
	switch {
	case !q.isBusy:
		q.isBusy = true
		close(p.turn)
	case v.device != "" && len(q.known) < placesKnown:
		q.known = append(q.known, p)
	case v.device == "" && len(q.unknown) < placesUnknown && q.waitingOf(v.addr) < placesOfAddr:
		q.unknown = append(q.unknown, p)
	default:
		return nil, errBusy
	}
	return p, nil
}

func (q *hashQueue) waitingOf(addr string) (n int) {
	for _, p := range q.unknown {
		if addr != "" && p.addr == addr {
			n++
		}
	}
	return n
}

// next is called with mu held, by whoever has had his turn.
func (q *hashQueue) next() {
	for _, lane := range []*[]*hashPlace{&q.known, &q.unknown} {
		if len(*lane) > 0 {
			p := (*lane)[0]
			*lane = (*lane)[1:]
			close(p.turn)
			return
		}
	}
	q.isBusy = false
}

// abandon gives up a place, or the turn that has just come.
func (q *hashQueue) abandon(p *hashPlace) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, lane := range []*[]*hashPlace{&q.known, &q.unknown} {
		for i, other := range *lane {
			if other == p {
				*lane = append((*lane)[:i:i], (*lane)[i+1:]...)
				return
			}
		}
	}
	q.next()
}

// decoy waits for as long as a hash takes, so that the time taken does not tell
// which names exist, and costs no processor: made-up names keep nobody waiting.
func (q *hashQueue) decoy(ctx context.Context) error {
	q.mu.Lock()
	if q.decoys >= placesDecoy {
		q.mu.Unlock()
		return errBusy
	}
	q.decoys++
	wait := q.took
	if wait == 0 {
		wait = decoyWait
	}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.decoys--
	}()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
