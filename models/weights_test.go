package models_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"alpr/models"
	"alpr/models/modelstest"
)

// TestShippedWeightsCannotSaturate proves of every 8-bit product in the shipped
// files that no kernel saturates: of two neighbours along the sum, the weights
// of one sign come to at most 128, so that with bytes of at most 255 the sum
// stays within 16 bits. It holds on every processor, whatever this one has.
func TestShippedWeightsCannotSaturate(t *testing.T) {
	dir := filepath.Join(modelstest.Root(t), "models")
	m, err := models.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*models.Entry{&m.Detector, &m.Corners, &m.Reader, m.SecondReader} {
		if e == nil || e.FileINT8 == "" {
			continue
		}
		products := productsOf(t, filepath.Join(dir, e.FileINT8))
		if len(products) < 10 {
			t.Errorf("%s: %d products with 8-bit weights were found", e.FileINT8, len(products))
		}
		for _, p := range products {
			if w := p.worstPair(); w > 128 {
				t.Errorf("%s, %s: two neighbours' weights come to %d, want at most 128: python -m pairs in training mends it", e.FileINT8, p.name, w)
			}
		}
	}
	if w := productsOf(t, "testdata/saturating.onnx")[0].worstPair(); w != 254 {
		t.Errorf("the network that saturates has a worst pair of %d, want 254", w)
	}
}

// product is a node that multiplies bytes with 8-bit weights.
type product struct {
	name    string
	kind    string // Conv, MatMul or Gemm
	isTurnB bool   // Gemm's transB
	dims    []int
	weights []byte
}

// worstPair is the largest sum of two neighbours' weights of one sign, along
// the sum as the kernels lay it out: colour fastest, then columns, then rows.
func (p product) worstPair() (worst int) {
	outputs, length, at := p.layout()
	for o := range outputs {
		for k := 0; k < length; k += 2 {
			a, b := int(int8(p.weights[at(o, k)])), 0
			if k+1 < length {
				b = int(int8(p.weights[at(o, k+1)]))
			}
			worst = max(worst, max(a, 0)+max(b, 0), -min(a, 0)-min(b, 0))
		}
	}
	return worst
}

// layout is how many outputs there are, how many weights each sums, and where
// weight k of output o lies.
func (p product) layout() (outputs, length int, at func(o, k int) int) {
	switch {
	case p.kind == "Conv":
		colours, places := p.dims[1], p.dims[2]*p.dims[3]
		return p.dims[0], colours * places, func(o, k int) int { return (o*colours+k%colours)*places + k/colours }
	case p.isTurnB:
		return p.dims[0], p.dims[1], func(o, k int) int { return o*p.dims[1] + k }
	}
	return p.dims[1], p.dims[0], func(o, k int) int { return k*p.dims[1] + o }
}

// productsOf reads an ONNX file (onnx.proto3) as far as this needs.
func productsOf(t *testing.T, path string) (found []product) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const modelGraph, graphNode, graphInitializer = 7, 1, 5
	tensors, scaled := map[string]product{}, map[string]string{}
	var nodes []map[int][][]byte
	for _, f := range fields(t, fields(t, b)[modelGraph][0])[graphInitializer] {
		tensor := fields(t, f)
		p := product{}
		if of := tensor[2]; len(of) != 1 || of[0][0] != 3 { // data_type INT8
			continue
		}
		for _, d := range tensor[1] {
			for len(d) > 0 {
				v, n := binary.Uvarint(d)
				p.dims, d = append(p.dims, int(v)), d[n:]
			}
		}
		if raw := tensor[9]; len(raw) == 1 { // zero points have none
			p.weights = raw[0]
		}
		tensors[string(tensor[8][0])] = p
	}
	for _, f := range fields(t, fields(t, b)[modelGraph][0])[graphNode] {
		node := fields(t, f)
		nodes = append(nodes, node)
		if string(node[4][0]) == "DequantizeLinear" {
			scaled[string(node[2][0])] = string(node[1][0])
		}
	}
	for _, node := range nodes {
		kind := string(node[4][0])
		if kind != "Conv" && kind != "MatMul" && kind != "Gemm" {
			continue
		}
		p, ok := tensors[scaled[string(node[1][1])]]
		if !ok {
			continue
		}
		if p.weights == nil {
			t.Fatalf("%s: the weights %s are no raw data", path, node[1][1])
		}
		p.kind = kind
		if name := node[3]; len(name) > 0 {
			p.name = string(name[0])
		}
		for _, a := range node[5] {
			if attribute := fields(t, a); string(attribute[1][0]) == "transB" {
				p.isTurnB = attribute[3][0][0] == 1
			}
		}
		found = append(found, p)
	}
	return found
}

// fields is a protobuf message's fields by number; numbers as their varints.
func fields(t *testing.T, b []byte) map[int][][]byte {
	t.Helper()
	found := map[int][][]byte{}
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		b = b[n:]
		size := 0
		switch key & 7 {
		case 0:
			_, size = binary.Uvarint(b)
		case 1:
			size = 8
		case 2:
			v, n := binary.Uvarint(b)
			size, b = int(v), b[n:]
		case 5:
			size = 4
		default:
			t.Fatalf("wire type %d", key&7)
		}
		found[int(key>>3)] = append(found[int(key>>3)], b[:size])
		b = b[size:]
	}
	return found
}
