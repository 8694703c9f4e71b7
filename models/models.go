package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"alpr/internal/regular"
)

// ErrWrongHash reports a model file that is not the one the manifest names.
var ErrWrongHash = errors.New("wrong SHA-256")

// Options says where the models are and how to run them. The zero Options
// takes what lies beside the program.
type Options struct {
	Dir       string    // folder of manifest.json; empty: see FindDir
	Library   string    // path of ONNX Runtime; empty: beside the program, then the system's
	Threads   int       // threads of each network's run; 0 means 1
	Precision Precision // Auto: as the manifest says, for each network
}

// Set is the networks, loaded and checked.
type Set struct {
	Manifest Manifest
	Detector *Network
	Corners  *Network
	Reader   *Network
	// SecondReader is nil where the manifest names none, and where this
	// processor cannot compute it: the first then reads alone.
	SecondReader *Network
	// Refused says which ways of computing a network failed the self-test here,
	// so that another was taken. It is empty on a sound computer.
	Refused []error
}

// Networks is those that are loaded, in the order of a picture's way.
func (s *Set) Networks() []*Network {
	return slices.DeleteFunc([]*Network{s.Detector, s.Corners, s.Reader, s.SecondReader}, func(n *Network) bool { return n == nil })
}

// Open reads the manifest, checks the files against it, loads the networks and
// has each pass its self-test.
// The caller closes the Set.
func Open(o Options) (*Set, error) {
	dir, err := FindDir(o.Dir)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := startRuntime(o.Library); err != nil {
		return nil, err
	}
	s := &Set{Manifest: m}
	for _, n := range []struct {
		name    string
		entry   *Entry
		network **Network
	}{
		{"detector", &m.Detector, &s.Detector},
		{"corner network", &m.Corners, &s.Corners},
		{"reader", &m.Reader, &s.Reader},
		{"second reader", m.SecondReader, &s.SecondReader},
	} {
		if n.entry == nil {
			continue
		}
		var refused []error
		*n.network, refused, err = openTested(dir, *n.entry, o)
		s.Refused = append(s.Refused, refused...)
		switch {
		case err == nil:
		case n.entry == m.SecondReader && errors.Is(err, ErrWrongAnswers):
			s.Refused = append(s.Refused, fmt.Errorf("open the %s: %w", n.name, err))
		default:
			return nil, errors.Join(fmt.Errorf("open the %s: %w", n.name, err), s.Close())
		}
	}
	return s, nil
}

// Close releases the networks. No Binding of theirs may be in use.
func (s *Set) Close() error {
	var errs []error
	for _, n := range s.Networks() {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// ReadManifest reads the manifest in a folder; empty: see FindDir.
func ReadManifest(dir string) (Manifest, error) {
	dir, err := FindDir(dir)
	if err != nil {
		return Manifest{}, err
	}
	path := filepath.Join(dir, ManifestName)
	b, err := regular.ReadFile(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("read the models' manifest: %w: give the folder that holds it with --models", err)
	}
	m, err := ParseManifest(bytes.NewReader(b))
	if err != nil {
		return Manifest{}, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// file is the file and hash for a precision.
func (e *Entry) file(p Precision) (name, sum string, err error) {
	switch {
	case p == FP32:
		return e.File, e.SHA256, nil
	case p == INT8 && e.FileINT8 != "":
		return e.FileINT8, e.SHA256INT8, nil
	case p == INT8:
		return "", "", fmt.Errorf("%s %s has no int8 file: use fp32", e.Name, e.Version)
	}
	return "", "", fmt.Errorf("precision %q is neither %q nor %q", p, FP32, INT8)
}

// way is one of the ways to compute a network.
type way struct {
	precision Precision
	isExact   bool
}

// ways is how a network may be computed, the wanted way first. Each later one
// is asked only when those before fail the self-test.
func (e *Entry) ways(p Precision) []way {
	if p == Auto || e.File == "" && p == FP32 {
		p = e.Default
	}
	exact := way{INT8, true}
	switch {
	case p == INT8 && e.File != "":
		return []way{{INT8, false}, exact, {FP32, false}}
	case p == INT8:
		return []way{{INT8, false}, exact}
	case p == FP32 && e.FileINT8 != "":
		return []way{{FP32, false}, exact}
	}
	return []way{{p, false}}
}

// openTested opens a network in the first way that passes the self-test.
// refused says why any before it did not.
func openTested(dir string, e Entry, o Options) (n *Network, refused []error, err error) {
	for _, w := range e.ways(o.Precision) {
		n, err := openNetwork(dir, e, w, max(o.Threads, 1))
		if err != nil {
			return nil, nil, errors.Join(append(refused, err)...)
		}
		if err = n.selfTest(); err == nil {
			return n, refused, nil
		}
		refused = append(refused, errors.Join(err, n.Close()))
	}
	return nil, nil, fmt.Errorf("%w: no way of computing it passes, so nothing it says is believed: "+
		"reinstall, or run it on another computer, and report this processor", errors.Join(refused...))
}

func openNetwork(dir string, e Entry, w way, threads int) (*Network, error) {
	name, sum, err := e.file(w.precision)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	onnx, err := regular.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read model: %w: restore it with git checkout, or reinstall", err)
	}
	if err := checkHash(path, onnx, sum); err != nil {
		return nil, err
	}
	return newNetwork(path, onnx, e, w, threads)
}

func checkHash(path string, content []byte, want string) error {
	got := sha256.Sum256(content)
	if have := hex.EncodeToString(got[:]); have != want {
		return fmt.Errorf("check %s: %w: the manifest says %s, the file has %s: restore both from the same release, or reinstall",
			path, ErrWrongHash, want, have)
	}
	return nil
}
