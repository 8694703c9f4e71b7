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

// view is what a model made of one framing of a plate, or of several combined.
type view struct {
	slots   alpr.Posterior
	regions []float32
}

// newView copies one plate's outputs.
func newView(slots, regions []float32) view {
	v := view{regions: append([]float32(nil), regions...)}
	for s := range v.slots {
		copy(v.slots[s][:], slots[s*alpr.Symbols:])
	}
	return v
}

// viewSpec is one way to view a plate: by which model, and framed as its
// manifest says.
type viewSpec struct {
	model *models.Network
	models.View
}

// viewSpecs is how every plate is viewed, and how an unsure one is viewed again;
// second may be nil. Errors of two models have less in common than those of one
// in two framings.
func viewSpecs(first, second *models.Network, isStill bool) (once viewSpec, again []viewSpec) {
	views := first.Entry.ViewsAlone
	if second != nil {
		views = first.Entry.Views
		again = append(again, specsOf(second, second.Entry.Views, isStill)...)
	}
	return viewSpec{model: first, View: views[0]}, append(again, specsOf(first, views[1:], isStill)...)
}

func specsOf(model *models.Network, views []models.View, isStill bool) (specs []viewSpec) {
	for _, v := range views {
		if isStill || !v.StillsOnly {
			specs = append(specs, viewSpec{model: model, View: v})
		}
	}
	return specs
}

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

// rectify cuts a plate out for the model. A downscaled view of a large plate is
// of few pixels, and then enlarged: what the model learned from were mostly
// plates of that size, and a close plate shows it scratches and dirt that it has
// not seen. Of a plate that moved between the two fields of an interlaced
// picture it takes one field alone.
func (v viewSpec) rectify(frame, to *gocv.Mat, p alpr.Plate, isWhole bool) error {
	if picture.IsCombed(frame, p) {
		field, moved, err := picture.Field(frame, p, v.OddField)
		if err != nil {
			return fmt.Errorf("take a field of an interlaced picture: %w", err)
		}
		defer field.Close()
		frame, p = &field, moved
	}
	if v.ByBox {
		p = byBox(p)
	}
	m := models.Margin{X: v.Padding, Y: v.Padding}
	if !isWhole {
		m.X, m.Y = m.X+v.model.Entry.Margin.X, m.Y+v.model.Entry.Margin.Y
	}
	if v.DownscaledTo == 0 || p.WidthPx() <= float64(v.DownscaledTo) {
		return picture.Rectify(frame, to, p, m.X, m.Y)
	}
	few := gocv.NewMatWithSize(to.Rows()*v.DownscaledTo/to.Cols(), v.DownscaledTo, to.Type())
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

// combine takes the weighted geometric mean of several views, slot by slot: a
// character stands only if none speaks clearly against it. specs says how each
// was framed.
func combine(views []view, specs []viewSpec) view {
	c := view{regions: make([]float32, len(views[0].regions))}
	rows, weights := make([][]float32, len(views)), make([]float64, len(views))
	for s := range c.slots {
		for i := range views {
			rows[i], weights[i] = views[i].slots[s][:], specs[i].Weight
		}
		geometricMean(c.slots[s][:], rows, weights)
	}
	for i := range views {
		rows[i], weights[i] = views[i].regions, specs[i].RegionWeight
	}
	geometricMean(c.regions, rows, weights)
	return c
}

// geometricMean of probabilities, made to sum to 1 again.
func geometricMean(mean []float32, rows [][]float32, weights []float64) {
	const floor = 1e-7 // one view alone cannot rule a symbol out
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
