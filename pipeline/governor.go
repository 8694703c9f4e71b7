package pipeline

import (
	"log/slog"
	"time"

	"alpr/internal/logkey"
)

// governor keeps up with the cameras on a machine that is too slow, too busy or
// throttled by heat: it lets frames be looked at less closely, one step after the
// other in a known order, and says so. Without it the mailbox would drop whatever
// comes just then.
type governor struct {
	log *slog.Logger

	level    int
	since    time.Time // the window's beginning
	worst    time.Duration
	dropped  uint64 // by the mailbox, at the window's beginning
	calmFrom time.Time
}

const (
	// window is how long load is watched before a step is taken.
	window = time.Second
	// tooLong is how long a frame may wait in the mailbox: two frames' time.
	tooLong = 60 * time.Millisecond
	// calm is a wait that shows room, and calmFor how long it must last before a
	// step is taken back.
	calm    = 20 * time.Millisecond
	calmFor = 8 * time.Second
)

// step is one step of looking less closely.
type step struct {
	share float64 // of the full searches that speed and scene ask for
	every uint64  // of the frames between them, one in so many is looked at
	says  string
}

// steps are the steps in their order; the first is to look at all.
func steps() []step {
	return []step{
		{1, 1, ""},
		{0.7, 1, "the machine is busy: all of a frame is searched 8 times a second, plates in view are followed in every frame"},
		{0.5, 1, "the machine is busy: all of a frame is searched 6 times a second, plates in view are followed in every frame"},
		{0.4, 2, "the machine is too busy: all of a frame is searched 5 times a second, plates are followed in every second frame"},
		{0.3, 4, "the machine is MUCH too busy: all of a frame is searched 4 times a second, plates are followed in every fourth frame; fast cars are missed"},
	}
}

func (g *governor) share() float64 { return steps()[g.level].share }

// says is what is done less than asked for, "" where all is done.
func (g *governor) says() string { return steps()[g.level].says }

// passesOver says whether a frame is not looked at. A frame that is to be searched
// as a whole always is.
func (g *governor) passesOver(s search, seq uint64) bool {
	return s == searchRegions && seq%steps()[g.level].every != 0
}

// observe takes in how long the newest frame has waited and how many the mailbox
// has dropped so far.
func (g *governor) observe(now time.Time, waited time.Duration, dropped uint64) {
	if g.since.IsZero() {
		g.since, g.dropped, g.calmFrom = now, dropped, now
	}
	g.worst = max(g.worst, waited)
	if waited > calm {
		g.calmFrom = now
	}
	if now.Sub(g.since) < window {
		return
	}
	level := g.level
	switch {
	case dropped > g.dropped || g.worst > tooLong:
		level = min(level+1, len(steps())-1)
	case now.Sub(g.calmFrom) >= calmFor:
		level, g.calmFrom = max(level-1, 0), now
	}
	g.since, g.worst, g.dropped = now, 0, dropped
	if level == g.level {
		return
	}
	g.level = level
	if says := g.says(); says != "" {
		g.log.Warn("frames are looked at less closely", logkey.Search, says)
	} else {
		g.log.Info("frames are looked at as closely as they should be again")
	}
}
