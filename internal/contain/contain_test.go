package contain

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDoCostsOneInput(t *testing.T) {
	var logged bytes.Buffer
	g := New(slog.New(slog.NewTextHandler(&logged, nil)))
	errOwn := errors.New("own")
	for _, tt := range []struct {
		guard *Guard
		f     func() error
		want  error
	}{
		{g, func() error { return nil }, nil},
		{g, func() error { return errOwn }, errOwn},
		{g, func() error { panic("burst") }, ErrPanic},
		{g, func() error { return index(nil, 3) }, ErrPanic},
		{g, func() error { panic(errOwn) }, ErrPanic},
		{nil, func() error { panic("burst") }, ErrPanic},
	} {
		if err := tt.guard.Do("frame 7 of front", tt.f); !errors.Is(err, tt.want) {
			t.Errorf("%v, want %v", err, tt.want)
		}
	}
	if s := g.State(); s.Count != 3 || s.Last != "frame 7 of front: own" || s.At.IsZero() {
		t.Errorf("state %+v", s)
	}
	if (*Guard)(nil).State() != (State{}) {
		t.Error("nobody counts, and there is a count")
	}
	if n := strings.Count(logged.String(), "stack="); n != 1 || !strings.Contains(logged.String(), "TestDoCostsOneInput") {
		t.Errorf("%d stacks said within a minute, or not of the place:\n%s", n, &logged)
	}
}

// index breaks as a program does that was handed too little.
func index(list []error, i int) error { return list[i] }

func TestStackOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		g := New(slog.New(slog.NewTextHandler(&logged, nil)))
		for range 125 {
			if err := g.Do(strings.Repeat("long ", 1000), func() error { panic("burst") }); len(err.Error()) > 500 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			time.Sleep(time.Second)
		}
		if n := strings.Count(logged.String(), "stack="); n != 3 || !strings.Contains(logged.String(), "since_last_said=60") {
			t.Errorf("said %d times in 125 seconds:\n%s", n, &logged)
		}
	})
}

func TestKeepStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(slog.New(slog.DiscardHandler))
		began, starts := time.Now(), 0
		err := g.Keep(t.Context(), "store", func(context.Context) error {
			if starts++; starts < 4 {
				panic("burst")
			}
			return nil
		})
		if err != nil || starts != 4 || g.State().Count != 3 || time.Since(began) != 7*time.Second {
			t.Errorf("%v after %d starts, %d panics, %v", err, starts, g.State().Count, time.Since(began))
		}
		errOwn := errors.New("own")
		if err := g.Keep(t.Context(), "store", func(context.Context) error { return errOwn }); !errors.Is(err, errOwn) {
			t.Errorf("%v, want the part's own error", err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if err := g.Keep(ctx, "store", func(context.Context) error { panic("burst") }); !errors.Is(err, ErrPanic) {
			t.Errorf("%v at the end", err)
		}
		if n := g.State().Count; n < 100 || n > 130 {
			t.Errorf("started %d times in an hour", n)
		}
	})
}
