package main

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const labelLines = `{"image": "images/a.jpg", "width": 960, "plates": [{"box": [100, 100, 80, 20], "text": "ABC 123", "region": "US-FL"}, {"box": [400, 100, 120, 30]}]}
{"image": "images/b.jpg", "width": 960, "plates": [{"box": [10, 10, 60, 20], "text": "XYZ9", "region": "mixed"}]}
{"image": "images/c.jpg", "width": 960, "plates": [{"box": [10, 10, 60, 20], "text": "GONE1", "region": "US-TX"}]}
`

const reads = `image,plate_text,confidence,x,y,w,h,rank,ms,region
/x/a.jpg,ABC123,0.9,102,101,78,19,1,7.5,US-FL
/x/a.jpg,A8C123,0.05,102,101,78,19,2,7.5,US-FL
/x/a.jpg,FALSE,0.8,700,300,50,20,1,7.5,
/x/b.jpg,XYZ8,0.6,40,10,60,20,1,5,US-GA
/x/c.jpg,,,,,,,,4,
`

func scored(t *testing.T) *score {
	t.Helper()
	path := filepath.Join(t.TempDir(), "labels.jsonl")
	if err := os.WriteFile(path, []byte(labelLines), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readLabels(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseReads(strings.NewReader(reads))
	if err != nil {
		t.Fatal(err)
	}
	if s.isCrops() {
		t.Error("pictures with boxes were taken for cut-out plates")
	}
	return scoreSet("test", s, r)
}

func TestScoreSet(t *testing.T) {
	sc := scored(t)
	texts := sc.withText()
	right, unknown, bad := states(sc.truths)
	for _, tt := range []struct {
		name string
		got  share
		want share
	}{
		{"detected", sc.detected(), share{1, 4}},
		{"exact", exact(texts), share{1, 3}},
		{"wrong", wrong(texts), share{1, 3}}, // XYZ8 overlaps its label by a third only, which is enough to pair
		{"missed", missed(texts), share{1, 3}},
		{"exact at 1 %", exactAt(texts, 0.01), share{1, 3}},
		{"state right", right, share{1, 2}}, // "mixed" is no state
		{"state unknown", unknown, share{1, 2}},
		{"state wrong", bad, share{0, 2}},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, tt.got, tt.want)
		}
	}
	if sc.elsewhere != 1 || len(sc.times) != 3 || sc.times[1] != 5 {
		t.Errorf("elsewhere %d, times %v", sc.elsewhere, sc.times)
	}
}

func readTruth(confidence float64, isRight bool) truth {
	t := truth{label: label{Text: "A"}, read: reported{Text: "A", Confidence: confidence}}
	if !isRight {
		t.read.Text = "B"
	}
	return t
}

func TestExactAtTakesTiesTogether(t *testing.T) {
	truths := []truth{readTruth(0.9, true), readTruth(0.8, true), readTruth(0.8, false), readTruth(0.7, true)}
	if got := exactAt(truths, 0.01); got != (share{1, 4}) {
		t.Errorf("at 1 %%: %+v; the right one of a tie does not count alone", got)
	}
	if got := exactAt(truths, 0.25); got != (share{3, 4}) {
		t.Errorf("at 25 %%: %+v", got)
	}
}

func TestMistakes(t *testing.T) {
	var truths []truth
	for _, r := range []struct {
		label, read string
		want        mistake
	}{
		{"B0GI", "BOG1", lookAlike},
		{"AB12", "A812", oneCharacter},
		{"AO12", "A0I3", severalCharacters}, // one of the three is no look-alike
		{"AB12", "AB121", otherLength},
	} {
		l := truth{label: label{Text: r.label}, read: reported{Text: r.read, Confidence: 0.9}}
		if got := mistakeOf(&l); got != r.want {
			t.Errorf("%s read as %s is mistake %d, want %d", r.label, r.read, got, r.want)
		}
		truths = append(truths, l)
	}
	truths = append(truths, readTruth(0.8, true), readTruth(0.7, true), truth{label: label{Text: "MISSED"}})
	var out bytes.Buffer
	printMistakes(&tableWriter{out: &out}, []*score{{name: "set", truths: truths}, {name: "no texts", truths: []truth{{}}}})
	// Exact are then three of seven, and three are wrong.
	if want := "| set | 4 | 1 | 1 | 1 | 1 | 42.9 | 42.9 | 0.0 |"; !strings.Contains(out.String(), want) || strings.Contains(out.String(), "no texts") {
		t.Errorf("want %s, got\n%s", want, out.String())
	}
}

func TestCalibrationError(t *testing.T) {
	truths := []truth{readTruth(0.95, true), readTruth(0.95, false), readTruth(0.25, false), readTruth(1, true)}
	ece, n := calibrationError(reliability(truths))
	// Bin 90–100: three reads, 2.9 confidence, 2 right; bin 20–30: 0.25, 0 right.
	if want := (0.9 + 0.25) / 4; n != 4 || math.Abs(ece-want) > 1e-9 {
		t.Errorf("got %g over %d, want %g", ece, n, want)
	}
}

func TestSmallPicturesWithoutBoxesAreCrops(t *testing.T) {
	s := &set{pictures: []labelled{{Width: 320, Plates: []label{{Text: "A"}}}}}
	if !s.isCrops() {
		t.Error("want crops")
	}
	s.pictures = append(s.pictures, labelled{Width: 1280})
	if s.isCrops() {
		t.Error("a large picture is none")
	}
}

func TestParseReadsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no columns": "a,b\n1,2\n",
		"bad time":       "image,plate_text,confidence,x,y,w,h,rank,ms,region\na,b,0.5,,,,,1,fast,\n",
		"bad confidence": "image,plate_text,confidence,x,y,w,h,rank,ms,region\na,b,sure,,,,,1,2,\n",
		"bad box":        "image,plate_text,confidence,x,y,w,h,rank,ms,region\na,b,0.5,1,2,3,z,1,2,\n",
	} {
		if _, err := parseReads(strings.NewReader(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestRunMeasuresAProgram(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"sets/one/labels.jsonl": labelLines,
		"sets/two/labels.jsonl": `{"image": "images/d.jpg", "width": 100, "plates": [{"text": "D1"}]}` + "\n",
		"program": "#!/bin/sh\ncase \"$*\" in *--crops*) printf 'image,plate_text,confidence,x,y,w,h,rank,ms,region\\nd.jpg,D1,0.5,,,,,1,2,\\n';;" +
			" *) cat <<'X'\n" + reads + "X\n;; esac\n",
	} {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	err := run(t.Context(), []string{"-alpr", filepath.Join(dir, "program"), "-keep", filepath.Join(dir, "kept"), filepath.Join(dir, "sets")}, &out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| one | 3 | 4 | 25.0 | 3 | 33.3 | 33.3 | 33.3 | 33.3 | 50.0 | 50.0 | 0.0 |",
		"| two | 1 | 1 | - | 1 | 100.0 | 0.0 | 0.0 | 100.0 | - | - | - |",
		"| 50–75 | 2 |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "kept", "one.csv")); err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), []string{t.TempDir()}, &out, &errs); err == nil || !strings.Contains(err.Error(), "labels.jsonl") {
		t.Errorf("a folder without sets gave %v", err)
	}
}

func TestBrightness(t *testing.T) {
	pic := image.NewGray(image.Rect(0, 0, 40, 20))
	for x := range 20 {
		for y := range 20 {
			pic.SetGray(x, y, color.Gray{Y: 200})
		}
	}
	for name, tt := range map[string]struct {
		box  *[4]float64
		want float64
	}{
		"whole picture": {nil, 100}, "lit half": {&[4]float64{0, 0, 20, 20}, 200}, "dark half": {&[4]float64{20, 0, 20, 20}, 0},
		"outside": {&[4]float64{100, 100, 5, 5}, -1},
	} {
		if got := brightness(pic, tt.box); got != tt.want {
			t.Errorf("%s: got %g, want %g", name, got, tt.want)
		}
	}
	if got := brightness(decode("no such file"), nil); got != -1 {
		t.Errorf("no picture: got %g", got)
	}
}

func TestPrintRegions(t *testing.T) {
	var truths []truth
	for i := range 10 {
		l := readTruth(0.9, i > 0)
		l.Region, l.read.Region = "US-FL", "US-FL"
		truths = append(truths, l)
	}
	truths = append(truths, truth{label: label{Text: "A", Region: "US-GA"}})
	var out bytes.Buffer
	printRegions(&tableWriter{out: &out}, truths)
	if !strings.Contains(out.String(), "| US-FL | 10 | 90.0 | 10.0 | 0.0 | 100.0 | 0.0 | 0.0 |") || strings.Contains(out.String(), "US-GA") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestComputed(t *testing.T) {
	for _, tt := range []struct{ name, log, want string }{
		{
			"as alpr read logs it",
			`time=2026-11-28T07:00:00Z level=INFO msg=networks processor="AMD EPYC (AVX2 without VNNI)" run="a-int8.onnx, int8 by fast kernels; b.onnx, fp32 by float kernels"` + "\n1 picture\n",
			"Processor: AMD EPYC (AVX2 without VNNI). Networks: a-int8.onnx, int8 by fast kernels; b.onnx, fp32 by float kernels.",
		},
		{
			"after a refusal",
			"level=WARN msg=\"a way of computing the networks was refused on this processor, another is taken\"\nmsg=networks processor=\"x (SSE)\" run=\"a, int8 by exact kernels\"\n",
			"Processor: x (SSE). Networks: a, int8 by exact kernels. Other ways of computing them failed the self-test.",
		},
		{"without a word", "1 picture\n", "The program did not say which processor and which kernels computed the networks."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := computed(tt.log); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
