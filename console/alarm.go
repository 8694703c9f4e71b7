package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	repeatEvery = 15 * time.Second // a high priority sounds again until it is answered
	quietFor    = 2 * time.Minute  // what an officer's touch keeps one hit from it
	longestMute = 30               // minutes
	alarmEvery  = 500 * time.Millisecond
	// brokenFor is how long a part must be gone before it is said aloud: a cable
	// that is touched is no news.
	brokenFor = 3 * time.Second
)

// mute keeps all but high priority from sounding for some minutes, on every page
// and the car's speaker. It ends by itself.
func (c *Console) mute(w http.ResponseWriter, r *http.Request, _ who) error {
	var in struct{ Minutes int }
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Minutes < 0 || in.Minutes > longestMute {
		return bad("mute for 0 to %d minutes", longestMute)
	}
	c.mu.Lock()
	c.mutedUntil = time.Time{}
	if in.Minutes > 0 {
		c.mutedUntil = c.now().Add(time.Duration(in.Minutes) * time.Minute)
	}
	until := c.mutedUntil
	c.mu.Unlock()
	c.board.tellStatus(c.statusView())
	return reply(w, http.StatusOK, map[string]time.Time{"mute_until": until})
}

// quieten keeps one hit from sounding again for two minutes.
func (c *Console) quieten(w http.ResponseWriter, r *http.Request, _ who) error {
	id, _, err := c.hitOf(r)
	if err != nil {
		return err
	}
	c.board.quieten(id, c.now().Add(quietFor))
	return done(w)
}

// alarm is what the car's speaker has said.
type alarm struct {
	broken map[string]time.Time // parts that are gone, since when
	said   map[string]bool      // of these, told
}

// soundAlarms speaks to the car's speaker from the start of the program, whoever
// is logged in, until ctx ends.
func (c *Console) soundAlarms(ctx context.Context) {
	if c.deps.Speaker == nil {
		return
	}
	a := alarm{broken: map[string]time.Time{}, said: map[string]bool{}}
	tick := time.NewTicker(alarmEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.deps.Speaker.Light(false)
			return
		case <-c.board.rung:
		case <-tick.C:
		}
		for _, s := range c.dueAlarms(&a) {
			c.deps.Speaker.Sound(s)
		}
		c.deps.Speaker.Light(c.board.waitsHigh())
	}
}

// dueAlarms are the signals that are due now, the gravest last: what is played
// last cuts short what came before.
func (c *Console) dueAlarms(a *alarm) []Signal {
	now := c.now()
	c.mu.Lock()
	isMuted := now.Before(c.mutedUntil)
	parts := viewStatus(c.status, &c.rates).Parts
	isKnown := !c.status.At.IsZero()
	c.mu.Unlock()
	var due []Signal
	if isKnown {
		due = a.troubles(parts, now)
	}
	due = append(due, c.board.dueSounds(now)...)
	if !isMuted {
		return due
	}
	loud := due[:0]
	for _, s := range due {
		if s.Sound == SoundHigh {
			loud = append(loud, s)
		}
	}
	return loud
}

// troubles says each part that has gone once, until it works again.
func (a *alarm) troubles(parts []partView, now time.Time) (due []Signal) {
	for _, p := range parts {
		if !isHeard(p) {
			delete(a.broken, p.ID)
			delete(a.said, p.ID)
			continue
		}
		if a.broken[p.ID].IsZero() {
			a.broken[p.ID] = now
		}
		if !a.said[p.ID] && now.Sub(a.broken[p.ID]) >= brokenFor {
			a.said[p.ID] = true
			words, _, _ := strings.Cut(p.Detail, ":")
			due = append(due, Signal{Sound: SoundTrouble, Words: strings.TrimSuffix(words, ".") + "."})
		}
	}
	return due
}

// isHeard says which parts an officer must hear of when they go: cameras, the
// position, the backend, lists that are stale.
func isHeard(p partView) bool {
	name, _, _ := strings.Cut(p.ID, " ")
	switch name {
	case "camera", "storage":
		return p.Level == LevelDown
	case "gps", "uplink", "hotlist":
		return p.Level != LevelOK
	}
	return false
}

// dueSounds are the sounds of hits that are due: each new one once, what was
// taken back once, high priority until it is answered.
func (b *board) dueSounds(now time.Time) (due []Signal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.order {
		c := b.cases[id]
		v := &c.view
		switch {
		case v.Covert, !c.isOpen():
		case v.Withdrawn:
			if c.isTold && !c.isToldOff {
				due = append(due, Signal{Sound: SoundWithdrawn, Words: fmt.Sprintf("Hit withdrawn. Do not act on it. Plate %s.", spell(v.Read))})
			}
			c.isToldOff = true
		case Sound(v.Sound).rank() <= 0:
		case !c.isTold, Sound(v.Sound) == SoundHigh && now.Sub(c.soundedAt) >= repeatEvery && !now.Before(c.quietUntil):
			c.isTold, c.isToldOff, c.soundedAt = true, false, now
			due = append(due, Signal{Sound: Sound(v.Sound), Words: alertWords(v)})
		}
	}
	return loudestLast(due)
}

// loudestLast keeps what is said aloud few: of several new hits the gravest is.
func loudestLast(all []Signal) []Signal {
	var last []Signal
	for _, s := range all {
		if len(last) == 0 || s.Sound.rank() > last[0].Sound.rank() || s.Sound == SoundWithdrawn {
			last = append(last[:0:0], s)
		}
	}
	return last
}

// alertWords are said aloud. A hit is a lead there, too.
func alertWords(v *hitView) string {
	return fmt.Sprintf("%s priority. %s. %s. Verify plate and state.", upperFirst(v.PriorityW), upperFirst(v.Category), upperFirst(v.Camera))
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func spell(plate string) string { return strings.Join(strings.Split(plate, ""), " ") }

// waitsHigh says whether a hit of high priority waits for an answer.
func (b *board) waitsHigh() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.cases {
		if c.isOpen() && !c.view.Covert && !c.view.Withdrawn && Sound(c.view.Sound) == SoundHigh {
			return true
		}
	}
	return false
}
