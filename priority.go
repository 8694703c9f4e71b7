package alpr

import (
	"fmt"
	"strings"
)

// Priority orders alerts: a higher one is shown above and sounds over a lower.
type Priority int

// The priorities, from "show it" to "sounds even when muted".
const (
	PriorityLow    Priority = 1
	PriorityNormal Priority = 2
	PriorityHigh   Priority = 3
)

// String is the priority in a word. One that is not said is normal.
func (p Priority) String() string {
	switch {
	case p >= PriorityHigh:
		return "high"
	case p == PriorityLow:
		return "low"
	}
	return "normal"
}

// ParsePriority takes a priority as people and lists write it: a word, or 1 to 3.
// One that is not said is normal.
func ParsePriority(text string) (Priority, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "low", "1":
		return PriorityLow, nil
	case "", "normal", "medium", "2":
		return PriorityNormal, nil
	case "high", "3":
		return PriorityHigh, nil
	}
	return 0, fmt.Errorf("priority %q: expected low, normal or high", text)
}
