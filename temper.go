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
			logs[s][c] = math.Log(max(float64(v), 1e-9))
		}
	}
	temper(&logs, temperature(&logs, math.Log(max(confidence, 1e-6)), lo), &out)
	return out
}

// temperature is where between lo and maxTemperature the product of the best
// symbols, as a logarithm, comes close enough to target, by halves; lo where it
// is no higher even there.
func temperature(logs *[Slots][Symbols]float64, target, lo float64) float64 {
	r := rough{logs: logs, below: below(logs)}
	if r.above(lo, target) <= 0 {
		return lo
	}
	hi, mid := maxTemperature, lo
	for range 12 {
		mid = (lo + hi) / 2
		switch off := r.above(mid, target); {
		case math.Abs(off) < closeEnough:
			return mid
		case off > 0:
			lo = mid
		default:
			hi = mid
		}
	}
	return mid
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
			best = max(best, v)
		}
		for c := range out[s] {
			out[s][c] /= sum
		}
		product += math.Log(best / sum)
	}
	return product
}

// rough finds on which side of a bound the product of the best symbols lies,
// in a fifth of the time that it takes to work it out.
type rough struct {
	logs  *[Slots][Symbols]float64
	below [Slots][Symbols]float64 // how far each is below the best of its slot
}

func below(logs *[Slots][Symbols]float64) (out [Slots][Symbols]float64) {
	for s := range logs {
		best := logs[s][0]
		for _, l := range logs[s] {
			best = max(best, l)
		}
		for c, l := range logs[s] {
			out[s][c] = l - best
		}
	}
	return out
}

// above is how far the logarithm of the product at temperature t lies above
// target: roughly, but exactly where that does not tell whether it is less than
// nothing or closeEnough.
func (r *rough) above(t, target float64) float64 {
	const unsure = 1e-6 // ten times what roughExp may be off
	off := r.product(t) - target
	if math.Abs(off) < unsure || math.Abs(math.Abs(off)-closeEnough) < unsure {
		var out [Slots][Symbols]float64
		return temper(r.logs, t, &out) - target
	}
	return off
}

func (r *rough) product(t float64) float64 {
	inverse, sums := 1/t, 1.0
	for s := range r.below {
		sum := 0.0
		for _, x := range &r.below[s] {
			sum += roughExp(x * inverse)
		}
		sums *= sum // at most Symbols to the power Slots
	}
	return -math.Log(sums)
}

// roughExp is e to the power x, for x from -700 to 0, to a part in 1e8.
func roughExp(x float64) float64 {
	k := int64(x*math.Log2E - 0.5)
	r := x - float64(k)*math.Ln2
	r2 := r * r
	// The series, in pairs that do not wait for each other.
	p := (1 + r) + r2*((1.0/2+r*(1.0/6))+r2*((1.0/24+r*(1.0/120))+r2*(1.0/720+r*(1.0/5040))))
	return p * math.Float64frombits(uint64(1023+k)<<52)
}
