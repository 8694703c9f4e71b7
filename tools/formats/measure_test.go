package main

import (
	"math"
	"testing"

	"alpr"
)

func TestMeasure(t *testing.T) {
	read := func(truth, text string, p float64) seen {
		return seen{Truth: truth, Text: alpr.Text{Text: text, Confidence: p, Candidates: []alpr.Candidate{{Text: text, P: p}}}}
	}
	list := []seen{read("A1", "A1", 0.9), read("A2", "A2", 0.8), read("A3", "AB", 0.7), read("A4", "A4", 0.3)}
	got := measure(list, func(t alpr.Text) alpr.Text { return t })
	if got.plates != 4 || got.exact != 2 || got.wrong != 1 || got.atOne != 2 {
		t.Errorf("%+v", got)
	}
	// Each bin holds one read: its gap is |confidence - rightness|.
	if want := (0.1 + 0.2 + 0.7 + 0.7) / 4; math.Abs(got.ece-want) > 1e-9 {
		t.Errorf("calibration error %g, want %g", got.ece, want)
	}
	if want := -(math.Log(0.9) + math.Log(0.8) + math.Log(1e-4) + math.Log(0.3)) / 4; math.Abs(got.loss-want) > 1e-9 {
		t.Errorf("loss %g, want %g", got.loss, want)
	}
	better := measure(list, func(t alpr.Text) alpr.Text { t.Confidence = 1; return t })
	if better.exact != 3 || better.wrong != 1 {
		t.Errorf("%+v", better)
	}
}
