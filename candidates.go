package alpr

import (
	"cmp"
	"slices"
	"strings"
)

// Candidates lists the n most probable texts with the probability that the
// posterior gives each, the slots taken as independent, most probable first.
// The list is exact but for ways to spell one text that leave a pad between
// characters: those count towards their text as far as they are among the 4·n
// most probable spellings.
func (p *Posterior) Candidates(n int) []Candidate {
	if n <= 0 {
		return nil
	}
	// The best 4n prefixes of any length are extensions of the best 4n one
	// shorter: probabilities are products of factors that are at most 1.
	beam := []Candidate{{P: 1}}
	for s := range p {
		beam = extend(beam, &p[s], 4*n)
	}
	merged := beam[:0]
	place := make(map[string]int, len(beam))
	for _, c := range beam {
		c.Text = strings.ReplaceAll(c.Text, padMark, "")
		if i, ok := place[c.Text]; ok {
			merged[i].P += c.P
			continue
		}
		place[c.Text] = len(merged)
		merged = append(merged, c)
	}
	slices.SortStableFunc(merged, byProbability)
	return slices.Clip(merged[:min(n, len(merged))])
}

// padMark stands for a pad in a spelling; it is outside Alphabet.
const padMark = "-"

// extend gives the best limit spellings that are one of beam, which is sorted,
// and one more symbol.
func extend(beam []Candidate, row *[Symbols]float32, limit int) []Candidate {
	next := make([]Candidate, 0, 2*limit)
	for _, prefix := range beam {
		for sym, v := range row {
			q := prefix.P * float64(v)
			if q <= 0 || len(next) >= limit && q <= next[limit-1].P {
				continue
			}
			mark := padMark
			if sym != Pad {
				mark = Alphabet[sym : sym+1]
			}
			c := Candidate{Text: prefix.Text + mark, P: q}
			i, _ := slices.BinarySearchFunc(next, c, byProbability)
			next = slices.Insert(next, i, c)
			next = next[:min(len(next), limit)]
		}
	}
	return next
}

// byProbability orders the most probable first, equals by text.
func byProbability(a, b Candidate) int {
	if c := cmp.Compare(b.P, a.P); c != 0 {
		return c
	}
	return strings.Compare(a.Text, b.Text)
}
