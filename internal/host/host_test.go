package host

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCoreDumpsAreOff(t *testing.T) {
	weak := Harden()
	for _, w := range weak {
		if w != SwapAdvice && !strings.Contains(w, "swapped") {
			t.Errorf("it could not be hardened: %s", w)
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 {
		t.Errorf("core dumps of %d bytes: %v", limit.Cur, err)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("dumpable %d, %v", dumpable, err)
	}
	t.Cleanup(func() { // other tests of this process look into /proc/self
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			t.Error(err)
		}
		if err := unix.Munlockall(); err != nil {
			t.Error(err)
		}
	})
}
