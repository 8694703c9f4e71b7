package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// hardenProcess keeps keys and plates out of core dumps, and out of swap where
// the system allows. It says what it could not do, a sentence each.
func hardenProcess() (weak []string) {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		weak = append(weak, fmt.Sprintf("core dumps cannot be switched off, they would hold keys and plates: %v", err))
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		weak = append(weak, fmt.Sprintf("the process stays open to debuggers: %v", err))
	}
	if !hasSwap() {
		return weak
	}
	if !mayLockAll() {
		return append(weak, swapAdvice)
	}
	// Pages are locked as they come into use: what is only reserved takes no memory.
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		weak = append(weak, fmt.Sprintf("%s (%v)", swapAdvice, err))
	}
	return weak
}

const swapAdvice = "keys in use may be swapped to disk: set LimitMEMLOCK=infinity in the service's unit, or switch swap off"

func hasSwap() bool {
	text, err := os.ReadFile("/proc/swaps")
	return err == nil && strings.Count(strings.TrimSpace(string(text)), "\n") > 0
}

// mayLockAll says whether all memory may be locked: with a limit, what comes
// after it would fail.
func mayLockAll() bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil && limit.Cur == unix.RLIM_INFINITY
}

// checkMemory says whether alpr run can keep keys out of swap.
func checkMemory() finding {
	const part = "memory"
	switch {
	case !hasSwap():
		return okay(part, "there is no swap, and alpr run switches core dumps off: keys stay in memory")
	case mayLockAll():
		return okay(part, "alpr run locks its memory, and switches core dumps off: keys are not swapped to disk")
	}
	return warning(part, "%s. The device key itself is locked", swapAdvice)
}
