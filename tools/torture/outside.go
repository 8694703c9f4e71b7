package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// The faults of what is plugged in: receiver and cameras.

type inflict = func(context.Context, *rig, *rand.Rand) (undo, error)

// says puts a text on the serial line, between sentences that are sound, for as
// long as the step goes on.
func says(text func(*rand.Rand) string) inflict {
	return func(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
		said := text(r)
		for range 4 { // the line takes no more than 4 KiB at once
			for line := range strings.SplitAfterSeq(said, "\n") {
				g.receiver.say(line)
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
}

// damagedSentences is a position with one byte changed, a hundred times, half of
// them with a sum that fits.
func damagedSentences(r *rand.Rand) string {
	var all strings.Builder
	for range 50 {
		b := []byte(fix(time.Now()))
		b[r.IntN(len(b))] = byte(r.UintN(256))
		all.Write(b)
		body := []byte("GPRMC,120000.00,A,3512.3456,N,08010.0000,W,022.4,090.0,010126,,,A")
		body[r.IntN(len(body))] = anyOf(r, []byte(",.-0AZ*$\x00\xff"))
		all.WriteString(sentence(string(body)))
	}
	return all.String()
}

func wrongTime(_ context.Context, g *rig, r *rand.Rand) (undo, error) {
	const week = 7 * 24 * time.Hour
	g.receiver.set(false, anyOf(r, []time.Duration{-time.Hour, time.Hour, 90 * time.Second, 24 * time.Hour, -1024 * week, 1024 * week, 3 * 365 * 24 * time.Hour}))
	return func(context.Context) error { g.receiver.set(false, 0); return nil }, nil
}

func silence(_ context.Context, g *rig, _ *rand.Rand) (undo, error) {
	g.receiver.set(true, 0)
	return func(context.Context) error { g.receiver.set(false, 0); return nil }, nil
}

func unplugged(_ context.Context, g *rig, _ *rand.Rand) (undo, error) {
	g.receiver.unplug()
	return func(context.Context) error { return g.receiver.plug() }, nil
}

// cameraIs makes one camera do something else; the other sees the car pass.
func cameraIs(m mood) inflict {
	return func(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
		c := g.spare(r)
		c.become(m)
		if m == moodRefused || m == moodWrong {
			c.disconnect()
		}
		return func(context.Context) error {
			c.become(moodWell)
			g.release(c)
			return nil
		}, pause(ctx, 500*time.Millisecond)
	}
}

func cameraDisconnects(_ context.Context, g *rig, r *rand.Rand) (undo, error) {
	c := g.spare(r)
	c.disconnect()
	return func(context.Context) error { g.release(c); return nil }, nil
}

func cameraResizes(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	c := g.spare(r)
	size := anyOf(r, [][2]int{{320, 240}, {1280, 720}, {16, 16}, {2, 600}, {1920, 1080}})
	if err := c.resize(size[0], size[1]); err != nil {
		return nil, err
	}
	return func(context.Context) error {
		g.release(c)
		return c.resize(sceneWidth, sceneHeight)
	}, pause(ctx, time.Second)
}

// spare takes a camera out of the checks.
func (g *rig) spare(r *rand.Rand) *camera {
	g.out = g.cameras[r.IntN(len(g.cameras))]
	return g.out
}

func (g *rig) release(c *camera) {
	if g.out == c {
		g.out = nil
	}
}

// ready waits until a camera is seen by the car.
func (g *rig) ready(ctx context.Context, c *camera) error {
	ctx, stop := g.car.running.while(ctx, cameraWithin)
	defer stop()
	for {
		since, ok := c.connected()
		if ok && g.car.running.gives(c.name).After(since) {
			return nil
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("expected a program that sees camera %s again within %s\n%s", c.name, cameraWithin, g.car.running.words())
		}
	}
}
