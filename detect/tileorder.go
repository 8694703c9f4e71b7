package detect

// tileOrder says which tile of a wide frame is searched next: the one that has
// waited longest, where plates have come from lately sooner than elsewhere.
type tileOrder struct {
	waits []float64 // frames since a tile was searched
	finds []float64 // plates found there, those of long ago fading
}

const (
	// findsFade is how much of what was found in a tile counts at its next search.
	findsFade = 0.7
	// mostFinds bounds how much sooner a tile is searched: no other may starve.
	mostFinds = 2.0
)

func newTileOrder(n int) *tileOrder {
	o := &tileOrder{waits: make([]float64, n), finds: make([]float64, n)}
	for i := range o.waits {
		o.waits[i] = float64(n - i) // at first from the first to the last
	}
	return o
}

func (o *tileOrder) next() int {
	best, most := 0, -1.0
	for i, w := range o.waits {
		if v := w * (1 + o.finds[i]); v > most {
			best, most = i, v
		}
	}
	return best
}

func (o *tileOrder) searched(tile, found int) {
	for i := range o.waits {
		o.waits[i]++
	}
	o.waits[tile] = 0
	o.finds[tile] = min(mostFinds, o.finds[tile]*findsFade+float64(found))
}
