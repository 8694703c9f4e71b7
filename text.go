package alpr

import (
	"math"
	"strings"
)

const (
	// Slots is the number of character places the recogniser reports.
	Slots = 10
	// Alphabet lists the characters a slot can hold, in the networks' order.
	Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	// Pad is the index of "no character here", after the alphabet.
	Pad = len(Alphabet)
	// Symbols is the number of values a slot can take: the alphabet and Pad.
	Symbols = len(Alphabet) + 1
)

// Posterior is what the recogniser believes about one plate: for each slot,
// left to right, the probability of each symbol of Alphabet and of Pad. Each
// row sums to 1. Text stands at the left; the rows after its end say Pad.
type Posterior [Slots][Symbols]float32

// SymbolIndex is the place of c in Alphabet, or -1.
func SymbolIndex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return -1
}

// Best is the most probable text: each slot's best symbol, pads removed.
func (p *Posterior) Best() string {
	var b strings.Builder
	for s := range p {
		if i, _ := argmax(&p[s]); i != Pad {
			b.WriteByte(Alphabet[i])
		}
	}
	return b.String()
}

// CharConfidence is, for each character of Best, the probability of its slot's
// best symbol.
func (p *Posterior) CharConfidence() []float32 {
	var c []float32
	for s := range p {
		if i, v := argmax(&p[s]); i != Pad {
			c = append(c, v)
		}
	}
	return c
}

// LogProb is the natural logarithm of the probability that the plate says text
// and nothing else, the slots taken as independent. It is -Inf for a text that
// is longer than Slots or holds a character outside Alphabet.
func (p *Posterior) LogProb(text string) float64 {
	if len(text) > Slots {
		return math.Inf(-1)
	}
	var sum float64
	for s := range p {
		sym := Pad
		if s < len(text) {
			if sym = SymbolIndex(text[s]); sym < 0 {
				return math.Inf(-1)
			}
		}
		sum += math.Log(float64(p[s][sym]))
	}
	return sum
}

// Candidate is one possible text of a plate and the probability that it is the
// right one.
type Candidate struct {
	Text string  `json:"text"`
	P    float64 `json:"p"`
}

// RegionProb is one possible issuing state or country, as ISO 3166 gives it
// ("US-FL", "CA-ON", "DE"), and its probability. Unknown is "".
type RegionProb struct {
	Region string  `json:"region"`
	P      float64 `json:"p"`
}

// Text is what the recogniser made of one plate in one frame, or what fusion
// made of a whole pass.
type Text struct {
	Text       string       // most probable text, A–Z and 0–9
	Confidence float64      // calibrated probability that Text is exactly right
	CharConf   []float32    // one per character of Text
	Candidates []Candidate  // most probable first; Candidates[0].Text == Text
	Regions    []RegionProb // most probable first; what remains to 1 is "unknown"
	Posterior  Posterior    // of the picture alone

	// ByPicture is what the picture alone says, where knowledge of serials had a
	// say in Text; else it is empty.
	ByPicture Candidate
	Format    SerialFormat // what speaks for Text beside the picture; empty for none
}

// SerialFormat is one of an issuer's formats of serials.
type SerialFormat struct {
	Issuer  string `json:"issuer,omitempty"` // ISO 3166, "" for a shape that several issuers have
	Kind    string `json:"kind"`             // "issued", "taxi", "trailer", ...
	Pattern string `json:"pattern"`          // L a letter, D a digit, N a digit but 0, [..] one of these, a lower-case letter itself
}

// Region is the issuing state or country where one is more likely than not, and
// its probability; "" where the plate does not tell.
func (t *Text) Region() (string, float64) {
	if len(t.Regions) > 0 && t.Regions[0].P > 0.5 {
		return t.Regions[0].Region, t.Regions[0].P
	}
	return "", 0
}

// MayBeSign says whether what was read may be no plate at all: a shop's sign, a
// name on a car, a runner's number. Such are letters alone or digits alone, show
// no issuer, and the detector, whose score of the find is given, is not sure of
// them. Plates of that kind are few, personal or old, and mostly show their
// state. docs/accuracy.md has the counts behind the two bounds.
func (t *Text) MayBeSign(score float64) bool {
	const (
		sureScore  = 0.75
		sureRegion = 0.8
	)
	hasDigit := strings.ContainsAny(t.Text, "0123456789")
	hasLetter := strings.Trim(t.Text, "0123456789") != ""
	isKnown := len(t.Regions) > 0 && t.Regions[0].P >= sureRegion
	return score < sureScore && !isKnown && hasDigit != hasLetter
}

func argmax(row *[Symbols]float32) (int, float32) {
	best, at := row[0], 0
	for i, v := range row {
		if v > best {
			best, at = v, i
		}
	}
	return at, best
}

func dist(a, b Point) float64 {
	return math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y))
}
