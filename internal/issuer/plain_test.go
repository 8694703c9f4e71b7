package issuer

import (
	"cmp"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"alpr"
)

// TestDecideIsTheFormulaToTheBit compares what is fast with what is plain, on
// plates clear and doubtful, of every number of characters.
func TestDecideIsTheFormulaToTheBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 16))
	fast := shippedFormats(t)
	plain := newPlainFormats(fast)
	decided := 0
	for range 400 {
		seen := someText(rng, fast.table.issuers)
		got, want := fast.Decide(seen, 8), plain.Decide(seen, 8)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s at %.4f of %v:\ngot  %v %v %v\nwant %v %v %v", seen.Text, seen.Confidence, seen.Regions,
				got.Candidates, got.CharConf, got.Format, want.Candidates, want.CharConf, want.Format)
		}
		if got.Text != seen.Text {
			decided++
		}
	}
	if decided < 20 {
		t.Errorf("formats decided %d of 400 texts: too few to compare", decided)
	}
}

// someText is a plate as a recogniser may see one: a text of an issuer's format
// or none, some places of it in doubt.
func someText(rng *rand.Rand, issuers []string) alpr.Text {
	var post alpr.Posterior
	n := 1 + rng.IntN(alpr.Slots)
	sure := []float64{20, 8, 3}[rng.IntN(3)] // how far the best stands out
	for s := range post {
		var row [alpr.Symbols]float64
		for c := range row {
			row[c] = rng.NormFloat64() * 2
		}
		best := rng.IntN(chars)
		if s >= n && rng.IntN(20) > 0 {
			best = alpr.Pad
		}
		row[best] += sure
		if s < n && rng.IntN(3) == 0 { // as sure of another
			row[rng.IntN(chars)] += sure
		}
		sum := 0.0
		for c := range row {
			row[c] = math.Exp(row[c])
			sum += row[c]
		}
		for c := range row {
			post[s][c] = float32(row[c] / sum)
		}
	}
	t := alpr.Text{Posterior: post, Text: post.Best(), Candidates: post.Candidates(8)}
	t.Confidence = math.Pow(math.Exp(post.LogProb(t.Text)), 0.3+rng.Float64())
	for range rng.IntN(4) {
		t.Regions = append(t.Regions, alpr.RegionProb{Region: issuers[rng.IntN(len(issuers))], P: rng.Float64() / 2})
	}
	return t
}

// plainFormats is Formats without what makes it fast.
type plainFormats struct {
	*Formats
	ratio [][chars]float64 // of each set
}

func newPlainFormats(f *Formats) *plainFormats {
	p := &plainFormats{Formats: f}
	for _, set := range f.table.sets {
		p.ratio = append(p.ratio, ratios(set, f.model.Slip))
	}
	return p
}

// plainPlate is one plate's characters, made ready to be weighed with formats.
type plainPlate struct {
	f       *plainFormats
	post    [alpr.Slots][alpr.Symbols]float64
	bySet   [][alpr.Slots]float64 // of each set and place: Σ p(c)·ratio(c)
	pads    lengths               // probability that all places from here on are empty
	length  lengths               // probability of each number of characters
	sources []source
	of      []lengths // of each source: how much more probable the picture is for its plates than for any text
	all     lengths   // the sources' together
}

func (f *plainFormats) plate(t *alpr.Text) *plainPlate {
	p := &plainPlate{f: f, post: t.Posterior.Tempered(t.Confidence), bySet: make([][alpr.Slots]float64, len(f.ratio)), sources: f.sources(t.Regions)}
	for k := range f.ratio {
		for s := range p.post {
			for c, r := range &f.ratio[k] {
				p.bySet[k][s] += r * p.post[s][c]
			}
		}
	}
	p.pads[alpr.Slots] = 1
	for s := alpr.Slots - 1; s >= 0; s-- {
		p.pads[s] = p.pads[s+1] * p.post[s][alpr.Pad]
	}
	filled := 1.0
	for n := range p.length {
		p.length[n] = filled * p.pads[n]
		if n < alpr.Slots {
			filled *= 1 - p.post[n][alpr.Pad]
		}
	}
	p.of = make([]lengths, len(p.sources))
	for i := range p.sources {
		p.of[i] = p.evidence(&p.sources[i])
		for n, v := range p.of[i] {
			p.all[n] += p.sources[i].p * v
		}
	}
	return p
}

// evidence is how much more probable the picture is for a plate of the source
// than for any text of as many characters.
func (p *plainPlate) evidence(s *source) (v lengths) {
	for n, same := range s.formats {
		v[n] = 1
		if p.length[n] <= 0 || len(same) == 0 {
			continue
		}
		sum := 0.0
		for i := range same {
			sum += same[i].weight * p.ofFormat(&same[i])
		}
		v[n] = p.mixed(sum)
	}
	return v
}

// mixed joins what the formats say with plates that have none.
func (p *plainPlate) mixed(formatted float64) float64 {
	m := &p.f.model
	return 1 - m.Formatted + m.Formatted*formatted
}

// ofFormat is the mean over all texts of a format's length, as the picture
// weighs them, of how much oftener the format gives them than chance.
func (p *plainPlate) ofFormat(f *format) float64 {
	n := len(f.slots)
	if p.length[n] <= 0 {
		return 0
	}
	v := p.pads[n] / p.length[n]
	for s, set := range f.slots {
		v *= p.bySet[set][s]
	}
	return v
}

// weigh is how much more probable a text is than what the picture alone says.
func (p *plainPlate) weigh(text string) float64 {
	n := len(text)
	if !(p.all[n] > 0) {
		return 1
	}
	sum := 0.0
	for i := range p.sources {
		s := &p.sources[i]
		same := s.formats[n]
		if len(same) == 0 {
			sum += s.p
			continue
		}
		formatted := 0.0
		for k := range same {
			formatted += same[k].weight * p.f.ratioOf(&same[k], text)
		}
		sum += s.p * p.mixed(formatted)
	}
	return sum / p.all[n]
}

// ratioOf is how much oftener a format gives a text of its length than chance
// does.
func (f *plainFormats) ratioOf(form *format, text string) float64 {
	v := 1.0
	for s, set := range form.slots {
		v *= f.ratio[set][alpr.SymbolIndex(text[s])]
	}
	return v
}

// Decide is Formats.Decide, written as the formula in docs/developer/formats.md says it.
func (f *plainFormats) Decide(t alpr.Text, n int) alpr.Text {
	if t.Text == "" || !(t.Confidence > 0) {
		return t
	}
	if t.ByPicture.Text != "" {
		t.Text, t.Confidence = t.ByPicture.Text, t.ByPicture.P
	}
	if math.IsInf(t.Posterior.LogProb(t.Text), -1) { // no picture stands behind it
		return t
	}
	p := f.plate(&t)
	list := p.candidates(&t)
	if len(list) == 0 {
		return t
	}
	out := t
	out.ByPicture = alpr.Candidate{Text: t.Text, P: t.Confidence}
	out.Candidates = list[:min(n, len(list))]
	out.Text, out.Confidence = list[0].Text, list[0].P
	out.CharConf = p.charConfidence(out.Text)
	out.Format = p.reason(out.Text)
	return out
}

// candidates are texts worth a thought, the picture's and the formats', with their
// probabilities, best first.
func (p *plainPlate) candidates(t *alpr.Text) []alpr.Candidate {
	var list []alpr.Candidate
	known := make(map[string]bool)
	add := func(text string) {
		if !known[text] && len(text) <= alpr.Slots {
			known[text] = true
			list = append(list, alpr.Candidate{Text: text, P: math.Exp(p.logProb(text))})
		}
	}
	add(t.Text)
	for _, c := range t.Candidates {
		add(c.Text)
	}
	for i := range p.sources {
		s := &p.sources[i]
		for n, same := range s.formats {
			for k := range same {
				f := &same[k]
				if p.length[n]*s.p*p.f.model.Formatted*f.weight*p.ofFormat(f) < leastShare*p.all[n] {
					continue
				}
				for _, text := range p.bestOf(f) {
					add(text)
				}
			}
		}
	}
	for i := range list {
		list[i].P = min(list[i].P*p.weigh(list[i].Text), mostSure)
	}
	slices.SortStableFunc(list, func(a, b alpr.Candidate) int {
		return cmp.Or(cmp.Compare(b.P, a.P), cmp.Compare(a.Text, b.Text))
	})
	return list
}

func (p *plainPlate) logProb(text string) float64 {
	sum := math.Log(p.pads[len(text)])
	for s := range len(text) {
		sum += math.Log(p.post[s][alpr.SymbolIndex(text[s])])
	}
	return sum
}

// bestOf is the most probable text of a format, and those that differ from it
// in one place by the next character there.
func (p *plainPlate) bestOf(f *format) []string {
	first, second := make([]byte, len(f.slots)), make([]byte, len(f.slots))
	for s, set := range f.slots {
		best, next := -1, -1
		at := func(c int) float64 {
			if c < 0 {
				return -1
			}
			return p.post[s][c] * p.f.ratio[set][c]
		}
		for c := range chars {
			switch {
			case at(c) > at(best):
				best, next = c, best
			case at(c) > at(next):
				next = c
			}
		}
		first[s], second[s] = alpr.Alphabet[best], alpr.Alphabet[next]
	}
	texts := []string{string(first)}
	for s := range first {
		other := slices.Clone(first)
		other[s] = second[s]
		texts = append(texts, string(other))
	}
	return texts
}

// charConfidence is, for each character of text, the probability that the plate
// has it there and is as long.
func (p *plainPlate) charConfidence(text string) []float32 {
	n := len(text)
	conf := make([]float32, n)
	for s := range conf {
		c := alpr.SymbolIndex(text[s])
		seen := p.post[s][c]
		byPicture := seen / max(1-p.post[s][alpr.Pad], 1e-9)
		sum := 0.0
		for i := range p.sources {
			same := p.sources[i].formats[n]
			if len(same) == 0 {
				sum += p.sources[i].p * byPicture
				continue
			}
			m := &p.f.model
			v := (1 - m.Formatted) * byPicture
			for k := range same {
				set := same[k].slots[s]
				if all := p.bySet[set][s]; all > 0 {
					v += m.Formatted * same[k].weight * p.ofFormat(&same[k]) * seen * p.f.ratio[set][c] / all
				}
			}
			sum += p.sources[i].p * v
		}
		if p.all[n] > 0 {
			conf[s] = float32(min(1, p.length[n]*sum/p.all[n]))
		}
	}
	return conf
}

// reason is the format that says most for a text; none where any text at all
// does.
func (p *plainPlate) reason(text string) alpr.SerialFormat {
	var best alpr.SerialFormat
	most := 0.0
	for i := range p.sources {
		s := &p.sources[i]
		for k := range s.formats[len(text)] {
			f := &s.formats[len(text)][k]
			if v := s.p * f.weight * p.f.ratioOf(f, text); v > most {
				most, best = v, alpr.SerialFormat{Issuer: s.name, Kind: f.kind, Pattern: shape(f.pattern)}
			}
		}
		if free := s.p * (1 - p.f.model.Formatted) / p.f.model.Formatted; free > most {
			most, best = free, alpr.SerialFormat{}
		}
	}
	return best
}
