// Package hotlisttest makes reads and plates for the tests of matching.
package hotlisttest

import (
	"math/rand/v2"
	"time"

	"alpr"
)

// Noon is when the reads are made.
func Noon() time.Time { return time.Date(2031, 5, 2, 12, 0, 0, 0, time.UTC) }

// Seen is a read of the given characters, each as "8", or where it may be several,
// the likeliest first, "B|8".
func Seen(confidence float64, chars ...string) alpr.Read {
	var p alpr.Posterior
	for s := range p {
		options := []int{alpr.Pad}
		if s < len(chars) {
			options = options[:0]
			for i := 0; i < len(chars[s]); i += 2 {
				options = append(options, alpr.SymbolIndex(chars[s][i]))
			}
		}
		const sure = 0.998
		for i := range p[s] {
			p[s][i] = (1 - sure) / float32(alpr.Symbols-len(options))
		}
		for k, o := range options {
			p[s][o] = sure/float32(len(options)) + float32(len(options)-k)*1e-4 // the first is best
		}
	}
	return alpr.Read{
		ID: alpr.ID{1}, Revision: 1, At: Noon(),
		Text: alpr.Text{Text: p.Best(), Confidence: confidence, Posterior: p},
	}
}

// Spell is a read that is sure of every character of a plate.
func Spell(confidence float64, plate string) alpr.Read {
	var chars []string
	for _, c := range plate {
		chars = append(chars, string(c))
	}
	return Seen(confidence, chars...)
}

// InState is the read with the state that was read.
func InState(r alpr.Read, state string, p float64) alpr.Read {
	r.Text.Regions = []alpr.RegionProb{{Region: state, P: p}}
	return r
}

// Plate is a made-up plate: three letters and four digits.
func Plate(rng *rand.Rand) string {
	const letters, digits = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"
	plate := make([]byte, 7)
	for i := range plate {
		set := letters
		if i >= 3 {
			set = digits
		}
		plate[i] = set[rng.IntN(len(set))]
	}
	return string(plate)
}
