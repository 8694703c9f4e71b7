package issuer

import (
	"cmp"
	"slices"

	"alpr"
)

// outlines are the shapes of serials of one length, those of all issuers, each
// once. They stand in order, so that the products over their places share what
// their fronts have in common.
type outlines struct {
	sets  [][]int            // of each place: the table's sets that stand there in some outline
	ratio [][chars][]float64 // of each place, character and set there: how much oftener than by chance
	all   []outline
}

// outline is one shape: of each place, which of the sets there.
type outline struct {
	slots  []int // as in the table
	local  []int // as in outlines.sets
	common int   // places at the front that are the outline's before it too
}

func newOutlines(n int, formats []format, sets []string, slip float64) outlines {
	o := outlines{sets: make([][]int, n), ratio: make([][chars][]float64, n)}
	for _, f := range formats {
		o.all = append(o.all, outline{slots: f.slots, local: make([]int, n)})
	}
	slices.SortFunc(o.all, func(a, b outline) int { return slices.Compare(a.slots, b.slots) })
	for i := range o.all {
		for s, set := range o.all[i].slots {
			o.all[i].local[s] = o.localSet(s, set)
		}
		for i > 0 && o.all[i].common < n && o.all[i].slots[o.all[i].common] == o.all[i-1].slots[o.all[i].common] {
			o.all[i].common++
		}
	}
	for s, here := range o.sets {
		for _, set := range here {
			for c, r := range ratios(sets[set], slip) {
				o.ratio[s][c] = append(o.ratio[s][c], r)
			}
		}
	}
	return o
}

// localSet is the place of a set among those of place s, where it is put if it
// is not there.
func (o *outlines) localSet(s, set int) int {
	if i := slices.Index(o.sets[s], set); i >= 0 {
		return i
	}
	o.sets[s] = append(o.sets[s], set)
	return len(o.sets[s]) - 1
}

// index is the place of an outline that is known to be there.
func (o *outlines) index(slots []int) int {
	i, _ := slices.BinarySearchFunc(o.all, slots, func(a outline, slots []int) int { return slices.Compare(a.slots, slots) })
	return i
}

// products writes to out, for each outline, first times the product over its
// places of factors, which has one of each place and set there.
func (o *outlines) products(first float64, factors [][]float64, out []float64) {
	var prefix [alpr.Slots + 1]float64
	prefix[0] = first
	for i := range o.all {
		local := o.all[i].local
		for s := o.all[i].common; s < len(local); s++ {
			prefix[s+1] = prefix[s] * factors[s][local[s]]
		}
		out[i] = prefix[len(local)]
	}
}

// means writes to out, for each place and set there, the mean of ratio over the
// characters as post weighs them.
func (o *outlines) means(post *[alpr.Slots][alpr.Symbols]float64) [][]float64 {
	out := make([][]float64, len(o.sets))
	for s, here := range o.sets {
		sums := make([]float64, len(here))
		for c := range chars {
			p := post[s][c]
			for k, r := range o.ratio[s][c] {
				sums[k] += r * p
			}
		}
		out[s] = sums
	}
	return out
}

// ratios is, for each character, its probability in a place that holds one of
// set, against one in chars.
func ratios(set string, slip float64) (r [chars]float64) {
	n := float64(len(set))
	for i := range r {
		r[i] = slip / max(float64(chars)-n, 1) * float64(chars)
	}
	for k := range len(set) {
		r[alpr.SymbolIndex(set[k])] = (1 - slip) / n * float64(chars)
	}
	return r
}

// serial is a text as places of Alphabet.
type serial struct {
	n    int
	syms [alpr.Slots]uint8
}

// serialOf is the serial of a text; false for one that no plate has room for, or
// that holds a character outside Alphabet.
func serialOf(text string) (s serial, ok bool) {
	if len(text) > alpr.Slots {
		return s, false
	}
	for i := range len(text) {
		c := alpr.SymbolIndex(text[i])
		if c < 0 {
			return s, false
		}
		s.syms[i] = uint8(c)
	}
	s.n = len(text)
	return s, true
}

// String is the text.
func (s *serial) String() string {
	out := make([]byte, s.n)
	for i := range out {
		out[i] = alpr.Alphabet[s.syms[i]]
	}
	return string(out)
}

// compare orders serials as their texts.
func (s *serial) compare(o *serial) int {
	return cmp.Or(slices.Compare(s.syms[:min(s.n, o.n)], o.syms[:min(s.n, o.n)]), cmp.Compare(s.n, o.n))
}
