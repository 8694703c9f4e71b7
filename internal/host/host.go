// Package host asks the operating system what a vehicle must know of it: whether
// the clock is kept right, how full a disk is, whether memory may be swapped out.
package host

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Harden keeps keys and plates out of core dumps, and out of swap where
// the system allows. It says what it could not do, a sentence each.
func Harden() (weak []string) {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		weak = append(weak, fmt.Sprintf("core dumps cannot be switched off, they would hold keys and plates: %v", err))
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		weak = append(weak, fmt.Sprintf("the process stays open to debuggers: %v", err))
	}
	if !HasSwap() {
		return weak
	}
	if !MayLockAll() {
		return append(weak, SwapAdvice)
	}
	// Pages are locked as they come into use: what is only reserved takes no memory.
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		weak = append(weak, fmt.Sprintf("%s (%v)", SwapAdvice, err))
	}
	return weak
}

// SwapAdvice says how to keep keys out of swap.
const SwapAdvice = "keys in use may be swapped to disk: set LimitMEMLOCK=infinity in the service's unit, or switch swap off"

// HasSwap says whether memory may be written to a disk.
func HasSwap() bool {
	text, err := os.ReadFile("/proc/swaps")
	return err == nil && strings.Count(strings.TrimSpace(string(text)), "\n") > 0
}

// MayLockAll says whether all memory may be locked: with a limit, what comes
// after it would fail.
func MayLockAll() bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil && limit.Cur == unix.RLIM_INFINITY
}

// IsClockSynchronised asks the kernel whether something keeps the clock right.
func IsClockSynchronised() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR
}

// FreeBytes is the room left for this user on the disk of a folder; 0 where that
// cannot be told.
func FreeBytes(dir string) int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0
	}
	return int64(fs.Bavail) * fs.Bsize
}
