package alpr

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTemperedIsPlainToTheBit compares the search by rough values with the one
// by exact values.
func TestTemperedIsPlainToTheBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		var p Posterior
		spread := []float64{0.5, 3, 12}[rng.IntN(3)]
		for s := range p {
			sum := 0.0
			var row [Symbols]float64
			for c := range row {
				row[c] = math.Exp(rng.NormFloat64() * spread)
				sum += row[c]
			}
			for c := range row {
				p[s][c] = float32(row[c] / sum)
			}
		}
		for _, lo := range []float64{1, minTemperature} {
			confidence := rng.Float64()
			if p.atConfidence(confidence, lo) != plainAtConfidence(&p, confidence, lo) {
				t.Fatalf("at confidence %g from temperature %g: not what exact values give", confidence, lo)
			}
		}
	}
}

func plainAtConfidence(p *Posterior, confidence, lo float64) (out [Slots][Symbols]float64) {
	var logs [Slots][Symbols]float64
	for s := range p {
		for c, v := range p[s] {
			logs[s][c] = math.Log(math.Max(float64(v), 1e-9))
		}
	}
	target, hi := math.Log(math.Max(confidence, 1e-6)), maxTemperature
	if temper(&logs, lo, &out) <= target {
		return out
	}
	for range 12 {
		mid := (lo + hi) / 2
		switch off := temper(&logs, mid, &out) - target; {
		case math.Abs(off) < closeEnough:
			return out
		case off > 0:
			lo = mid
		default:
			hi = mid
		}
	}
	return out
}

func TestRoughExp(t *testing.T) {
	for x := -40.0; x <= 0; x += 0.01 {
		if got, want := roughExp(x), math.Exp(x); math.Abs(got/want-1) > 1e-8 {
			t.Fatalf("e^%.2f: %g, want %g", x, got, want)
		}
	}
}

func BenchmarkTempered(b *testing.B) {
	var p Posterior
	for s := range p {
		for c := range p[s] {
			p[s][c] = 0.002
		}
		p[s][s] = 0.928
	}
	for b.Loop() {
		p.Tempered(0.8)
	}
}
