package ocr

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
	"alpr/models/modelstest"
)

// The fixture network cuts a plate into ten columns and takes the mean blue of
// a column for its symbol, 0 to 255 for 0 to 36, and the red for the region.
// Small plates blur neighbouring columns, so theirs hold neighbouring symbols.

// shade is the blue that the fixture reads as the i-th character of text.
func shade(text string, i int) byte {
	sym := alpr.Pad
	if i < len(text) {
		sym = alpr.SymbolIndex(text[i])
	}
	return byte(math.Round(float64(sym) * 255 / 36))
}

// drawPlate paints text into the quadrilateral as the fixture reads it, red in
// the given strength, by asking of each pixel where on the plate it is.
func drawPlate(f *alpr.Frame, corners [4]alpr.Point, text string, red byte) {
	h := homography(corners)
	for y := range f.Height {
		for x := range f.Width {
			u, v := h.apply(float64(x)+0.5, float64(y)+0.5)
			if u < -0.02 || u > 1.02 || v < -0.02 || v > 1.02 {
				continue
			}
			column := min(max(int(u*10), 0), 9)
			copy(f.Pix[3*(y*f.Width+x):], []byte{shade(text, column), 0, red})
		}
	}
}

func grey(w, h int) *alpr.Frame {
	f := &alpr.Frame{Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	for i := range f.Pix {
		f.Pix[i] = 128
	}
	return f
}

// projection is a map of the plane, x' = (ax+by+c)/(gx+hy+1) and so on.
type projection [8]float64

func (p projection) apply(x, y float64) (u, v float64) {
	w := p[6]*x + p[7]*y + 1
	return (p[0]*x + p[1]*y + p[2]) / w, (p[3]*x + p[4]*y + p[5]) / w
}

// homography solves for the map that takes the corners to the unit square: an
// independent check on OpenCV's.
func homography(c [4]alpr.Point) projection {
	unit := [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}}
	var m [8][9]float64
	for i := range 4 {
		x, y, u, v := float64(c[i].X), float64(c[i].Y), unit[i][0], unit[i][1]
		m[2*i] = [9]float64{x, y, 1, 0, 0, 0, -u * x, -u * y, u}
		m[2*i+1] = [9]float64{0, 0, 0, x, y, 1, -v * x, -v * y, v}
	}
	for col := range 8 {
		best := col
		for r := col; r < 8; r++ {
			if math.Abs(m[r][col]) > math.Abs(m[best][col]) {
				best = r
			}
		}
		m[col], m[best] = m[best], m[col]
		for r := range 8 {
			if r == col {
				continue
			}
			k := m[r][col] / m[col][col]
			for j := col; j < 9; j++ {
				m[r][j] -= k * m[col][j]
			}
		}
	}
	var p projection
	for i := range p {
		p[i] = m[i][8] / m[i][i]
	}
	return p
}

func plateAt(corners ...alpr.Point) alpr.Plate { return alpr.Plate{Corners: [4]alpr.Point(corners)} }

func newReader(tb testing.TB) *Recogniser {
	tb.Helper()
	r, err := New(modelstest.Open(tb).Reader, nil, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestReadRectifies(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		plate alpr.Plate
	}{
		{"straight", "ABC123", plateAt(alpr.Point{X: 100, Y: 100}, alpr.Point{X: 260, Y: 100}, alpr.Point{X: 260, Y: 164}, alpr.Point{X: 100, Y: 164})},
		{"small", "ABCDEFGHIJ", plateAt(alpr.Point{X: 100, Y: 100}, alpr.Point{X: 160, Y: 100}, alpr.Point{X: 160, Y: 120}, alpr.Point{X: 100, Y: 120})},
		{"large", "0K1L2M3N4P", plateAt(alpr.Point{X: 20, Y: 20}, alpr.Point{X: 620, Y: 30}, alpr.Point{X: 620, Y: 230}, alpr.Point{X: 20, Y: 220})},
		{"turned", "QRS456", plateAt(alpr.Point{X: 200, Y: 90}, alpr.Point{X: 380, Y: 150}, alpr.Point{X: 360, Y: 215}, alpr.Point{X: 180, Y: 155})},
		{"from the side", "TUV", plateAt(alpr.Point{X: 200, Y: 100}, alpr.Point{X: 300, Y: 130}, alpr.Point{X: 300, Y: 170}, alpr.Point{X: 200, Y: 190})},
		{"cut by the frame", "WXYZ", plateAt(alpr.Point{X: -10, Y: 100}, alpr.Point{X: 150, Y: 100}, alpr.Point{X: 150, Y: 164}, alpr.Point{X: -10, Y: 164})},
	}
	r := newReader(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := grey(640, 360)
			drawPlate(f, tt.plate.Corners, tt.text, 0)
			texts, err := r.Read(f, []alpr.Plate{tt.plate})
			if err != nil {
				t.Fatal(err)
			}
			if texts[0].Text != tt.text {
				t.Errorf("read %q, want %q; columns %v", texts[0].Text, tt.text, texts[0].CharConf)
			}
		})
	}
}

func TestMarginSurroundsThePlate(t *testing.T) {
	set := modelstest.Open(t)
	set.Reader.Entry.Margin = models.Margin{X: 0.125, Y: 0.5} // a fifth of the columns' width: ten columns hold 8 of the plate
	r, err := New(set.Reader, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := plateAt(alpr.Point{X: 100, Y: 100}, alpr.Point{X: 228, Y: 100}, alpr.Point{X: 228, Y: 132}, alpr.Point{X: 100, Y: 132})
	f := grey(400, 300)
	// The surroundings are what the plate's outermost column shows on each side.
	wide := plateAt(alpr.Point{X: 84, Y: 84}, alpr.Point{X: 244, Y: 84}, alpr.Point{X: 244, Y: 148}, alpr.Point{X: 84, Y: 148})
	drawPlate(f, wide.Corners, "ABCDEFGHIJ", 0)
	texts, err := r.Read(f, []alpr.Plate{p})
	if err != nil {
		t.Fatal(err)
	}
	if texts[0].Text != "ABCDEFGHIJ" {
		t.Errorf("read %q with the margin", texts[0].Text)
	}
}

func TestReadKeepsTheOrderOfManyPlates(t *testing.T) {
	r := newReader(t)
	f := grey(400, 1000)
	var plates []alpr.Plate
	var want []string
	for i := range batch + 3 {
		y := float32(20 + 80*i)
		p := plateAt(alpr.Point{X: 40, Y: y}, alpr.Point{X: 200, Y: y}, alpr.Point{X: 200, Y: y + 60}, alpr.Point{X: 40, Y: y + 60})
		text := strings.Repeat(alpr.Alphabet[i:i+1], 3)
		drawPlate(f, p.Corners, text, 0)
		plates, want = append(plates, p), append(want, text)
	}
	texts, err := r.Read(f, plates)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if texts[i].Text != want[i] {
			t.Errorf("plate %d reads %q, want %q", i, texts[i].Text, want[i])
		}
	}
	if texts, err = r.Read(f, nil); err != nil || len(texts) != 0 {
		t.Errorf("no plates gave %v, %v", texts, err)
	}
}

func TestReadCropAndRegion(t *testing.T) {
	r := newReader(t)
	for _, tt := range []struct {
		width, height int
		red           byte
		region        string
	}{
		{320, 128, 0, "US-FL"}, {100, 40, 85, "US-TX"}, {1600, 640, 170, "DE"}, {160, 64, 255, ""},
	} {
		f := grey(tt.width, tt.height)
		w, h := float32(tt.width), float32(tt.height)
		drawPlate(f, [4]alpr.Point{{}, {X: w}, {X: w, Y: h}, {Y: h}}, "JKLMNOPQRS", tt.red)
		text, err := r.ReadCrop(f)
		if err != nil {
			t.Fatal(err)
		}
		if text.Text != "JKLMNOPQRS" {
			t.Errorf("%dx%d read %q", tt.width, tt.height, text.Text)
		}
		var best alpr.RegionProb
		if len(text.Regions) > 0 {
			best = text.Regions[0]
		}
		if best.Region != tt.region || tt.region != "" && best.P < 0.9 {
			t.Errorf("red %d gave regions %v, want %q first", tt.red, text.Regions, tt.region)
		}
	}
}

func TestBadInput(t *testing.T) {
	r := newReader(t)
	for _, f := range []alpr.Frame{{}, {Width: 5, Height: 5, Pix: make([]byte, 3)}} {
		if _, err := r.ReadCrop(&f); !errors.Is(err, picture.ErrFrame) {
			t.Errorf("ReadCrop gave %v", err)
		}
		if _, err := r.Read(&f, []alpr.Plate{{}}); !errors.Is(err, picture.ErrFrame) {
			t.Errorf("Read gave %v", err)
		}
	}
	nan := float32(math.NaN())
	f := grey(64, 64)
	plates := []alpr.Plate{{}, plateAt(alpr.Point{X: nan}, alpr.Point{}, alpr.Point{}, alpr.Point{})}
	if texts, err := r.Read(f, plates); err != nil || len(texts) != 2 {
		t.Errorf("plates without an area gave %d texts, %v", len(texts), err)
	}
	if _, err := New(modelstest.Open(t).Detector, nil, Options{}); err == nil {
		t.Error("a detector was accepted as a reader")
	}
}

// posterior says text surely, but for the given alternatives at a slot.
func posterior(text string, slot int, alternatives map[byte]float32) *alpr.Posterior {
	var p alpr.Posterior
	for s := range p {
		sym := alpr.Pad
		if s < len(text) {
			sym = alpr.SymbolIndex(text[s])
		}
		p[s][sym] = 1
	}
	p[slot] = [alpr.Symbols]float32{}
	for c, v := range alternatives {
		p[slot][alpr.SymbolIndex(c)] = v
	}
	return &p
}

func TestTextOf(t *testing.T) {
	slots := posterior("ABO123", 2, map[byte]float32{'O': 0.6, '0': 0.3, 'Q': 0.1})
	none := models.Calibration{Kind: models.CalibrationNone}
	text := textOf(slots, none, 10)
	want := []alpr.Candidate{{Text: "ABO123", P: 0.6}, {Text: "AB0123", P: 0.3}, {Text: "ABQ123", P: 0.1}}
	if len(text.Candidates) != len(want) {
		t.Fatalf("candidates %v", text.Candidates)
	}
	for i, c := range text.Candidates {
		if c.Text != want[i].Text || math.Abs(c.P-want[i].P) > 1e-6 {
			t.Errorf("candidate %d is %v, want %v", i, c, want[i])
		}
	}
	if text.Text != "ABO123" || math.Abs(text.Confidence-0.6) > 1e-6 || len(text.CharConf) != 6 {
		t.Errorf("text %q with %g, %v", text.Text, text.Confidence, text.CharConf)
	}
	if math.Abs(float64(text.CharConf[2])-0.6) > 1e-6 || text.CharConf[0] != 1 {
		t.Errorf("one weak character must stay visible: %v", text.CharConf)
	}
}

func TestCalibratedCandidatesStayAProbability(t *testing.T) {
	slots := posterior("ABO123", 2, map[byte]float32{'O': 0.5, '0': 0.45, 'Q': 0.05})
	for _, c := range []models.Calibration{
		{Kind: models.CalibrationNone},
		{Kind: models.CalibrationPlatt, A: 1, B: -3},
		{Kind: models.CalibrationPlatt, A: 1, B: 3},
		{Kind: models.CalibrationPlatt, A: 0.2, B: 0},
	} {
		text := textOf(slots, c, 10)
		if want := c.Confidence(math.Log(0.5)); math.Abs(text.Confidence-want) > 1e-6 {
			t.Errorf("%+v: confidence %g, want %g", c, text.Confidence, want)
		}
		sum, last := 0.0, math.Inf(1)
		for _, candidate := range text.Candidates {
			if candidate.P > last {
				t.Errorf("%+v: candidates are not in order: %v", c, text.Candidates)
			}
			sum, last = sum+candidate.P, candidate.P
		}
		if sum > 1+1e-9 {
			t.Errorf("%+v: candidates add up to %g", c, sum)
		}
	}
}

func TestTextOfNothing(t *testing.T) {
	none := models.Calibration{Kind: models.CalibrationNone}
	if text := textOf(posterior("", 0, map[byte]float32{}), none, 10); text.Text != "" || text.Confidence != 0 {
		t.Errorf("all zero gave %+v", text)
	}
	var pads alpr.Posterior
	for s := range pads {
		pads[s][alpr.Pad] = 1
	}
	if text := textOf(&pads, none, 10); text.Text != "" || len(text.CharConf) != 0 || text.Confidence != 1 {
		t.Errorf("all pads gave %q with %g", text.Text, text.Confidence)
	}
}

func TestCombineNeedsAgreement(t *testing.T) {
	views := []view{
		{slots: *posterior("ABO123", 2, map[byte]float32{'O': 0.6, '0': 0.4}), regions: []float32{0.9, 0.1}},
		{slots: *posterior("ABO123", 2, map[byte]float32{'O': 0.1, '0': 0.9}), regions: []float32{0.5, 0.5}},
		{slots: *posterior("ABO123", 2, map[byte]float32{'O': 0.3, '0': 0.7}), regions: []float32{0.5, 0.5}},
	}
	alike := viewSpec{View: models.View{Weight: 1, RegionWeight: 1}}
	taken := []viewSpec{alike, alike, alike}
	c := combine(views, taken)
	if c.slots.Best() != "AB0123" {
		t.Errorf("combined %q", c.slots.Best())
	}
	for s := range c.slots {
		var sum float64
		for _, p := range c.slots[s] {
			sum += float64(p)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("slot %d sums to %g", s, sum)
		}
	}
	if want := math.Cbrt(0.6*0.1*0.3) / (math.Cbrt(0.6*0.1*0.3) + math.Cbrt(0.4*0.9*0.7)); math.Abs(float64(c.slots[2][24])-want) > 1e-4 {
		t.Errorf("O has %g, want %g", c.slots[2][24], want)
	}
	if c.regions[0] < 0.6 || c.regions[0] > 0.9 {
		t.Errorf("regions %v", c.regions)
	}
	if r := combine(views, []viewSpec{taken[0], {View: models.View{Weight: 1}}, taken[2]}).regions; math.Abs(float64(r[0])-0.75) > 1e-5 {
		t.Errorf("regions of the two views with a say in it: %v", r)
	}
	swapped := combine([]view{views[2], views[0], views[1]}, taken)
	if swapped.slots != c.slots {
		t.Error("the order of the views matters")
	}
	twice := combine(append(views, views[0]), append(taken, taken[0]))
	taken[0].Weight = 2
	if heavy := combine(views, taken); math.Abs(float64(heavy.slots[2][24]-twice.slots[2][24])) > 1e-6 {
		t.Errorf("a view of weight two gives O %g, taken twice %g", heavy.slots[2][24], twice.slots[2][24])
	}
}

func TestThirdLookKeepsToASlantedPlate(t *testing.T) {
	p := plateAt(alpr.Point{X: 0, Y: 0}, alpr.Point{X: 100, Y: 50}, alpr.Point{X: 100, Y: 70}, alpr.Point{X: 0, Y: 20})
	p.Box = alpr.Box{W: 100, H: 70}
	got := byBox(p).Corners
	want := [4]alpr.Point{{X: 2, Y: 1.4}, {X: 98, Y: 49.4}, {X: 98, Y: 68.6}, {X: 2, Y: 20.6}}
	for i := range got {
		if math.Abs(float64(got[i].X-want[i].X)) > 0.01 || math.Abs(float64(got[i].Y-want[i].Y)) > 0.01 {
			t.Errorf("corner %d is %v, want %v: the box shows more car than plate", i, got[i], want[i])
		}
	}
}

// TestSecondReaderIsAskedWhereTheFirstIsUnsure shows a plate with some green, which
// to the second network alone makes another fourth character.
func TestSecondReaderIsAskedWhereTheFirstIsUnsure(t *testing.T) {
	set := modelstest.Open(t)
	p := plateAt(alpr.Point{X: 100, Y: 100}, alpr.Point{X: 260, Y: 100}, alpr.Point{X: 260, Y: 164}, alpr.Point{X: 100, Y: 164})
	f := grey(400, 300)
	drawPlate(f, p.Corners, "IJKLMMLKJI", 0)
	for y := 100; y < 164; y++ {
		for x := 148; x < 164; x++ { // the fourth of ten columns of 16 pixels
			f.Pix[3*(400*y+x)+1] = 8 * shade("1", 0) // an eighth of it makes an L an M
		}
	}
	read := func(second *models.Network, o Options) alpr.Text {
		t.Helper()
		r, err := New(set.Reader, second, o)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := r.Read(f, []alpr.Plate{p})
		if err != nil {
			t.Fatal(err)
		}
		return texts[0]
	}
	alone, sure := read(nil, Options{SureFrom: 1}), read(set.SecondReader, Options{SureFrom: 0.0001})
	if alone.Confidence != sure.Confidence || alone.Text != "IJKLMMLKJI" {
		t.Errorf("alone %v, sure %v: the second network was asked without need", alone.Candidates, sure.Candidates)
	}
	both := read(set.SecondReader, Options{SureFrom: 1})
	l, m := both.Posterior[3][alpr.SymbolIndex('L')], both.Posterior[3][alpr.SymbolIndex('M')]
	if before := alone.Posterior[3][alpr.SymbolIndex('L')]; l > before-0.1 || l < m || m < 0.1 {
		t.Errorf("the networks differ in the fourth character: L has %g (%g before), M %g; the first reader counts for more", l, before, m)
	}
	if both.Confidence > 0.75 || both.CharConf[0] < 0.8 {
		t.Errorf("confidence %g, characters %v: only the fourth is in doubt", both.Confidence, both.CharConf)
	}
	if want := set.SecondReader.Entry.Calibration.Confidence(math.Log(product(both.Posterior))); math.Abs(both.Confidence-want) > 1e-6 {
		t.Errorf("confidence %g, by the calibration of both %g", both.Confidence, want)
	}
	r, err := New(set.Reader, set.SecondReader, Options{SureFrom: 0.97})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Version(); got != "reader test with second test" {
		t.Errorf("version %q does not name both networks", got)
	}
}

// TestVideoAsksAgainAboutOnePlateAFrame shows three unsure plates: one frame of
// video looks at one of them again, the next at the next; a still at all.
func TestVideoAsksAgainAboutOnePlateAFrame(t *testing.T) {
	set := modelstest.Open(t)
	f := grey(400, 300)
	var plates []alpr.Plate
	for i := range 3 {
		y := float32(20 + 80*i)
		p := plateAt(alpr.Point{X: 100, Y: y}, alpr.Point{X: 260, Y: y}, alpr.Point{X: 260, Y: y + 64}, alpr.Point{X: 100, Y: y + 64})
		drawPlate(f, p.Corners, "IJKLMMLKJI", 0)
		plates = append(plates, p)
	}
	read := func(r *Recogniser) []alpr.Text {
		t.Helper()
		texts, err := r.Read(f, plates)
		if err != nil {
			t.Fatal(err)
		}
		return texts
	}
	open := func(o Options) *Recogniser {
		t.Helper()
		r, err := New(set.Reader, set.SecondReader, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	once, video := read(open(Options{})), open(Options{SureFrom: 1})
	seen := make(map[string]map[int]bool)
	for range plates {
		for _, f.Camera = range []string{"front", "left", "rear"} { // as many as plates: one count for all would show each the same plate
			n := 0
			for i, text := range read(video) {
				if text.Posterior != once[i].Posterior {
					if seen[f.Camera] == nil {
						seen[f.Camera] = make(map[int]bool)
					}
					seen[f.Camera][i] = true
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d plates of one frame were looked at again, want 1", n)
			}
		}
	}
	for camera, had := range seen {
		if len(had) != len(plates) {
			t.Errorf("%s: in three frames only %v had their turn", camera, had)
		}
	}
	for i, text := range read(open(Options{SureFrom: 1, IsStill: true})) {
		if text.Posterior == once[i].Posterior {
			t.Errorf("plate %d of a still was not looked at again", i)
		}
	}
}

// product of the best probabilities of all slots.
func product(p alpr.Posterior) float64 {
	all := 1.0
	for s := range p {
		all *= float64(slices.Max(p[s][:]))
	}
	return all
}

func TestReadersMustKnowTheSameRegions(t *testing.T) {
	set := modelstest.Open(t)
	set.SecondReader.Entry.Regions = []string{"US-TX", "US-FL", "DE", ""}
	if _, err := New(set.Reader, set.SecondReader, Options{}); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "one release") {
		t.Errorf("got %v, want ErrModel", err)
	}
}

func TestViewsAreTheManifests(t *testing.T) {
	set := modelstest.Open(t)
	a, b := set.Reader, set.SecondReader
	spec := func(m *models.Network, v models.View) viewSpec { return viewSpec{model: m, View: v} }
	with, alone, other := a.Entry.Views, a.Entry.ViewsAlone, b.Entry.Views
	for _, tt := range []struct {
		name    string
		second  *models.Network
		isStill bool
		want    []viewSpec // the first view, then those of unsure plates
	}{
		{"video", b, false, []viewSpec{spec(a, with[0]), spec(b, other[0])}},
		{"still", b, true, []viewSpec{spec(a, with[0]), spec(b, other[0]), spec(a, with[1])}},
		{"video with one model", nil, false, []viewSpec{spec(a, alone[0])}},
		{"still with one model", nil, true, []viewSpec{spec(a, alone[0]), spec(a, alone[1]), spec(a, alone[2])}},
	} {
		once, again := viewSpecs(a, tt.second, tt.isStill)
		if got := append([]viewSpec{once}, again...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSureFromTheManifest(t *testing.T) {
	set := modelstest.Open(t)
	set.Reader.Entry.SureFrom = 0.123
	r, err := New(set.Reader, nil, Options{SureFrom: AsManifest})
	if err != nil {
		t.Fatal(err)
	}
	if r.sureFrom != 0.123 {
		t.Errorf("sure from %g, the manifest says 0.123", r.sureFrom)
	}
}

func TestEvenContrast(t *testing.T) {
	flat := grey(160, 64)
	drawPlate(flat, [4]alpr.Point{{}, {X: 160}, {X: 160, Y: 64}, {Y: 64}}, "ABC123", 0)
	pix := flat.Pix
	for i := range pix { // dim and flat: from 90 to 130
		pix[i] = 90 + pix[i]/6
	}
	for i := 0; i < len(pix); i += 3 {
		pix[i+1], pix[i+2] = pix[i], pix[i]
	}
	before := slices.Clone(pix)
	evenContrast(pix)
	lo, hi := slices.Min(pix), slices.Max(pix)
	if lo > 30 || hi < 229 {
		t.Errorf("shades from %d to %d, want 30 to 230", lo, hi)
	}
	for i := 3; i < len(pix); i += 3 {
		if before[i] < before[0] && pix[i] > pix[0] || before[i] > before[0] && pix[i] < pix[0] {
			t.Fatalf("shade %d became %d, %d became %d: their order changed", before[0], pix[0], before[i], pix[i])
		}
	}
	cast := slices.Clone(before)
	for i := 0; i < len(cast); i += 3 { // a pink cast, and blue half as wide as the others
		cast[i], cast[i+2] = cast[i]/2, cast[i+2]+100
	}
	evenContrast(cast)
	for c, want := range []int{130, 230, 230} {
		var channel []byte
		for i := c; i < len(cast); i += 3 {
			channel = append(channel, cast[i])
		}
		if lo, hi := int(slices.Min(channel)), int(slices.Max(channel)); lo > 30 || hi < want-8 || hi > want+8 {
			t.Errorf("channel %d spans %d to %d, want 30 to %d: the same black, and its share of the colour", c, lo, hi, want)
		}
	}
	even := bytes.Repeat([]byte{40, 41, 42}, 160*64) // nothing to see
	evenContrast(even)
	if spread := int(slices.Max(even)) - int(slices.Min(even)); spread > 2*8 {
		t.Errorf("a flat picture now spans %d", spread)
	}
	evenContrast(nil)
}

// TestSecondLookReframes gives a plate a box that shows another text: only if
// unsure plates are looked at again does the box have a say.
func TestSecondLookReframes(t *testing.T) {
	set := modelstest.Open(t)
	p := plateAt(alpr.Point{X: 100, Y: 100}, alpr.Point{X: 260, Y: 100}, alpr.Point{X: 260, Y: 164}, alpr.Point{X: 100, Y: 164})
	p.Box = alpr.Box{X: 100, Y: 200, W: 160, H: 64}
	f := grey(400, 300) // grey is a symbol of its own to the fixture
	drawPlate(f, p.Corners, "IJKLMMLKJI", 0)
	drawPlate(f, byBox(p).Corners, "IJKLMMLKII", 0)
	look := func(o Options) alpr.Text {
		r, err := New(set.Reader, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := r.Read(f, []alpr.Plate{p, p})
		if err != nil {
			t.Fatal(err)
		}
		if texts[1].Confidence != texts[0].Confidence {
			t.Errorf("%+v: the same plate twice gave %v and %v", o, texts[0].Candidates, texts[1].Candidates)
		}
		return texts[0]
	}
	once, sure, again := look(Options{IsStill: true}), look(Options{SureFrom: 0.0001, IsStill: true}), look(Options{SureFrom: 1, IsStill: true})
	if once.Text != "IJKLMMLKJI" || sure.Confidence != once.Confidence {
		t.Errorf("a sure plate was looked at again: %v, then %v", once.Candidates, sure.Candidates)
	}
	if again.Text != "IJKLMMLKJI" || !(again.CharConf[8] < once.CharConf[8]) {
		t.Errorf("the box said otherwise, but of the ninth character %v became %v", once.CharConf, again.CharConf)
	}
}

func TestRegionsOf(t *testing.T) {
	names := []string{"US-FL", "US-GA", "DE", "FR", "PL", "NL", ""}
	got := regionsOf([]float32{0.2, 0.3, 0.005, 0.02, 0.03, 0.04, 0.405}, names)
	want := []string{"US-GA", "US-FL", "NL", "PL", "FR"}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i].Region != want[i] {
			t.Errorf("place %d is %v, want %s", i, got[i], want[i])
		}
	}
}

func BenchmarkTextOf(b *testing.B) {
	slots := posterior("ABO1234", 2, map[byte]float32{'O': 0.6, '0': 0.3, 'Q': 0.1})
	for s := range slots {
		for i := range slots[s] {
			slots[s][i] = slots[s][i]*0.97 + 0.03/float32(alpr.Symbols)
		}
	}
	for b.Loop() {
		textOf(slots, models.Calibration{Kind: models.CalibrationNone}, defaultCandidates)
	}
}

// TestADownscaledViewKeepsThePlate reads a large plate at the resolution of a
// far one: what is left out is detail, not a character.
func TestADownscaledViewKeepsThePlate(t *testing.T) {
	f := grey(900, 500)
	p := plateAt(alpr.Point{X: 100, Y: 100}, alpr.Point{X: 740, Y: 100}, alpr.Point{X: 740, Y: 356}, alpr.Point{X: 100, Y: 356})
	drawPlate(f, p.Corners, "IJKLMMLKJI", 0)
	frame, err := picture.Wrap(f)
	if err != nil {
		t.Fatal(err)
	}
	defer frame.Close()
	fine, rough := make([]byte, 3*160*64), make([]byte, 3*160*64)
	for pix, width := range map[*[]byte]int{&fine: 0, &rough: 90} {
		to, err := picture.WrapBytes(*pix, 160, 64)
		if err != nil {
			t.Fatal(err)
		}
		spec := viewSpec{model: &models.Network{}, View: models.View{Padding: 0.03, DownscaledTo: width}}
		if err := spec.rectify(&frame, &to, p, false); err != nil {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(fine, rough) {
		t.Error("a downscaled view of a large plate is as fine as any")
	}
	for slot := range alpr.Slots { // the middle of a column, where no neighbour shines in
		at := 3 * (32*160 + 16*slot + 8)
		if d := int(fine[at]) - int(rough[at]); d < -12 || d > 12 {
			t.Errorf("slot %d is %d, and downscaled %d", slot, fine[at], rough[at])
		}
	}
}

// TestReadTakesOneFieldOfAnInterlacedPicture reads a plate that stands half a
// character further in the odd rows than in the even ones.
func TestReadTakesOneFieldOfAnInterlacedPicture(t *testing.T) {
	p := plateAt(alpr.Point{X: 60, Y: 60}, alpr.Point{X: 380, Y: 60}, alpr.Point{X: 380, Y: 160}, alpr.Point{X: 60, Y: 160})
	later := p
	for i := range later.Corners {
		later.Corners[i].X += 16
	}
	f, odd := grey(500, 240), grey(500, 240)
	drawPlate(f, p.Corners, "A9A9A9A9A9", 0)
	drawPlate(odd, later.Corners, "A9A9A9A9A9", 0)
	for y := 1; y < f.Height; y += 2 {
		row := f.Pix[3*y*f.Width:][:3*f.Width]
		copy(row, odd.Pix[3*y*f.Width:])
	}
	texts, err := newReader(t).Read(f, []alpr.Plate{p})
	if err != nil {
		t.Fatal(err)
	}
	if texts[0].Text != "A9A9A9A9A9" {
		t.Errorf("read %q of both fields at once", texts[0].Text)
	}
}
