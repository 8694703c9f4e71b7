package hotlist

import (
	"alpr"
	"alpr/internal/platetext"
)

// compare says how a read's text and a listed one differ. The characters are
// set against each other with as few differences as possible, so that one that
// was missed does not make all after it differ.
func compare(read *alpr.Text, listed string) (alpr.MatchKind, []alpr.Difference) {
	if read.Text == listed {
		return alpr.MatchExact, nil
	}
	kind := alpr.MatchLookAlike
	var out []alpr.Difference
	for _, pair := range platetext.Align(read.Text, listed) {
		d := alpr.Difference{Slot: pair.B}
		sym := alpr.Pad
		if pair.HasB {
			d.Listed = listed[pair.B : pair.B+1]
			sym = alpr.SymbolIndex(listed[pair.B])
		}
		if pair.HasA {
			d.Read = read.Text[pair.A : pair.A+1]
		}
		if d.Read == d.Listed {
			continue
		}
		if pair.A < alpr.Slots && sym >= 0 {
			d.P = float64(read.Posterior[pair.A][sym])
		}
		if !pair.HasA || !pair.HasB || !platetext.LookAlike(d.Read[0], d.Listed[0]) {
			kind = alpr.MatchTolerant
		}
		out = append(out, d)
	}
	return kind, out
}
