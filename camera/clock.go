package camera

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonicNow is the clock that V4L2 drivers stamp frames with; 0 where the
// system has none.
func monotonicNow() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
