package issuer

import (
	"cmp"
	"math"
	"slices"

	"alpr"
)

// source is one possible issuer of a plate: a name, or "" for any other.
type source struct {
	name    string
	p       float64
	formats *family
}

// sources are the issuers that were read, and "any".
func (f *Formats) sources(regions []alpr.RegionProb) []source {
	list := make([]source, 1, 1+len(regions))
	list[0] = source{p: 1, formats: f.anyones}
	for _, r := range regions {
		if formats := f.byName[r.Region]; formats != nil && r.P > 0 {
			p := min(f.model.Trust*r.P, list[0].p)
			list[0].p -= p
			list = append(list, source{name: r.Region, p: p, formats: formats})
		}
	}
	return list
}

// lengths is a figure for each number of characters.
type lengths [alpr.Slots + 1]float64

// plate is one plate's characters, made ready to be weighed with formats.
type plate struct {
	f       *Formats
	post    [alpr.Slots][alpr.Symbols]float64
	pads    lengths // probability that all places from here on are empty
	length  lengths // probability of each number of characters
	sources []source
	seen    [alpr.Slots + 1]*evidence
	logs    [alpr.Slots][chars]float64 // of post, where it was asked for; else NaN
	ratios  []float64                  // room for ratiosOf
}

// evidence is what the picture says of plates with so many characters.
type evidence struct {
	bySet [][]float64 // of each place and set there: Σ p(c)·ratio(c)
	of    []float64   // of each outline: how much oftener it gives these texts than chance, the mean over all as the picture weighs them
	best  [][]pair    // of each place and set there, where it was asked for
	all   float64     // how much more probable the picture is for a plate than for any text, over the sources
}

// pair is the most and the second most probable character of a set.
type pair struct {
	first, second uint8
	isKnown       bool
}

func (f *Formats) plate(t *alpr.Text) *plate {
	p := &plate{f: f, post: t.Posterior.Tempered(t.Confidence), sources: f.sources(t.Regions)}
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
	for s := range p.logs {
		for c := range p.logs[s] {
			p.logs[s][c] = math.NaN()
		}
	}
	return p
}

// evidence is worked out for the lengths that somebody asks for: nearly all of
// them are not what the picture shows.
func (p *plate) evidence(n int) *evidence {
	if p.seen[n] != nil {
		return p.seen[n]
	}
	e := &evidence{}
	p.seen[n] = e
	o := &p.f.outlines[n]
	if p.length[n] > 0 && len(o.all) > 0 {
		e.bySet, e.of = o.means(&p.post), make([]float64, len(o.all))
		o.products(p.pads[n]/p.length[n], e.bySet, e.of)
	}
	for i := range p.sources {
		s := &p.sources[i]
		v := 1.0
		if same := s.formats[n]; len(same) > 0 && e.of != nil {
			v = p.mixed(sumOf(same, e.of))
		}
		e.all += s.p * v
	}
	return e
}

// sumOf is the sum over formats of one length of what their outlines have.
func sumOf(same []format, of []float64) float64 {
	sum := 0.0
	for i := range same {
		sum += same[i].weight * of[same[i].outline]
	}
	return sum
}

// mixed joins what the formats say with plates that have none.
func (p *plate) mixed(formatted float64) float64 {
	m := &p.f.model
	return 1 - m.Formatted + m.Formatted*formatted
}

// ratiosOf is, for each outline, how much oftener it gives a text of its length
// than chance does. It is valid until the next call.
func (p *plate) ratiosOf(t *serial) []float64 {
	o := &p.f.outlines[t.n]
	var rows [alpr.Slots][]float64
	for s, c := range t.syms[:t.n] {
		rows[s] = o.ratio[s][c]
	}
	p.ratios = slices.Grow(p.ratios[:0], len(o.all))[:len(o.all)]
	o.products(1, rows[:t.n], p.ratios)
	return p.ratios
}

// weigh is how much more probable a text is than what the picture alone says.
func (p *plate) weigh(t *serial) float64 {
	all := p.evidence(t.n).all
	if !(all > 0) {
		return 1
	}
	ratios := p.ratiosOf(t)
	sum := 0.0
	for i := range p.sources {
		s := &p.sources[i]
		if same := s.formats[t.n]; len(same) > 0 {
			sum += s.p * p.mixed(sumOf(same, ratios))
		} else {
			sum += s.p
		}
	}
	return sum / all
}

// candidate is a text and its probability.
type candidate struct {
	serial
	p float64
}

// candidates are texts worth a thought, the picture's and the formats', with their
// probabilities, best first.
func (p *plate) candidates(t *alpr.Text) []candidate {
	list := make([]candidate, 0, 64)
	add := func(s serial) {
		if !slices.ContainsFunc(list, func(c candidate) bool { return c.serial == s }) {
			list = append(list, candidate{serial: s})
		}
	}
	if s, ok := serialOf(t.Text); ok {
		add(s)
	}
	for _, c := range t.Candidates {
		if s, ok := serialOf(c.Text); ok {
			add(s)
		}
	}
	for n := range p.length {
		p.formatted(n, add)
	}
	for i := range list {
		c := &list[i]
		c.p = min(math.Exp(p.logProb(&c.serial))*p.weigh(&c.serial), mostSure)
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.p, a.p), a.compare(&b.serial))
	})
	return list
}

// formatted gives the texts of the formats with n characters that have a share
// worth a thought.
func (p *plate) formatted(n int, add func(serial)) {
	// A format's share of a length is at most the length's own.
	if p.length[n] < leastShare*(1-1e-9) && p.f.model.Formatted < 1 {
		return
	}
	e := p.evidence(n)
	if e.of == nil {
		return
	}
	isDone := make([]bool, len(e.of))
	for i := range p.sources {
		s := &p.sources[i]
		for k := range s.formats[n] {
			f := &s.formats[n][k]
			if isDone[f.outline] || p.length[n]*s.p*p.f.model.Formatted*f.weight*e.of[f.outline] < leastShare*e.all {
				continue
			}
			isDone[f.outline] = true
			p.bestOf(e, n, f.outline, add)
		}
	}
}

// leastShare is the share of all texts below which a format's are not looked at.
const leastShare = 5e-3

// mostSure is the highest probability that is ever given to a text.
const mostSure = 0.999

func (p *plate) logProb(t *serial) float64 {
	sum := math.Log(p.pads[t.n])
	for s, c := range t.syms[:t.n] {
		l := &p.logs[s][c]
		if math.IsNaN(*l) {
			*l = math.Log(p.post[s][c])
		}
		sum += *l
	}
	return sum
}

// bestOf gives the most probable text of an outline, and those that differ from
// it in one place by the next character there.
func (p *plate) bestOf(e *evidence, n, at int, add func(serial)) {
	first, second := serial{n: n}, serial{n: n}
	for s, k := range p.f.outlines[n].all[at].local {
		b := p.bestTwo(e, n, s, k)
		first.syms[s], second.syms[s] = b.first, b.second
	}
	add(first)
	for s := range n {
		other := first
		other.syms[s] = second.syms[s]
		add(other)
	}
}

// bestTwo is the most and the second most probable character of set k of place s.
func (p *plate) bestTwo(e *evidence, n, s, k int) pair {
	if e.best == nil {
		e.best = make([][]pair, n)
	}
	if e.best[s] == nil {
		e.best[s] = make([]pair, len(e.bySet[s]))
	}
	b := &e.best[s][k]
	if b.isKnown {
		return *b
	}
	ratio := &p.f.outlines[n].ratio[s]
	first, second := -1.0, -1.0
	for c := range uint8(chars) {
		switch v := p.post[s][c] * ratio[c][k]; {
		case v > first:
			first, second = v, first
			b.first, b.second = c, b.first
		case v > second:
			second, b.second = v, c
		}
	}
	b.isKnown = true
	return *b
}

// charConfidence is, for each character of a text, the probability that the plate
// has it there and is as long.
func (p *plate) charConfidence(t *serial) []float32 {
	e, m := p.evidence(t.n), &p.f.model
	conf := make([]float32, t.n)
	for s, c := range t.syms[:t.n] {
		seen := p.post[s][c]
		byPicture := seen / max(1-p.post[s][alpr.Pad], 1e-9)
		sum := 0.0
		for i := range p.sources {
			same := p.sources[i].formats[t.n]
			if len(same) == 0 || e.of == nil {
				sum += p.sources[i].p * byPicture
				continue
			}
			v := (1 - m.Formatted) * byPicture
			for k := range same {
				set := p.f.outlines[t.n].all[same[k].outline].local[s]
				if all := e.bySet[s][set]; all > 0 {
					v += m.Formatted * same[k].weight * e.of[same[k].outline] * seen * p.f.outlines[t.n].ratio[s][c][set] / all
				}
			}
			sum += p.sources[i].p * v
		}
		if e.all > 0 {
			conf[s] = float32(min(1, p.length[t.n]*sum/e.all))
		}
	}
	return conf
}

// reason is the format that says most for a text; none where any text at all
// does.
func (p *plate) reason(t *serial) alpr.SerialFormat {
	ratios := p.ratiosOf(t)
	var best *format
	name, most := "", 0.0
	for i := range p.sources {
		s := &p.sources[i]
		for k := range s.formats[t.n] {
			f := &s.formats[t.n][k]
			if v := s.p * f.weight * ratios[f.outline]; v > most {
				most, best, name = v, f, s.name
			}
		}
		if free := s.p * (1 - p.f.model.Formatted) / p.f.model.Formatted; free > most {
			most, best = free, nil
		}
	}
	if best == nil {
		return alpr.SerialFormat{}
	}
	return alpr.SerialFormat{Issuer: name, Kind: best.kind, Pattern: shape(best.pattern)}
}
