package alpr

import "math"

const (
	// maxTemperature bounds how far a posterior is softened, minTemperature how
	// far it is sharpened.
	maxTemperature = 8.0
	minTemperature = 0.25
	// closeEnough is how near the logarithm of the confidence is met.
	closeEnough = 0.005
)

// Softened raises the posterior to the power 1/T, T ≥ 1, such that the product of
// its best symbols comes down to confidence (temperature scaling: Guo and
// others, "On Calibration of Modern Neural Networks", ICML 2017). A posterior
// that claims no more than confidence stays as it is.
func (p *Posterior) Softened(confidence float64) [Slots][Symbols]float64 {
	return p.atConfidence(confidence, 1)
}

// Tempered is Softened that also sharpens a posterior that claims less than
// confidence.
func (p *Posterior) Tempered(confidence float64) [Slots][Symbols]float64 {
	return p.atConfidence(confidence, minTemperature)
}

func (p *Posterior) atConfidence(confidence, lo float64) (out [Slots][Symbols]float64) {
	var logs [Slots][Symbols]float64
	for s := range p {
		for c, v := range p[s] {
			logs[s][c] = math.Log(math.Max(float64(v), 1e-9))
		}
	}
	target := math.Log(math.Max(confidence, 1e-6))
	hi := maxTemperature
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

// temper writes the posterior at temperature t to out and returns the logarithm
// of the product of its best symbols.
func temper(logs *[Slots][Symbols]float64, t float64, out *[Slots][Symbols]float64) float64 {
	var product float64
	for s := range logs {
		var sum, best float64
		for c, l := range logs[s] {
			v := math.Exp(l / t)
			out[s][c] = v
			sum += v
			best = math.Max(best, v)
		}
		for c := range out[s] {
			out[s][c] /= sum
		}
		product += math.Log(best / sum)
	}
	return product
}
