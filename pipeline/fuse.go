package pipeline

import (
	"cmp"
	"math"
	"slices"
	"time"

	"alpr"
)

const (
	// sharedError is the correlation of the errors of any two frames of one
	// plate: dirt, glare, a strange typeface and what the network never learnt
	// are in all of them. It bounds what any number of frames is worth to
	// 1/sharedError independent ones. Chosen by the likelihood of the right text
	// over 536 held-out real plates, twelve frames of each degraded as on the
	// road: 0.1 gave an expected calibration error of 0.044, 0.5 of 0.014.
	sharedError = 0.5
	// forgetAfter is the time in which the errors of two frames come apart: the
	// blur of one frame is still that of the next.
	forgetAfter = 250 * time.Millisecond
	// forgetGrowth is the growth of the plate (logarithm of the width) that
	// does the same: more pixels are another sight of it.
	forgetGrowth = 0.25
	// maxConfidence is the highest confidence that is ever given: about one plate in a
	// thousand has something that no frame can show.
	maxConfidence = 0.999
	// unwitnessed is the share of texts, of those that one frame alone is sure of,
	// that are of a plate half hidden, smeared or in glare: what the frame does not
	// show, its posterior cannot know. Each frame that says the same witnesses it.
	unwitnessed = 0.02
	// candidates is how many texts a read lists.
	candidates = 5
)

// observation is what one frame says about one plate.
type observation struct {
	at      time.Time
	plate   alpr.Plate
	quality float64 // 0..1, what its characters are worth beside those of other frames
	regions []alpr.RegionProb
	*characters
}

// fused is what several observations say together.
type fused struct {
	text   alpr.Text // of the pictures alone
	agree  int       // observations whose own text is the fused one
	weight float64   // how many independent frames they are worth

	told alpr.Text // text with what is known of serials: what is said of the plate

	asCharacters *characters // text made ready to be compared with another track's; nil until it is
}

// characters are those of the fused text, ready to be compared.
func (f *fused) characters() *characters {
	if f.asCharacters == nil {
		f.asCharacters = newCharacters(f.text)
	}
	return f.asCharacters
}

// fuse combines the observations of one pass. It does not depend on their order.
//
// Given independent errors the posteriors would be multiplied (and the prior,
// here even, divided out). Errors of frames of one plate are not independent, so
// each logarithm is weighted: a logarithmic opinion pool (C. Genest and
// J. V. Zidek, "Combining probability distributions", Statistical Science 1,
// 1986), log P(c) = Σ w·log p(c) + const. The weights sum to the effective
// number of independent frames, see weights. The number of characters is pooled
// in the same way first; observations with another number are aligned to it.
func fuse(obs []*observation) fused {
	if len(obs) == 0 {
		return fused{}
	}
	obs = slices.Clone(obs)
	slices.SortFunc(obs, func(a, b *observation) int {
		return cmp.Or(cmp.Compare(b.quality, a.quality), a.at.Compare(b.at), cmp.Compare(a.text, b.text))
	})
	w := weights(obs)
	logLen := poolLengths(obs, w)
	n := indexOfMax(logLen[:])
	rows := poolCharacters(obs, w, n)

	f := fused{text: assemble(&logLen, &rows, n)}
	f.text.Regions = poolRegions(obs, w)
	for i, o := range obs {
		f.weight += w[i]
		if o.text == f.text.Text {
			f.agree++
		}
	}
	f.text = f.witnessed(f.text)
	f.told = f.text
	return f
}

// witnessed bounds the confidence of a text of these frames by how many of them
// say it by themselves.
func (f *fused) witnessed(t alpr.Text) alpr.Text {
	most := min(maxConfidence, 1-unwitnessed/float64(max(f.agree, 1)))
	if t.Confidence <= most {
		return t
	}
	t.Confidence = most
	t.Candidates = rescale(t.Candidates, t.Text, most)
	return t
}

// weights gives each observation its share of the evidence: the square of its
// quality beside the best one's, because the errors of small plates are alike,
// too, and a nearer sight of the plate outvotes them. It is divided by
// its redundancy, how many others of at least its quality look alike, as a sum
// of kernels; a poor observation takes nothing from a good one beside it. The
// sum N of all is then brought down to Kish's effective sample size for a
// correlation r, N/(1+(N-1)·r) (L. Kish, "Survey Sampling", 1965). One
// observation weighs 1: a read of one frame is as sure as that frame.
func weights(obs []*observation) []float64 {
	w := make([]float64, len(obs))
	best := 0.0
	for _, o := range obs {
		best = math.Max(best, o.quality)
	}
	var sum float64
	for i, o := range obs {
		w[i] = 1
		if best > 0 {
			w[i] = sq(o.quality / best)
		}
		redundancy := 0.0
		for _, x := range obs {
			redundancy += likeness(o, x) * math.Min(1, math.Pow(x.quality/math.Max(o.quality, 1e-9), 4))
		}
		w[i] /= math.Max(1, redundancy)
		sum += w[i]
	}
	if sum > 0 {
		for i := range w {
			w[i] *= effective(sum) / sum
		}
	}
	return w
}

// likeness is 1 for two observations of one moment and size, and falls to 0
// with the time and the growth between them. The exponential in time makes the
// evidence of a second the same at any frame rate.
func likeness(a, b *observation) float64 {
	d := a.at.Sub(b.at).Abs().Seconds() / forgetAfter.Seconds()
	if wa, wb := a.plate.WidthPx(), b.plate.WidthPx(); wa > 0 && wb > 0 {
		d += math.Abs(math.Log(wa/wb)) / forgetGrowth
	}
	return math.Exp(-d)
}

func effective(n float64) float64 {
	if n <= 1 {
		return n
	}
	return n / (1 + (n-1)*sharedError)
}

// poolLengths is the logarithm of the probability of each number of characters.
func poolLengths(obs []*observation, w []float64) [alpr.Slots + 1]float64 {
	var pool [alpr.Slots + 1]float64
	for i, o := range obs {
		for n := range pool {
			pool[n] += w[i] * o.logLen[n]
		}
	}
	normaliseLogs(pool[:])
	return pool
}

// poolCharacters pools the first n slots. Where an observation has another
// number of characters than the best one with n, or they stand otherwise, it is
// aligned; a slot it has nothing for is left to the others.
func poolCharacters(obs []*observation, w []float64, n int) [alpr.Slots][letters]float64 {
	reference := obs[0]
	for _, o := range obs {
		if o.n == n {
			reference = o
			break
		}
	}
	var pool [alpr.Slots][letters]float64
	for i, o := range obs {
		al := alignment{to: identity()}
		if o.text != reference.text && reference.n == n {
			al = align(reference.characters, o.characters)
		}
		for s := range n {
			if from := al.to[s]; from >= 0 {
				for c := range letters {
					pool[s][c] += w[i] * float64(o.logP[from][c])
				}
			}
		}
	}
	for s := range pool {
		normaliseLogs(pool[s][:])
	}
	return pool
}

// identity is the alignment of a text with itself.
func identity() (to [alpr.Slots]int) {
	for i := range to {
		to[i] = i
	}
	return to
}

// assemble makes the text of n characters from the pools. In the posterior a
// slot is a pad with the probability that the text ends before it.
func assemble(logLen *[alpr.Slots + 1]float64, rows *[alpr.Slots][letters]float64, n int) alpr.Text {
	var t alpr.Text
	ends := 0.0 // probability that there are at most s characters
	confidence := math.Exp(logLen[n])
	for s := range t.Posterior {
		ends = math.Min(1, ends+math.Exp(logLen[s]))
		for c, l := range rows[s] {
			t.Posterior[s][c] = float32((1 - ends) * math.Exp(l))
		}
		t.Posterior[s][alpr.Pad] = float32(ends)
		if s < n {
			best := indexOfMax(rows[s][:])
			p := math.Exp(rows[s][best])
			t.Text += alpr.Alphabet[best : best+1]
			t.CharConf = append(t.CharConf, float32((1-ends)*p))
			confidence *= p
		}
	}
	t.Confidence = math.Min(confidence, maxConfidence)
	t.Candidates = rescale(t.Posterior.Candidates(candidates), t.Text, t.Confidence)
	return t
}

// rescale puts text first with its calibrated confidence and lets the other
// candidates share what is left in proportion.
func rescale(list []alpr.Candidate, text string, confidence float64) []alpr.Candidate {
	out := []alpr.Candidate{{Text: text, P: confidence}}
	first := 0.0
	for _, c := range list {
		if c.Text == text {
			first = c.P
		}
	}
	for _, c := range list {
		if c.Text == text || len(out) == candidates {
			continue
		}
		if first < 1 {
			c.P *= math.Min(1, (1-confidence)/(1-first))
		}
		out = append(out, alpr.Candidate{Text: c.Text, P: math.Min(c.P, confidence)})
	}
	return out
}

// poolRegions pools the issuing states, as the characters are pooled but with
// weights that sum to 1: a design the network takes for another state's it takes
// so in every frame, and many frames make it no surer. What an observation does
// not name shares its "unknown", which stays a possibility of its own.
func poolRegions(obs []*observation, w []float64) []alpr.RegionProb {
	const floor = 1e-3
	var sum float64
	for i, o := range obs {
		if len(o.regions) > 0 {
			sum += w[i]
		}
	}
	names := regionNames(obs)
	if len(names) == 1 {
		return nil
	}
	pool := make([]float64, len(names))
	for i, o := range obs {
		if len(o.regions) == 0 {
			continue
		}
		known := 0.0
		p := make([]float64, len(names))
		for _, r := range o.regions {
			p[slices.Index(names, r.Region)] = r.P
			known += r.P
		}
		p[0] += math.Max(0, 1-known) // "" sorts first
		for k := range pool {
			pool[k] += w[i] / sum * math.Log((1-uncertainty)*p[k]+floor)
		}
	}
	normaliseLogs(pool)
	var out []alpr.RegionProb
	for k, name := range names {
		if p := math.Exp(pool[k]); name != "" && p >= floor {
			out = append(out, alpr.RegionProb{Region: name, P: p})
		}
	}
	slices.SortStableFunc(out, func(a, b alpr.RegionProb) int { return cmp.Compare(b.P, a.P) })
	return out
}

// regionNames lists the regions that any observation names, sorted, and first
// "" for unknown.
func regionNames(obs []*observation) []string {
	names := []string{""}
	for _, o := range obs {
		for _, r := range o.regions {
			if !slices.Contains(names, r.Region) {
				names = append(names, r.Region)
			}
		}
	}
	slices.Sort(names)
	return names
}

// normaliseLogs subtracts the logarithm of the sum of exponentials.
func normaliseLogs(l []float64) {
	top := slices.Max(l)
	var sum float64
	for _, v := range l {
		sum += math.Exp(v - top)
	}
	for i := range l {
		l[i] -= top + math.Log(sum)
	}
}

func indexOfMax(v []float64) int {
	best := 0
	for i := range v {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}
