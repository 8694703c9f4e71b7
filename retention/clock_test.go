package retention

import (
	"testing"
	"time"
)

func TestClockDoubtsAJumpForward(t *testing.T) {
	start := time.Date(2031, 5, 2, 12, 0, 0, 0, time.UTC)
	var c Clock
	c.step(start, 0)
	wrong := start.AddDate(20, 0, 0) // a satellite receiver's rollover
	c.step(wrong, time.Second)
	c.step(wrong.Add(JumpSettle/2), JumpSettle/2)
	if c.now.Sub(start) > JumpSettle {
		t.Fatalf("believed before it had lasted: %s", c.now)
	}
	c.step(start.Add(JumpSettle), JumpSettle/2) // the system clock is right again
	c.step(wrong, time.Second)
	if c.now.Sub(start) > 2*JumpSettle {
		t.Fatalf("two short jumps were taken for a long one: %s", c.now)
	}
	c.step(wrong.Add(JumpSettle), JumpSettle)
	if c.now.Before(wrong) {
		t.Errorf("not believed after it had lasted: %s", c.now)
	}
}
