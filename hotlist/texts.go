package hotlist

import (
	"cmp"
	"math"
	"slices"

	"alpr"
)

// likelyTexts lists every text that the plate of a read shows with at least
// probability least, each with that probability; the read's own text is first.
//
// With q(t) the product of the posterior's probabilities of t's characters and
// of pads after it, b the read's text and c its calibrated confidence,
//
//	P(b) = c,   P(t) = min(c, (1 - c) · q(t) / (1 - q(b)))   for every other t.
//
// The network's independent characters say how the other texts compare with
// each other; the calibration says how much there is for them to share (the
// rule of total probability); and none is more probable than the text read. At most 1/least texts can be listed, and none
// that belongs is left out, so that no entry above a threshold is missed.
//
// Where knowledge of serials had a say in the text, that is what the picture alone
// says; a text counts as the more probable of the two. A listed plate that breaks
// its issuer's format so matches as the picture says, and one that keeps it is not
// missed for a stroke that looks like another's.
func likelyTexts(read *alpr.Text, least float64) []alpr.Candidate {
	best := alpr.Candidate{Text: read.Text, P: read.Confidence}
	isDecided := read.ByPicture.Text != ""
	if isDecided {
		best = read.ByPicture
	}
	texts := seenTexts(&read.Posterior, best, least)
	if !isDecided {
		return texts
	}
	for _, t := range read.Candidates {
		i := slices.IndexFunc(texts, func(s alpr.Candidate) bool { return s.Text == t.Text })
		switch {
		case !(t.P >= least && t.P <= 1):
		case i < 0:
			texts = append(texts, t)
		default:
			texts[i].P = max(texts[i].P, t.P)
		}
	}
	slices.SortStableFunc(texts, func(a, b alpr.Candidate) int { return cmp.Compare(rank(b, read), rank(a, read)) })
	return texts
}

// rank puts the read's own text first, the others by probability.
func rank(t alpr.Candidate, read *alpr.Text) float64 {
	if t.Text == read.Text {
		return 2
	}
	return t.P
}

// seenTexts is likelyTexts of the picture alone, whose best text is given with
// its calibrated confidence.
func seenTexts(post *alpr.Posterior, best alpr.Candidate, least float64) []alpr.Candidate {
	c := best.P
	if !(c >= 0 && c <= 1) || best.Text == "" { // also NaN: nothing can be said
		return nil
	}
	var texts []alpr.Candidate
	if c >= least {
		texts = append(texts, best)
	}
	qBest := math.Exp(post.LogProb(best.Text))
	rest := 1 - qBest
	if !(rest > 0) || c == 1 {
		return texts
	}
	share := (1 - c) / rest
	for _, t := range spellings(post, least/share) {
		if t.Text == best.Text {
			continue
		}
		if t.P = min(c, t.P*share); t.P >= least {
			texts = append(texts, t)
		}
	}
	return texts
}

// spellings lists the texts with a posterior probability of at least least:
// slot by slot, depth first, leaving a branch as soon as even the best rest of
// it falls below. Spellings of one text with pads between characters add up,
// as far as each reaches least.
func spellings(p *alpr.Posterior, least float64) []alpr.Candidate {
	var s speller
	s.p, s.least = p, max(least, 1e-6)
	best := 1.0
	for slot := alpr.Slots - 1; slot >= 0; slot-- {
		s.tail[slot+1] = best
		best *= float64(slices.Max(p[slot][:]))
	}
	if !(best >= s.least) { // also a posterior that is not one
		return nil
	}
	s.descend(0, 1)
	return s.found
}

type speller struct {
	p     *alpr.Posterior
	least float64
	tail  [alpr.Slots + 1]float64 // the best probability of the slots from here on
	text  []byte
	found []alpr.Candidate
}

// maxTexts bounds the list for posteriors that are not probabilities.
const maxTexts = 1000

func (s *speller) descend(slot int, q float64) {
	if slot == alpr.Slots {
		s.emit(q)
		return
	}
	for sym, v := range &s.p[slot] {
		next := q * float64(v)
		if !(next*s.tail[slot+1] >= s.least) || len(s.found) >= maxTexts {
			continue
		}
		if sym == alpr.Pad {
			s.descend(slot+1, next)
			continue
		}
		s.text = append(s.text, alpr.Alphabet[sym])
		s.descend(slot+1, next)
		s.text = s.text[:len(s.text)-1]
	}
}

func (s *speller) emit(q float64) {
	if len(s.text) == 0 {
		return
	}
	for i := range s.found {
		if s.found[i].Text == string(s.text) {
			s.found[i].P += q
			return
		}
	}
	s.found = append(s.found, alpr.Candidate{Text: string(s.text), P: q})
}
