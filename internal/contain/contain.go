// Package contain keeps a panic from costing more than the one input that
// brought it about: the frame, the line, the message, the request. It is the
// one place of the program where panics are recovered.
package contain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// ErrPanic reports an input at which the program's own code, or a library's,
// panicked. The input is given up; everything else goes on.
var ErrPanic = errors.New("the program broke at this input, which is left out: send the log's stack trace to its makers")

const (
	// stackEvery is the least time between two stack traces in the log.
	stackEvery = time.Minute
	// maxInput bounds what is quoted of an input's name.
	maxInput = 200

	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// Guard runs what handles an input, and counts the panics. It is safe for
// concurrent use. A nil Guard contains panics just the same, and counts and
// says nothing.
type Guard struct {
	log *slog.Logger

	mu     sync.Mutex
	state  State
	unsaid int       // panics since the last line in the log
	told   time.Time // when that was
}

// State is what was contained since the start.
type State struct {
	Count uint64    // panics
	Last  string    // the input of the newest one, and what it said
	At    time.Time // when that was
}

// New makes a Guard that says what it contains in log.
func New(log *slog.Logger) *Guard { return &Guard{log: log} }

// Do runs f, which handles the named input. Where f panics the error wraps
// ErrPanic. What f had locked stays locked unless it unlocks with defer.
func (g *Guard) Do(input string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = g.contained(input, v)
		}
	}()
	return f()
}

func (g *Guard) contained(input string, v any) error {
	if len(input) > maxInput {
		input = input[:maxInput] + "…"
	}
	if g != nil {
		g.note(input, v)
	}
	return fmt.Errorf("%s: %w: %v", input, ErrPanic, v)
}

// note counts a panic and says it: the first of each minute with its stack.
func (g *Guard) note(input string, v any) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = State{Count: g.state.Count + 1, Last: fmt.Sprintf("%s: %v", input, v), At: now}
	g.unsaid++
	if !g.told.IsZero() && now.Sub(g.told) < stackEvery {
		return
	}
	g.log.Error("the program broke at an input, which is left out; everything else goes on",
		"input", input, "panic", fmt.Sprint(v), "count", g.state.Count, "since_last_said", g.unsaid, "stack", string(debug.Stack()))
	g.unsaid, g.told = 0, now
}

// Keep runs a part that is to run until ctx is done. Where it panics it is
// started again, after a pause that doubles from a second to half a minute;
// what it returns otherwise, Keep returns.
func (g *Guard) Keep(ctx context.Context, part string, run func(context.Context) error) error {
	pause := firstPause
	for {
		began := time.Now()
		err := g.Do(part, func() error { return run(ctx) })
		if !errors.Is(err, ErrPanic) || ctx.Err() != nil {
			return err
		}
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
		pause = min(2*pause, lastPause)
	}
}

// State is safe to call at any time.
func (g *Guard) State() State {
	if g == nil {
		return State{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}
