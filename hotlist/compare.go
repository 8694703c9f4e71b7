package hotlist

import (
	"strings"

	"alpr"
)

// looksLike says whether plates' typefaces draw two characters alike.
func looksLike(a, b byte) bool {
	for _, set := range [...]string{"0OQD", "1IL", "2Z", "5S", "8B", "6G", "7T", "4A", "UV", "VY"} {
		if strings.IndexByte(set, a) >= 0 && strings.IndexByte(set, b) >= 0 {
			return true
		}
	}
	return false
}

// compare says how a read's text and a listed one differ. The characters are
// set against each other with as few differences as possible, so that one that
// was missed does not make all after it differ.
func compare(read *alpr.Text, listed string) (alpr.MatchKind, []alpr.Difference) {
	if read.Text == listed {
		return alpr.MatchExact, nil
	}
	kind := alpr.MatchLookAlike
	var out []alpr.Difference
	for _, pair := range align(read.Text, listed) {
		d := alpr.Difference{Slot: pair.listed}
		sym := alpr.Pad
		if pair.hasListed {
			d.Listed = listed[pair.listed : pair.listed+1]
			sym = alpr.SymbolIndex(listed[pair.listed])
		}
		if pair.hasRead {
			d.Read = read.Text[pair.read : pair.read+1]
		}
		if d.Read == d.Listed {
			continue
		}
		if pair.read < alpr.Slots && sym >= 0 {
			d.P = float64(read.Posterior[pair.read][sym])
		}
		if !pair.hasRead || !pair.hasListed || !looksLike(d.Read[0], d.Listed[0]) {
			kind = alpr.MatchTolerant
		}
		out = append(out, d)
	}
	return kind, out
}

// pair is one place of an alignment: a character of each text, or of one.
type pair struct {
	read, listed       int // places in the texts; of the next character where there is none
	hasRead, hasListed bool
}

// align is a shortest edit of one text into the other (Wagner and Fischer 1974).
func align(read, listed string) []pair {
	n, m := len(read), len(listed)
	cost := make([][]int, n+1)
	for i := range cost {
		cost[i] = make([]int, m+1)
	}
	for i := n; i >= 0; i-- {
		for j := m; j >= 0; j-- {
			switch {
			case i == n || j == m:
				cost[i][j] = n - i + m - j
			case read[i] == listed[j]:
				cost[i][j] = cost[i+1][j+1]
			default:
				cost[i][j] = 1 + min(cost[i+1][j+1], cost[i+1][j], cost[i][j+1])
			}
		}
	}
	var out []pair
	for i, j := 0, 0; i < n || j < m; {
		both := i < n && j < m
		switch {
		case both && (read[i] == listed[j] || cost[i][j] == 1+cost[i+1][j+1]):
			out = append(out, pair{i, j, true, true})
			i, j = i+1, j+1
		case i < n && cost[i][j] == 1+cost[i+1][j]:
			out = append(out, pair{i, j, true, false})
			i++
		default:
			out = append(out, pair{i, j, false, true})
			j++
		}
	}
	return out
}
