package issuer

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"alpr"
)

// Model is what the decision is weighed with. It is fitted on training pictures
// (docs/developer/formats.md).
type Model struct {
	// Formatted is the share of an issuer's plates that have one of its formats;
	// the others may say anything (personal plates, series that the table lacks).
	Formatted float64
	// Slip is the probability that a place of a formatted serial holds a
	// character that its format does not have there.
	Slip float64
	// Trust is how much of what was read of the issuer is believed; the rest may
	// be any issuer's.
	Trust float64
}

// Default is the Model that was fitted with the shipped networks.
func Default() Model { return Model{Formatted: 0.75, Slip: 0.04, Trust: 0.9} }

// Formats decides texts and issuers. It is immutable and safe for concurrent use.
type Formats struct {
	table   *table
	model   Model
	ratio   [][chars]float64 // of each set: how much oftener than by chance a place of it holds a character
	byName  map[string]*family
	anyones *family // of all issuers, equal shapes as one
}

// New makes Formats of the shipped table.
func New(m Model) (*Formats, error) {
	t, err := parse(shipped)
	if err != nil {
		return nil, err
	}
	return newFormats(t, m), nil
}

func newFormats(t *table, m Model) *Formats {
	f := &Formats{table: t, model: m, byName: make(map[string]*family)}
	for name, list := range t.formats {
		f.byName[name] = newFamily(list)
	}
	for _, set := range t.sets {
		f.ratio = append(f.ratio, ratios(set, m.Slip))
	}
	f.anyones = newFamily(anyones(t))
	return f
}

// family is the formats of one issuer, or of all, by their number of characters.
// The weights of each length sum to 1: how many characters there are is left to
// the picture. A recogniser that has read one twice would else find a format for
// it.
type family [alpr.Slots + 1][]format

func newFamily(list []format) *family {
	var f family
	for _, form := range list {
		f[len(form.slots)] = append(f[len(form.slots)], form)
	}
	for _, same := range f {
		sum := 0.0
		for i := range same {
			sum += same[i].weight
		}
		for i := range same {
			same[i].weight /= sum
		}
	}
	return &f
}

// ratios is, for each character, its probability in a place that holds one of
// set, against one in chars.
func ratios(set string, slip float64) (r [chars]float64) {
	n := float64(len(set))
	for i := range r {
		r[i] = slip / max(float64(chars)-n, 1) * float64(chars)
	}
	for k := range len(set) {
		r[alpr.SymbolIndex(set[k])] = (1 - slip) / n * float64(chars)
	}
	return r
}

// anyones is the formats of all issuers, each issuer counting alike.
func anyones(t *table) []format {
	var all []format
	for _, name := range t.issuers {
		for _, f := range t.formats[name] {
			f.weight /= float64(len(t.issuers))
			i := slices.IndexFunc(all, func(o format) bool { return slices.Equal(o.slots, f.slots) })
			if i < 0 {
				f.issuer = ""
				all = append(all, f)
				continue
			}
			all[i].weight += f.weight
		}
	}
	return all
}

// source is one possible issuer of a plate: a name, or "" for any other.
type source struct {
	name    string
	p       float64
	formats *family
}

// sources are the issuers that were read, and "any".
func (f *Formats) sources(regions []alpr.RegionProb) []source {
	list := []source{{p: 1, formats: f.anyones}}
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
	bySet   [][alpr.Slots]float64 // of each set and place: Σ p(c)·ratio(c)
	pads    lengths               // probability that all places from here on are empty
	length  lengths               // probability of each number of characters
	sources []source
	of      []lengths // of each source: how much more probable the picture is for its plates than for any text
	all     lengths   // the sources' together
}

func (f *Formats) plate(t *alpr.Text) *plate {
	p := &plate{f: f, post: t.Posterior.Tempered(t.Confidence), bySet: make([][alpr.Slots]float64, len(f.ratio)), sources: f.sources(t.Regions)}
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
func (p *plate) evidence(s *source) (v lengths) {
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
func (p *plate) mixed(formatted float64) float64 {
	m := &p.f.model
	return 1 - m.Formatted + m.Formatted*formatted
}

// ofFormat is the mean over all texts of a format's length, as the picture
// weighs them, of how much oftener the format gives them than chance.
func (p *plate) ofFormat(f *format) float64 {
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
func (p *plate) weigh(text string) float64 {
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
func (f *Formats) ratioOf(form *format, text string) float64 {
	v := 1.0
	for s, set := range form.slots {
		v *= f.ratio[set][alpr.SymbolIndex(text[s])]
	}
	return v
}

// Decide decides text and issuer of a plate together, by Bayes' rule:
//
//	P(text, issuer | picture) ∝ P(characters | picture) · P(issuer | picture) · P(text | issuer)
//
// where the last is a mixture of the issuer's formats and of any text at all.
// It gives the n most probable texts. Posterior stays what the picture says,
// and so does ByPicture, which is what would have been read without formats. A
// text that was decided before is decided anew from the picture.
func (f *Formats) Decide(t alpr.Text, n int) alpr.Text {
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
func (p *plate) candidates(t *alpr.Text) []alpr.Candidate {
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

// leastShare is the share of all texts below which a format's are not looked at.
const leastShare = 5e-3

// mostSure is the highest probability that is ever given to a text.
const mostSure = 0.999

func (p *plate) logProb(text string) float64 {
	sum := math.Log(p.pads[len(text)])
	for s := range len(text) {
		sum += math.Log(p.post[s][alpr.SymbolIndex(text[s])])
	}
	return sum
}

// bestOf is the most probable text of a format, and those that differ from it
// in one place by the next character there.
func (p *plate) bestOf(f *format) []string {
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
func (p *plate) charConfidence(text string) []float32 {
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
func (p *plate) reason(text string) alpr.SerialFormat {
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

// Usual is the most usual format of an issuer that is of letters (L) and digits
// (D) alone, as a pattern; "" where it has none.
func (f *Formats) Usual(name string) string {
	usual, most := "", 0.0
	for _, form := range f.table.formats[name] {
		s := shape(form.pattern)
		if strings.Trim(s, "LD") == "" && strings.Contains(s, "L") && form.weight > most {
			usual, most = s, form.weight
		}
	}
	return usual
}

// shape is a pattern without what is not part of the text.
func shape(pattern string) string {
	out := make([]byte, 0, len(pattern))
	depth := 0
	for i := range len(pattern) {
		switch c := pattern[i]; {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case depth > 0, c == '_', c == '-', c == '.', c == '*', c == '#', c == '%':
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
