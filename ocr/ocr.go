package ocr

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
)

// ErrModel reports a model whose output is not what this package expects.
var ErrModel = errors.New("not a recogniser")

const (
	// batch is how many plates go through the model at once. More would only
	// make the wait for the first one longer.
	batch = 8
	// cropTrim is what a further view of a cut-out plate leaves out on each side.
	cropTrim = 0.02
	// defaultCandidates is how many texts a Text lists.
	defaultCandidates = 10
)

// Options change how plates are read. The zero Options suits tests: one view
// of each plate.
type Options struct {
	// Candidates is how many texts are listed for each plate; 0 means 10.
	Candidates int
	// SureFrom is the confidence from which one view is enough. A plate read
	// with less is viewed by the second recogniser too, and all views are
	// combined: what one model alone makes of a plate does not stand. Where
	// the first view made out next to nothing, it stays at that.
	// 0: one view is always enough; AsManifest: as the model's manifest says.
	SureFrom float64
	// IsStill says that no other picture of the plate will come: an unsure plate
	// is also viewed as the manifest says for stills, so that what was read by
	// chance of the framing does not stand either. In video the next frame sees
	// to that, and of several unsure plates of a frame only one is viewed again,
	// in turn.
	IsStill bool
}

// AsManifest is the SureFrom that the first model's manifest names.
const AsManifest = math.MaxFloat64

// Recogniser reads plates. It is safe for concurrent use; calls are worked on
// one at a time.
type Recogniser struct {
	mu         sync.Mutex
	first      viewSpec
	combined   models.Calibration
	again      []viewSpec
	candidates int
	sureFrom   float64
	isStill    bool
	turn       map[string]int // per camera: frames with several unsure plates, which says whose turn is next
}

// New checks the models by running them once. second, which may be nil, is
// asked where the first is unsure. The models stay the caller's, and must not
// be used elsewhere while the Recogniser is.
func New(first, second *models.Network, o Options) (*Recogniser, error) {
	if len(first.Entry.ViewsAlone) == 0 || second != nil && len(first.Entry.Views)*len(second.Entry.Views) == 0 {
		return nil, fmt.Errorf("try %s: %w: its manifest names no views of a plate", first.Entry.Name, ErrModel)
	}
	r := &Recogniser{combined: first.Entry.Calibration, candidates: o.Candidates, sureFrom: o.SureFrom, isStill: o.IsStill, turn: make(map[string]int)}
	if r.candidates <= 0 {
		r.candidates = defaultCandidates
	}
	if r.sureFrom == AsManifest {
		r.sureFrom = first.Entry.SureFrom
	}
	both := []*models.Network{first}
	if second != nil {
		if !slices.Equal(first.Entry.Regions, second.Entry.Regions) {
			return nil, fmt.Errorf("%w: the second recogniser knows other regions than the first: take both from one release", ErrModel)
		}
		r.combined = second.Entry.Calibration
		both = append(both, second)
	}
	r.first, r.again = viewSpecs(first, second, o.IsStill)
	blank := alpr.Frame{Width: 16, Height: 8, Pix: make([]byte, 3*16*8)}
	frame, err := picture.Wrap(&blank)
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	for _, n := range both {
		if _, err := r.view(&frame, []alpr.Plate{whole(&blank)}, viewSpec{model: n}, true); err != nil {
			return nil, fmt.Errorf("try %s: %w", n.Entry.Name, err)
		}
	}
	return r, nil
}

// Version names the models, for the record of a read.
func (r *Recogniser) Version() string {
	v := r.first.model.Entry.Name + " " + r.first.model.Entry.Version
	for _, g := range r.again {
		if g.model != r.first.model {
			return v + " with " + g.model.Entry.Name + " " + g.model.Entry.Version
		}
	}
	return v
}

// Read reads the plates of a frame: one Text a plate, in their order. A plate
// on which nothing can be made out has an empty Text.
func (r *Recogniser) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	texts, err := r.read(f, plates, false)
	if err != nil {
		return nil, fmt.Errorf("read plates: %w", err)
	}
	return texts, nil
}

// ReadCrop reads a picture that shows one plate and little else.
func (r *Recogniser) ReadCrop(f *alpr.Frame) (alpr.Text, error) {
	texts, err := r.read(f, []alpr.Plate{whole(f)}, true)
	if err != nil {
		return alpr.Text{}, fmt.Errorf("read crop: %w", err)
	}
	return texts[0], nil
}

// whole is the plate that fills a frame. There is no detector to give a second
// opinion: a little less of the picture is another way to see it.
func whole(f *alpr.Frame) alpr.Plate {
	w, h := float32(f.Width), float32(f.Height)
	return alpr.Plate{
		Corners: [4]alpr.Point{{}, {X: w}, {X: w, Y: h}, {Y: h}},
		Box:     alpr.Box{X: cropTrim * w, Y: cropTrim * h, W: (1 - 2*cropTrim) * w, H: (1 - 2*cropTrim) * h},
	}
}

func (r *Recogniser) read(f *alpr.Frame, plates []alpr.Plate, isWhole bool) ([]alpr.Text, error) {
	frame, err := picture.Wrap(f)
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	views, err := r.view(&frame, plates, r.first, isWhole)
	if err != nil {
		return nil, err
	}
	texts := make([]alpr.Text, len(plates))
	var unsure []int
	for i, v := range views {
		texts[i] = r.textOf(v, r.first.model.Entry.Calibration)
		if c := texts[i].Confidence; c < r.sureFrom && c > r.first.model.Entry.Unreadable {
			unsure = append(unsure, i)
		}
	}
	unsure = r.chosen(unsure, f.Camera)
	if len(unsure) > 0 && len(r.again) > 0 {
		if err := r.viewAgain(&frame, plates, isWhole, views, unsure); err != nil {
			return nil, err
		}
		for _, i := range unsure {
			texts[i] = r.textOf(views[i], r.combined)
		}
	}
	return texts, nil
}

// chosen is which of the unsure plates are viewed again: of a still all, of a
// frame of video one, so that what a frame costs has a bound. Each camera has
// turns of its own: two that take turns would else always meet the same plate.
func (r *Recogniser) chosen(unsure []int, camera string) []int {
	if r.isStill || len(unsure) < 2 {
		return unsure
	}
	r.turn[camera]++
	turn := r.turn[camera] % len(unsure)
	return unsure[turn : turn+1]
}

// viewAgain views the unsure plates anew, and combines what that shows with
// what was seen before.
func (r *Recogniser) viewAgain(frame *gocv.Mat, plates []alpr.Plate, isWhole bool, views []view, unsure []int) error {
	chosen := make([]alpr.Plate, len(unsure))
	all := make([][]view, len(unsure))
	for k, i := range unsure {
		chosen[k], all[k] = plates[i], []view{views[i]}
	}
	for _, spec := range r.again {
		seen, err := r.view(frame, chosen, spec, isWhole)
		if err != nil {
			return err
		}
		for k, v := range seen {
			all[k] = append(all[k], v)
		}
	}
	specs := append([]viewSpec{r.first}, r.again...)
	for k, i := range unsure {
		views[i] = combine(all[k], specs)
	}
	return nil
}

// view gives one view of each of the plates; isWhole says that the picture is
// the plate, and nothing lies around it.
func (r *Recogniser) view(frame *gocv.Mat, plates []alpr.Plate, spec viewSpec, isWhole bool) ([]view, error) {
	views := make([]view, 0, len(plates))
	for len(plates) > 0 {
		n := min(len(plates), batch)
		b, err := fill(frame, plates[:n], spec, isWhole)
		if err != nil {
			return nil, err
		}
		if err := b.Run(); err != nil {
			return nil, err
		}
		if views, err = interpret(views, b, n, len(r.first.model.Entry.Regions)); err != nil {
			return nil, err
		}
		plates = plates[n:]
	}
	return views, nil
}

// fill rectifies a batch of plates into the input of the view's model.
func fill(frame *gocv.Mat, plates []alpr.Plate, spec viewSpec, isWhole bool) (*models.Binding, error) {
	in := spec.model.Entry.Input
	b, err := spec.model.Bind(len(plates), in.Height, in.Width)
	if err != nil {
		return nil, err
	}
	size := 3 * in.Height * in.Width
	for i, p := range plates {
		pix := b.In[i*size : (i+1)*size]
		place, err := picture.WrapBytes(pix, in.Width, in.Height)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(spec.rectify(frame, &place, p, isWhole), place.Close()); err != nil {
			return nil, err
		}
		if in.EvenContrast {
			evenContrast(pix)
		}
	}
	return b, nil
}

// interpret appends a view of each of the n plates of a run, with the
// probabilities of that many regions.
func interpret(views []view, b *models.Binding, n, known int) ([]view, error) {
	slots, shape, err := b.Output(0)
	if err != nil {
		return nil, err
	}
	const perPlate = alpr.Slots * alpr.Symbols
	if len(shape) != 3 || len(slots) != n*perPlate || shape[1] != alpr.Slots {
		return nil, fmt.Errorf("%w: slots have shape %v, want [%d %d %d]", ErrModel, shape, n, alpr.Slots, alpr.Symbols)
	}
	regions, shape, err := b.Output(1)
	if err != nil {
		return nil, err
	}
	if len(shape) != 2 || len(regions) != n*known {
		return nil, fmt.Errorf("%w: regions have shape %v, the manifest names %d", ErrModel, shape, known)
	}
	for i := range n {
		views = append(views, newView(slots[i*perPlate:(i+1)*perPlate], regions[i*known:(i+1)*known]))
	}
	return views, nil
}

func (r *Recogniser) textOf(v view, c models.Calibration) alpr.Text {
	t := textOf(&v.slots, c, r.candidates)
	t.Regions = regionsOf(v.regions, r.first.model.Entry.Regions)
	return t
}
