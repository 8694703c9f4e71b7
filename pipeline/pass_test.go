package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

// TestOneReadPerPass drives scenes of the road: each car is one read, exactly.
func TestOneReadPerPass(t *testing.T) {
	crossing := func(dir float64, w float64) func(float64) (float64, float64, float64) {
		return func(sec float64) (float64, float64, float64) { return 640 + dir*(sec-1.5)*350, 400, w }
	}
	hidden := func(path func(float64) (float64, float64, float64), from, to float64) func(float64) (float64, float64, float64) {
		return func(sec float64) (float64, float64, float64) {
			if sec > from && sec < to {
				return 0, 0, 0
			}
			return path(sec)
		}
	}
	flicker := make(map[int]string)
	for i := 1; i <= 90; i += 3 {
		flicker[i] = "K0B123"
	}
	shortened := make(map[int]string)
	for i := range 91 {
		if i%11 == 2 || i%11 == 5 || i%11 == 6 {
			shortened[i] = "BC1234" // the first character missed
		}
	}
	tests := []struct {
		name    string
		seconds float64
		cars    []car
		shake   float64
		missed  float64
		errRate float64
		want    []string
	}{
		{name: "one car overtakes", seconds: 3, cars: []car{{text: "ABC1234", path: approach(0, 3)}}, want: []string{"ABC1234"}},
		{name: "nothing", seconds: 3},
		{name: "two cars cross", seconds: 3, want: []string{"ABC1234", "XYZ987"},
			cars: []car{{text: "ABC1234", path: crossing(1, 90)}, {text: "XYZ987", path: crossing(-1, 80)}}},
		{name: "two plates of one fleet side by side", seconds: 3, want: []string{"FLT1001", "FLT1002"},
			cars: []car{{text: "FLT1001", path: stands(500, 400, 90, 0, 3)}, {text: "FLT1002", path: stands(700, 400, 90, 0, 3)}}},
		{name: "one fleet one after the other in the same place", seconds: 6, want: []string{"FLT1001", "FLT1007"},
			cars: []car{{text: "FLT1001", path: stands(600, 400, 90, 0, 2)}, {text: "FLT1007", path: stands(600, 400, 90, 3, 6)}}},
		{name: "another car takes the place at once", seconds: 4, want: []string{"HJK445", "PQR882"},
			cars: []car{{text: "HJK445", path: stands(600, 400, 90, 0, 2)}, {text: "PQR882", path: stands(610, 402, 90, 2.05, 4)}}},
		{name: "one drives off, another comes from where it went", seconds: 9, want: []string{"ETC9498", "LGM453"},
			cars: []car{{text: "LGM453", path: hidden(shrinking(640, 380, 90, 16, 0, 3), 3, 9)}, {text: "ETC9498", path: hidden(shrinking(640, 380, 16, 90, 5, 8), -1, 3)}}},
		{name: "short occlusion", seconds: 4, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: hidden(approach(0, 4), 1.5, 1.9)}}},
		{name: "long occlusion", seconds: 8, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: hidden(stands(600, 400, 80, 0, 8), 2, 6)}}},
		{name: "stopped behind one car for a minute", seconds: 60, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: stands(640, 400, 120, 0, 60)}}},
		{name: "behind one car, hidden again and again", seconds: 60, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: func(sec float64) (float64, float64, float64) {
				if int(sec)%12 > 7 {
					return 0, 0, 0
				}
				return 640, 400, 100
			}}}},
		{name: "a row of parked cars", seconds: 9, want: []string{"PARK01", "PARK02", "PARK03", "PARK04"},
			cars: []car{
				{text: "PARK01", path: passing(0)}, {text: "PARK02", path: passing(2)},
				{text: "PARK03", path: passing(4)}, {text: "PARK04", path: passing(6)},
			}},
		{name: "hand-held", seconds: 3, shake: 25, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: stands(600, 400, 80, 0, 3)}}},
		{name: "hand-held, two cars", seconds: 3, shake: 25, want: []string{"ABC1234", "XYZ987"},
			cars: []car{{text: "ABC1234", path: stands(500, 400, 80, 0, 3)}, {text: "XYZ987", path: stands(750, 420, 70, 0, 3)}}},
		{name: "every third detection missed", seconds: 3, missed: 0.35, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: approach(0, 3)}}},
		{name: "many characters misread", seconds: 3, errRate: 0.12, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: approach(0, 3)}}},
		{name: "look-alike flicker", seconds: 3, want: []string{"KOB123"},
			cars: []car{{text: "KOB123", path: stands(600, 400, 90, 0, 3), wrong: flicker}}},
		{name: "a character missed in every fourth frame or so", seconds: 3, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: stands(600, 400, 90, 0, 3), wrong: shortened}}},
		{name: "fast closing traffic", seconds: 1, want: []string{"ABC1234"},
			cars: []car{{text: "ABC1234", path: func(sec float64) (float64, float64, float64) {
				z := 40 - 45*sec // metres, 162 km/h closing
				if z < 4 {
					return 0, 0, 0
				}
				return 640 - 2500/z, 360 + 1200/z, 520 * 1.2 / z * 1.5
			}}}},
	}
	for _, tt := range tests {
		for _, fps := range []float64{12, 30} {
			t.Run(fmt.Sprintf("%s at %g fps", tt.name, fps), func(t *testing.T) {
				wrong := 0
				for seed := range uint64(5) {
					s := newScene(seed, fps, tt.seconds, tt.cars...)
					s.shake = tt.shake
					if tt.missed > 0 {
						s.missed = tt.missed
					}
					if tt.errRate > 0 {
						s.errRate = tt.errRate
					}
					k, _ := drive(t, s, nil)
					if got := texts(k.newest()); !slices.Equal(got, tt.want) {
						t.Errorf("seed %d: read %v, want %v", seed, got, tt.want)
						wrong++
					}
				}
			})
		}
	}
}

// TestFleetInARowAtFewFrames: parked cars whose serials differ in one digit go by
// so fast, for the frames there are, that the place alone tells none from its
// neighbour. Each is one read, and the listed ones keep their alerts.
func TestFleetInARowAtFewFrames(t *testing.T) {
	serials := []string{"8GHK512", "8GHK572", "8GHK592", "8GHK542"}
	for _, fps := range []float64{3, 4, 5, 6, 10} {
		for seed := range uint64(10) {
			var cars []car
			for i, text := range serials {
				cars = append(cars, car{text: text, path: func(sec float64) (float64, float64, float64) {
					x := 1102 - 690*(sec-0.66*float64(i))
					if x < 80 || x > 1200 {
						return 0, 0, 0
					}
					return x, 435, 145
				}})
			}
			s := newScene(seed, fps, 4, cars...)
			s.missed = 0
			k, stats := drive(t, s, entries{"8GHK542", "8GHK592"})
			if got := texts(k.newest()); !slices.Equal(got, []string{"8GHK512", "8GHK542", "8GHK572", "8GHK592"}) {
				t.Errorf("%g frames/s, seed %d: read %v", fps, seed, got)
			}
			if stats.Hits != 2 || stats.Withdrawn != 0 {
				t.Errorf("%g frames/s, seed %d: %d hits, %d withdrawn", fps, seed, stats.Hits, stats.Withdrawn)
			}
		}
	}
}

// TestAnotherCarInTheSamePlace: a cut, a stream that froze, or frames that were
// dropped: from one frame to the next another plate stands where one stood that
// was read surely long ago.
func TestAnotherCarInTheSamePlace(t *testing.T) {
	for _, fps := range []float64{5, 10, 30} {
		s := newScene(1, fps, 2.4,
			car{text: "8GHK512", path: stands(600, 400, 140, 0, 1.19)}, car{text: "3XNZ947", path: stands(600, 400, 140, 1.2, 2.4)})
		k, stats := drive(t, s, entries{"3XNZ947"})
		if got := texts(k.newest()); !slices.Equal(got, []string{"3XNZ947", "8GHK512"}) || stats.Hits != 1 || stats.Withdrawn != 0 {
			t.Errorf("%g frames/s: read %v, %d hits, %d withdrawn", fps, got, stats.Hits, stats.Withdrawn)
		}
	}
}

// TestNeighbourHiddenAtFirst: of the next car in a row one sees at first, behind
// the one that we are passing, only what all serials of the fleet share.
func TestNeighbourHiddenAtFirst(t *testing.T) {
	serials := []string{"LR19XKA", "LR19XKB", "LR19XKD", "LR19XKE"}
	for _, fps := range []float64{5, 10, 15, 30} {
		for seed := range uint64(5) {
			var cars []car
			for i, text := range serials {
				depth := func(sec float64) float64 { return 28 + 6.4*float64(i) - 8.33*sec }
				c := car{text: text, wrong: make(map[int]string), path: func(sec float64) (float64, float64, float64) {
					z := depth(sec)
					if x := 640 + 5500/z; z < 2 || x > 1210 || z > 22 && i > 0 {
						return 0, 0, 0
					}
					return 640 + 5500/z, 360 + 1500/z, 1144 / z
				}}
				for n := range int(8 * fps) {
					switch z := depth(float64(n) / fps); {
					case i > 0 && z > 19:
						c.wrong[n+1] = "LR19X"
					case i > 0 && z > 17:
						c.wrong[n+1] = "LR19XK"
					}
				}
				cars = append(cars, c)
			}
			s := newScene(seed, fps, 7, cars...)
			s.errRate = 0.005
			k, stats := drive(t, s, entries(serials))
			if got := texts(k.newest()); !slices.Equal(got, serials) || stats.Withdrawn != 0 {
				t.Errorf("%g frames/s, seed %d: read %v, %d hits withdrawn", fps, seed, got, stats.Withdrawn)
			}
		}
	}
}

// TestShortPlates: a plate of one to three characters alerts where it is listed,
// and is a read where its issuer is seen. What is as short and neither is none.
func TestShortPlates(t *testing.T) {
	for _, text := range []string{"473", "K7", "9"} {
		scene := func() *scene {
			s := newScene(1, 10, 1.6, car{text: text, path: stands(600, 400, 140, 0, 1.6)})
			s.errRate = 0.002
			return s
		}
		if k, stats := drive(t, scene(), entries{text}); stats.Hits != 1 || len(k.newest()) != 1 {
			t.Errorf("%s is listed: %d hits, %d reads", text, stats.Hits, len(k.newest()))
		}
		if k, _ := drive(t, scene(), nil); len(k.newest()) != 0 {
			t.Errorf("%s, not listed and of no known issuer: read %v", text, texts(k.newest()))
		}
		known := stateSeen{scene()}
		if k, _ := driveWith(t, known.scene, known, nil); len(k.newest()) != 1 {
			t.Errorf("%s of a known issuer: read %v", text, texts(k.newest()))
		}
	}
}

// stateSeen is a reader that is sure of the issuer.
type stateSeen struct{ *scene }

func (s stateSeen) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	texts, err := s.scene.Read(f, plates)
	for i := range texts {
		texts[i].Regions = []alpr.RegionProb{{Region: "US-DE", P: 0.97}}
	}
	return texts, err
}

// shrinking is a car in one place that changes its width at an even rate from
// one instant to another, and keeps it before and after.
func shrinking(x, y, from, to, start, end float64) func(float64) (float64, float64, float64) {
	return func(sec float64) (float64, float64, float64) {
		share := min(1, max(0, (sec-start)/(end-start)))
		return x, y, from + (to-from)*share
	}
}

// passing is a parked car that we drive by, from an instant on.
func passing(from float64) func(float64) (float64, float64, float64) {
	return func(sec float64) (float64, float64, float64) {
		z := 25 - 10*(sec-from) // metres ahead, at 10 m/s
		if sec < from || z < 3 {
			return 0, 0, 0
		}
		return 640 + 1500/z, 360 + 700/z, 700 / z
	}
}

func TestHitOnPreview(t *testing.T) {
	s := newScene(1, 30, 6, car{text: "ABC1234", path: stands(600, 400, 100, 0, 6)})
	k, stats := drive(t, s, entries{"ABC1234"})
	if len(k.recorded) < 2 || !k.recorded[0].Preview || k.recorded[len(k.recorded)-1].Preview {
		t.Fatalf("want a preview and a final read, got %d records", len(k.recorded))
	}
	first, last := k.recorded[0], k.recorded[len(k.recorded)-1]
	if age := first.LastAt.Sub(first.FirstAt); age > time.Second {
		t.Errorf("the hit was raised %v after the plate came into view", age)
	}
	if first.ID != last.ID || first.Revision != 1 || last.Revision != len(k.recorded) {
		t.Errorf("ids %v and %v, revisions %d and %d", first.ID, last.ID, first.Revision, last.Revision)
	}
	for _, h := range k.hits {
		if h.ID != k.hits[0].ID || h.ReadID != first.ID || h.IsWithdrawn {
			t.Errorf("hit %+v", h)
		}
	}
	if stats.Hits != 1 || stats.Reads != 1 || stats.Withdrawn != 0 {
		t.Errorf("stats %+v", stats)
	}
	if len(k.shown) != 1 || len(k.shownHit) != len(k.hits) {
		t.Errorf("%d reads and %d hits shown", len(k.shown), len(k.shownHit))
	}
}

// TestHitWithdrawn: at first the plate reads as a listed one, and then, from
// near, as another.
func TestHitWithdrawn(t *testing.T) {
	wrong := make(map[int]string)
	for i := 1; i <= 12; i++ {
		wrong[i] = "ABC1284"
	}
	s := newScene(1, 30, 4, car{text: "ABC1234", path: approach(0, 4), wrong: wrong})
	s.errRate = 0.001
	k, stats := drive(t, s, entries{"ABC1284"})
	if stats.Hits != 1 || stats.Withdrawn != 1 || len(k.newest()) != 1 {
		t.Fatalf("stats %+v, reads %v", stats, texts(k.newest()))
	}
	if got := k.newest()[0].Text.Text; got != "ABC1234" {
		t.Errorf("read %s", got)
	}
	last := k.shownHit[len(k.shownHit)-1]
	if !last.IsWithdrawn || last.ID != k.shownHit[0].ID || last.Withdrawal.Why != alpr.WithdrawnUnread {
		t.Errorf("the officer was last told %+v", last)
	}
}

// shortLived is a matcher whose entry is taken off its list while the car passes.
type shortLived struct {
	entries
	left int // looks until then
}

func (s *shortLived) Match(r alpr.Read) []alpr.Hit {
	if s.left--; s.left < 0 {
		return nil
	}
	return s.entries.Match(r)
}

// TestHitWithdrawnForItsEntry: a read that stays right is not called wrong.
func TestHitWithdrawnForItsEntry(t *testing.T) {
	s := newScene(1, 30, 4, car{text: "ABC1234", path: approach(0, 4)})
	gone := alpr.Withdrawal{Why: alpr.WithdrawnRemoved, At: time.Unix(1e9, 0)}
	k := &keeper{}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	p, err := New(cfg, Parts{
		Sources: []Source{s}, Detector: s, Reader: s, Recorder: k, Presenter: k, Matcher: &shortLived{entries{"ABC1234"}, 1},
		Withdrawal: func(e alpr.Entry, _ time.Time) alpr.Withdrawal {
			if e.Plate != "ABC1234" {
				t.Errorf("asked of %+v", e)
			}
			return gone
		},
		Random: seeded(1), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(k.shownHit) == 0 {
		t.Fatal("no hit was shown")
	}
	if last := k.shownHit[len(k.shownHit)-1]; !last.IsWithdrawn || last.Withdrawal != gone {
		t.Errorf("the officer was last told %+v", last)
	}
}

// TestPreviewWithoutHitIsNotKept: nothing of a pass is recorded before its end
// unless an officer must know.
func TestPreviewWithoutHitIsNotKept(t *testing.T) {
	s := newScene(1, 30, 3, car{text: "ABC1234", path: approach(0, 3)})
	k, stats := drive(t, s, entries{"OTHER1"})
	if len(k.recorded) != 1 || k.recorded[0].Preview || k.recorded[0].Revision != 1 || stats.Previews != 0 {
		t.Errorf("%d records, %d previews", len(k.recorded), stats.Previews)
	}
}

// TestUnsureReads: a read that is not sure enough is not kept, unless what it
// may be is wanted.
func TestUnsureReads(t *testing.T) {
	for _, tt := range []struct {
		wanted entries
		want   int
	}{{nil, 0}, {entries{"ABC1234"}, 1}} {
		cfg := DefaultConfig()
		f := follower{cfg: &cfg, camera: "front", matcher: tt.wanted, stats: &counters{}}
		tr := &track{first: noon, camera: "front", pass: newPass(alpr.ID{1})}
		tr.pass.tracks = []*track{tr}
		fr := &alpr.Frame{Width: sceneW, Height: sceneH}
		for i := range 3 {
			tr.see(plateAt(600, 400, 100), noon.Add(ms(100*i)))
			tr.observe(see(textOf("ABC1234", 0.88), ms(100*i), 100), fr)
		}
		if c := tr.fused.text.Confidence; c < cfg.MinHitConfidence || c >= cfg.MinConfidence {
			t.Fatalf("the test needs an unsure read, this one is %.2f", c)
		}
		f.open = []*track{tr}
		if events := f.flush(); len(events) != tt.want {
			t.Errorf("wanted %v: %d reads", tt.wanted, len(events))
		}
	}
}

// TestSignsAreNoReads: a word that no state shows on, where the detector is not
// sure of a plate, is not kept, unless it is wanted.
func TestSignsAreNoReads(t *testing.T) {
	for _, tt := range []struct {
		text   string
		score  float32
		wanted entries
		want   int
	}{
		{"CHEVROLE", 0.6, nil, 0},
		{"CHEVROLE", 0.9, nil, 1},
		{"CHEVROLE", 0.6, entries{"CHEVROLE"}, 1},
		{"ABC1234", 0.6, nil, 1},
	} {
		cfg := DefaultConfig()
		f := follower{cfg: &cfg, camera: "front", matcher: tt.wanted, stats: &counters{}}
		tr := &track{first: noon, camera: "front", pass: newPass(alpr.ID{1})}
		tr.pass.tracks = []*track{tr}
		fr := &alpr.Frame{Width: sceneW, Height: sceneH}
		for i := range 3 {
			plate := plateAt(600, 400, 100)
			plate.Score = tt.score
			tr.see(plate, noon.Add(ms(100*i)))
			tr.observe(see(textOf(tt.text, 0.999), ms(100*i), 100), fr)
		}
		if c := tr.fused.text.Confidence; c < cfg.MinConfidence {
			t.Fatalf("the test needs a sure read, this one is %.2f", c)
		}
		f.open = []*track{tr}
		if events := f.flush(); len(events) != tt.want {
			t.Errorf("%s, score %g, wanted %v: %d reads, want %d", tt.text, tt.score, tt.wanted, len(events), tt.want)
		}
	}
}

// oForZero is a Serials that takes the last 0 of a text for an O.
type oForZero struct{}

func (oForZero) Decide(t alpr.Text, _ int) alpr.Text {
	t.ByPicture = alpr.Candidate{Text: t.Text, P: t.Confidence}
	t.Text, t.Confidence = strings.TrimSuffix(t.Text, "0")+"O", 0.98
	t.Candidates = []alpr.Candidate{{Text: t.Text, P: 0.98}}
	return t
}

// TestSerialsHaveTheLastWord: what is known of serials decides the text of a
// pass once, behind all its frames, makes an unsure one sure enough, and takes
// nothing from what counts frames that agree.
func TestSerialsHaveTheLastWord(t *testing.T) {
	cfg := DefaultConfig()
	f := follower{cfg: &cfg, camera: "front", serials: oForZero{}, stats: &counters{}}
	tr := &track{serials: f.serials, first: noon, camera: "front", pass: newPass(alpr.ID{1})}
	tr.pass.tracks = []*track{tr}
	fr := &alpr.Frame{Width: sceneW, Height: sceneH}
	for i := range 3 {
		tr.see(plateAt(600, 400, 100), noon.Add(ms(100*i)))
		tr.observe(see(textOf("ABC1230", 0.88), ms(100*i), 100), fr)
	}
	if c := tr.fused.text.Confidence; c >= cfg.MinConfidence {
		t.Fatalf("the test needs an unsure read, this one is %.2f", c)
	}
	f.open = []*track{tr}
	events := f.flush()
	if len(events) != 1 {
		t.Fatalf("%d reads, want 1", len(events))
	}
	if got := events[0].read.Text; got.Text != "ABC123O" || got.ByPicture.Text != "ABC1230" {
		t.Errorf("read %s, by the pictures %s", got.Text, got.ByPicture.Text)
	}
	if tr.best.text != "ABC1230" || tr.fused.agree != 3 {
		t.Errorf("picture of a frame that shows %s, %d frames agree", tr.best.text, tr.fused.agree)
	}
}

// TestClockSetBack: the system clock is set right, an hour back, while a car is
// in view. What was seen is kept, and what comes is read anew.
func TestClockSetBack(t *testing.T) {
	s := newScene(1, 30, 6, car{text: "ABC1234", path: stands(600, 400, 100, 0, 2)}, car{text: "XYZ987", path: stands(620, 400, 100, 3.2, 6)})
	back := setBack{s, noon.Add(3 * time.Second)}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	k := &keeper{}
	p, err := New(cfg, Parts{Sources: []Source{back}, Detector: s, Reader: s, Recorder: k, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := inOrder(k.recorded); !slices.Equal(got, []string{"ABC1234", "XYZ987"}) {
		t.Errorf("read %v", got)
	}
}

// setBack sets the clock an hour back at an instant.
type setBack struct {
	Source
	at time.Time
}

func (s setBack) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	return s.Source.Run(ctx, func(f *alpr.Frame) {
		if !f.CapturedAt.Before(s.at) {
			f.CapturedAt = f.CapturedAt.Add(-time.Hour)
		}
		emit(f)
	})
}

func TestSameCarMuchLaterIsAnotherPass(t *testing.T) {
	s := newScene(1, 12, 100, car{text: "ABC1234", path: func(sec float64) (float64, float64, float64) {
		if sec > 3 && sec < 95 {
			return 0, 0, 0
		}
		return 600, 400, 90
	}})
	k, _ := drive(t, s, nil)
	if got := texts(k.newest()); !slices.Equal(got, []string{"ABC1234", "ABC1234"}) {
		t.Errorf("read %v", got)
	}
}

// TestNoReadOfWhatIsNoPlate: things that a detector takes for plates read
// differently in each frame.
func TestNoReadOfWhatIsNoPlate(t *testing.T) {
	noise := rand.New(rand.NewPCG(7, 7))
	grille := make(map[int]string)
	for i := range 301 {
		b := make([]byte, 4+noise.IntN(4))
		for j := range b {
			b[j] = alpr.Alphabet[noise.IntN(letters)]
		}
		grille[i] = string(b)
	}
	s := newScene(3, 30, 10, car{path: stands(600, 200, 60, 0, 10), wrong: grille},
		car{text: "11", path: stands(900, 300, 60, 0, 10)})
	s.errRate = 0.1
	if k, _ := drive(t, s, nil); len(k.recorded) != 0 {
		t.Errorf("read %v", texts(k.newest()))
	}
}

func TestReadingIsSparing(t *testing.T) {
	s := newScene(1, 30, 60, car{text: "ABC1234", path: stands(600, 400, 120, 0, 60)})
	_, stats := drive(t, s, nil)
	if stats.FramesDone != 1800 || stats.Observations > 150 {
		t.Errorf("%d plates read in %d frames behind one car", stats.Observations, stats.FramesDone)
	}
}

// BenchmarkFollow is the cost of everything but the networks, a frame with two
// plates.
func BenchmarkFollow(b *testing.B) {
	s := newScene(1, 30, 30, car{text: "ABC1234", path: stands(500, 400, 90, 0, 30)}, car{text: "XYZ987", path: approach(0, 30)})
	k, stats := (*keeper)(nil), Stats{}
	for b.Loop() {
		k, stats = drive(b, s, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(stats.FramesDone), "µs/frame")
	if len(k.recorded) == 0 {
		b.Fatal("nothing read")
	}
}

// TestSamePlate: what may be one plate read twice, one character missed or
// mistaken in doubt, and what are two.
func TestSamePlate(t *testing.T) {
	track := func(text string, at time.Duration, conf ...float64) *track {
		o := see(textOf(text, conf...), at, 100)
		return &track{obs: []*observation{o}, fused: fuse([]*observation{o}), first: o.at, last: o.at}
	}
	for _, tt := range []struct {
		a, b string
		conf []float64
		want bool
	}{
		{"ABC1234", "ABC1234", []float64{0.99}, true},
		{"ABC1234", "ABC123", []float64{0.99}, true},
		{"ABC1234", "ABC1284", []float64{0.99}, false},
		{"ABC1234", "ABC1284", []float64{0.99, 0.99, 0.99, 0.99, 0.99, 0.5, 0.99}, true},
		{"ABC1234", "ABC12", []float64{0.99}, false},
		{"ABC1234", "BC12345", []float64{0.99}, false}, // each lacks a character of the other
	} {
		if got := isSameText(track(tt.a, 0, tt.conf...), track(tt.b, time.Second, tt.conf...)); got != tt.want {
			t.Errorf("%s and %s are one plate: %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
}

// lists is a matcher with one plate on several lists.
type lists []alpr.Entry

func (l lists) Match(r alpr.Read) (hits []alpr.Hit) {
	for _, e := range l {
		if r.Text.Text == e.Plate {
			hits = append(hits, alpr.Hit{Entry: e, Kind: alpr.MatchExact, P: r.Text.Confidence})
		}
	}
	return hits
}

// TestOneCarOnThreeListsIsOneAlert: the officer gets one alert, its gravest
// reason first, and each list's hit is on record.
func TestOneCarOnThreeListsIsOneAlert(t *testing.T) {
	entry := func(list string, p alpr.Priority) alpr.Entry {
		return alpr.Entry{ID: "C-1", List: list, Plate: "ABC1234", Priority: p}
	}
	s := newScene(1, 30, 3, car{text: "ABC1234", path: approach(0, 3)})
	k, stats := drive(t, s, lists{entry("local", alpr.PriorityLow), entry("ncic", alpr.PriorityHigh), entry("state", alpr.PriorityNormal)})
	if stats.Alerts != 1 || stats.Hits != 3 || stats.Reads != 1 {
		t.Errorf("%d alerts, %d hits, %d reads, want 1, 3, 1", stats.Alerts, stats.Hits, stats.Reads)
	}
	for _, a := range k.alerts {
		if len(a.Hits) != 3 || a.Hits[0].Entry.List != "ncic" || a.Read.ID != k.alerts[0].Read.ID {
			t.Errorf("alert with %d hits, first of %s", len(a.Hits), a.Hits[0].Entry.List)
		}
	}
	onRecord := make(map[string]bool)
	for _, h := range k.hits {
		onRecord[h.Entry.List] = true
	}
	if len(k.alerts) == 0 || len(onRecord) != 3 {
		t.Errorf("%d alerts shown, hits of %d lists on record", len(k.alerts), len(onRecord))
	}
}
