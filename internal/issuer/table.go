package issuer

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"alpr"
)

//go:embed formats.tsv
var shipped string

// ErrTable reports a row of a table of formats that is none.
var ErrTable = errors.New("not a table of serial formats")

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	chars   = len(alpr.Alphabet)
)

// format is one shape of an issuer's serials.
type format struct {
	issuer  string
	kind    string
	pattern string // as the table has it
	weight  float64
	slots   []int // of each character: which of the table's sets it is from
	outline int   // which of the outlines of its length these are
}

// table is what a file of formats says.
type table struct {
	sets    []string            // sets of characters, each sorted as in the alphabet, without repetition
	formats map[string][]format // by issuer; the weights of each sum to 1
	issuers []string            // in the file's order
}

// parse reads rows of issuer, kind, weight, pattern and source, parted by tabs.
func parse(text string) (*table, error) {
	t := &table{formats: make(map[string][]format)}
	words := make(map[string][]string) // the letters of an issuer's serials, before and behind the first gap
	for n, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if err := t.row(strings.Split(line, "\t"), words); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrTable, n+1, err)
		}
	}
	if len(t.issuers) == 0 {
		return nil, fmt.Errorf("%w: it names no issuer", ErrTable)
	}
	for _, list := range t.formats {
		sum := 0.0
		for _, f := range list {
			sum += f.weight
		}
		for i := range list {
			list[i].weight /= sum
		}
	}
	return t, nil
}

func (t *table) row(fields []string, words map[string][]string) error {
	if len(fields) != 5 {
		return fmt.Errorf("%d columns, want issuer, kind, weight, pattern and source", len(fields))
	}
	name, kind, pattern := fields[0], fields[1], fields[3]
	if kind == "letters" {
		words[name] = strings.Fields(pattern)
		return nil
	}
	weight, err := strconv.ParseFloat(fields[2], 64)
	if err != nil || !(weight > 0 && weight < 1e6) {
		return fmt.Errorf("weight %q: want a number above 0", fields[2])
	}
	f := format{issuer: name, kind: kind, pattern: pattern, weight: weight}
	sets, err := setsOf(pattern, words[name])
	if err != nil {
		return err
	}
	for _, set := range sets {
		f.slots = append(f.slots, t.set(set))
	}
	if len(t.formats[name]) == 0 {
		t.issuers = append(t.issuers, name)
	}
	t.formats[name] = append(t.formats[name], f)
	return nil
}

// set is the place of a set of characters in the table.
func (t *table) set(want string) int {
	for i, have := range t.sets {
		if have == want {
			return i
		}
	}
	t.sets = append(t.sets, want)
	return len(t.sets) - 1
}

// setsOf gives the characters that each place of a pattern may hold. allowed is
// the issuer's letters, before the first gap and behind it; none means all.
func setsOf(pattern string, allowed []string) ([]string, error) {
	var sets []string
	isBehind := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '_', '-', '.', '*', '#', '%':
			isBehind = isBehind || len(sets) > 0
		case '{', '[':
			end := strings.IndexByte(pattern[i:], c+2) // } and ] stand two behind { and [
			if end < 0 {
				return nil, fmt.Errorf("pattern %q: %q is not closed", pattern, c)
			}
			if c == '[' {
				sets = append(sets, sorted(pattern[i+1:i+end]))
			}
			i += end
		case 'L':
			sets = append(sets, lettersOf(allowed, isBehind))
		case 'D':
			sets = append(sets, digits)
		case 'N':
			sets = append(sets, digits[1:])
		default:
			sets = append(sets, sorted(strings.ToUpper(pattern[i:i+1])))
		}
	}
	for _, set := range sets {
		if set == "" {
			return nil, fmt.Errorf("pattern %q has a place for no character of A-Z and 0-9", pattern)
		}
	}
	if len(sets) == 0 || len(sets) > alpr.Slots {
		return nil, fmt.Errorf("pattern %q has %d characters, want 1 to %d", pattern, len(sets), alpr.Slots)
	}
	return sets, nil
}

func lettersOf(allowed []string, isBehind bool) string {
	switch {
	case len(allowed) == 0:
		return letters
	case isBehind:
		return sorted(allowed[len(allowed)-1])
	}
	return sorted(allowed[0])
}

// sorted is a set of characters in the alphabet's order, each once.
func sorted(set string) string {
	var b strings.Builder
	for _, c := range alpr.Alphabet {
		if strings.ContainsRune(set, c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}
