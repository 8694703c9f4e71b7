package hotlist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist/hotlisttest"
)

var noon = time.Date(2031, 5, 2, 12, 0, 0, 0, time.UTC)

func entry(id, plate, state string) alpr.Entry {
	return alpr.Entry{ID: id, Plate: plate, State: state, Category: "stolen vehicle", Priority: alpr.PriorityNormal}
}

func listOf(t testing.TB, entries ...alpr.Entry) *List {
	t.Helper()
	l, err := FromEntries("state", "v1", noon.Add(-time.Hour), entries)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestMatchByProbability(t *testing.T) {
	listed := listOf(t, entry("n1", "ABC0123", "US-WA"))
	for _, c := range []struct {
		name  string
		read  alpr.Read
		kind  alpr.MatchKind
		state alpr.StateVerdict
		p     float64 // 0: no hit
	}{
		{"exact, state read", hotlisttest.InState(hotlisttest.Spell(0.95, "ABC0123"), "US-WA", 0.96), alpr.MatchExact, alpr.StateMatch, 0.95 * 0.98},
		{"exact, state not read", hotlisttest.Spell(0.95, "ABC0123"), alpr.MatchExact, alpr.StateUnknown, 0.95 * 0.5},
		{"exact, country alone read", hotlisttest.InState(hotlisttest.Spell(0.95, "ABC0123"), "US", 0.9), alpr.MatchExact, alpr.StateUnknown, 0.95 * 0.5},
		{"exact, another state", hotlisttest.InState(hotlisttest.Spell(0.95, "ABC0123"), "US-OR", 0.95), "", "", 0},
		{"O for 0, as likely", hotlisttest.InState(hotlisttest.Seen(0.5, "A", "B", "C", "O|0", "1", "2", "3"), "US-WA", 1), alpr.MatchLookAlike, alpr.StateMatch, 0.49},
		{"one weak character", hotlisttest.InState(hotlisttest.Seen(0.5, "A", "B", "C", "0", "1", "2", "K|3"), "US-WA", 1), alpr.MatchTolerant, alpr.StateMatch, 0.49},
		{"a clearly seen O", hotlisttest.InState(hotlisttest.Spell(0.97, "ABCO123"), "US-WA", 1), "", "", 0},
		{"a clearly seen other character", hotlisttest.InState(hotlisttest.Spell(0.97, "ABC0124"), "US-WA", 1), "", "", 0},
		{"a blurred plate", hotlisttest.InState(hotlisttest.Seen(0.1, "A|H", "B|8", "C|G", "0|O", "1|I", "2|Z", "3|8"), "US-WA", 1), "", "", 0},
		{"confidence that is no number", hotlisttest.InState(hotlisttest.Spell(math.NaN(), "ABC0123"), "US-WA", 1), "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := DefaultAlertPolicy()
			hits := NewIndex(listed).Match(&c.read, &p)
			if c.p == 0 {
				if len(hits) != 0 {
					t.Fatalf("a hit: %+v", hits[0])
				}
				return
			}
			if len(hits) != 1 {
				t.Fatalf("%d hits", len(hits))
			}
			h := hits[0]
			if h.Kind != c.kind || h.State != c.state || math.Abs(h.P-c.p) > 0.02 {
				t.Errorf("kind %s, state %s, P %.3f; want %s, %s, %.3f", h.Kind, h.State, h.P, c.kind, c.state, c.p)
			}
			if h.ReadID != c.read.ID || !h.At.Equal(noon) || h.ListAge != time.Hour || h.IsStale || h.Entry.ID != "n1" {
				t.Errorf("hit %+v", h)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		read, listed string
		kind         alpr.MatchKind
		want         string
	}{
		{"ABC123", "ABC123", alpr.MatchExact, "[]"},
		{"ABCI23", "ABC123", alpr.MatchLookAlike, "[3 I→1]"},
		{"A8CI23", "ABC123", alpr.MatchLookAlike, "[1 8→B 3 I→1]"},
		{"ABK123", "ABC123", alpr.MatchTolerant, "[2 K→C]"},
		{"BC123", "ABC123", alpr.MatchTolerant, "[0 →A]"},
		{"ABC1234", "ABC123", alpr.MatchTolerant, "[6 4→]"},
	} {
		r := hotlisttest.Spell(0.9, c.read)
		kind, diffs := compare(&r.Text, c.listed)
		var parts []string
		for _, d := range diffs {
			parts = append(parts, fmt.Sprintf("%d %s→%s", d.Slot, d.Read, d.Listed))
		}
		if got := fmt.Sprint(parts); kind != c.kind || got != c.want {
			t.Errorf("%s for %s: %s %s, want %s %s", c.read, c.listed, kind, got, c.kind, c.want)
		}
	}
}

// likelyTexts must find what going over all texts of a small world finds.
func TestLikelyTextsMissesNone(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 10 {
		var text alpr.Text
		for s := range text.Posterior {
			row := &text.Posterior[s]
			if s >= 3 {
				row[alpr.Pad] = 1
				continue
			}
			var sum float32
			for i := range row {
				row[i] = float32(math.Pow(rng.Float64(), 12))
				sum += row[i]
			}
			row[alpr.Pad] = 0
			for i := range row {
				row[i] /= sum
			}
		}
		text.Text, text.Confidence = text.Posterior.Best(), rng.Float64()
		const least = 0.02
		got := map[string]float64{}
		for _, c := range likelyTexts(&text, least) {
			got[c.Text] = c.P
		}
		qBest := math.Exp(text.Posterior.LogProb(text.Text))
		want := 0
		for a := range alpr.Alphabet {
			for b := range alpr.Alphabet {
				for c := range alpr.Alphabet {
					s := string([]byte{alpr.Alphabet[a], alpr.Alphabet[b], alpr.Alphabet[c]})
					p := min(text.Confidence, (1-text.Confidence)*math.Exp(text.Posterior.LogProb(s))/(1-qBest))
					if s == text.Text {
						p = text.Confidence
					}
					if p < least {
						continue
					}
					want++
					if math.Abs(got[s]-p) > 1e-9 {
						t.Fatalf("round %d: %s has %v, want %v", round, s, got[s], p)
					}
				}
			}
		}
		if len(got) != want {
			t.Fatalf("round %d: %d texts, want %d", round, len(got), want)
		}
	}
}

// TestFormatsOnlyAdd: where knowledge of serials made another text of the
// picture, a listed plate that breaks the format still matches as the picture
// says, and one that keeps it matches as both together say.
func TestFormatsOnlyAdd(t *testing.T) {
	read := hotlisttest.Seen(0.6, "B", "A", "3", "0", "2", "0O", "Z")
	read.Text.ByPicture = alpr.Candidate{Text: "BA3020Z", P: 0.6}
	read.Text.Text, read.Text.Confidence = "BA302OZ", 0.97
	read.Text.Candidates = []alpr.Candidate{{Text: "BA302OZ", P: 0.97}, {Text: "BA3020Z", P: 0.02}}
	index := NewIndex(listOf(t, entry("1", "BA3020Z", ""), entry("2", "BA302OZ", "")))
	policy := DefaultAlertPolicy()
	got := map[string]alpr.Hit{}
	for _, h := range index.Match(&read, &policy) {
		got[h.Entry.Plate] = h
	}
	for plate, want := range map[string]struct {
		p    float64
		kind alpr.MatchKind
	}{"BA3020Z": {0.6, alpr.MatchLookAlike}, "BA302OZ": {0.97, alpr.MatchExact}} {
		if h := got[plate]; math.Abs(h.P-want.p) > 1e-9 || h.Kind != want.kind {
			t.Errorf("%s: %s at %.3f, want %s at %.2f", plate, h.Kind, h.P, want.kind, want.p)
		}
	}
}

func TestEntriesThatMustNotAlert(t *testing.T) {
	read := hotlisttest.InState(hotlisttest.Spell(0.98, "ABC123"), "US-WA", 1)
	base := entry("n1", "ABC123", "US-WA")
	for _, c := range []struct {
		name   string
		entry  func(*alpr.Entry)
		policy func(*AlertPolicy)
		want   int
	}{
		{"plain", nil, nil, 1},
		{"expired", func(e *alpr.Entry) { e.Expires = noon }, nil, 0},
		{"expires later", func(e *alpr.Entry) { e.Expires = noon.Add(time.Second) }, nil, 1},
		{"not yet effective", func(e *alpr.Entry) { e.Effective = noon.Add(time.Second) }, nil, 0},
		{"just effective", func(e *alpr.Entry) { e.Effective = noon }, nil, 1},
		{"forbidden category", nil, func(p *AlertPolicy) { p.ForbidCategories = []string{"Stolen Vehicle"} }, 0},
		{"category not allowed", nil, func(p *AlertPolicy) { p.AllowCategories = []string{"amber alert"} }, 0},
		{"allowed category", nil, func(p *AlertPolicy) { p.AllowCategories = []string{"STOLEN VEHICLE"} }, 1},
		{"forbidding wins", nil, func(p *AlertPolicy) {
			p.AllowCategories, p.ForbidCategories = []string{"stolen vehicle"}, []string{"stolen vehicle"}
		}, 0},
		{"stale", nil, func(p *AlertPolicy) { p.MaxAge = time.Minute }, 1},
		{"stale and blocking", nil, func(p *AlertPolicy) { p.MaxAge, p.BlockStale = time.Minute, true }, 0},
		{"stale by the list's own limit", nil, func(p *AlertPolicy) {
			age, block := time.Minute, true
			p.Lists = map[string]ListPolicy{"state": {MaxAge: &age, BlockStale: &block}}
		}, 0},
		{"under the list's own threshold", nil, func(p *AlertPolicy) {
			p.Lists = map[string]ListPolicy{"state": {Thresholds: &Thresholds{Low: 1, Normal: 1, High: 1}}}
		}, 0},
		{"low priority, state read", func(e *alpr.Entry) { e.Priority = alpr.PriorityLow }, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, p := base, DefaultAlertPolicy()
			if c.entry != nil {
				c.entry(&e)
			}
			if c.policy != nil {
				c.policy(&p)
			}
			hits := NewIndex(listOf(t, e)).Match(&read, &p)
			if len(hits) != c.want {
				t.Fatalf("%d hits, want %d", len(hits), c.want)
			}
			if c.name == "stale" && !hits[0].IsStale {
				t.Error("the hit does not say that its list is stale")
			}
		})
	}
}

func TestNoProbabilityRaisesNoAlert(t *testing.T) {
	index, p, nan := NewIndex(listOf(t, entry("n1", "ABC123", "US-WA"))), DefaultAlertPolicy(), math.NaN()
	read, state := hotlisttest.Spell(nan, "ABC123"), hotlisttest.InState(hotlisttest.Spell(0.98, "ABC123"), "US-WA", nan)
	for name, r := range map[string]*alpr.Read{"of the text": &read, "of the state": &state} {
		if hits := index.Match(r, &p); len(hits) > 0 {
			t.Errorf("%s: %+v", name, hits)
		}
	}
}

func TestThresholdsFollowPriority(t *testing.T) {
	p := DefaultAlertPolicy()
	for _, c := range []struct {
		p    float64
		want map[alpr.Priority]int
	}{
		{p.Thresholds.Low, map[alpr.Priority]int{alpr.PriorityLow: 1, alpr.PriorityNormal: 1, alpr.PriorityHigh: 1}},
		{p.Thresholds.Normal, map[alpr.Priority]int{alpr.PriorityLow: 0, alpr.PriorityNormal: 1, alpr.PriorityHigh: 1}},
		{p.Thresholds.High, map[alpr.Priority]int{alpr.PriorityLow: 0, alpr.PriorityNormal: 0, alpr.PriorityHigh: 1}},
		{p.Thresholds.High - 0.01, map[alpr.Priority]int{alpr.PriorityLow: 0, alpr.PriorityNormal: 0, alpr.PriorityHigh: 0}},
	} {
		for priority, want := range c.want {
			e := entry("n1", "ABC123", "")
			e.Priority = priority
			read := hotlisttest.Spell(c.p, "ABC123")
			if hits := NewIndex(listOf(t, e)).Match(&read, &p); len(hits) != want {
				t.Errorf("P %.2f, priority %d: %d hits, want %d", c.p, priority, len(hits), want)
			}
		}
	}
}

func TestHitsComeMostUrgentFirst(t *testing.T) {
	low, high := entry("a", "ABC123", ""), entry("b", "ABC123", "")
	low.Priority, high.Priority = alpr.PriorityLow, alpr.PriorityHigh
	read, p := hotlisttest.Spell(0.95, "ABC123"), DefaultAlertPolicy()
	hits := NewIndex(listOf(t, low, high)).Match(&read, &p)
	if len(hits) != 2 || hits[0].Entry.ID != "b" {
		t.Errorf("hits %+v", hits)
	}
}

func TestCoolDown(t *testing.T) {
	m, err := NewMatcher(DefaultAlertPolicy())
	if err != nil {
		t.Fatal(err)
	}
	m.Swap(NewIndex(listOf(t, entry("n1", "ABC123", "US-WA"), entry("n2", "ABC123", "US-OR"), entry("n3", "XYZ789", "US-WA"))))
	next := byte(0)
	pass := func(plate, state string, after time.Duration) alpr.Read {
		r := hotlisttest.InState(hotlisttest.Spell(0.97, plate), state, 1)
		next++
		r.ID, r.At = alpr.ID{next}, noon.Add(after)
		return r
	}
	step := func(what string, r alpr.Read, want int) {
		t.Helper()
		if hits := m.Match(r); len(hits) != want {
			t.Errorf("%s: %d hits, want %d", what, len(hits), want)
		}
	}
	first := pass("ABC123", "US-WA", 0)
	step("the first pass", first, 1)
	first.Revision++
	step("its revision", first, 1)
	step("the same car a minute later", pass("ABC123", "US-WA", time.Minute), 0)
	step("a second wanted plate", pass("XYZ789", "US-WA", time.Minute), 1)
	step("the same text of another state", pass("ABC123", "US-OR", time.Minute), 1)
	step("after the cool-down", pass("ABC123", "US-WA", 6*time.Minute), 1)
}

func TestWithdrawnHitDoesNotSilenceTheRightCar(t *testing.T) {
	m, err := NewMatcher(DefaultAlertPolicy())
	if err != nil {
		t.Fatal(err)
	}
	m.Swap(NewIndex(listOf(t, entry("n1", "ABC123", ""))))
	preview := hotlisttest.Spell(0.8, "ABC123")
	if n := len(m.Match(preview)); n != 1 {
		t.Fatalf("preview: %d hits", n)
	}
	final := hotlisttest.Spell(0.99, "ABC128")
	final.ID, final.Revision = preview.ID, 2
	if n := len(m.Match(final)); n != 0 {
		t.Fatalf("final: %d hits", n)
	}
	wanted := hotlisttest.Spell(0.99, "ABC123")
	wanted.ID, wanted.At = alpr.ID{9}, noon.Add(time.Second)
	if n := len(m.Match(wanted)); n != 1 {
		t.Errorf("the wanted car right after it: %d hits", n)
	}
}

func TestCoolDownMemoryIsBounded(t *testing.T) {
	m, err := NewMatcher(DefaultAlertPolicy())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxRecent {
		m.prune(noon, time.Minute)
		m.recent[alertKey{plate: fmt.Sprint(i)}] = alert{at: noon}
	}
	if len(m.recent) > maxRecent {
		t.Errorf("%d alerts remembered", len(m.recent))
	}
}

func TestIndexSwap(t *testing.T) {
	a, b := listOf(t, entry("n1", "ABC123", "")), listOf(t, entry("n2", "XYZ789", ""))
	x := NewIndex(a)
	y := x.With(b) // has the same name: replaces
	if x.Len() != 1 || len(x.Lookup("abc-123")) != 1 || len(y.Lookup("ABC123")) != 0 || len(y.Lookup("XYZ 789")) != 1 {
		t.Error("a swap changed the index it was made from, or did not replace")
	}
	if y.Without("state").Len() != 0 {
		t.Error("the list was not taken out")
	}
	empty := NewIndex(listOf(t))
	if read, p := hotlisttest.Spell(0.9, "ABC123"), DefaultAlertPolicy(); len(empty.Match(&read, &p)) != 0 || len(empty.Lookup("ABC123")) != 0 {
		t.Error("an empty list matched")
	}
}

func TestPolicyValidate(t *testing.T) {
	for name, change := range map[string]func(*AlertPolicy){
		"threshold of zero":  func(p *AlertPolicy) { p.Thresholds.High = 0 },
		"threshold over one": func(p *AlertPolicy) { p.Thresholds.Low = 1.1 },
		"not a number":       func(p *AlertPolicy) { p.UnreadState = math.NaN() },
		"no such state":      func(p *AlertPolicy) { p.Home = "Florida" },
		"no same text":       func(p *AlertPolicy) { p.SameText = 0 },
		"negative age":       func(p *AlertPolicy) { p.MaxAge = -1 },
		"list's threshold":   func(p *AlertPolicy) { p.Lists = map[string]ListPolicy{"x": {Thresholds: &Thresholds{}}} },
		"list's age":         func(p *AlertPolicy) { d := -time.Hour; p.Lists = map[string]ListPolicy{"x": {MaxAge: &d}} },
	} {
		p := DefaultAlertPolicy()
		change(&p)
		if err := p.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	p := DefaultAlertPolicy()
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

func TestStateProbability(t *testing.T) {
	for _, c := range []struct {
		name    string
		regions []alpr.RegionProb
		listed  string
		p       float64
		verdict alpr.StateVerdict
	}{
		{"none listed", []alpr.RegionProb{{Region: "US-WA", P: 1}}, "", 1, alpr.StateUnknown},
		{"none read", nil, "US-WA", 0.5, alpr.StateUnknown},
		{"the same", []alpr.RegionProb{{Region: "US-WA", P: 0.9}}, "US-WA", 0.95, alpr.StateMatch},
		{"another", []alpr.RegionProb{{Region: "US-OR", P: 0.9}}, "US-WA", 0.05, alpr.StateMismatch},
		{"torn", []alpr.RegionProb{{Region: "US-OR", P: 0.5}, {Region: "US-WA", P: 0.5}}, "US-WA", 0.5, alpr.StateUnknown},
		{"country listed, state read", []alpr.RegionProb{{Region: "MX-JAL", P: 0.9}}, "MX", 0.95, alpr.StateMatch},
		{"rather another", []alpr.RegionProb{{Region: "US-OR", P: 0.6}}, "US-WA", 0.2, alpr.StateUnknown},
		{"another country", []alpr.RegionProb{{Region: "DE", P: 1}}, "US-DE", 0, alpr.StateMismatch},
	} {
		p, v := stateProbability(c.regions, c.listed, 0.5)
		if math.Abs(p-c.p) > 1e-9 || v != c.verdict {
			t.Errorf("%s: %v %s, want %v %s", c.name, p, v, c.p, c.verdict)
		}
	}
}

func TestUnreadStateFollowsTraffic(t *testing.T) {
	p := DefaultAlertPolicy()
	if got := p.unread("US-WA"); got != 0.5 {
		t.Errorf("without a home: %v", got)
	}
	p.Home = "US-WA"
	if got := p.unread("US-WA"); math.Abs(got-0.8/0.82) > 1e-9 {
		t.Errorf("of home: %v", got)
	}
	if got := p.unread("US-OR"); math.Abs(got-0.004/(0.004+0.0996)) > 1e-9 {
		t.Errorf("of elsewhere: %v", got)
	}
}

func TestFindFollowsAnEntryThroughItsListsVersions(t *testing.T) {
	before := alpr.Entry{ID: "7", List: "state", Plate: "ABC123", State: "US-FL"}
	for name, test := range map[string]struct {
		now  []alpr.Entry
		want string // id found
	}{
		"as it was":         {[]alpr.Entry{{ID: "7", Plate: "ABC123", State: "US-FL"}}, "7"},
		"state corrected":   {[]alpr.Entry{{ID: "7", Plate: "ABC123", State: "US-GA"}}, "7"},
		"ids given anew":    {[]alpr.Entry{{ID: "8", Plate: "ABC123", State: "US-FL"}}, "8"},
		"its own id counts": {[]alpr.Entry{{ID: "8", Plate: "ABC123", State: "US-FL"}, {ID: "7", Plate: "ABC123", State: "US-FL"}}, "7"},
		"another plate":     {[]alpr.Entry{{ID: "7", Plate: "ABC124", State: "US-FL"}}, ""},
		"another state":     {[]alpr.Entry{{ID: "8", Plate: "ABC123", State: "US-GA"}}, ""},
		"gone":              {nil, ""},
	} {
		list, err := FromEntries("state", "2", time.Time{}, test.now)
		if err != nil {
			t.Fatal(err)
		}
		other, err := FromEntries("other", "1", time.Time{}, []alpr.Entry{before})
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := NewIndex(list, other).Find(before); got.ID != test.want || ok != (test.want != "") {
			t.Errorf("%s: found %q", name, got.ID)
		}
	}
}
