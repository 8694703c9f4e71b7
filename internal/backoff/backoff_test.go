package backoff

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPauseDoublesUpToItsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pause{First: time.Second, Last: 5 * time.Second}
		for round := range 2 {
			for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
				start := time.Now()
				if !p.Wait(t.Context()) || time.Since(start) != want {
					t.Errorf("round %d, pause %d: %s, want %s", round, i, time.Since(start), want)
				}
			}
			p.Reset()
		}
	})
}

func TestJitterShortensAPauseByHalfAtMost(t *testing.T) {
	for range 1000 {
		p := Pause{First: time.Second, Last: time.Minute, HasJitter: true}
		if d := p.Take(); d < time.Second/2 || d > time.Second {
			t.Fatalf("a pause of %s", d)
		}
		if d := p.Next(); d != 2*time.Second {
			t.Fatalf("the next pause is %s", d)
		}
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := Pause{First: time.Hour, Last: time.Hour}
	if p.Wait(ctx) {
		t.Error("the pause is over, though its context ended")
	}
}
