package ocr

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
)

// ErrNetwork reports a network whose output is not what this package expects.
var ErrNetwork = errors.New("not a plate reader")

const (
	// batch is how many plates go through the network at once. More would only
	// make the wait for the first one longer.
	batch = 8
	// cropTrim is what a further look at a cut-out plate leaves out on each side.
	cropTrim = 0.02
	// hopeless is the confidence of a first look that no further look mends: a
	// lamp, a shop's sign, a plate too far away.
	hopeless = 0.02
	// defaultCandidates is how many texts a Text lists.
	defaultCandidates = 10
)

// Options change how plates are read. The zero Options suits tests: one look
// at each plate.
type Options struct {
	// Candidates is how many texts are listed for each plate; 0 means 10.
	Candidates int
	// SureFrom is the confidence from which one look is enough. A plate read
	// with less is looked at by the second reader too, and all looks are
	// combined: what one network alone makes of a plate does not stand. Where
	// the first look made out next to nothing, it stays at that.
	// 0: one look is always enough.
	SureFrom float64
	// IsStill says that no other picture of the plate will come: an unsure plate
	// is also looked at wider and coarser (without a second reader by its box,
	// too), so that what was read by chance of the framing does not stand either.
	// In video the next frame sees to that, and of several unsure plates of a
	// frame only one is looked at again, in turn.
	IsStill bool
}

// Reader reads plates. It is safe for concurrent use; calls are worked on one
// at a time.
type Reader struct {
	mu         sync.Mutex
	first      glance
	combined   models.Calibration
	again      []glance
	candidates int
	sureFrom   float64
	isStill    bool
	turn       map[string]int // per camera: frames with several unsure plates, which says whose turn is next
}

// New checks the networks by running them once. second, which may be nil, is
// asked where the first is unsure. The networks stay the caller's, and must not
// be used elsewhere while the Reader is.
func New(first, second *models.Network, o Options) (*Reader, error) {
	r := &Reader{combined: first.Entry.Calibration, candidates: o.Candidates, sureFrom: o.SureFrom, isStill: o.IsStill, turn: make(map[string]int)}
	if r.candidates <= 0 {
		r.candidates = defaultCandidates
	}
	networks := []*models.Network{first}
	if second != nil {
		if !slices.Equal(first.Entry.Regions, second.Entry.Regions) {
			return nil, fmt.Errorf("%w: the second reader knows other regions than the first: take both from one release", ErrNetwork)
		}
		r.combined = second.Entry.Calibration
		networks = append(networks, second)
	}
	r.first, r.again = glances(first, second, o.IsStill)
	blank := alpr.Frame{Width: 16, Height: 8, Pix: make([]byte, 3*16*8)}
	frame, err := picture.Wrap(&blank)
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	for _, n := range networks {
		if _, err := r.look(&frame, []alpr.Plate{whole(&blank)}, glance{network: n}, true); err != nil {
			return nil, fmt.Errorf("try %s: %w", n.Entry.Name, err)
		}
	}
	return r, nil
}

// Version names the networks, for the record of a read.
func (r *Reader) Version() string {
	v := r.first.network.Entry.Name + " " + r.first.network.Entry.Version
	for _, g := range r.again {
		if g.network != r.first.network {
			return v + " with " + g.network.Entry.Name + " " + g.network.Entry.Version
		}
	}
	return v
}

// Read reads the plates of a frame: one Text a plate, in their order. A plate
// on which nothing can be made out has an empty Text.
func (r *Reader) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	texts, err := r.read(f, plates, false)
	if err != nil {
		return nil, fmt.Errorf("read plates: %w", err)
	}
	return texts, nil
}

// ReadCrop reads a picture that shows one plate and little else.
func (r *Reader) ReadCrop(f *alpr.Frame) (alpr.Text, error) {
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

func (r *Reader) read(f *alpr.Frame, plates []alpr.Plate, isWhole bool) ([]alpr.Text, error) {
	frame, err := picture.Wrap(f)
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	looks, err := r.look(&frame, plates, r.first, isWhole)
	if err != nil {
		return nil, err
	}
	texts := make([]alpr.Text, len(plates))
	var unsure []int
	for i, l := range looks {
		texts[i] = r.textOf(l, r.first.network.Entry.Calibration)
		if c := texts[i].Confidence; c < r.sureFrom && c > hopeless {
			unsure = append(unsure, i)
		}
	}
	unsure = r.chosen(unsure, f.Camera)
	if len(unsure) > 0 && len(r.again) > 0 {
		if err := r.lookAgain(&frame, plates, isWhole, looks, unsure); err != nil {
			return nil, err
		}
		for _, i := range unsure {
			texts[i] = r.textOf(looks[i], r.combined)
		}
	}
	return texts, nil
}

// chosen is which of the unsure plates are looked at again: of a still all, of a
// frame of video one, so that what a frame costs has a bound. Each camera has
// turns of its own: two that take turns would else always meet the same plate.
func (r *Reader) chosen(unsure []int, camera string) []int {
	if r.isStill || len(unsure) < 2 {
		return unsure
	}
	r.turn[camera]++
	turn := r.turn[camera] % len(unsure)
	return unsure[turn : turn+1]
}

// lookAgain looks at the unsure plates anew, and combines what that shows with
// what was seen before.
func (r *Reader) lookAgain(frame *gocv.Mat, plates []alpr.Plate, isWhole bool, looks []look, unsure []int) error {
	corners := make([]alpr.Plate, len(unsure))
	all := make([][]look, len(unsure))
	for k, i := range unsure {
		corners[k], all[k] = plates[i], []look{looks[i]}
	}
	for _, g := range r.again {
		seen, err := r.look(frame, corners, g, isWhole)
		if err != nil {
			return err
		}
		for k, l := range seen {
			all[k] = append(all[k], l)
		}
	}
	taken := append([]glance{r.first}, r.again...)
	for k, i := range unsure {
		looks[i] = combine(all[k], taken)
	}
	return nil
}

// look takes a glance at each of the plates; isWhole says that the picture is
// the plate, and nothing lies around it.
func (r *Reader) look(frame *gocv.Mat, plates []alpr.Plate, g glance, isWhole bool) ([]look, error) {
	looks := make([]look, 0, len(plates))
	for len(plates) > 0 {
		n := min(len(plates), batch)
		b, err := fill(frame, plates[:n], g, isWhole)
		if err != nil {
			return nil, err
		}
		if err := b.Run(); err != nil {
			return nil, err
		}
		if looks, err = interpret(looks, b, n, len(r.first.network.Entry.Regions)); err != nil {
			return nil, err
		}
		plates = plates[n:]
	}
	return looks, nil
}

// fill rectifies a batch of plates into the input of the glance's network.
func fill(frame *gocv.Mat, plates []alpr.Plate, g glance, isWhole bool) (*models.Binding, error) {
	in := g.network.Entry.Input
	b, err := g.network.Bind(len(plates), in.Height, in.Width)
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
		if err := errors.Join(g.rectify(frame, &place, p, isWhole), place.Close()); err != nil {
			return nil, err
		}
		if in.EvenContrast {
			evenContrast(pix)
		}
	}
	return b, nil
}

// interpret appends a look for each of the n plates of a run, with the
// probabilities of that many regions.
func interpret(looks []look, b *models.Binding, n, known int) ([]look, error) {
	slots, shape, err := b.Output(0)
	if err != nil {
		return nil, err
	}
	const perPlate = alpr.Slots * alpr.Symbols
	if len(shape) != 3 || len(slots) != n*perPlate || shape[1] != alpr.Slots {
		return nil, fmt.Errorf("%w: slots have shape %v, want [%d %d %d]", ErrNetwork, shape, n, alpr.Slots, alpr.Symbols)
	}
	regions, shape, err := b.Output(1)
	if err != nil {
		return nil, err
	}
	if len(shape) != 2 || len(regions) != n*known {
		return nil, fmt.Errorf("%w: regions have shape %v, the manifest names %d", ErrNetwork, shape, known)
	}
	for i := range n {
		looks = append(looks, newLook(slots[i*perPlate:(i+1)*perPlate], regions[i*known:(i+1)*known]))
	}
	return looks, nil
}

func (r *Reader) textOf(l look, c models.Calibration) alpr.Text {
	t := textOf(&l.slots, c, r.candidates)
	t.Regions = regionsOf(l.regions, r.first.network.Entry.Regions)
	return t
}
