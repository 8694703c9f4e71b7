package issuer

import (
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
	table    *table
	model    Model
	byName   map[string]*family
	anyones  *family // of all issuers, equal outlines as one
	outlines [alpr.Slots + 1]outlines
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
	all := anyones(t)
	f.anyones = newFamily(all)
	for n, same := range f.anyones {
		f.outlines[n] = newOutlines(n, same, t.sets, m.Slip)
	}
	for name, list := range t.formats {
		f.byName[name] = newFamily(list)
		f.link(f.byName[name])
	}
	f.link(f.anyones)
	return f
}

// link tells each format which of the outlines of its length it has.
func (f *Formats) link(of *family) {
	for n, same := range of {
		for i := range same {
			same[i].outline = f.outlines[n].index(same[i].slots)
		}
	}
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
	out.Candidates = make([]alpr.Candidate, 0, min(n, len(list)))
	for _, c := range list[:min(n, len(list))] {
		out.Candidates = append(out.Candidates, alpr.Candidate{Text: c.String(), P: c.p})
	}
	out.Text, out.Confidence = list[0].String(), list[0].p
	out.CharConf = p.charConfidence(&list[0].serial)
	out.Format = p.reason(&list[0].serial)
	return out
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
