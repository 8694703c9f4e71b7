package pipeline

import (
	"math"

	"alpr/internal/platetext"

	"alpr"
)

const (
	// minAgreeing is how many observations must read the fused text by themselves.
	minAgreeing = 2
	// minAgreeingShort and shortScore are what a text of fewer than MinCharacters
	// needs, beside SingleConfidence: plates of one to three characters are on the
	// road and on the lists, but so are stickers, lamps and house numbers.
	minAgreeingShort = 3
	shortScore       = 0.7
)

// isCredible is the rule of least evidence: what a track must have shown before
// anything is said of it. A sign or a grille is read differently in each frame,
// with little confidence, or as few characters; a plate is not. One frame alone
// makes a read only when it is nearly certain by itself. No text is too short to
// be read: a short one must be surer.
func (c *Config) isCredible(t *track) bool {
	f := &t.fused
	switch {
	case len(t.obs) == 0,
		f.told.Confidence < c.MinHitConfidence,
		f.told.Text == "",
		t.bestWidth < c.MinWidthPx,
		t.meanScore() < c.MinScore:
		return false
	case len(f.told.Text) < c.MinCharacters:
		return f.agree >= minAgreeingShort && f.told.Confidence >= c.SingleConfidence && t.meanScore() >= shortScore
	case f.agree >= minAgreeing:
		return true
	}
	return f.agree == 1 && f.text.Confidence >= c.SingleConfidence
}

// mayBeNoPlate says whether a text is as short as a house number or a lamp, and
// no issuer is seen. Such a read is kept only where it raises a hit: what is
// listed was looked for, the rest would be noise.
func (c *Config) mayBeNoPlate(t *alpr.Text) bool {
	const sureRegion = 0.8
	_, p := t.Region()
	return len(t.Text) < c.MinCharacters && p < sureRegion
}

// quality is what an observation's characters are worth beside those of other
// frames of the same plate. The posterior says how sure the network is; the
// factors here are what makes it err without knowing: few pixels, a doubtful
// box, and low confidence, taken as of seven characters, so that a frame in
// which one was missed has no advantage.
func quality(p alpr.Plate, s *characters) float64 {
	pixels := math.Max(0.2, math.Min(1, (p.WidthPx()-20)/80))
	confidence := math.Pow(s.conf, 7/float64(max(s.n, 1)))
	return pixels * float64(p.Score) * (0.2 + 0.8*confidence)
}

// isCut says whether a plate touches the edge of the frame: characters may be
// missing, and the network cannot know.
func isCut(p alpr.Plate, f *alpr.Frame) bool {
	const edge = 1.5
	b := p.Box
	return b.X < edge || b.Y < edge || b.X+b.W > float32(f.Width)-edge || b.Y+b.H > float32(f.Height)-edge
}

// dedupe makes sightings of the plates of a frame, without the less sure of two
// that lie one in the other.
func dedupe(plates []alpr.Plate) []sighting {
	var kept []sighting
	for i, p := range plates {
		isDouble := false
		for j, q := range plates {
			if i != j && overlap(p.Box, q.Box) > 0.6 && (q.Score > p.Score || q.Score == p.Score && j < i) {
				isDouble = true
			}
		}
		if !isDouble {
			kept = append(kept, sighting{plate: p})
		}
	}
	return kept
}

// overlap is the share of the smaller box that lies in the other.
func overlap(a, b alpr.Box) float64 {
	w := min(a.X+a.W, b.X+b.W) - max(a.X, b.X)
	h := min(a.Y+a.H, b.Y+b.H) - max(a.Y, b.Y)
	least := min(a.W*a.H, b.W*b.H)
	if w <= 0 || h <= 0 || least <= 0 {
		return 0
	}
	return float64(w*h) / float64(least)
}

// What two characters must score at least to be the same one, misread.
const (
	unlike          = 0.0
	unlikeLookAlike = -1.5
)

// isSameText says whether two tracks read the same plate, sure enough to make
// one pass of them without a look at where they were: the evidence for it is
// strong, and in at most one place do they differ, by a character that one of
// them is not sure of or has missed. Two plates of one fleet differ in a digit,
// and both are sure of it.
func isSameText(a, b *track) bool {
	isAtOnce := !a.first.After(b.last) && !b.first.After(a.last)
	if isAtOnce && a.fused.text.Text != b.fused.text.Text {
		return false // both were in view at one time: two plates that look alike
	}
	return readsAlike(a, b)
}

// readsAlike is isSameText whenever the plates were in view.
func readsAlike(a, b *track) bool {
	if len(a.obs) == 0 || len(b.obs) == 0 {
		return false
	}
	if a.fused.text.Text == b.fused.text.Text {
		return len(a.fused.text.Text) > 0
	}
	sa, sb := a.fused.characters(), b.fused.characters()
	al := align(sa, sb)
	if al.score < 8 {
		return false
	}
	differ := sa.n + sb.n // what is left of it below is characters that only one of them has
	for i, j := range al.to {
		if j < 0 {
			continue
		}
		differ -= 2
		if i >= len(sa.text) || j >= len(sb.text) || sa.text[i] == sb.text[j] {
			continue
		}
		differ++
		least := unlike
		if platetext.LookAlike(sa.text[i], sb.text[j]) {
			least = unlikeLookAlike
		}
		if matchScore(sa, sb, i, j) < least {
			return false
		}
	}
	return differ <= 1
}
