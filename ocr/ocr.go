package ocr

import (
	"errors"
	"fmt"
	"sync"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/models"
)

// Errors that a caller may want to tell apart.
var (
	ErrNetwork = errors.New("not a plate reader")
	ErrFrame   = errors.New("bad frame")
)

const (
	// batch is how many plates go through the network at once. More would only
	// make the wait for the first one longer.
	batch = 8
	// defaultCandidates is how many texts a Text lists.
	defaultCandidates = 10
)

// Options change what a Text holds. The zero Options suits everything.
type Options struct {
	Candidates int // texts listed for each plate; 0 means 10
}

// Reader reads plates. It is safe for concurrent use; calls are worked on one
// at a time.
type Reader struct {
	mu         sync.Mutex
	network    *models.Network
	candidates int
}

// New checks the network by running it once. The network stays the caller's,
// and must not be used elsewhere while the Reader is.
func New(n *models.Network, o Options) (*Reader, error) {
	r := &Reader{network: n, candidates: o.Candidates}
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
	frame, err := wrap(f)
	if err != nil {
		return nil, fmt.Errorf("read plates: %w", err)
	}
	defer frame.Close()
	texts := make([]alpr.Text, 0, len(plates))
	for len(plates) > 0 {
		n := min(len(plates), batch)
		texts, err = r.run(texts, n, func(i int, to *gocv.Mat) error {
			return rectify(&frame, to, plates[i], r.network.Entry.Margin)
		})
		if err != nil {
			return nil, fmt.Errorf("read plates: %w", err)
		}
		plates = plates[n:]
	}
	return texts, nil
}

// ReadCrop reads a picture that shows one plate and little else.
func (r *Reader) ReadCrop(f *alpr.Frame) (alpr.Text, error) {
	frame, err := wrap(f)
	if err != nil {
		return alpr.Text{}, fmt.Errorf("read crop: %w", err)
	}
	defer frame.Close()
	texts, err := r.run(nil, 1, func(_ int, to *gocv.Mat) error { return stretch(frame, to) })
	if err != nil {
		return alpr.Text{}, fmt.Errorf("read crop: %w", err)
	}
	return texts[0], nil
}

// run fills n places of the input, runs the network and appends what it reads.
func (r *Reader) run(texts []alpr.Text, n int, fill func(i int, to *gocv.Mat) error) ([]alpr.Text, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.network.Entry
	b, err := r.network.Bind(n, e.Input.Height, e.Input.Width)
	if err != nil {
		return nil, err
	}
	size := 3 * e.Input.Height * e.Input.Width
	for i := range n {
		place, err := gocv.NewMatFromBytes(e.Input.Height, e.Input.Width, gocv.MatTypeCV8UC3, b.In[i*size:(i+1)*size])
		if err != nil {
			return nil, fmt.Errorf("wrap the input: %w", err)
		}
		err = errors.Join(fill(i, &place), place.Close())
		if err != nil {
			return nil, err
		}
	}
	if err := b.Run(); err != nil {
		return nil, err
	}
	return r.interpret(texts, b, n)
}

// interpret appends a Text for each of the n plates of a run.
func (r *Reader) interpret(texts []alpr.Text, b *models.Binding, n int) ([]alpr.Text, error) {
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
		t := textOf(slots[i*perPlate:(i+1)*perPlate], r.network.Entry.Calibration, r.candidates)
		t.Regions = regionsOf(regions[i*known:(i+1)*known], r.network.Entry.Regions)
		texts = append(texts, t)
	}
	return texts, nil
}

// wrap gives OpenCV the frame's pixels without copying; they are not written to.
func wrap(f *alpr.Frame) (gocv.Mat, error) {
	if f.Width <= 0 || f.Height <= 0 || len(f.Pix) != 3*f.Width*f.Height {
		return gocv.Mat{}, fmt.Errorf("%w: %d bytes for %dx%d pixels", ErrFrame, len(f.Pix), f.Width, f.Height)
	}
	m, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.Pix)
	if err != nil {
		return gocv.Mat{}, fmt.Errorf("wrap the frame: %w", err)
	}
	return m, nil
}
