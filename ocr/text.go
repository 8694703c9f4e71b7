package ocr

import (
	"cmp"
	"math"
	"slices"

	"alpr"
	"alpr/models"
)

const (
	// maxRegions is how many regions a Text lists.
	maxRegions = 5
	// minRegion is the least probability of a listed region.
	minRegion = 0.01
)

// textOf makes a Text of what one plate's slots may hold.
func textOf(slots *alpr.Posterior, c models.Calibration, candidates int) alpr.Text {
	t := alpr.Text{Posterior: *slots}
	t.Candidates = calibrated(t.Posterior.Candidates(candidates), c)
	if len(t.Candidates) == 0 { // only if the model gave no number at all
		return t
	}
	t.Text, t.Confidence = t.Candidates[0].Text, t.Candidates[0].P
	t.CharConf = charConfidence(&t.Posterior, t.Text)
	return t
}

// charConfidence is the probability of each character of text.
func charConfidence(p *alpr.Posterior, text string) []float32 {
	if text == p.Best() {
		return p.CharConfidence()
	}
	conf := make([]float32, len(text))
	for i := range conf {
		conf[i] = p[i][alpr.SymbolIndex(text[i])]
	}
	return conf
}

// calibrated turns the slots' probabilities of texts into ours. The first gets
// the calibrated confidence; the rest share what remains as the slots do, and
// none gets more than the first.
func calibrated(list []alpr.Candidate, c models.Calibration) []alpr.Candidate {
	if len(list) == 0 {
		return nil
	}
	raw := min(list[0].P, 1)
	first := c.Confidence(math.Log(raw))
	share := 0.0
	if raw < 1 {
		share = (1 - first) / (1 - raw)
	}
	for i := range list {
		list[i].P = min(list[i].P*share, first)
	}
	list[0].P = first
	return list
}

// regionsOf lists the probable regions, most probable first. The last name,
// "unknown", is not listed: it is what remains to 1.
func regionsOf(p []float32, names []string) []alpr.RegionProb {
	var list []alpr.RegionProb
	for i, v := range p {
		if names[i] != "" && v >= minRegion {
			list = append(list, alpr.RegionProb{Region: names[i], P: float64(v)})
		}
	}
	slices.SortStableFunc(list, func(a, b alpr.RegionProb) int { return cmp.Compare(b.P, a.P) })
	return list[:min(len(list), maxRegions)]
}
