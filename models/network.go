package models

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// maxBindings is how many input shapes keep their tensors. A camera has one or
// two, and a batch of plates up to eight; a folder of pictures of all sizes
// recycles them.
const maxBindings = 12

// Network is one loaded session. It is not safe for concurrent use.
type Network struct {
	Entry     Entry
	Precision Precision // of the file that runs: FP32 or INT8
	// IsExact says that the runtime was told to multiply bytes so that no sum
	// saturates, at some cost, because the fast way failed the self-test.
	IsExact  bool
	path     string
	session  *ort.DynamicAdvancedSession
	bindings []*Binding // most recently used last
}

// Binding is a network's tensors for one input shape. It belongs to its
// Network, and is valid until the next call of Bind.
type Binding struct {
	// In is the input in the network's layout. The caller fills it before Run.
	In      []uint8
	network *Network
	shape   ort.Shape
	input   []ort.Value
	outputs []ort.Value
}

func newNetwork(path string, onnx []byte, e Entry, w way, threads int) (*Network, error) {
	options, err := sessionOptions(threads, w.isExact)
	if err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(onnx, []string{e.Input.Name}, e.Outputs, options)
	if err := errors.Join(err, options.Destroy()); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return &Network{Entry: e, Precision: w.precision, IsExact: w.isExact, path: path, session: session}, nil
}

// Path says which file runs and how: "reader-int8.onnx, int8 by fast kernels".
func (n *Network) Path() string {
	return fmt.Sprintf("%s, %s by %s kernels", filepath.Base(n.path), n.Precision, n.kernels())
}

func (n *Network) kernels() string {
	switch {
	case n.Precision == FP32:
		return "float"
	case n.IsExact:
		return "exact"
	}
	return "fast"
}

func sessionOptions(threads int, isExact bool) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("make session options: %w", err)
	}
	exact := "0"
	if isExact {
		exact = "1"
	}
	err = errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		// Spinning threads would burn a vehicle computer's core between frames.
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		// On x86 without VNNI the fast kernels add two products in 16 bits,
		// and saturate without a word where the weights allow it. Those of
		// the networks here do not (training/pairs.py).
		options.AddSessionConfigEntry("session.x64quantprecision", exact),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set session options: %w", err), options.Destroy())
	}
	return options, nil
}

// Bind gives the tensors for one input shape, in the layout's order (batch,
// height, width, colour). The input's content is undefined. A shape used
// lately costs nothing.
func (n *Network) Bind(batch, height, width int) (*Binding, error) {
	shape := ort.NewShape(int64(batch), int64(height), int64(width), 3)
	for i, b := range n.bindings {
		if b.shape.Equals(shape) {
			n.bindings = append(slices.Delete(n.bindings, i, i+1), b)
			return b, nil
		}
	}
	if len(n.bindings) == maxBindings {
		if err := n.bindings[0].destroy(); err != nil {
			return nil, err
		}
		n.bindings = slices.Delete(n.bindings, 0, 1)
	}
	input, err := ort.NewEmptyTensor[uint8](shape)
	if err != nil {
		return nil, fmt.Errorf("make an input of %v for %s: %w", shape, n.path, err)
	}
	b := &Binding{
		In:      input.GetData(),
		network: n,
		shape:   shape,
		input:   []ort.Value{input},
		outputs: make([]ort.Value, len(n.Entry.Outputs)),
	}
	n.bindings = append(n.bindings, b)
	return b, nil
}

// Run computes the outputs from In.
func (b *Binding) Run() error {
	// The first run lets the session allocate the outputs, whose shape only
	// it knows; later runs write into the same ones.
	if err := b.network.session.Run(b.input, b.outputs); err != nil {
		return fmt.Errorf("run %s on %v: %w", b.network.path, b.shape, err)
	}
	return nil
}

// Output is the i-th output of the last Run and its shape. The data belongs to
// the Binding: it changes with the next Run.
func (b *Binding) Output(i int) (data []float32, shape []int64, err error) {
	t, ok := b.outputs[i].(*ort.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("read output %q of %s: not float32", b.network.Entry.Outputs[i], b.network.path)
	}
	return t.GetData(), t.GetShape(), nil
}

func (b *Binding) destroy() error {
	var errs []error
	for _, v := range slices.Concat(b.input, b.outputs) {
		if v != nil {
			errs = append(errs, v.Destroy())
		}
	}
	b.In, b.input, b.outputs = nil, nil, nil
	return errors.Join(errs...)
}

// Close releases the session and every Binding. A second call does nothing.
func (n *Network) Close() error {
	if n.session == nil {
		return nil
	}
	var errs []error
	for _, b := range n.bindings {
		errs = append(errs, b.destroy())
	}
	n.bindings = nil
	errs = append(errs, n.session.Destroy())
	n.session = nil
	return errors.Join(errs...)
}
