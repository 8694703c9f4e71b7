package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"alpr"
	"alpr/hotlist"
)

// simStart is when the simulated traffic passes.
func simStart() time.Time { return time.Date(2031, 5, 2, 12, 0, 0, 0, time.UTC) }

// Plan says what to simulate.
type Plan struct {
	Entries int    // of the list
	Passes  int    // of plates that are not on it
	Wanted  int    // passes of plates that are
	Home    string // state that four of five passes are from
	Seed    uint64
	Policy  hotlist.AlertPolicy // its thresholds are not used: the outcome holds for every one
	// MinConfidence leaves out reads that are less sure: the pipeline does not
	// compare them.
	MinConfidence float64
	// Serials says how states issue; nil: in made-up layouts.
	Serials Serials
	// IsDecided lets Serials decide the texts, as the pipeline does; else the
	// pictures alone do.
	IsDecided bool
}

// Serials is what is known of issuers' serials.
type Serials interface {
	// Decide brings it into a text, of which at most n candidates are wanted.
	Decide(t alpr.Text, n int) alpr.Text
	// Usual is an issuer's most usual format of letters (L) and digits (D) alone,
	// "" where it has none.
	Usual(issuer string) string
}

// Outcome is what a simulation counted. Index i of a histogram counts the
// passes whose most probable hit has P in [i/100, (i+1)/100).
type Outcome struct {
	Passes, Wanted int
	Skipped        int      // passes that were read too badly to be compared, of both sorts
	False          [101]int // false hits by P
	FalseText      [101]int // of these, by a misread; the rest are the same text of another state
	FalseRead      [101]int // of the false hits, those with the state read as the listed one
	Right          [101]int // right hits by P
	// What matching by text alone, without probability and state, would do.
	PlainFalse, PlainRight int // the read text is listed
	LooseFalse, LooseRight int // it or a text with one look-alike changed is
}

// At sums up at a threshold: false hits per 10,000 reads, and the share of
// wanted passes without their hit.
func (o *Outcome) At(threshold float64) (falsePer10000, missed float64) {
	right := 0
	for _, n := range o.Right[int(threshold*100+0.5):] {
		right += n
	}
	return o.Rate(o.False, threshold), 1 - float64(right)/float64(max(1, o.Wanted))
}

// Rate sums a histogram of false hits up from a threshold, per 10,000 reads.
func (o *Outcome) Rate(histogram [101]int, threshold float64) float64 {
	n := 0
	for _, k := range histogram[int(threshold*100+0.5):] {
		n += k
	}
	return 1e4 * float64(n) / float64(max(1, o.Passes))
}

// Run drives past plates of which none, or all, are on a list, and counts
// what the matching rule makes of what the reader of the error model says.
//
// States issue their plates in sequence, so that nearly every text of a range
// is on some car: the neighbour of a listed plate that a misread turns into it
// is as common as it is in traffic, and one text is issued by many states.
func Run(ctx context.Context, m *ErrorModel, s Plan) (*Outcome, error) {
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	w := newWorld(rng, s.Home, s.Serials)
	listed, list, err := w.list(s.Entries)
	if err != nil {
		return nil, err
	}
	s.Policy.Thresholds = hotlist.Thresholds{Low: hotlist.LeastThreshold, Normal: hotlist.LeastThreshold, High: hotlist.LeastThreshold}
	s.Policy.Lists, s.Policy.MaxAge = nil, 0
	r := run{s: s, camera: newCamera(m, rng), list: list, index: hotlist.NewIndex(list), alike: lookAlikes()}
	for i := range s.Passes {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("simulate: %w", context.Cause(ctx))
		}
		p := w.pass()
		for listed[p] {
			p = w.pass()
		}
		r.pass(p, false)
	}
	var home, any []plateID
	for e := range list.All() {
		any = append(any, plateID{e.Plate, e.State})
		if e.State == s.Home {
			home = append(home, any[len(any)-1])
		}
	}
	for range s.Wanted { // wanted cars are of the traffic's states too
		from := any
		if len(home) > 0 && rng.IntN(5) > 0 {
			from = home
		}
		r.pass(from[rng.IntN(len(from))], true)
	}
	r.out.Passes, r.out.Wanted = s.Passes, s.Wanted
	return &r.out, nil
}

// commonlyAlike are the characters that systems which compare texts loosely take
// for one. It is their rule that is simulated here and not this project's table
// (internal/platetext), whose rarer pairs would only make them look worse.
const commonlyAlike = "0OQD 1IL 2Z 5S 8B 6G 7T 4A UV VY"

func lookAlikes() (table [256][]byte) {
	for group := range strings.FieldsSeq(commonlyAlike) {
		for i := range group {
			for j := range group {
				if i != j {
					table[group[i]] = append(table[group[i]], group[j])
				}
			}
		}
	}
	return table
}

// plateID is a plate as it is issued.
type plateID struct{ text, state string }

type run struct {
	s      Plan
	camera *camera
	list   *hotlist.List
	index  *hotlist.Index
	alike  [256][]byte // look-alikes of each character
	out    Outcome
}

func (r *run) pass(p plateID, isWanted bool) {
	read := r.camera.see(p.text, p.state)
	if r.s.IsDecided && r.s.Serials != nil {
		const candidates = 5 // as the pipeline asks for
		read.Text = r.s.Serials.Decide(read.Text, candidates)
	}
	if read.Text.Confidence < r.s.MinConfidence {
		r.out.Skipped++
		return
	}
	var wrong, right float64
	var wrongText string
	var isStateRead bool
	for _, h := range r.index.Match(&read, &r.s.Policy) {
		if h.Entry.Plate == p.text && h.Entry.State == p.state {
			right = max(right, h.P)
		} else if h.P > wrong {
			wrong, wrongText, isStateRead = h.P, h.Entry.Plate, h.State == alpr.StateMatch
		}
	}
	if wrong > 0 {
		i := int(wrong * 100)
		r.out.False[i]++
		if wrongText != p.text {
			r.out.FalseText[i]++
		}
		if isStateRead {
			r.out.FalseRead[i]++
		}
	}
	if isWanted && right > 0 {
		r.out.Right[int(right*100)]++
	}
	r.plain(read.Text.Text, p, isWanted)
}

// plain counts what matching by text alone would do.
func (r *run) plain(text string, p plateID, isWanted bool) {
	right, wrong := r.texts(text, p)
	count(&r.out.PlainRight, right && isWanted)
	count(&r.out.PlainFalse, wrong)
	b := []byte(text)
	for i, c := range b {
		for _, other := range r.alike[c] {
			b[i] = other
			alsoRight, alsoWrong := r.texts(string(b), p)
			right, wrong = right || alsoRight, wrong || alsoWrong
		}
		b[i] = c
	}
	count(&r.out.LooseRight, right && isWanted)
	count(&r.out.LooseFalse, wrong)
}

func (r *run) texts(text string, p plateID) (right, wrong bool) {
	for e := range r.list.Lookup(text) {
		if e.Plate == p.text && e.State == p.state {
			right = true
		} else {
			wrong = true
		}
	}
	return right, wrong
}

func count(n *int, is bool) {
	if is {
		*n++
	}
}

// world issues plates.
type world struct {
	rng    *rand.Rand
	home   int
	states []issuer
	total  float64
}

// issuer is a state that has issued the texts of one range, in sequence.
type issuer struct {
	code     string
	millions float64 // vehicles
	from     int     // first number of the range
	layout   string
}

// layouts are orders of letters (A) and digits (0) that plates are issued in.
func layouts() []string { return []string{"AAA0000", "0AAA000", "AAA000", "AA00000"} }

// vehicles are the states' registered vehicles, in tenths of a million, rounded.
const vehicles = "AL 53 AK 8 AZ 60 AR 28 CA 310 CO 54 CT 29 DE 10 FL 185 GA 89 HI 12 ID 20 IL 107 IN 62 IA 38 KS 26 KY 45 LA 39 " +
	"ME 11 MD 42 MA 51 MI 84 MN 57 MS 21 MO 56 MT 20 NE 20 NV 26 NH 14 NJ 60 NM 18 NY 113 NC 88 ND 9 OH 107 OK 37 OR 41 PA 107 " +
	"RI 9 SC 46 SD 13 TN 60 TX 225 UT 25 VT 6 VA 77 WA 75 WV 17 WI 56 WY 9"

func newWorld(rng *rand.Rand, home string, serials Serials) *world {
	w := &world{rng: rng}
	words := strings.Fields(vehicles)
	for i := 0; i+1 < len(words); i += 2 {
		var tenths float64
		if _, err := fmt.Sscan(words[i+1], &tenths); err != nil {
			continue // a constant of numbers: none fails
		}
		is := issuer{code: "US-" + words[i], millions: tenths / 10, layout: layouts()[(i/2)%2]}
		if is.millions < 3 {
			is.layout = layouts()[2+(i/2)%2]
		}
		if serials != nil {
			if usual := serials.Usual(is.code); usual != "" {
				is.layout = strings.NewReplacer("L", "A", "D", "0").Replace(usual)
			}
		}
		is.from = rng.IntN(max(1, capacity(is.layout)-is.size()))
		w.states = append(w.states, is)
		w.total += is.millions
		if is.code == home {
			w.home = len(w.states) - 1
		}
	}
	return w
}

// size is how many texts the issuer has used: some more than are on the road.
func (is *issuer) size() int {
	return min(capacity(is.layout), int(is.millions*1.2e6))
}

const plateLetters = "ABCDEFGHJKLMNPRSTUVWXYZ" // without those that are digits to the eye

func capacity(layout string) int {
	n := 1
	for _, c := range layout {
		if c == 'A' {
			n *= len(plateLetters)
		} else {
			n *= 10
		}
	}
	return n
}

// text is the issuer's n-th plate.
func (is *issuer) text(n int) string {
	b := []byte(is.layout)
	v := is.from + n
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == 'A' {
			b[i] = plateLetters[v%len(plateLetters)]
			v /= len(plateLetters)
		} else {
			b[i] = byte('0' + v%10)
			v /= 10
		}
	}
	return string(b)
}

func (w *world) from(is *issuer) plateID {
	return plateID{is.text(w.rng.IntN(is.size())), is.code}
}

// any is a vehicle from anywhere.
func (w *world) any() plateID {
	v := w.rng.Float64() * w.total
	for i := range w.states {
		if v -= w.states[i].millions; v < 0 {
			return w.from(&w.states[i])
		}
	}
	return w.from(&w.states[len(w.states)-1])
}

// pass is a vehicle in the home state's traffic.
func (w *world) pass() plateID {
	if w.rng.IntN(5) > 0 {
		return w.from(&w.states[w.home])
	}
	return w.any()
}

func (w *world) list(n int) (map[plateID]bool, *hotlist.List, error) {
	listed := make(map[plateID]bool, n)
	b := hotlist.NewBuilder("simulated", "1", simStart())
	for len(listed) < n {
		p := w.any()
		if listed[p] {
			continue
		}
		listed[p] = true
		e := alpr.Entry{ID: p.state + p.text, Plate: p.text, PlateGiven: p.text, State: p.state, Priority: alpr.PriorityNormal}
		if err := b.Add(&e); err != nil {
			return nil, nil, err
		}
	}
	list, err := b.Done()
	return listed, list, err
}
