package ocr

import (
	"fmt"
	"image"
	"math"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
)

// look is what the network saw in one framing of a plate, or in several
// combined.
type look struct {
	slots   alpr.Posterior
	regions []float32
}

// newLook copies one plate's outputs.
func newLook(slots, regions []float32) look {
	l := look{regions: append([]float32(nil), regions...)}
	for s := range l.slots {
		copy(l.slots[s][:], slots[s*alpr.Symbols:])
	}
	return l
}

// glance is one way to look at a plate: with which network, how framed, and
// what it counts for among others.
type glance struct {
	network  *models.Network
	isFar    bool    // wider, and coarse: as a plate farther away
	byBox    bool    // by its box instead of its corners: they are found apart from each other, and err apart
	oddField bool    // of an interlaced picture, by its odd rows instead of its even ones
	weight   float64 // of the characters
	ofRegion float64 // weight of the region
}

// glances is how a plate is looked at, and how again where that is unsure;
// second may be nil. Errors of two networks have less in common than those of
// one in two framings. The second has learned for a fifth of the time: the first
// look counts for two of its, and the states are the first's.
func glances(first, second *models.Network, isStill bool) (once glance, again []glance) {
	once = glance{network: first, weight: 1, ofRegion: 1}
	if second != nil {
		once.weight, once.ofRegion = 2, 2
		again = append(again, glance{network: second, weight: 1, oddField: true})
	}
	if isStill {
		again = append(again, glance{network: first, isFar: true, weight: 1, ofRegion: 1})
	}
	if isStill && second == nil {
		again = append(again, glance{network: first, byBox: true, weight: 1, ofRegion: 1})
	}
	return once, again
}

// wider is how much further a far look reaches, on each side, in plate
// widths and heights.
const wider = 0.03

// slanted is the share of its box below which a plate fills it so little that
// the box shows more of the car than of the plate.
const slanted = 0.75

// byBox is the plate framed by its box. A slanted plate is framed a little
// closer instead.
func byBox(p alpr.Plate) alpr.Plate {
	b := p.Box
	if b.W <= 0 || b.H <= 0 {
		return p
	}
	if areaOf(p.Corners) < slanted*b.W*b.H {
		return closer(p)
	}
	p.Corners = b.Corners()
	return p
}

// closer moves each corner a little towards the opposite one.
func closer(p alpr.Plate) alpr.Plate {
	const share = 0.02
	q := p.Corners
	for i := range p.Corners {
		to := q[(i+2)%4]
		p.Corners[i] = alpr.Point{X: q[i].X + share*(to.X-q[i].X), Y: q[i].Y + share*(to.Y-q[i].Y)}
	}
	return p
}

// areaOf is the area of a quadrilateral whose corners go clockwise.
func areaOf(q [4]alpr.Point) float32 {
	a, b, c, d := q[0], q[1], q[2], q[3]
	return ((c.X-a.X)*(d.Y-b.Y) - (d.X-b.X)*(c.Y-a.Y)) / 2
}

// coarse is how many pixels of the network's width a coarse look has: what the
// network learned from were mostly plates of that size, and a close plate shows
// it scratches and dirt that it has not seen.
const coarse = 90

// rectify cuts a plate out for the network; a far look is of few pixels, and
// then enlarged. Of a plate that moved between the two fields of an interlaced
// picture it takes one field alone.
func (g glance) rectify(frame, to *gocv.Mat, p alpr.Plate, isWhole bool) error {
	if picture.IsCombed(frame, p) {
		field, moved, err := picture.Field(frame, p, g.oddField)
		if err != nil {
			return fmt.Errorf("take a field of an interlaced picture: %w", err)
		}
		defer field.Close()
		frame, p = &field, moved
	}
	if g.byBox {
		p = byBox(p)
	}
	var m models.Margin
	if !isWhole {
		m = g.network.Entry.Margin
	}
	if g.isFar {
		m = models.Margin{X: m.X + wider, Y: m.Y + wider}
	}
	if !g.isFar || p.WidthPx() <= coarse {
		return picture.Rectify(frame, to, p, m.X, m.Y)
	}
	few := gocv.NewMatWithSize(to.Rows()*coarse/to.Cols(), coarse, to.Type())
	defer few.Close()
	if err := picture.Rectify(frame, &few, p, m.X, m.Y); err != nil {
		return err
	}
	if err := gocv.Resize(few, to, image.Pt(to.Cols(), to.Rows()), 0, 0, gocv.InterpolationLinear); err != nil {
		return fmt.Errorf("enlarge a plate: %w", err)
	}
	return nil
}

// evenContrast evens out the contrast of a BGR picture: each channel is shifted
// such that 3 % of its pixels are darker than 30, and all are scaled alike, such
// that in the widest of them 3 % are lighter than 230; never more than eight
// times. A plate in the car's own light, in fog, at dusk or under a colour cast
// then looks much like any other.
func evenContrast(pix []byte) {
	const share, dark, light, least = 0.03, 30.0, 230.0, 25
	var counts [3][256]int
	for i := 0; i+2 < len(pix); i += 3 {
		counts[0][pix[i]]++
		counts[1][pix[i+1]]++
		counts[2][pix[i+2]]++
	}
	n := float64(len(pix) / 3)
	var low [3]int
	widest := least
	for c := range counts {
		low[c] = rank(counts[c][:], share*n)
		widest = max(widest, rank(counts[c][:], (1-share)*n)-low[c])
	}
	gain := (light - dark) / float64(widest)
	var table [3][256]byte
	for c := range table {
		for v := range table[c] {
			table[c][v] = byte(min(max(float64(v-low[c])*gain+dark+0.5, 0), 255))
		}
	}
	for i := 0; i+2 < len(pix); i += 3 {
		pix[i], pix[i+1], pix[i+2] = table[0][pix[i]], table[1][pix[i+1]], table[2][pix[i+2]]
	}
}

// rank is the first value up to which counts add up to n.
func rank(counts []int, n float64) int {
	sum := 0
	for v, c := range counts {
		if sum += c; float64(sum) >= n {
			return v
		}
	}
	return len(counts) - 1
}

// combine takes the weighted geometric mean of several looks, slot by slot: a
// character stands only if none speaks clearly against it. taken says how each
// was taken.
func combine(looks []look, taken []glance) look {
	c := look{regions: make([]float32, len(looks[0].regions))}
	rows, weights := make([][]float32, len(looks)), make([]float64, len(looks))
	for s := range c.slots {
		for i := range looks {
			rows[i], weights[i] = looks[i].slots[s][:], taken[i].weight
		}
		geometricMean(c.slots[s][:], rows, weights)
	}
	for i := range looks {
		rows[i], weights[i] = looks[i].regions, taken[i].ofRegion
	}
	geometricMean(c.regions, rows, weights)
	return c
}

// geometricMean of probabilities, made to sum to 1 again.
func geometricMean(mean []float32, rows [][]float32, weights []float64) {
	const floor = 1e-7 // one look alone cannot rule a symbol out
	var total, sum float64
	for _, w := range weights {
		total += w
	}
	for i := range mean {
		var log float64
		for k, row := range rows {
			log += weights[k] * math.Log(max(float64(row[i]), floor))
		}
		p := math.Exp(log / total)
		mean[i] = float32(p)
		sum += p
	}
	for i := range mean {
		mean[i] = float32(float64(mean[i]) / sum)
	}
}
