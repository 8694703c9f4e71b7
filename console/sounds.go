package console

import (
	"fmt"
	"slices"

	"alpr"
)

// Sound is what is heard, told apart without looking.
type Sound string

// The sounds of hits. A covert hit has none.
const (
	SoundNone   Sound = "none"
	SoundLow    Sound = "low"
	SoundNormal Sound = "normal"
	SoundHigh   Sound = "high"
)

// The sounds of what else an officer must hear.
const (
	SoundWithdrawn Sound = "withdrawn"
	SoundTrouble   Sound = "trouble" // a part has gone: camera, position, backend, a list's age
)

func (s Sound) rank() int {
	return slices.Index([]Sound{SoundNone, SoundLow, SoundNormal, SoundHigh}, s)
}

// soundOf is a hit's sound: its priority's, or what the agency chose for its list.
func soundOf(h alpr.Hit, lists map[string]Sound) Sound {
	switch {
	case h.Entry.IsCovert:
		return SoundNone
	case lists[h.Entry.List] != "":
		return lists[h.Entry.List]
	case h.Entry.Priority >= alpr.PriorityHigh:
		return SoundHigh
	case h.Entry.Priority == alpr.PriorityNormal:
		return SoundNormal
	}
	return SoundLow
}

func checkSounds(lists map[string]Sound) error {
	for list, s := range lists {
		if s.rank() < 0 {
			return fmt.Errorf("%w: list_sounds: %s: %q: use high, normal, low or none", ErrConfig, list, s)
		}
	}
	return nil
}
