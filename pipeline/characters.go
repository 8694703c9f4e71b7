package pipeline

import (
	"math"

	"alpr"
)

const (
	letters = len(alpr.Alphabet)
	// uncertainty is the share of each slot that is taken to say nothing: an outlier
	// (a bolt, a shadow, a slipped corner) can then weaken a character, never
	// forbid it.
	uncertainty = 0.003
	// gapCost is the score of a character that one of two plates has and the
	// other has not: about one in fifty characters is missed or made up.
	gapCost = -4.0
)

// characters are those of one observation, made ready to be compared and
// fused: given that slot s holds a character, p[s] says which.
type characters struct {
	n      int                          // most probable number of characters
	p      [alpr.Slots][letters]float32 // each row sums to 1
	logP   [alpr.Slots][letters]float32 // natural logarithm of p
	logLen [alpr.Slots + 1]float64      // of the probability of each number of characters
	conf   float64                      // that the whole text is right
	text   string                       // most probable
}

// newStrip prepares an observation. The posterior is softened until its product
// is the calibrated confidence: characters then count for what they are worth,
// not for what the network claims.
func newCharacters(t alpr.Text) *characters {
	s := &characters{conf: t.Confidence, text: t.Text}
	post := t.Posterior.Softened(t.Confidence)
	s.n = lengths(&post, &s.logLen)
	for i := range post {
		var sum float64
		for c := range letters {
			sum += post[i][c]
		}
		for c := range letters {
			p := uncertainty / float64(letters)
			if sum > 0 {
				p += (1 - uncertainty) * post[i][c] / sum
			} else {
				p = 1 / float64(letters)
			}
			s.p[i][c] = float32(p)
			s.logP[i][c] = float32(math.Log(p))
		}
	}
	return s
}

// lengths writes the logarithm of the probability of each number of characters
// and returns the most probable: text stands at the left, so n characters are n
// slots that are not pads and pads after them.
func lengths(p *[alpr.Slots][alpr.Symbols]float64, logLen *[alpr.Slots + 1]float64) int {
	var weight [alpr.Slots + 1]float64
	var sum float64
	best := 0
	for n := range weight {
		weight[n] = 1
		for s := range p {
			if s < n {
				weight[n] *= 1 - p[s][alpr.Pad]
			} else {
				weight[n] *= p[s][alpr.Pad]
			}
		}
		sum += weight[n]
		if weight[n] > weight[best] {
			best = n
		}
	}
	even := 1 / float64(len(weight))
	for n, w := range weight {
		share := even
		if sum > 0 {
			share = (1-uncertainty)*w/sum + uncertainty*even
		}
		logLen[n] = math.Log(share)
	}
	return best
}

// matchScore is the logarithm of the Bayes factor between "slot i of a and slot
// j of b show one character" and "they show any two": log Σ pa·pb / (1/36).
func matchScore(a, b *characters, i, j int) float64 {
	var sum float32
	for c, v := range a.p[i] {
		sum += v * b.p[j][c]
	}
	return math.Log(float64(sum) * float64(letters))
}

// alignment says for each character of one plate which of the other it is, -1
// for none, and how well they agree.
type alignment struct {
	to    [alpr.Slots]int
	score float64 // logarithm of the Bayes factor for "the same text"
	worst float64 // the least score of two characters put together
}

// align finds the best alignment of b's characters to a's (Needleman and
// Wunsch, J. Mol. Biol. 48, 1970), so that a character missed in one frame does
// not spoil all those after it.
func align(a, b *characters) alignment {
	var score [alpr.Slots + 1][alpr.Slots + 1]float64
	var pair [alpr.Slots][alpr.Slots]float64
	for i := range a.n + 1 {
		for j := range b.n + 1 {
			switch {
			case i == 0:
				score[i][j] = float64(j) * gapCost
			case j == 0:
				score[i][j] = float64(i) * gapCost
			default:
				pair[i-1][j-1] = matchScore(a, b, i-1, j-1)
				score[i][j] = max(score[i-1][j-1]+pair[i-1][j-1], score[i-1][j]+gapCost, score[i][j-1]+gapCost)
			}
		}
	}
	al := alignment{score: score[a.n][b.n]}
	for i := range al.to {
		al.to[i] = -1
	}
	for i, j := a.n, b.n; i > 0 && j > 0; {
		switch score[i][j] {
		case score[i-1][j-1] + pair[i-1][j-1]:
			i, j = i-1, j-1
			al.to[i] = j
			al.worst = min(al.worst, pair[i][j])
		case score[i-1][j] + gapCost:
			i--
		default:
			j--
		}
	}
	return al
}
