package pipeline

import "testing"

// TestLikelihoodOfOnePlate: what characters say for one plate against two. One character of
// seven that is surely another weighs as much as the six that a fleet shares.
func TestLikelihoodOfOnePlate(t *testing.T) {
	doubtful := []float64{0.99, 0.99, 0.99, 0.99, 0.99, 0.5, 0.99}
	for _, tt := range []struct {
		name       string
		a, b       string
		confA      []float64
		confB      []float64
		least, top float64
	}{
		{"the same, surely", "8GHK512", "8GHK512", []float64{0.998}, []float64{0.998}, 6, mostSame},
		{"the same, one place doubtful", "8GHK512", "8GHK572", []float64{0.998}, doubtful, 1, mostSame},
		{"one character missed", "8GHK512", "8GHK51", []float64{0.998}, []float64{0.998}, 0.5, 4},
		{"half of it hidden", "8GHK512", "8GHK", []float64{0.998}, []float64{0.998}, -1, 3},
		{"neighbours in a fleet", "8GHK512", "8GHK572", []float64{0.998}, []float64{0.998}, -3, 0},
		{"two characters differ", "8GHK512", "8GHK574", []float64{0.998}, []float64{0.998}, -8, -2},
		{"nothing in common", "8GHK512", "3XNZ947", []float64{0.998}, []float64{0.998}, mostOther, -15},
		{"unreadable", "8GHK512", "3XNZ947", []float64{0.998}, []float64{1. / 37}, -2, 2},
		{"nothing read", "8GHK512", "", []float64{0.998}, []float64{0.998}, 0, 0},
	} {
		a, b := newCharacters(textOf(tt.a, tt.confA...)), newCharacters(textOf(tt.b, tt.confB...))
		got, mirrored := samePlate(a, b), samePlate(b, a)
		if got < tt.least || got > tt.top {
			t.Errorf("%s: %.1f, want from %g to %g", tt.name, got, tt.least, tt.top)
		}
		if d := got - mirrored; d > 1e-3 || d < -1e-3 {
			t.Errorf("%s: %.3f one way, %.3f the other", tt.name, got, mirrored)
		}
	}
}
