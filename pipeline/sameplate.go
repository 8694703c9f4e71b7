package pipeline

import "math"

const (
	// fleet is the probability that another plate, where one is met beside a
	// track, is of the same fleet: parked in one row, its serial is the
	// neighbour's but for a character or two.
	fleet = 0.2
	// fleetDiffers is the probability that a character differs within a fleet.
	fleetDiffers = 0.2
	// mostSame and mostOther bound what characters say for one plate and for two:
	// dirt, a tow bar or a wrong box can make any reading wrong.
	mostSame  = 12.0
	mostOther = -20.0
)

// samePlate is the logarithm of the likelihood ratio of two readings being of
// one plate against two, worked out of the posteriors of their characters.
//
// Of one plate, both show the same characters: align's score. Of two plates, the
// serials have nothing to do with each other, or are those of a fleet, where
// each character is the same or another with a known probability, and at least
// one differs. Shared characters alone so speak for little: six of seven are
// what a fleet shares, and the seventh decides. Where it is not seen, behind
// another car or at an edge, nothing is decided.
func samePlate(a, b *characters) float64 {
	if a == nil || b == nil || a.n == 0 || b.n == 0 {
		return 0
	}
	al := align(a, b)
	either, same, n := 0.0, 0.0, 0 // logarithms of "the same or another" and of "all the same", over the pairs
	for i, j := range al.to {
		if j < 0 {
			continue
		}
		score := matchScore(a, b, i, j)
		q := math.Exp(score) / float64(letters) // that both show one character
		other := (1 - q) * float64(letters) / float64(letters-1)
		either += math.Log((1-fleetDiffers)*math.Exp(score) + fleetDiffers*other)
		same += score + math.Log(1-fleetDiffers)
		n++
	}
	if n == 0 {
		return max(mostOther, al.score)
	}
	gaps := al.score - (same - float64(n)*math.Log(1-fleetDiffers)) // a character that one lacks speaks against both
	neighbour := gaps + either
	if n == max(a.n, b.n) { // all of both is seen, so at least one of these differs
		neighbour += math.Log(max(1-math.Exp(same-either), 1e-9)) - math.Log(1-math.Pow(1-fleetDiffers, float64(n)))
	}
	two := logSum(math.Log(1-fleet), math.Log(fleet)+neighbour)
	return max(mostOther, min(al.score-two, mostSame))
}

// logSum is the logarithm of the sum of two numbers given by their logarithms.
func logSum(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}
