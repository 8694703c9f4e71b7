package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

func kinds(signals []Signal) (k []Sound) {
	for _, s := range signals {
		k = append(k, s.Sound)
	}
	return k
}

// alarmed is a console whose clock the test turns.
func alarmed(t *testing.T, change func(*Config)) (c *Console, rec *tape, at *time.Time, due func() []Signal) {
	t.Helper()
	c, rec = start(t, change)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	a := &alarm{broken: map[string]time.Time{}, said: map[string]bool{}}
	return c, rec, &now, func() []Signal { return c.dueAlarms(a) }
}

func raise(c *Console, n byte, p alpr.Priority, change func(*alpr.Hit)) (alpr.Read, alpr.Hit) {
	r := readOf(n, fmt.Sprintf("PLATE%d", n))
	h := hitOf(100+n, r, r.Text.Text, p)
	if change != nil {
		change(&h)
	}
	c.ShowHit(r, h)
	return r, h
}

// TestHighPrioritySoundsUntilItIsAnswered, whoever is logged in.
func TestHighPrioritySoundsUntilItIsAnswered(t *testing.T) {
	c, _, now, due := alarmed(t, nil)
	_, h := raise(c, 1, alpr.PriorityHigh, nil)
	first := due()
	if len(first) != 1 || first[0].Sound != SoundHigh || first[0].Words != "High priority. Stolen vehicle. Front. Verify plate and state." {
		t.Fatalf("heard %+v", first)
	}
	if again := due(); len(again) != 0 {
		t.Errorf("at once again: %+v", again)
	}
	*now = now.Add(repeatEvery)
	if got := due(); !slices.Equal(kinds(got), []Sound{SoundHigh}) {
		t.Errorf("after %s: %v", repeatEvery, kinds(got))
	}
	c.board.quieten(h.ID, now.Add(quietFor))
	*now = now.Add(repeatEvery)
	if got := due(); len(got) != 0 {
		t.Errorf("quieted, and heard %v", kinds(got))
	}
	*now = now.Add(quietFor)
	if got := due(); len(got) != 1 {
		t.Error("quiet has no end")
	}
	if !c.board.waitsHigh() {
		t.Error("the lamp is not lit")
	}
	c.board.dispose(h.ID, doneView{Verdict: alpr.VerdictConfirmed})
	*now = now.Add(time.Minute)
	if got := due(); len(got) != 0 || c.board.waitsHigh() {
		t.Errorf("answered, and heard %v, lit %v", kinds(got), c.board.waitsHigh())
	}
}

// TestMuteEndsByItself, and never covers high priority.
func TestMuteEndsByItself(t *testing.T) {
	c, _, now, due := alarmed(t, nil)
	p := logIn(t, c)
	if w := p.do("POST", "/api/mute", `{"Minutes":10}`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if w := p.do("POST", "/api/mute", `{"Minutes":600}`); w.Code != 400 {
		t.Errorf("muted for ten hours: %d", w.Code)
	}
	raise(c, 1, alpr.PriorityNormal, nil)
	if got := due(); len(got) != 0 {
		t.Errorf("muted, and heard %v", kinds(got))
	}
	raise(c, 2, alpr.PriorityHigh, nil)
	if got := due(); !slices.Equal(kinds(got), []Sound{SoundHigh}) {
		t.Errorf("high priority, muted: heard %v", kinds(got))
	}
	*now = now.Add(10*time.Minute + time.Second)
	raise(c, 3, alpr.PriorityNormal, nil)
	if got := due(); len(got) != 1 {
		t.Errorf("after the mute: heard %v", kinds(got))
	}
}

// TestWhatIsSilent: covert hits, and lists that the agency wants so; another list
// sounds as it says.
func TestWhatIsSilent(t *testing.T) {
	c, _, _, due := alarmed(t, func(cfg *Config) { cfg.ListSounds = map[string]Sound{"permits": SoundNone, "bolo": SoundHigh} })
	raise(c, 1, alpr.PriorityHigh, func(h *alpr.Hit) { h.Entry.IsCovert = true })
	raise(c, 2, alpr.PriorityHigh, func(h *alpr.Hit) { h.Entry.List = "permits" })
	if got := due(); len(got) != 0 {
		t.Errorf("heard %v", kinds(got))
	}
	raise(c, 3, alpr.PriorityLow, func(h *alpr.Hit) { h.Entry.List = "bolo" })
	if got := due(); !slices.Equal(kinds(got), []Sound{SoundHigh}) {
		t.Errorf("the list's own sound: %v", kinds(got))
	}
}

// TestAWithdrawalIsHeardOnce where the alert was.
func TestAWithdrawalIsHeardOnce(t *testing.T) {
	c, _, _, due := alarmed(t, nil)
	r, h := raise(c, 1, alpr.PriorityNormal, nil)
	due()
	h.IsWithdrawn = true
	c.ShowHit(r, h)
	if got := due(); !slices.Equal(kinds(got), []Sound{SoundWithdrawn}) || !strings.Contains(got[0].Words, "Do not act on it") {
		t.Errorf("heard %+v", got)
	}
	if got := due(); len(got) != 0 {
		t.Errorf("twice: %v", kinds(got))
	}
}

// TestALostPartIsHeardOnce: camera, position, backend, a stale list.
func TestALostPartIsHeardOnce(t *testing.T) {
	c, rec, now, due := alarmed(t, nil)
	ok := PartStatus{Level: LevelOK}
	good := Status{At: *now, GPS: ok, Clock: ClockStatus{PartStatus: ok}, Fix: alpr.Fix{Quality: alpr.GPSFix}, Uplink: UplinkStatus{PartStatus: ok}, Store: StoreStatus{PartStatus: ok},
		Cameras: []CameraStatus{{PartStatus: ok, Name: "front", LastFrameAt: *now}}, Lists: []ListStatus{{Name: "State", Entries: 1, PublishedAt: *now}}}
	steps := []struct {
		what   string
		change func(*Status)
	}{
		{"Camera front reads no plates", func(s *Status) { s.Cameras[0].Level = LevelDown }},
		{"No GPS", func(s *Status) { s.Fix = alpr.Fix{} }},
		{"No connection to the backend", func(s *Status) { s.Uplink.Level = LevelDegraded }},
		{"Hotlist State", func(s *Status) { s.Lists[0].IsStale = true }},
	}
	for _, tt := range steps {
		set := func(change func(*Status)) {
			s := good
			s.At, s.Cameras, s.Lists = *now, slices.Clone(good.Cameras), slices.Clone(good.Lists)
			s.Cameras[0].LastFrameAt = *now
			if change != nil {
				change(&s)
			}
			rec.mu.Lock()
			rec.status = s
			rec.mu.Unlock()
			c.refreshStatus()
		}
		var all []Signal
		for range 10 {
			set(tt.change)
			all = append(all, due()...)
			*now = now.Add(time.Second)
		}
		if len(all) != 1 || all[0].Sound != SoundTrouble || !strings.HasPrefix(all[0].Words, tt.what) {
			t.Errorf("%s: heard %+v", tt.what, all)
		}
		set(nil)
		due()
	}
}

// TestTheSpeakerSoundsBeforeAnybodyLogsIn, from the start of the program.
func TestTheSpeakerSoundsBeforeAnybodyLogsIn(t *testing.T) {
	c, _ := start(t, nil)
	got := make(chan Signal, 8)
	c.deps.Speaker = channel(got)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.soundAlarms(ctx) }()
	raise(c, 1, alpr.PriorityHigh, nil)
	if s := <-got; s.Sound != SoundHigh {
		t.Errorf("heard %+v", s)
	}
	stop()
	<-ended
}

type channel chan Signal

func (c channel) Sound(s Signal) { c <- s }
func (c channel) Light(bool)     {}
