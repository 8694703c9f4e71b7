package ocr

import (
	"errors"
	"fmt"
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

// Options change how plates are read. The zero Options suits video, where the
// next frame is the second look.
type Options struct {
	// Candidates is how many texts are listed for each plate; 0 means 10.
	Candidates int
	// SureFrom is the confidence from which one look is enough. A plate read
	// with less is looked at twice more, wider and coarser, and by its box,
	// and all looks are combined: what was read by chance of the framing does
	// not stand. Where the first look made out next to nothing, it stays at that.
	// 0: one look is always enough.
	SureFrom float64
}

// Reader reads plates. It is safe for concurrent use; calls are worked on one
// at a time.
type Reader struct {
	mu         sync.Mutex
	network    *models.Network
	candidates int
	sureFrom   float64
}

// New checks the network by running it once. The network stays the caller's,
// and must not be used elsewhere while the Reader is.
func New(n *models.Network, o Options) (*Reader, error) {
	r := &Reader{network: n, candidates: o.Candidates, sureFrom: o.SureFrom}
	if r.candidates <= 0 {
		r.candidates = defaultCandidates
	}
	blank := alpr.Frame{Width: 16, Height: 8, Pix: make([]byte, 3*16*8)}
	if _, err := r.ReadCrop(&blank); err != nil {
		return nil, fmt.Errorf("try the reader: %w", err)
	}
	return r, nil
}

// Version names the network, for the record of a read.
func (r *Reader) Version() string { return r.network.Entry.Name + " " + r.network.Entry.Version }

// Confidence is the calibrated probability that a text is exactly right, for
// the natural logarithm of the probability that the slots of one frame give it.
func (r *Reader) Confidence(logProb float64) float64 {
	return r.network.Entry.Calibration.Confidence(logProb)
}

// Read reads the plates of a frame: one Text a plate, in their order. A plate
// on which nothing can be made out has an empty Text.
func (r *Reader) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	texts, err := r.read(f, plates, r.network.Entry.Margin)
	if err != nil {
		return nil, fmt.Errorf("read plates: %w", err)
	}
	return texts, nil
}

// ReadCrop reads a picture that shows one plate and little else.
func (r *Reader) ReadCrop(f *alpr.Frame) (alpr.Text, error) {
	w, h := float32(f.Width), float32(f.Height)
	plate := alpr.Plate{
		Corners: [4]alpr.Point{{}, {X: w}, {X: w, Y: h}, {Y: h}},
		// There is no detector to give a second opinion: a little less of the
		// picture is another way to see it.
		Box: alpr.Box{X: cropTrim * w, Y: cropTrim * h, W: (1 - 2*cropTrim) * w, H: (1 - 2*cropTrim) * h},
	}
	texts, err := r.read(f, []alpr.Plate{plate}, models.Margin{})
	if err != nil {
		return alpr.Text{}, fmt.Errorf("read crop: %w", err)
	}
	return texts[0], nil
}

func (r *Reader) read(f *alpr.Frame, plates []alpr.Plate, m models.Margin) ([]alpr.Text, error) {
	frame, err := picture.Wrap(f)
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	looks, err := r.look(&frame, plates, m, false)
	if err != nil {
		return nil, err
	}
	texts := make([]alpr.Text, len(plates))
	var unsure []int
	for i, l := range looks {
		texts[i] = r.textOf(l)
		if c := texts[i].Confidence; c < r.sureFrom && c > hopeless {
			unsure = append(unsure, i)
		}
	}
	if len(unsure) > 0 {
		if err := r.lookAgain(&frame, plates, m, looks, unsure); err != nil {
			return nil, err
		}
	}
	for _, i := range unsure {
		texts[i] = r.textOf(looks[i])
	}
	return texts, nil
}

// lookAgain looks at the unsure plates anew, wider and coarser, and by their
// boxes, and combines what that shows with what was seen before.
func (r *Reader) lookAgain(frame *gocv.Mat, plates []alpr.Plate, m models.Margin, looks []look, unsure []int) error {
	corners, boxes := make([]alpr.Plate, len(unsure)), make([]alpr.Plate, len(unsure))
	for k, i := range unsure {
		corners[k], boxes[k] = plates[i], byBox(plates[i])
	}
	second, err := r.look(frame, corners, models.Margin{X: m.X + wider, Y: m.Y + wider}, true)
	if err != nil {
		return err
	}
	third, err := r.look(frame, boxes, m, false)
	if err != nil {
		return err
	}
	for k, i := range unsure {
		looks[i] = combine([]look{looks[i], second[k], third[k]})
	}
	return nil
}

// look runs the network on the plates, framed with a margin, and at the
// resolution of a farther plate if it is to be coarse.
func (r *Reader) look(frame *gocv.Mat, plates []alpr.Plate, m models.Margin, isCoarse bool) ([]look, error) {
	looks := make([]look, 0, len(plates))
	for len(plates) > 0 {
		n := min(len(plates), batch)
		b, err := r.fill(frame, plates[:n], m, isCoarse)
		if err != nil {
			return nil, err
		}
		if err := b.Run(); err != nil {
			return nil, err
		}
		if looks, err = r.interpret(looks, b, n); err != nil {
			return nil, err
		}
		plates = plates[n:]
	}
	return looks, nil
}

// fill rectifies a batch of plates into the network's input.
func (r *Reader) fill(frame *gocv.Mat, plates []alpr.Plate, m models.Margin, isCoarse bool) (*models.Binding, error) {
	in := r.network.Entry.Input
	b, err := r.network.Bind(len(plates), in.Height, in.Width)
	if err != nil {
		return nil, err
	}
	size := 3 * in.Height * in.Width
	for i, p := range plates {
		place, err := picture.WrapBytes(b.In[i*size:(i+1)*size], in.Width, in.Height)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(rectify(frame, &place, p, m, isCoarse), place.Close()); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// interpret appends a look for each of the n plates of a run.
func (r *Reader) interpret(looks []look, b *models.Binding, n int) ([]look, error) {
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
	known := len(r.network.Entry.Regions)
	if len(shape) != 2 || len(regions) != n*known {
		return nil, fmt.Errorf("%w: regions have shape %v, the manifest names %d", ErrNetwork, shape, known)
	}
	for i := range n {
		looks = append(looks, newLook(slots[i*perPlate:(i+1)*perPlate], regions[i*known:(i+1)*known]))
	}
	return looks, nil
}

func (r *Reader) textOf(l look) alpr.Text {
	t := textOf(&l.slots, r.network.Entry.Calibration, r.candidates)
	t.Regions = regionsOf(l.regions, r.network.Entry.Regions)
	return t
}
