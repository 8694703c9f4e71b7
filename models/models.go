package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// SecondReader is nil where the manifest names none.
	SecondReader *Network
}

// Open reads the manifest, checks the files against it and loads the networks.
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
		if *n.network, err = openNetwork(dir, *n.entry, o); err != nil {
			return nil, errors.Join(fmt.Errorf("open the %s: %w", n.name, err), s.Close())
		}
	}
	return s, nil
}

// Close releases the networks. No Binding of theirs may be in use.
func (s *Set) Close() error {
	var errs []error
	for _, n := range []*Network{s.Detector, s.Corners, s.Reader, s.SecondReader} {
		if n != nil {
			errs = append(errs, n.Close())
		}
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
	b, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("read the models' manifest: %w: give the folder that holds it with --models", err)
	}
	m, err := ParseManifest(bytes.NewReader(b))
	if err != nil {
		return Manifest{}, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// file is the file and hash for a precision; of an entry with one file alone,
// that one.
func (e *Entry) file(p Precision) (name, sum string, err error) {
	if p == Auto || e.File == "" && p == FP32 {
		p = e.Default
	}
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

func openNetwork(dir string, e Entry, o Options) (*Network, error) {
	name, sum, err := e.file(o.Precision)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	onnx, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read model: %w: restore it with git checkout, or reinstall", err)
	}
	if err := checkHash(path, onnx, sum); err != nil {
		return nil, err
	}
	return newNetwork(path, onnx, e, max(o.Threads, 1))
}

func checkHash(path string, content []byte, want string) error {
	got := sha256.Sum256(content)
	if have := hex.EncodeToString(got[:]); have != want {
		return fmt.Errorf("check %s: %w: the manifest says %s, the file has %s: restore both from the same release, or reinstall",
			path, ErrWrongHash, want, have)
	}
	return nil
}
