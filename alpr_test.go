package alpr

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func certain(text string) Posterior {
	var p Posterior
	for s := range p {
		sym := Pad
		if s < len(text) {
			sym = SymbolIndex(text[s])
		}
		p[s][sym] = 1
	}
	return p
}

func TestPosteriorBestSkipsPads(t *testing.T) {
	for _, text := range []string{"", "A", "7KXM204", "0123456789"} {
		p := certain(text)
		if got := p.Best(); got != text {
			t.Errorf("best text %q, want %q", got, text)
		}
		if got := len(p.CharConfidence()); got != len(text) {
			t.Errorf("%q: %d confidences", text, got)
		}
	}
}

func TestPosteriorLogProb(t *testing.T) {
	p := certain("AB1")
	p[2][SymbolIndex('1')], p[2][SymbolIndex('I')] = 0.75, 0.25
	for _, test := range []struct {
		text string
		want float64
	}{
		{"AB1", 0.75}, {"ABI", 0.25}, {"AB", 0}, {"AB11", 0}, {"ab1", 0}, {"ABCDEFGHIJK", 0},
	} {
		if got := math.Exp(p.LogProb(test.text)); math.Abs(got-test.want) > 1e-7 {
			t.Errorf("P(%q) = %v, want %v", test.text, got, test.want)
		}
	}
}

func TestMayBeSign(t *testing.T) {
	utah := []RegionProb{{"US-UT", 0.97}}
	for _, test := range []struct {
		text    string
		score   float64
		regions []RegionProb
		want    bool
	}{
		{"POLICE", 0.6, nil, true},
		{"249", 0.6, []RegionProb{{"US-MP", 0.66}}, true},
		{"POLICE", 0.9, nil, false},
		{"HEYDEER", 0.6, utah, false},
		{"ABC123", 0.5, nil, false},
		{"", 0.5, nil, false},
	} {
		text := Text{Text: test.text, Regions: test.regions}
		if got := text.MayBeSign(test.score); got != test.want {
			t.Errorf("%q, score %g, %v: got %t", test.text, test.score, test.regions, got)
		}
	}
}

func TestRegionIsOneMoreLikelyThanNot(t *testing.T) {
	for _, test := range []struct {
		regions []RegionProb
		want    string
	}{
		{nil, ""},
		{[]RegionProb{{"US-FL", 0.5}, {"US-GA", 0.1}}, ""},
		{[]RegionProb{{"US-FL", 0.51}, {"US-GA", 0.4}}, "US-FL"},
	} {
		text := Text{Regions: test.regions}
		if got, p := text.Region(); got != test.want || (p > 0) != (got != "") {
			t.Errorf("%v: %q with %v, want %q", test.regions, got, p, test.want)
		}
	}
}

func TestNormalise(t *testing.T) {
	for given, want := range map[string]string{"abc-123": "ABC123", " 7·kxm 204\t": "7KXM204", "ÄÖ1": "AO1", "a#1\u200b2": "A12", "": ""} {
		if got := Normalise(given); got != want {
			t.Errorf("Normalise(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestParsePlateTakesWhatTheEyeTakes(t *testing.T) {
	for given, want := range map[string]string{
		"abc-123": "ABC123", "ABC–123": "ABC123", "ABC\u2010123": "ABC123", "ABC\u2011123": "ABC123", "ABC\u2015123": "ABC123",
		"ABC−123": "ABC123", "ABC\u00a0123": "ABC123", "ABC\u202f123": "ABC123", "ABC\u3000123": "ABC123", "\ufeffABC123": "ABC123",
		"ABC\u200b123\u2060": "ABC123", "\u202eABC123\u202c": "ABC123", "A\u00adBC 123\r\n": "ABC123",
		"É1234": "E1234", "e\u03011234": "E1234", "TÜ-AB 123": "TUAB123", "ŁÓDŹ1": "LODZ1", "ı2": "I2", "ÿ1": "Y1",
		"А123ВС77": "A123BC77", "ＡＢＣ１２３": "ABC123", "O’N 1": "ON1",
	} {
		got, err := ParsePlate(given)
		if err != nil || got != want {
			t.Errorf("ParsePlate(%q) = %q, %v, want %q", given, got, err, want)
		}
	}
}

func TestParsePlateSaysWhatItCannotTake(t *testing.T) {
	for given, why := range map[string]string{
		"ABC#12": `'#'`, "A*": `'*'`, "STRAß1": `'ß'`, "ÆØ1": `'Æ'`, "一二三": `'一'`, "٣٤٥": `'٣'`, "A\x00B": `'\x00'`, "A\xffB": `'�'`,
		"": "there is none", " \u200b ": "no letter or digit", "--": "no letter or digit", "ABCDEFGHIJK": "11 characters", "\u03011": "'\u0301'",
		"%": `'%'`, "A_1?": `'?'`,
	} {
		got, err := ParsePlate(given)
		if !errors.Is(err, ErrBadPlate) || !strings.Contains(fmt.Sprint(err), why) {
			t.Errorf("ParsePlate(%q) = %q, %v; it should say %s", given, got, err, why)
		}
	}
}

func FuzzParsePlate(f *testing.F) {
	f.Add("abc–1\u200b23")
	f.Add("É1234")
	f.Fuzz(func(t *testing.T, s string) {
		plate, err := ParsePlate(s)
		if err != nil {
			return
		}
		if len(plate) < 1 || len(plate) > Slots || plate != Normalise(s) {
			t.Errorf("%q is taken as %q, compared as %q", s, plate, Normalise(s))
		}
		if again, err := ParsePlate(plate); err != nil || again != plate {
			t.Errorf("%q is not stable: %q, %v", plate, again, err)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	f.Add("abc 123-ß")
	f.Fuzz(func(t *testing.T, s string) {
		once := Normalise(s)
		if Normalise(once) != once {
			t.Errorf("%q is not stable", once)
		}
		for i := range len(once) {
			if SymbolIndex(once[i]) < 0 {
				t.Errorf("%q holds a character outside the alphabet", once)
			}
		}
	})
}

func TestIDIsVersion7AndSortsByTime(t *testing.T) {
	at := time.Date(2026, 6, 1, 12, 0, 0, 123_000_000, time.UTC)
	random := bytes.NewReader(bytes.Repeat([]byte{0xff}, 20))
	a, err := NewID(at, random)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewID(at.Add(time.Millisecond), random)
	if err != nil {
		t.Fatal(err)
	}
	if a.String() >= b.String() {
		t.Errorf("%s is not before %s", a, b)
	}
	if a[6]>>4 != 7 || a[8]>>6 != 2 {
		t.Errorf("%s is not of version 7, variant 2", a)
	}
	if !a.Time().Equal(at) {
		t.Errorf("time %v, want %v", a.Time(), at)
	}
}

func TestNewIDReportsItsSource(t *testing.T) {
	broken := errors.New("no entropy")
	if _, err := NewID(time.Now(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("01890a5d-ac96-774b-bcce-b302099a8057")
	f.Add("01890a5d-ac96-774b-bcce-b302099a805")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if !errors.Is(err, ErrBadID) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := ParseID(id.String())
		if err != nil || again != id {
			t.Errorf("%q does not come back: %v, %v", s, again, err)
		}
	})
}

func TestBoxIoU(t *testing.T) {
	a := Box{X: 0, Y: 0, W: 10, H: 10}
	for _, test := range []struct {
		name string
		b    Box
		want float64
	}{
		{"itself", a, 1},
		{"half", Box{X: 0, Y: 0, W: 5, H: 10}, 0.5},
		{"shifted", Box{X: 5, Y: 0, W: 10, H: 10}, 1.0 / 3},
		{"beside", Box{X: 10, Y: 0, W: 10, H: 10}, 0},
		{"empty", Box{}, 0},
	} {
		if got := a.IoU(test.b); math.Abs(got-test.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		if a.IoU(test.b) != test.b.IoU(a) {
			t.Errorf("%s: not symmetric", test.name)
		}
	}
}

func TestPlateSizeIsThatOfItsEdges(t *testing.T) {
	p := Plate{Corners: [4]Point{{0, 0}, {30, 40}, {27, 44}, {-3, 4}}}
	if got := p.WidthPx(); math.Abs(got-50) > 1e-6 {
		t.Errorf("width %v", got)
	}
	if got := p.HeightPx(); math.Abs(got-5) > 1e-6 {
		t.Errorf("height %v", got)
	}
}
