package detect

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
)

// ErrModel reports a model whose output is not what this package expects.
var ErrModel = errors.New("not a plate detector")

// grey fills the input beside a view that is not a multiple of the stride.
const grey = 114

// Options change how plates are searched for. The zero Options suits video.
type Options struct {
	// MinScore is the least score of a plate; 0 takes the manifest's.
	MinScore float64
	// IsStill searches every tile of a wide frame, because no next frame will
	// show the others, and for a plate that fills the picture where no other
	// is sure.
	IsStill bool
}

// Detector finds plates. It is safe for concurrent use; frames are worked on
// one at a time.
type Detector struct {
	model    *models.Network
	corners  *models.Network
	plan     plan
	minScore float32
	maxIoU   float64
	isStill  bool

	mu    sync.Mutex
	turn  map[string]int        // per camera: frames searched
	order map[string]*tileOrder // per camera: which tile is next
	large map[string]bool       // per camera: the last downscaled search found what the whole did not
	found []candidate           // kept from frame to frame
}

// New makes a Detector of the model that finds plates and the one that finds
// their corners, and checks them by running both once. The models stay the
// caller's, and must not be used elsewhere while the Detector is.
func New(plates, corners *models.Network, o Options) (*Detector, error) {
	d := &Detector{
		model:    plates,
		corners:  corners,
		plan:     plan{plates.Entry.Search},
		minScore: float32(o.MinScore),
		maxIoU:   plates.Entry.NMSIoU,
		isStill:  o.IsStill,
		turn:     make(map[string]int),
		order:    make(map[string]*tileOrder),
		large:    make(map[string]bool),
	}
	if o.MinScore == 0 {
		d.minScore = float32(plates.Entry.ScoreThreshold)
	}
	blank := alpr.Frame{Width: 2 * stride, Height: 2 * stride, Pix: make([]byte, 3*4*stride*stride)}
	if _, err := d.Detect(&blank); err != nil {
		return nil, fmt.Errorf("try the detector: %w", err)
	}
	if err := d.try(&blank); err != nil {
		return nil, fmt.Errorf("try the corner model: %w", err)
	}
	return d, nil
}

// try runs the corner model on a plate that fills the frame.
func (d *Detector) try(f *alpr.Frame) error {
	frame, err := picture.Wrap(f)
	if err != nil {
		return err
	}
	defer frame.Close()
	box := alpr.Box{W: float32(f.Width), H: float32(f.Height)}
	return d.refine(&frame, []*alpr.Plate{{Box: box, Corners: box.Corners()}})
}

// Version names the models, for the record of a read.
func (d *Detector) Version() string {
	return d.model.Entry.Name + " " + d.model.Entry.Version + ", " + d.corners.Entry.Name + " " + d.corners.Entry.Version
}

// Detect finds the plates of a frame, the surest first, in frame pixels. Boxes
// are clipped to the frame; the corners of a plate that the frame's edge cuts
// may lie outside it.
func (d *Detector) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	frame, err := picture.Wrap(f)
	if err != nil {
		return nil, fmt.Errorf("detect plates: %w", err)
	}
	p := newPyramid(frame)
	defer p.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = d.found[:0]
	if err := d.search(p, d.plan.whole(f.Width, f.Height)); err != nil {
		return nil, fmt.Errorf("detect plates: %w", err)
	}
	if err := d.searchTiles(p, f); err != nil {
		return nil, fmt.Errorf("detect plates: %w", err)
	}
	if err := d.searchLarge(p, f); err != nil {
		return nil, fmt.Errorf("detect plates: %w", err)
	}
	d.turn[f.Camera]++
	plates := suppress(d.found, d.maxIoU, f.Width, f.Height)
	if err := d.refine(&frame, d.surrounded(plates, f.Width, f.Height)); err != nil {
		return nil, fmt.Errorf("find corners: %w", err)
	}
	return plates, nil
}

// searchTiles searches the tiles of a frame that the view of the whole shows too
// small: all of a still's, one of a video's.
func (d *Detector) searchTiles(p *pyramid, f *alpr.Frame) error {
	t := d.plan.tiles(f.Width, f.Height)
	if d.isStill {
		for _, v := range t {
			if err := d.search(p, v); err != nil {
				return err
			}
		}
		return nil
	}
	if len(t) == 0 {
		return nil
	}
	o := d.order[f.Camera]
	if o == nil || len(o.waits) != len(t) {
		o = newTileOrder(len(t))
		d.order[f.Camera] = o
	}
	i, known := o.next(), len(d.found)
	if err := d.search(p, t[i]); err != nil {
		return err
	}
	o.searched(i, len(d.found)-known)
	return nil
}

// searchLarge searches the frame downscaled where no plate of usual size is
// surely there: a car right before the camera shows a larger one. A still has only this frame;
// of a video every third frame will do, and every one once that has helped.
func (d *Detector) searchLarge(p *pyramid, f *alpr.Frame) error {
	const every = 3
	if d.isSure() || !d.isStill && !d.large[f.Camera] && d.turn[f.Camera]%every != 0 {
		return nil
	}
	if err := d.search(p, d.plan.downscaled(f.Width, f.Height)); err != nil {
		return err
	}
	d.large[f.Camera] = d.isSure()
	return nil
}

// isSure says whether a plate was found that needs no further search.
func (d *Detector) isSure() bool {
	return slices.ContainsFunc(d.found, func(c candidate) bool { return c.score >= float32(d.plan.SureScore) })
}

// search runs the model on one view and adds what it finds.
func (d *Detector) search(p *pyramid, v view) error {
	w, h := v.padded()
	b, err := d.model.Bind(1, h, w)
	if err != nil {
		return err
	}
	if err := fill(b.In, p, v); err != nil {
		return err
	}
	if err := b.Run(); err != nil {
		return err
	}
	rows, shape, err := b.Output(0)
	if err != nil {
		return err
	}
	if len(shape) != 3 || shape[0] != 1 || shape[2] != rowLength {
		return fmt.Errorf("%w: its output has shape %v, want [1 any %d]", ErrModel, shape, rowLength)
	}
	d.found = decode(d.found, rows, d.minScore, v, p.bounds())
	return nil
}

// fill scales the view straight into the model's input.
func fill(in []uint8, p *pyramid, v view) error {
	w, h := v.padded()
	canvas, err := picture.WrapBytes(in, w, h)
	if err != nil {
		return err
	}
	defer canvas.Close()
	pad(&canvas, image.Rect(v.width, 0, w, h))
	pad(&canvas, image.Rect(0, v.height, v.width, h))
	to := canvas.Region(image.Rect(0, 0, v.width, v.height))
	defer to.Close()
	from, err := p.part(v)
	if err != nil {
		return err
	}
	defer from.Close()
	if from.Cols() == v.width && from.Rows() == v.height {
		if err := from.CopyTo(&to); err != nil {
			return fmt.Errorf("copy the frame: %w", err)
		}
		return nil
	}
	if err := gocv.Resize(from, &to, image.Pt(v.width, v.height), 0, 0, gocv.InterpolationLinear); err != nil {
		return fmt.Errorf("scale the frame: %w", err)
	}
	return nil
}

func pad(canvas *gocv.Mat, r image.Rectangle) {
	if r.Empty() {
		return
	}
	part := canvas.Region(r)
	defer part.Close()
	part.SetTo(gocv.NewScalar(grey, grey, grey, 0))
}
