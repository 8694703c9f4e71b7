package simulation

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"alpr"
)

// camera reads plates as the reader of an error model would.
type camera struct {
	model *ErrorModel
	rng   *rand.Rand
	bins  []float64 // cumulative shares
	rows  [][alpr.Symbols][]*[alpr.Symbols]float32
	said  [][]alpr.RegionProb // by sample of the model
}

func newCamera(m *ErrorModel, rng *rand.Rand) *camera {
	c := &camera{model: m, rng: rng, rows: make([][alpr.Symbols][]*[alpr.Symbols]float32, len(m.Bins))}
	sum := 0.0
	for b := range m.Bins {
		sum += m.Bins[b].Share
		c.bins = append(c.bins, sum)
		for i := range m.Bins[b].Chars {
			row := &m.Bins[b].Chars[i]
			sym := symbolOf(row.True)
			c.rows[b][sym] = append(c.rows[b][sym], denseRow(row.Said))
		}
	}
	for _, sample := range m.States {
		var said []alpr.RegionProb
		for _, region := range slices.Sorted(maps.Keys(sample.Said)) {
			said = append(said, alpr.RegionProb{Region: region, P: sample.Said[region]})
		}
		c.said = append(c.said, said)
	}
	return c
}

func symbolOf(name string) int {
	if name == "-" {
		return alpr.Pad
	}
	return alpr.SymbolIndex(name[0])
}

func denseRow(said map[string]float64) *[alpr.Symbols]float32 {
	var row [alpr.Symbols]float32
	rest := 1.0
	for name, p := range said {
		row[symbolOf(name)] = float32(p)
		rest -= p
	}
	spread := float32(max(1e-6, rest) / float64(alpr.Symbols))
	var sum float32
	for i := range row {
		row[i] += spread
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
	return &row
}

// see is one pass of a plate. All its characters are as hard to read as those
// of one real plate; each is read as a real one of its kind was.
func (c *camera) see(plate, state string) alpr.Read {
	shown := plate
	if c.rng.IntN(c.model.Plates) < c.model.WrongLength && len(plate) > 2 {
		at := c.rng.IntN(len(plate)) // a character is missed
		shown = plate[:at] + plate[at+1:]
	}
	bin := c.bin()
	read := alpr.Read{Revision: 1, At: simStart()}
	t := &read.Text
	for s := range t.Posterior {
		switch {
		case s < len(shown):
			t.Posterior[s] = *c.row(bin, alpr.SymbolIndex(shown[s]))
		case s == len(shown):
			t.Posterior[s] = *c.row(bin, alpr.Pad)
		default:
			t.Posterior[s][alpr.Pad] = 1
		}
	}
	t.Text = t.Posterior.Best()
	t.Confidence = c.confidence(t.Posterior.LogProb(t.Text))
	t.Regions = c.regions(state)
	return read
}

func (c *camera) bin() int {
	i, _ := slices.BinarySearch(c.bins, c.rng.Float64()*c.bins[len(c.bins)-1])
	return min(i, len(c.bins)-1)
}

// row is what was said of a real character of that kind, from the nearest bin
// that has one.
func (c *camera) row(bin, sym int) *[alpr.Symbols]float32 {
	for d := range len(c.rows) {
		for _, b := range []int{bin - d, bin + d} {
			if b < 0 || b >= len(c.rows) || len(c.rows[b][sym]) == 0 {
				continue
			}
			rows := c.rows[b][sym]
			return rows[c.rng.IntN(len(rows))]
		}
	}
	return denseRow(map[string]float64{symbolName(sym): 0.99}) // never seen: as a sure one
}

// confidence interpolates the reader's calibration.
func (c *camera) confidence(logProb float64) float64 {
	pairs := c.model.Confidence
	i, _ := slices.BinarySearchFunc(pairs, logProb, func(p [2]float64, v float64) int {
		if p[0] < v {
			return -1
		}
		return 1
	})
	switch {
	case i == 0:
		return pairs[0][1] * math.Exp(min(0, logProb-pairs[0][0]))
	case i == len(pairs):
		return pairs[i-1][1]
	}
	a, b := pairs[i-1], pairs[i]
	if b[0] == a[0] {
		return b[1]
	}
	return a[1] + (b[1]-a[1])*(logProb-a[0])/(b[0]-a[0])
}

// regions is what was said of a real plate's state, with that state and this
// one changing places.
func (c *camera) regions(state string) []alpr.RegionProb {
	k := c.rng.IntN(len(c.said))
	out := slices.Clone(c.said[k])
	for i := range out {
		switch out[i].Region {
		case c.model.States[k].True:
			out[i].Region = state
		case state:
			out[i].Region = c.model.States[k].True
		}
	}
	return out
}
