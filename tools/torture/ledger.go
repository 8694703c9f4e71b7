package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"alpr"
)

// ledger is what the page was told: what it was told is on record.
type ledger struct {
	mu       sync.Mutex
	reads    map[alpr.ID]int  // revision
	hits     map[alpr.ID]int  // of hits whose read was told
	done     map[alpr.ID]bool // hits whose disposition was acknowledged
	promised map[alpr.ID]bool // hits whose disposition was taken, to be recorded while the program goes on
	alerts   map[alpr.ID]alert
	last     alpr.ID       // the newest alert
	parts    []part        // as the newest status has them
	problems []string      // of the same, in sentences
	texts    []string      // of the last reads
	news     chan struct{} // pulses
}

// alert is a hit as it came.
type alert struct {
	id          alpr.ID
	plate, read string // listed, and as read
	at          time.Time
}

// part is a part of the system on the page's status strip.
type part struct{ Name, Level, Detail string }

func newLedger() *ledger {
	l := &ledger{news: make(chan struct{}, 1), alerts: map[alpr.ID]alert{}}
	l.forget()
	return l
}

// forget begins anew: another car, or one whose records were damaged.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads, l.hits, l.done, l.promised = map[alpr.ID]int{}, map[alpr.ID]int{}, map[alpr.ID]bool{}, map[alpr.ID]bool{}
}

// told is what the page is told of a read, of a hit, or of all it is to show.
type told struct {
	ID        alpr.ID `json:"id"`
	ReadID    alpr.ID `json:"read_id"`
	Rev       int     `json:"rev"`
	Text      string  `json:"text"`
	Listed    string  `json:"listed"`
	Read      string  `json:"read"`
	Withdrawn bool    `json:"withdrawn"`
	Reads     []told  `json:"reads"`
	Hits      []told  `json:"hits"`
}

func (l *ledger) take(kind string, data []byte, at time.Time) error {
	var e told
	var status struct {
		Parts    []part
		Problems []string
	}
	var err error
	switch kind {
	case "snapshot", "read", "hit":
		err = json.Unmarshal(data, &e)
	case "status":
		err = json.Unmarshal(data, &status)
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", data, err) // cut by a kill
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch kind {
	case "snapshot":
		l.note(e.Reads, e.Hits, at)
	case "read":
		l.note([]told{e}, nil, at)
	case "hit":
		l.note(nil, []told{e}, at)
	case "status":
		l.parts, l.problems = status.Parts, status.Problems
	}
	select {
	case l.news <- struct{}{}:
	default:
	}
	return nil
}

// note is called with mu held. A hit alone is shown even where the disk refuses
// it: only that of a read that was told must be on record.
func (l *ledger) note(reads, hits []told, at time.Time) {
	for _, r := range reads {
		l.reads[r.ID] = max(l.reads[r.ID], r.Rev)
		l.texts = append(l.texts[max(0, len(l.texts)-4):], r.Text+" at "+at.Format("15:04:05"))
	}
	for _, h := range hits {
		if rev, ok := l.reads[h.ReadID]; ok && rev >= h.Rev {
			l.hits[h.ID] = max(l.hits[h.ID], h.Rev)
		}
		if _, ok := l.alerts[h.ID]; !ok && !h.Withdrawn {
			l.alerts[h.ID], l.last = alert{id: h.ID, plate: h.Listed, read: h.Read, at: at}, h.ID
		}
	}
}

// newest is the newest alert.
func (l *ledger) newest() alert {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alerts[l.last]
}

// acknowledge notes a disposition that the page said is recorded.
func (l *ledger) acknowledge(hit alpr.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[hit] = true
}

// promise notes a disposition that the page said waits to be recorded.
func (l *ledger) promise(hit alpr.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promised[hit] = true
}

// release forgets what the program was to record and cannot: it was ended.
func (l *ledger) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.promised)
}

// troubles are the parts that the page says do not work, as far as a run mends
// them: storage is small on purpose, and a busy machine looks at fewer pictures.
func (l *ledger) troubles() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.parts) == 0 {
		return []string{"no status was told"}
	}
	for _, p := range l.parts {
		if p.Name == "GPS" && p.Level != "ok" || p.Level == "down" {
			all = append(all, p.Name+": "+p.Detail)
		}
	}
	for _, p := range l.problems {
		if strings.Contains(p, "NOT YET on record") {
			all = append(all, p)
		}
	}
	return all
}

// saysOfLists tells whether the newest status says that a hotlist is not well.
func (l *ledger) saysOfLists() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.problems, func(p string) bool { return strings.Contains(strings.ToLower(p), "hotlist") })
}

// words are what the page shows: what is not well, and the last reads.
func (l *ledger) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "the page says " + strings.Join(l.problems, " ") + " The last reads are " + strings.Join(l.texts, ", ")
}

// await waits for an alert of a plate that comes after an instant.
func (l *ledger) await(ctx context.Context, plate string, after time.Time) (alert, bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		for _, a := range l.alerts {
			if a.plate == plate && a.at.After(after) {
				l.mu.Unlock()
				return a, true
			}
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return alert{}, false
		case <-l.news:
		case <-tick.C:
		}
	}
}
