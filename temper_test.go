package alpr_test

import (
	"math"
	"testing"

	"alpr"
)

// posteriorOf gives each character of text the probability p, and the rest of
// its place to all others alike.
func posteriorOf(text string, p float64) (post alpr.Posterior) {
	for s := range post {
		sym := alpr.Pad
		if s < len(text) {
			sym = alpr.SymbolIndex(text[s])
		}
		for c := range post[s] {
			post[s][c] = float32((1 - p) / float64(alpr.Symbols-1))
		}
		post[s][sym] = float32(p)
	}
	return post
}

func product(rows [alpr.Slots][alpr.Symbols]float64) float64 {
	v := 1.0
	for s := range rows {
		best := 0.0
		for _, p := range rows[s] {
			best = math.Max(best, p)
		}
		v *= best
	}
	return v
}

func TestSoftened(t *testing.T) {
	claims := posteriorOf("ABC1234", 0.9999)
	for _, confidence := range []float64{0.99, 0.9, 0.5, 0.1} {
		if got := product(claims.Softened(confidence)); math.Abs(got-confidence) > 0.01 {
			t.Errorf("softened to %.3f, want %.3f", got, confidence)
		}
	}
	modest := posteriorOf("ABC1234", 0.95)
	if got := product(modest.Softened(0.99)); math.Abs(got-math.Pow(0.95, 10)) > 1e-4 {
		t.Errorf("a posterior that claims less was sharpened to %.3f", got)
	}
}

func TestTempered(t *testing.T) {
	for _, claim := range []float64{0.95, 0.9999} {
		post := posteriorOf("ABC1234", claim)
		for _, confidence := range []float64{0.9, 0.99} {
			if got := product(post.Tempered(confidence)); math.Abs(got-confidence) > 0.01 {
				t.Errorf("of %.4f a place tempered to %.3f, want %.3f", claim, got, confidence)
			}
		}
	}
}
