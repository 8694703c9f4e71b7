package models

import (
	"errors"
	"fmt"
	"math"
)

// ErrWrongAnswers reports a processor that computes something else than the
// network was made to: what it would read cannot be believed.
var ErrWrongAnswers = errors.New("this processor computes something else than the network was made to")

// SelfTest is a picture made from a formula, and what a network answers to it.
// Open asks every network before it is used.
type SelfTest struct {
	Height int    `json:"height"`
	Width  int    `json:"width"`
	Seed   uint32 `json:"seed"` // of SelfTestPicture
	// Tolerance is how far an answer may be off where it is at most 1, and the
	// share of it that it may be off where it is more.
	Tolerance float64            `json:"tolerance"`
	FP32      map[string]Answers `json:"fp32,omitempty"` // by the output's name
	INT8      map[string]Answers `json:"int8,omitempty"`
}

// Answers is some values of an output: At are their places in the flat output.
type Answers struct {
	At []int     `json:"at"`
	Is []float64 `json:"is"`
}

// SelfTestPicture fills a picture, in NHWC with three colours, with black and
// white squares, which drive the 8-bit kernels to their limits: eight pixels
// wide in its left half, two in its right half. training/selftest.py
// makes the same.
func SelfTestPicture(into []uint8, height, width int, seed uint32) {
	state := seed
	next := func() uint8 {
		state = state*1664525 + 1013904223 // Numerical Recipes' generator, modulo 2^32
		return uint8(255 * (state >> 31))
	}
	fill := func(from, to, size int) {
		for y := 0; y < height; y += size {
			for x := from; x < to; x += size {
				v := next()
				for i := y; i < min(y+size, height); i++ {
					for j := 3 * x; j < 3*min(x+size, to); j++ {
						into[i*width*3+j] = v
					}
				}
			}
		}
	}
	fill(0, width/2, 8)
	fill(width/2, width, 2)
}

// answers is what the file of a precision answers.
func (s *SelfTest) answers(p Precision) map[string]Answers {
	if p == FP32 {
		return s.FP32
	}
	return s.INT8
}

func (e *Entry) validateSelfTest() error {
	s := e.SelfTest
	if s == nil {
		return nil
	}
	switch {
	case s.Height <= 0 || s.Width <= 0 || s.Height > 1024 || s.Width > 1024:
		return fmt.Errorf("self_test is %dx%d, want 1 to 1024", s.Width, s.Height)
	case e.Input.Height > 0 && (s.Height != e.Input.Height || s.Width != e.Input.Width):
		return fmt.Errorf("self_test is %dx%d, but input is %dx%d", s.Width, s.Height, e.Input.Width, e.Input.Height)
	case !(s.Tolerance > 0 && s.Tolerance <= 0.05):
		return fmt.Errorf("self_test.tolerance %g is not over 0 and at most 0.05", s.Tolerance)
	}
	for p, file := range map[Precision]string{FP32: e.File, INT8: e.FileINT8} {
		if file == "" {
			continue
		}
		for _, name := range e.Outputs {
			if a := s.answers(p)[name]; len(a.At) == 0 || len(a.At) != len(a.Is) {
				return fmt.Errorf("self_test.%s has %d places and %d values of output %q: want as many, one at least", p, len(a.At), len(a.Is), name)
			}
		}
	}
	return nil
}

// selfTest asks the network what the manifest knows the answer to.
func (n *Network) selfTest() error {
	s := n.Entry.SelfTest
	if s == nil {
		return nil
	}
	b, err := n.Bind(1, s.Height, s.Width)
	if err != nil {
		return err
	}
	SelfTestPicture(b.In, s.Height, s.Width, s.Seed)
	if err := b.Run(); err != nil {
		return err
	}
	for i, name := range n.Entry.Outputs {
		data, _, err := b.Output(i)
		if err != nil {
			return err
		}
		want := s.answers(n.Precision)[name]
		for k, at := range want.At {
			if at < 0 || at >= len(data) {
				return fmt.Errorf("self-test of %s: output %q has %d values, the manifest asks for number %d: restore both from the same release, or reinstall",
					n.path, name, len(data), at)
			}
			got := float64(data[at])
			if off := math.Abs(got - want.Is[k]); !(off <= s.Tolerance*math.Max(1, math.Abs(want.Is[k]))) {
				return fmt.Errorf("self-test of %s with %s kernels on %s: %w: output %q number %d is %.4g, not %.4g",
					n.path, n.kernels(), ThisProcessor(), ErrWrongAnswers, name, at, got, want.Is[k])
			}
		}
	}
	return nil
}
