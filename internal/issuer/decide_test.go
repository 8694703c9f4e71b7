package issuer

import (
	"math"
	"strings"
	"testing"

	"alpr"
)

func shippedFormats(t testing.TB) *Formats {
	t.Helper()
	f, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read is what a camera saw: text, each place with its best symbol at 0.99 but
// for the doubtful ones, where doubts gives each symbol its probability.
func read(text string, doubts map[int]map[byte]float64, regions ...alpr.RegionProb) alpr.Text {
	var post alpr.Posterior
	for s := range post {
		sym := alpr.Pad
		if s < len(text) {
			sym = alpr.SymbolIndex(text[s])
		}
		for c := range post[s] {
			post[s][c] = 0.001 / float32(alpr.Symbols-1)
		}
		post[s][sym] = 0.999
		for c, p := range doubts[s] {
			post[s][alpr.SymbolIndex(c)] = float32(p)
		}
	}
	t := alpr.Text{Posterior: post, Regions: regions, Text: post.Best()}
	t.Confidence = math.Exp(post.LogProb(t.Text))
	t.Candidates = post.Candidates(5)
	return t
}

func TestDecideByTheIssuersFormat(t *testing.T) {
	f := shippedFormats(t)
	zeroOrO := map[byte]float64{'0': 0.7, 'O': 0.299}
	for _, tt := range []struct {
		name   string
		seen   alpr.Text
		want   string
		format string
	}{
		{"Slovakia: two letters, three digits, two letters", read("BA3020Z", map[int]map[byte]float64{5: zeroOrO}, alpr.RegionProb{Region: "SK", P: 0.9}), "BA302OZ", "LLDDDLL"},
		{"Slovakia, last letter", read("RK776A1", map[int]map[byte]float64{6: {'1': 0.6, 'I': 0.399}}, alpr.RegionProb{Region: "SK", P: 0.9}), "RK776AI", "LLDDDLL"},
		{"Brazil: three letters first", read("DUH9191", map[int]map[byte]float64{0: {'D': 0.998, 'O': 0.001}}, alpr.RegionProb{Region: "BR", P: 0.9}), "DUH9191", "LLLDDDD"},
		{"Missouri: a letter between digits", read("UH1FOF", map[int]map[byte]float64{4: {'O': 0.6, '0': 0.399}}, alpr.RegionProb{Region: "US-MO", P: 0.9}), "UH1F0F", "LLDLDL"},
		{"California: three letters behind the digit", read("4C0V126", map[int]map[byte]float64{2: {'0': 0.55, 'O': 0.449}}, alpr.RegionProb{Region: "US-CA", P: 0.9}), "4COV126", "DLLLDDD"},
		{"Ireland: a county of two letters", read("08S02485", map[int]map[byte]float64{3: zeroOrO}, alpr.RegionProb{Region: "IE", P: 0.9}), "08SO2485", "DD[CDKLMORSTW][DEHKLMNOSWXY]NDDD"},
		{"a format behind a gap has other letters (Poland: no O there)", read("WX1234O", map[int]map[byte]float64{6: {'O': 0.5, 'C': 0.49}}, alpr.RegionProb{Region: "PL", P: 0.9}), "WX1234C", "LLDDDDL"},
	} {
		got := f.Decide(tt.seen, 5)
		if got.Text != tt.want || got.Format.Pattern != tt.format {
			t.Errorf("%s: %q for %v, want %q for %s", tt.name, got.Text, got.Format, tt.want, tt.format)
		}
		if got.ByPicture.Text != tt.seen.Text || got.ByPicture.P != tt.seen.Confidence {
			t.Errorf("%s: by the picture %v, want %q at %.3f", tt.name, got.ByPicture, tt.seen.Text, tt.seen.Confidence)
		}
		if got.Posterior != tt.seen.Posterior {
			t.Errorf("%s: the posterior is no longer the picture's", tt.name)
		}
	}
}

func TestAClearPictureWinsOverAFormat(t *testing.T) {
	f := shippedFormats(t)
	clear := map[byte]float64{'0': 0.999, 'O': 0.0005}
	for _, seen := range []alpr.Text{
		read("BA3020Z", map[int]map[byte]float64{5: clear}, alpr.RegionProb{Region: "SK", P: 0.95}),
		read("HELLO1", nil, alpr.RegionProb{Region: "US-FL", P: 0.95}),
		read("8", nil, alpr.RegionProb{Region: "US-DE", P: 0.95}),
		read("G0DZ1LA", nil, alpr.RegionProb{Region: "US-CA", P: 0.95}),
	} {
		if got := f.Decide(seen, 5); got.Text != seen.Text || got.Confidence < 0.55 {
			t.Errorf("%s became %s at %.2f", seen.Text, got.Text, got.Confidence)
		}
	}
}

func TestTheNumberOfCharactersIsThePictures(t *testing.T) {
	f := shippedFormats(t)
	// Five characters seen, perhaps six: California has six and seven of them.
	seen := read("ABC12", map[int]map[byte]float64{5: {'2': 0.3}}, alpr.RegionProb{Region: "US-CA", P: 0.95})
	seen.Posterior[5][alpr.Pad] = 0.7
	seen.Text, seen.Confidence = "ABC12", math.Exp(seen.Posterior.LogProb("ABC12"))
	if got := f.Decide(seen, 5); got.Text != "ABC12" {
		t.Errorf("became %s at %.2f: a format may not add a character", got.Text, got.Confidence)
	}
}

func TestDecideSharesOutOneWhole(t *testing.T) {
	f := shippedFormats(t)
	for _, regions := range [][]alpr.RegionProb{nil, {{Region: "DE", P: 0.5}, {Region: "PL", P: 0.45}}, {{Region: "XX", P: 1}}} {
		seen := read("WX12O45", map[int]map[byte]float64{4: {'O': 0.5, '0': 0.499}, 1: {'X': 0.8, 'K': 0.19}}, regions...)
		got := f.Decide(seen, 40)
		sum := 0.0
		for i, c := range got.Candidates {
			sum += c.P
			if i > 0 && c.P > got.Candidates[i-1].P {
				t.Errorf("candidates are not in order: %v", got.Candidates)
			}
		}
		if sum > 1.001 || sum < 0.95 {
			t.Errorf("issuers %v: candidates have %.4f together, want about 1", regions, sum)
		}
		if got.Candidates[0].Text != got.Text || got.Candidates[0].P != got.Confidence {
			t.Errorf("text %s at %.3f, first candidate %v", got.Text, got.Confidence, got.Candidates[0])
		}
		if len(got.CharConf) != len(got.Text) {
			t.Errorf("%d confidences for %d characters", len(got.CharConf), len(got.Text))
		}
		for i, c := range got.CharConf {
			if float64(c) < got.Confidence-0.005 || c > 1 {
				t.Errorf("character %d of %s at %.4f, the whole text at %.4f", i, got.Text, c, got.Confidence)
			}
		}
		again := f.Decide(got, 40)
		if again.Text != got.Text || again.Confidence != got.Confidence || again.ByPicture != got.ByPicture {
			t.Errorf("decided twice: %s at %.4f, once: %s at %.4f", again.Text, again.Confidence, got.Text, got.Confidence)
		}
	}
}

func TestDecideNothing(t *testing.T) {
	f := shippedFormats(t)
	for _, seen := range []alpr.Text{{}, {Text: "A", Confidence: math.NaN()}, {Text: "ABC", Confidence: 0.5}} {
		if got := f.Decide(seen, 5); got.Text != seen.Text {
			t.Errorf("%v became %v", seen, got)
		}
	}
}

func TestEveryIssuerHasFormats(t *testing.T) {
	f := shippedFormats(t)
	for _, name := range f.table.issuers {
		sum := 0.0
		for _, form := range f.table.formats[name] {
			sum += form.weight
			if len(shape(form.pattern)) < len(form.slots) {
				t.Errorf("%s: shape %q of %q", name, shape(form.pattern), form.pattern)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s: weights sum to %g", name, sum)
		}
	}
	if got := f.Usual("US-CA"); got != "DLLLDDD" {
		t.Errorf("California's usual format %q", got)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "names no issuer",
		"# nothing\n":                   "names no issuer",
		"DE\tissued\t1\tLL":             "4 columns",
		"DE\tissued\t0\tLL\tX":          "weight",
		"DE\tissued\tNaN\tLL\tX":        "weight",
		"DE\tissued\t1\t{LL}_-\tX":      "0 characters",
		"DE\tissued\t1\tL[AB\tX":        "not closed",
		"DE\tissued\t1\tL[_]\tX":        "no character",
		"DE\tissued\t1\tL?\tX":          "no character",
		"DE\tissued\t1\tLLLLLLLLLLL\tX": "11 characters",
		"DE\tletters\t0\tABC AB\tX\nDE\tissued\t1\tL_Lb[12]N\tX": "",
	} {
		got, err := parse(text)
		if want == "" {
			if err != nil {
				t.Errorf("parse %q: %v", text, err)
				continue
			}
			var sets []string
			for _, s := range got.formats["DE"][0].slots {
				sets = append(sets, got.sets[s])
			}
			if strings.Join(sets, " ") != "ABC AB B 12 123456789" {
				t.Errorf("parse %q: sets %q", text, sets)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parse %q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("DE\tissued\t1\tL#LL_DDDD\tX")
	f.Add("IE\tletters\t0\tABC AB\tX\nIE\told\t2\t[CD]{LL}Nb\tX")
	f.Fuzz(func(_ *testing.T, text string) {
		t, err := parse(text)
		if err != nil {
			return
		}
		newFormats(t, Default()).Decide(read("ABC1234", nil, alpr.RegionProb{Region: "DE", P: 0.9}), 5)
	})
}

func BenchmarkDecide(b *testing.B) {
	f := shippedFormats(b)
	seen := read("4C0V126", map[int]map[byte]float64{2: {'0': 0.55, 'O': 0.449}}, alpr.RegionProb{Region: "US-CA", P: 0.6}, alpr.RegionProb{Region: "US-NV", P: 0.2}, alpr.RegionProb{Region: "MX", P: 0.1})
	for b.Loop() {
		f.Decide(seen, 5)
	}
}
