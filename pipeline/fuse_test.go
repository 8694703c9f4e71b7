package pipeline

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"alpr"
)

// see makes an observation of a text, some time after noon, at a width.
func see(text alpr.Text, after time.Duration, width float64) *observation {
	s := newCharacters(text)
	p := plateAt(600, 400, width)
	return &observation{at: noon.Add(after), plate: p, characters: s, regions: text.Regions, quality: quality(p, s)}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestFuse(t *testing.T) {
	weak := func(text string, at int, c float64) alpr.Text {
		conf := make([]float64, len(text))
		for i := range conf {
			conf[i] = 0.99
		}
		conf[at] = c
		return textOf(text, conf...)
	}
	tests := []struct {
		name    string
		obs     []*observation
		want    string
		atLeast float64
		atMost  float64
	}{
		{name: "one frame is as sure as that frame", obs: []*observation{see(textOf("ABC1234", 0.98), 0, 100)},
			want: "ABC1234", atLeast: 0.84, atMost: 0.87},
		{name: "frames that agree are surer", want: "ABC1234", atLeast: 0.97, atMost: maxConfidence,
			obs: []*observation{see(textOf("ABC1234", 0.98), 0, 100), see(textOf("ABC1234", 0.98), ms(400), 110), see(textOf("ABC1234", 0.98), ms(800), 120)}},
		{name: "copies of one frame add nothing", want: "ABC1234", atLeast: 0.84, atMost: 0.87,
			obs: []*observation{see(textOf("ABC1234", 0.98), 0, 100), see(textOf("ABC1234", 0.98), 0, 100), see(textOf("ABC1234", 0.98), 0, 100)}},
		{name: "a weak character is mended by a frame that sees it", want: "ABC1234", atLeast: 0.75, atMost: maxConfidence,
			obs: []*observation{see(weak("ABC1284", 5, 0.5), 0, 100), see(weak("ABC1234", 2, 0.6), ms(500), 100)}},
		{name: "one bad character stays visible", want: "ABC1234", atLeast: 0.2, atMost: 0.75,
			obs: []*observation{see(weak("ABC1234", 5, 0.5), 0, 100), see(weak("ABC1284", 5, 0.45), ms(500), 100)}},
		{name: "a missed character does not shift the others", want: "ABC1234", atLeast: 0.9, atMost: maxConfidence,
			obs: []*observation{see(textOf("ABC1234", 0.97), 0, 100), see(textOf("AC1234", 0.97), ms(300), 90), see(textOf("ABC1234", 0.97), ms(600), 100)}},
		{name: "a made-up character is left out", want: "ABC1234", atLeast: 0.9, atMost: maxConfidence,
			obs: []*observation{see(textOf("ABC1234", 0.97), 0, 100), see(textOf("1ABC1234", 0.97), ms(300), 90), see(textOf("ABC1234", 0.97), ms(600), 100)}},
		{name: "near and sharp outweighs far and blurred", want: "ABC1234", atLeast: 0.6, atMost: maxConfidence,
			obs: []*observation{see(textOf("ABC1234", 0.99), 0, 150), see(textOf("A8C1284", 0.6), ms(300), 40), see(textOf("A8C1284", 0.6), ms(330), 41)}},
		{name: "frames that contradict are not sure", want: "", atMost: 0.7,
			obs: []*observation{see(textOf("ABC1234", 0.98), 0, 100), see(textOf("ABC1284", 0.98), ms(500), 100)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fuse(tt.obs).text
			if tt.want != "" && got.Text != tt.want {
				t.Errorf("text %s, want %s", got.Text, tt.want)
			}
			if got.Confidence < tt.atLeast || got.Confidence > tt.atMost {
				t.Errorf("confidence %.4f, want %.2f to %.3f", got.Confidence, tt.atLeast, tt.atMost)
			}
		})
	}
}

// TestConfidenceKnowsHowManyFrames: what one frame alone is sure of is witnessed by
// none, be it that others were dropped or that the car was fast.
func TestConfidenceKnowsHowManyFrames(t *testing.T) {
	last := 0.0
	for n := 1; n <= 8; n++ {
		var obs []*observation
		for i := range n {
			obs = append(obs, see(textOf("ABC1234", 0.9999), time.Duration(i)*300*time.Millisecond, 120))
		}
		got := fuse(obs)
		most := 1 - unwitnessed/float64(n)
		if c := got.text.Confidence; c > most+1e-9 || c <= last || got.told.Confidence != c || got.text.Candidates[0].P != c {
			t.Errorf("%d frames: confidence %.4f, want more than %.4f and at most %.4f; told %.4f", n, c, last, most, got.told.Confidence)
		}
		last = got.text.Confidence
	}
	contrary := []*observation{see(textOf("ABC1234", 0.9999), 0, 120), see(textOf("ABC1284", 0.6), time.Second, 60), see(textOf("A8C1234", 0.6), 2*time.Second, 60)}
	if c := fuse(contrary).text.Confidence; c > 1-unwitnessed {
		t.Errorf("two frames that say something else witness nothing: %.4f", c)
	}
}

// randomObservations are frames of one plate by a noisy reader.
func randomObservations(r *rand.Rand, n int) []*observation {
	s := &scene{errRate: 0.08, noise: r}
	obs := make([]*observation, n)
	for i := range obs {
		width := 50 + 100*r.Float64()
		obs[i] = see(s.recognise(s.noise, "ABC1234", width), time.Duration(r.Float64()*3e9), width)
	}
	return obs
}

// TestFuseIsLawful checks what must hold for any frames.
func TestFuseIsLawful(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		obs := randomObservations(r, 1+r.IntN(12))
		f := fuse(obs)
		for s, row := range f.text.Posterior {
			var sum float64
			for _, v := range row {
				sum += float64(v)
			}
			if math.Abs(sum-1) > 1e-4 {
				t.Fatalf("slot %d sums to %g", s, sum)
			}
		}
		c := f.text.Candidates
		if c[0].Text != f.text.Text || c[0].P != f.text.Confidence || len(f.text.CharConf) != len(f.text.Text) {
			t.Fatalf("text %q %v %v, candidates %v", f.text.Text, f.text.Confidence, f.text.CharConf, c)
		}
		var sum float64
		for i, x := range c {
			if sum += x.P; i > 0 && x.P > c[i-1].P {
				t.Fatalf("candidates not in order: %v", c)
			}
		}
		if sum > 1+1e-9 {
			t.Fatalf("candidates sum to %g: %v", sum, c)
		}
		for _, conf := range f.text.CharConf {
			if float64(conf) < f.text.Confidence-1e-6 {
				t.Fatalf("a character (%g) is less sure than the whole (%g)", conf, f.text.Confidence)
			}
		}
		if f.weight > 1/sharedError || f.weight <= 0 {
			t.Fatalf("worth %g frames", f.weight)
		}
		r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
		if g := fuse(obs); g.text.Text != f.text.Text || math.Abs(g.text.Confidence-f.text.Confidence) > 1e-12 {
			t.Fatalf("in another order %q %v, before %q %v", g.text.Text, g.text.Confidence, f.text.Text, f.text.Confidence)
		}
	}
}

// TestMoreFramesThatAgreeAreNeverLess adds frames like those before, ever more.
func TestMoreFramesThatAgreeAreNeverLess(t *testing.T) {
	for _, step := range []time.Duration{0, ms(33), ms(83), ms(500)} {
		before := 0.0
		var obs []*observation
		for i := range 20 {
			obs = append(obs, see(textOf("ABC1234", 0.93), time.Duration(i)*step, 100))
			now := fuse(obs).text.Confidence
			if now < before-1e-9 {
				t.Errorf("every %v: confidence fell from %.5f to %.5f with frame %d", step, before, now, i+1)
			}
			before = now
		}
	}
}

// TestEvidenceOfASecond: a second of film is worth the same at any frame rate.
func TestEvidenceOfASecond(t *testing.T) {
	worth := func(fps int) float64 {
		var obs []*observation
		for i := range fps {
			obs = append(obs, see(textOf("ABC1234", 0.93), time.Second*time.Duration(i)/time.Duration(fps), 100))
		}
		return fuse(obs).weight
	}
	slow, fast := worth(12), worth(60)
	if fast < 0.8*slow || fast > 1.25*slow {
		t.Errorf("a second is worth %.2f frames at 12 a second, %.2f at 60", slow, fast)
	}
}

// TestConfidenceIsHonest draws passes with errors that the frames share in part
// and checks that at least the share of them is right that is claimed. Real
// frames share more of their errors than these, so less is claimed than is true.
func TestConfidenceIsHonest(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var sure, right, claimed float64
	for range 1500 {
		obs := passWithSharedErrors(r)
		f := fuse(obs)
		if f.text.Confidence < 0.5 {
			continue
		}
		sure++
		claimed += f.text.Confidence
		if f.text.Text == "ABC1234" {
			right++
		}
	}
	t.Logf("%.0f reads, %.4f right, %.4f claimed", sure, right/sure, claimed/sure)
	if gap := claimed/sure - right/sure; gap > 0.02 || gap < -0.1 {
		t.Errorf("claimed %.4f, right %.4f", claimed/sure, right/sure)
	}
}

// passWithSharedErrors is a pass of which each character is hard to see in all
// frames alike (a look-alike with a share of the probability drawn once a pass)
// with a little noise from frame to frame.
func passWithSharedErrors(r *rand.Rand) []*observation {
	const truth, other = "ABC1234", "48G1Z3A"
	shared := make([]float64, len(truth)) // log-odds for the truth
	for i := range shared {
		shared[i] = 5 + 2*r.NormFloat64()
	}
	var obs []*observation
	for k := range 10 {
		var text alpr.Text
		for s := range text.Posterior {
			if s >= len(truth) {
				text.Posterior[s][alpr.Pad] = 1
				continue
			}
			odds := shared[s] + 1.5*r.NormFloat64()
			p := 1 / (1 + math.Exp(-odds*0.7)) // the reader is a little less sure than it could be
			text.Posterior[s][alpr.SymbolIndex(truth[s])] += float32(p)
			text.Posterior[s][alpr.SymbolIndex(other[s])] += float32(1 - p)
		}
		c := text.Posterior.Candidates(1)[0]
		text.Text, text.Confidence = c.Text, c.P
		obs = append(obs, see(text, time.Duration(k)*ms(83), 100))
	}
	return obs
}

func TestFuseRegions(t *testing.T) {
	a, b, c := textOf("ABC1234", 0.9), textOf("ABC1234", 0.9), textOf("ABC1234", 0.9)
	a.Regions = []alpr.RegionProb{{Region: "US-FL", P: 0.6}, {Region: "US-GA", P: 0.3}}
	b.Regions = []alpr.RegionProb{{Region: "US-GA", P: 0.5}, {Region: "US-FL", P: 0.45}}
	c.Regions = []alpr.RegionProb{{Region: "US-FL", P: 0.9}}
	got := fuse([]*observation{see(a, 0, 100), see(b, ms(500), 100), see(c, ms(1000), 100)}).text.Regions
	if len(got) == 0 || got[0].Region != "US-FL" || got[0].P < 0.7 || got[0].P > 0.9 {
		t.Errorf("regions %v", got)
	}
	none := textOf("ABC1234", 0.9)
	none.Regions = nil
	if got := fuse([]*observation{see(none, 0, 100)}).text.Regions; len(got) != 0 {
		t.Errorf("regions %v where none was named", got)
	}
	unsure := textOf("ABC1234", 0.9)
	unsure.Regions = []alpr.RegionProb{{Region: "US-FL", P: 0.2}}
	got = fuse([]*observation{see(unsure, 0, 100), see(unsure, ms(500), 100)}).text.Regions
	if len(got) > 0 && got[0].P > 0.21 {
		t.Errorf("unknown did not stay unknown: %v", got)
	}
}

func TestAlign(t *testing.T) {
	tests := []struct {
		a, b  string
		to    []int
		isFit bool
	}{
		{"ABC1234", "ABC1234", []int{0, 1, 2, 3, 4, 5, 6}, true},
		{"ABC1234", "BC1234", []int{-1, 0, 1, 2, 3, 4, 5}, true},
		{"ABC1234", "ABC134", []int{0, 1, 2, 3, -1, 4, 5}, true},
		{"ABC1234", "IABC1234", []int{1, 2, 3, 4, 5, 6, 7}, true},
		{"ABC1234", "ABC1284", []int{0, 1, 2, 3, 4, 5, 6}, true},
		{"ABC1234", "XYZ9876", nil, false},
		{"ABC1234", "", nil, false},
	}
	for _, tt := range tests {
		a, b := newCharacters(textOf(tt.a, 0.95)), newCharacters(textOf(tt.b, 0.95))
		al := align(a, b)
		for i, j := range tt.to {
			if al.to[i] != j {
				t.Errorf("%s to %s: character %d is %d, want %d", tt.a, tt.b, i, al.to[i], j)
			}
		}
		if (al.score > 0) != tt.isFit {
			t.Errorf("%s and %s score %.1f", tt.a, tt.b, al.score)
		}
		if back := align(b, a); math.Abs(back.score-al.score) > 1e-6 {
			t.Errorf("%s and %s: %.3f one way, %.3f the other", tt.a, tt.b, al.score, back.score)
		}
	}
}

// FuzzStrip: whatever a network says, fusion gives probabilities.
func FuzzStrip(f *testing.F) {
	f.Add(uint64(1), 0.9, float32(0.5))
	f.Add(uint64(2), 0.0, float32(0))
	f.Add(uint64(3), 1.0, float32(1))
	f.Fuzz(func(t *testing.T, seed uint64, confidence float64, sharpness float32) {
		confidence = into01(confidence)
		sharpness = float32(into01(float64(sharpness)))
		r := rand.New(rand.NewPCG(seed, 0))
		var obs []*observation
		for k := range 3 {
			text := alpr.Text{Confidence: confidence}
			for s := range text.Posterior {
				text.Posterior[s][r.IntN(alpr.Symbols)] += sharpness
				text.Posterior[s][r.IntN(alpr.Symbols)] += 1 - sharpness
			}
			text.Text = text.Posterior.Best()
			obs = append(obs, see(text, time.Duration(k)*ms(r.IntN(500)), 100*r.Float64()))
		}
		got := fuse(obs)
		if !(got.text.Confidence >= 0 && got.text.Confidence <= 1) || !(got.weight >= 0) {
			t.Fatalf("confidence %v, weight %v", got.text.Confidence, got.weight)
		}
	})
}

// into01 makes a probability of any number.
func into01(v float64) float64 {
	if v = math.Abs(v); v <= 1 {
		return v
	}
	if v = 1 / v; v <= 1 {
		return v
	}
	return 0
}

func BenchmarkNewStrip(b *testing.B) {
	t := textOf("ABC1234", 0.999)
	t.Confidence = 0.97
	for b.Loop() {
		newCharacters(t)
	}
}

func BenchmarkFuse(b *testing.B) {
	obs := randomObservations(rand.New(rand.NewPCG(1, 2)), keepObservations)
	for b.Loop() {
		fuse(obs)
	}
}
