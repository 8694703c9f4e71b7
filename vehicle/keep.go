package vehicle

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"alpr/internal/contain"
	"alpr/internal/logkey"
)

const (
	// firstRestart and lastRestart bound the time before a part that has ended
	// is started again.
	firstRestart = time.Second
	lastRestart  = 30 * time.Second
	// restartShown is for how long the page says that a part has ended. It is
	// over lastRestart, so that a part which ends again and again is always shown.
	restartShown = 2 * time.Minute
)

// keeper runs the parts of a vehicle that go on as long as it does: the end of
// one must not be the end of the others. It is safe for concurrent use.
type keeper struct {
	guard *contain.Guard
	log   *slog.Logger

	mu    sync.Mutex
	ended map[string]ending // by part: the newest
}

type ending struct {
	at    time.Time
	cause string
}

func newKeeper(guard *contain.Guard, log *slog.Logger) *keeper {
	return &keeper{guard: guard, log: log, ended: make(map[string]ending)}
}

// keep runs a part until ctx ends. Where it ends before, whatever the reason, it
// is started again after a pause that doubles to half a minute.
func (k *keeper) keep(ctx context.Context, part string, run func(context.Context) error) {
	pause := firstRestart
	for {
		began := time.Now()
		err := k.guard.Do(part, func() error { return run(ctx) })
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errEnded
		}
		if time.Since(began) > lastRestart {
			pause = firstRestart
		}
		k.tell(part, err, pause)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		pause = min(2*pause, lastRestart)
	}
}

var errEnded = fmt.Errorf("it ended by itself")

// tell keeps what a part ended of, and logs it where that is new.
func (k *keeper) tell(part string, err error, pause time.Duration) {
	now := ending{time.Now(), err.Error()}
	k.mu.Lock()
	before := k.ended[part]
	k.ended[part] = now
	k.mu.Unlock()
	if before.cause != now.cause || now.at.Sub(before.at) > restartShown {
		k.log.Error("a part has ended and is started again; everything else goes on", logkey.Part, part, logkey.Error, err, logkey.RetryAfter, pause)
	}
}

// problems are the parts that ended lately, a sentence each.
func (k *keeper) problems(now time.Time) (sentences []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for part, e := range k.ended {
		if now.Sub(e.at) < restartShown {
			sentences = append(sentences, fmt.Sprintf("%s: has ended at %s and is started again: %s", part, e.at.Format(time.TimeOnly), e.cause))
		}
	}
	slices.Sort(sentences)
	return sentences
}
