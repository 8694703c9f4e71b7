package hotlist

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"alpr"
)

// Index is the lists in use. It is immutable; With and Without make another.
type Index struct {
	lists []*List
}

// NewIndex makes an index of lists, each with a name of its own: of two with
// one name, the last counts.
func NewIndex(lists ...*List) *Index {
	x := &Index{}
	for _, l := range lists {
		x = x.With(l)
	}
	return x
}

// With is the index with one list added, or replaced where one has its name.
func (x *Index) With(l *List) *Index {
	return &Index{lists: append(x.Without(l.Name).lists, l)}
}

// Without is the index without the list of that name.
func (x *Index) Without(name string) *Index {
	return &Index{lists: slices.DeleteFunc(slices.Clone(x.lists), func(l *List) bool { return l.Name == name })}
}

// Lists are the lists in use.
func (x *Index) Lists() []*List { return slices.Clone(x.lists) }

// Len is how many entries all lists have together.
func (x *Index) Len() int {
	n := 0
	for _, l := range x.lists {
		n += l.Len()
	}
	return n
}

// Lookup returns the entries of exactly this plate in any writing, whether
// they may alert or not.
func (x *Index) Lookup(plate string) []alpr.Entry {
	var out []alpr.Entry
	for _, l := range x.lists {
		out = slices.AppendSeq(out, l.Lookup(alpr.Normalise(plate)))
	}
	return out
}

// Find is what the index says now of an entry that was in use before: the entry
// of its list with its id and plate, or where ids were given anew, with its
// plate and state.
func (x *Index) Find(e alpr.Entry) (now alpr.Entry, isListed bool) {
	for _, l := range x.lists {
		if l.Name != e.List {
			continue
		}
		for other := range l.Lookup(e.Plate) {
			if other.ID == e.ID {
				return other, true
			}
			if other.State == e.State && !isListed {
				now, isListed = other, true
			}
		}
	}
	return now, isListed
}

// Match returns the hits of a read under a policy, most urgent first, without
// IDs. One rule decides: the probability that the plate seen is the plate
// listed, text and state,
//
//	P = P(text | picture) · P(state | picture, text),
//
// has to reach the threshold of the list and priority. See likelyTexts for
// the first factor, stateProbability for the second, and docs/agency/matching.md for
// where both come from. No cool-down is applied: see Matcher.
func (x *Index) Match(read *alpr.Read, p *AlertPolicy) []alpr.Hit {
	var hits []alpr.Hit
	for _, text := range likelyTexts(&read.Text, p.least()) {
		code, ok := plateCode(text.Text)
		if !ok {
			continue
		}
		for _, l := range x.lists {
			hits = l.match(read, p, text, code, hits)
		}
	}
	slices.SortStableFunc(hits, func(a, b alpr.Hit) int {
		return cmp.Or(cmp.Compare(b.Entry.Priority, a.Entry.Priority), cmp.Compare(b.P, a.P), strings.Compare(a.Entry.ID, b.Entry.ID))
	})
	return hits
}

// match appends the list's hits for one likely text.
func (l *List) match(read *alpr.Read, p *AlertPolicy, text alpr.Candidate, code uint64, hits []alpr.Hit) []alpr.Hit {
	if l.n == 0 {
		return hits
	}
	for i := l.slot(code); l.table[i] != 0; i = (i + 1) & (len(l.table) - 1) {
		packed := l.at(l.table[i] - 1)
		if codeOf(packed) != code {
			continue
		}
		entry, _, err := l.unpack(packed)
		if err != nil { // hash has gone over every entry: none is damaged
			continue
		}
		if hit, ok := weigh(read, p, entry, text.P); ok {
			hits = append(hits, hit)
		}
	}
	return hits
}

// weigh decides on one entry whose text the plate shows with probability pText.
func weigh(read *alpr.Read, p *AlertPolicy, e alpr.Entry, pText float64) (alpr.Hit, bool) {
	age, isStale := p.age(&e, read.At)
	if p.whyNot(&e, read.At) != "" {
		return alpr.Hit{}, false
	}
	pState, verdict := stateProbability(read.Text.Regions, e.State, p.unread(e.State))
	total := pText * pState
	if !(total >= p.rule(e.List).of(e.Priority)) { // also NaN: what is no probability raises no alert
		return alpr.Hit{}, false
	}
	kind, differs := compare(&read.Text, e.Plate)
	return alpr.Hit{
		ReadID: read.ID, At: read.At, Entry: e, Kind: kind, Differs: differs, P: total, State: verdict, StateP: pState,
		ListAge: age, IsStale: isStale, Preview: read.Preview,
	}, true
}

// age is how old the entry's list is, and whether that is more than allowed.
// What an officer has entered does not age: it expires.
func (p *AlertPolicy) age(e *alpr.Entry, at time.Time) (age time.Duration, isStale bool) {
	if e.PublishedAt.IsZero() || e.IsManual {
		return 0, false
	}
	age = max(0, at.Sub(e.PublishedAt))
	limit := p.rule(e.List).maxAge
	return age, limit > 0 && age > limit
}

// Why an entry does not alert, as WhyNot says it.
const (
	WhyExpired    = "expired"
	WhyNotYet     = "not yet effective"
	WhyNotAllowed = "category not allowed"
	WhyStale      = "stale list"
)

// whyNot says why an entry may not alert at an instant, "" where it may.
func (p *AlertPolicy) whyNot(e *alpr.Entry, at time.Time) string {
	_, isStale := p.age(e, at)
	switch {
	case !e.Expires.IsZero() && !at.Before(e.Expires):
		return WhyExpired
	case !e.Effective.IsZero() && at.Before(e.Effective):
		return WhyNotYet
	case !p.allows(e.Category):
		return WhyNotAllowed
	case isStale && p.rule(e.List).blockStale:
		return WhyStale
	}
	return ""
}

// readFrom is the probability from which the picture is said to show a state:
// the verdict tells what was seen, not what was known beforehand.
const readFrom = 0.7

// stateProbability is the probability that the plate is of the listed state,
// given the picture and that its text is the one listed. regions leave a rest
// to 1 that is "not read"; of it, unread counts for the listed state. What was
// known beforehand so fills only what the picture leaves open: it never
// overrules a state that was read. A list that names no state is content with
// any.
func stateProbability(regions []alpr.RegionProb, listed string, unread float64) (float64, alpr.StateVerdict) {
	if listed == "" {
		return 1, alpr.StateUnknown
	}
	own, others := 0.0, 0.0
	for _, r := range regions {
		switch {
		case r.Region == listed || strings.HasPrefix(r.Region, listed+"-"):
			own += r.P
		case r.Region == "" || strings.HasPrefix(listed, r.Region+"-"):
			// not read, or the country alone: neither for nor against
		default:
			others += r.P
		}
	}
	p := min(1, own+unread*max(0, 1-own-others))
	switch {
	case own >= readFrom:
		return p, alpr.StateMatch
	case others >= readFrom:
		return p, alpr.StateMismatch
	}
	return p, alpr.StateUnknown
}
