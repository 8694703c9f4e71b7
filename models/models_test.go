package models_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"alpr/models"
	"alpr/models/modelstest"
)

func fixtureManifest(tb testing.TB) map[string]map[string]any {
	tb.Helper()
	b, err := os.ReadFile("testdata/manifest.json")
	if err != nil {
		tb.Fatal(err)
	}
	var m map[string]map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestParseManifestRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(detector, reader map[string]any)
		want   string
	}{
		{"unknown key", func(d, _ map[string]any) { d["colour"] = "BGR" }, `unknown field "colour"`},
		{"short hash", func(d, _ map[string]any) { d["sha256"] = "12ab" }, "64 hexadecimal digits"},
		{"no version", func(d, _ map[string]any) { d["version"] = "" }, "version is empty"},
		{"default without file", func(d, _ map[string]any) { d["default"] = "int8" }, "file_int8 is empty"},
		{"colour order", func(d, _ map[string]any) { d["input"].(map[string]any)["color"] = "RGB" }, "not BGR"},
		{"layout", func(d, _ map[string]any) { d["input"].(map[string]any)["layout"] = "NCHW" }, "not NHWC"},
		{"fixed detector", func(d, _ map[string]any) { d["input"].(map[string]any)["height"] = 544 }, "must be dynamic"},
		{"threshold", func(d, _ map[string]any) { d["score_threshold"] = 0 }, "score_threshold"},
		{"overlap", func(d, _ map[string]any) { d["nms_iou"] = 1.5 }, "nms_iou"},
		{"alphabet", func(_, r map[string]any) { r["alphabet"] = "ABC" }, "alphabet"},
		{"pad", func(_, r map[string]any) { r["pad"] = 0 }, "pad 0"},
		{"regions without unknown", func(_, r map[string]any) { r["regions"] = []string{"US-FL"} }, "unknown"},
		{"margin", func(_, r map[string]any) { r["margin"] = map[string]any{"x": 2, "y": 0} }, "margin"},
		{"margin with an unknown key", func(_, r map[string]any) { r["margin"] = map[string]any{"z": 2} }, `unknown field "z"`},
		{"calibration kind", func(_, r map[string]any) { r["calibration"] = map[string]any{"kind": "magic"} }, "magic"},
		{"falling calibration", func(_, r map[string]any) {
			r["calibration"] = map[string]any{"kind": models.CalibrationPlatt, "a": -1}
		}, "a must be positive"},
		{"no file at all", func(_, r map[string]any) { r["file"] = "" }, "file and file_int8 are empty"},
		{"default fp32 without its file", func(_, r map[string]any) {
			r["file"], r["file_int8"], r["sha256_int8"] = "", "reader-int8.onnx", r["sha256"]
		}, "default is fp32, but file is empty"},
		{"self-test of another size", func(_, r map[string]any) { r["self_test"].(map[string]any)["height"] = 32 }, "self_test is 160x32, but input is 160x64"},
		{"self-test that lets everything pass", func(_, r map[string]any) { r["self_test"].(map[string]any)["tolerance"] = 1 }, "self_test.tolerance 1 "},
		{"self-test without answers", func(_, r map[string]any) { delete(r["self_test"].(map[string]any), "fp32") }, "self_test.fp32 has 0 places"},
		{"no scales to search at", func(d, _ map[string]any) { delete(d, "search") }, "search.budget 0"},
		{"scales out of order", func(d, _ map[string]any) { d["search"].(map[string]any)["min_scale"] = 0.7 }, "not in order"},
		{"a fact nobody knows", func(d, _ map[string]any) { d["search"].(map[string]any)["speed"] = 1 }, `unknown field "speed"`},
		{"no score that is sure", func(d, _ map[string]any) { d["search"].(map[string]any)["sure_score"] = 1 }, "search.sure_score 1"},
		{"no view", func(_, r map[string]any) { r["views"] = []any{} }, "views is empty"},
		{"no view without a second reader", func(_, r map[string]any) { delete(r, "views_alone") }, "views_alone is empty"},
		{"a view that counts for nothing", func(_, r map[string]any) {
			r["views"].([]any)[1].(map[string]any)["weight"] = 0
		}, "views[1]: weight 0"},
		{"a view from far off", func(_, r map[string]any) {
			r["views"].([]any)[0].(map[string]any)["padding"] = 2
		}, "views[0].padding 2"},
		{"never sure", func(_, r map[string]any) { r["sure_from"] = 0 }, "sure_from 0"},
		{"sure of what is unreadable", func(_, r map[string]any) { r["unreadable"] = 0.98 }, "unreadable 0.98"},
		{"one output", func(_, r map[string]any) { r["outputs"] = []string{"slots"} }, "want two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := fixtureManifest(t)
			tt.change(m["detector"], m["reader"])
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			_, err = models.ParseManifest(bytes.NewReader(b))
			if !errors.Is(err, models.ErrManifest) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrManifest with %q", err, tt.want)
			}
		})
	}
}

func TestParseManifestMargin(t *testing.T) {
	m := fixtureManifest(t)
	for _, tt := range []struct {
		given any
		want  models.Margin
	}{
		{0.1, models.Margin{X: 0.1, Y: 0.1}},
		{map[string]any{"x": 0.05, "y": 0.2}, models.Margin{X: 0.05, Y: 0.2}},
	} {
		m["reader"]["margin"] = tt.given
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := models.ParseManifest(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got.Reader.Margin != tt.want {
			t.Errorf("margin %v: got %+v, want %+v", tt.given, got.Reader.Margin, tt.want)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	b, err := os.ReadFile("testdata/manifest.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"detector":{}}`))
	f.Add([]byte(`{} {}`))
	f.Add([]byte(`{"reader":{"margin":"wide"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := models.ParseManifest(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, models.ErrManifest) {
				t.Errorf("error without ErrManifest: %v", err)
			}
			return
		}
		if m.Reader.Regions[len(m.Reader.Regions)-1] != "" || m.Detector.File == "" {
			t.Errorf("accepted %+v", m)
		}
	})
}

func TestCalibration(t *testing.T) {
	platt := models.Calibration{Kind: models.CalibrationPlatt, A: 0.5, B: -1}
	tests := []struct {
		name string
		c    models.Calibration
		p    float64
		want float64
	}{
		{"none", models.Calibration{Kind: models.CalibrationNone}, 0.7, 0.7},
		{"half becomes sigma of b", platt, 0.5, 1 / (1 + math.E)},
		{"0.9", platt, 0.9, 1 / (1 + math.Exp(-(0.5*math.Log(9) - 1)))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.c.Confidence(math.Log(tt.p)); math.Abs(got-tt.want) > 1e-9 {
				t.Errorf("got %g, want %g", got, tt.want)
			}
		})
	}
	for _, log := range []float64{0, math.Inf(-1), -1e300, 1} {
		if got := platt.Confidence(log); math.IsNaN(got) || got < 0 || got > 1 {
			t.Errorf("Confidence(%g) = %g", log, got)
		}
	}
}

// copyFixture makes a folder of models that a test may damage.
func copyFixture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	library := modelstest.Library(t)
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		option func(*models.Options)
		is     error
		want   []string
	}{
		{
			name:   "no manifest",
			damage: func(t *testing.T, dir string) { remove(t, dir, models.ManifestName) },
			is:     os.ErrNotExist, want: []string{models.ManifestName, "--models"},
		},
		{
			name:   "no model",
			damage: func(t *testing.T, dir string) { remove(t, dir, "reader.onnx") },
			is:     os.ErrNotExist, want: []string{"open the reader", "reader.onnx", "git checkout"},
		},
		{
			name: "changed model",
			damage: func(t *testing.T, dir string) {
				write(t, dir, "detector.onnx", "changed")
			},
			is: models.ErrWrongHash,
			want: []string{
				"detector.onnx",
				fixtureManifest(t)["detector"]["sha256"].(string),
				"the file has d67e2e944994496c8d8ec76eed0cf9f09679448d584b532bebf941852a37f5ed", "reinstall",
			},
		},
		{
			name:   "int8 without a file",
			option: func(o *models.Options) { o.Precision = models.INT8 },
			want:   []string{"no int8 file"},
		},
		{
			name:   "unknown precision",
			option: func(o *models.Options) { o.Precision = "bf16" },
			want:   []string{"bf16"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyFixture(t)
			o := models.Options{Dir: dir, Library: library}
			if tt.damage != nil {
				tt.damage(t, dir)
			}
			if tt.option != nil {
				tt.option(&o)
			}
			set, err := models.Open(o)
			if err == nil {
				set.Close()
				t.Fatal("no error")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %v", err, tt.is)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

// TestSecondReaderRunsAsItIs opens a second reader of one file, int8, beside
// networks in fp32, and does without one.
func TestSecondReaderRunsAsItIs(t *testing.T) {
	dir := copyFixture(t)
	m := fixtureManifest(t)
	second := m["second_reader"]
	second["file_int8"], second["sha256_int8"], second["default"] = second["file"], second["sha256"], "int8"
	second["file"], second["sha256"] = "", ""
	answers := second["self_test"].(map[string]any)
	answers["int8"] = answers["fp32"]
	save := func() {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, models.ManifestName, string(b))
	}
	save()
	o := models.Options{Dir: dir, Library: modelstest.Library(t), Precision: models.FP32}
	set, err := models.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if set.SecondReader == nil {
		t.Error("the second reader is not there")
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
	delete(m, "second_reader")
	save()
	if set, err = models.Open(o); err != nil {
		t.Fatal(err)
	}
	if set.SecondReader != nil {
		t.Error("a second reader came from nowhere")
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}

func TestNetworkReusesTensors(t *testing.T) {
	set := modelstest.Open(t)
	first, err := set.Reader.Bind(2, 64, 160)
	if err != nil {
		t.Fatal(err)
	}
	for i := range first.In {
		first.In[i] = 255
	}
	if err := first.Run(); err != nil {
		t.Fatal(err)
	}
	slots, shape, err := first.Output(0)
	if err != nil {
		t.Fatal(err)
	}
	if len(shape) != 3 || shape[0] != 2 || shape[1] != 10 || shape[2] != 37 {
		t.Fatalf("slots have shape %v", shape)
	}
	if slots[36] < 0.9 {
		t.Errorf("a white plate's first slot is pad with %g, want almost 1", slots[36])
	}
	again, err := set.Reader.Bind(2, 64, 160)
	if err != nil {
		t.Fatal(err)
	}
	if again != first {
		t.Error("the same shape got other tensors")
	}
	clear(again.In)
	if err := again.Run(); err != nil {
		t.Fatal(err)
	}
	if slots[0] < 0.9 {
		t.Errorf("after a black plate the same output says 0 with %g, want almost 1", slots[0])
	}
}

func TestCloseTwice(t *testing.T) {
	set := modelstest.Open(t)
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestNoNativeLeak opens, runs and closes the networks many times and watches
// the process's own memory. The allocator needs some rounds to level off; a
// session that is not released then still adds its arena every round.
func TestNoNativeLeak(t *testing.T) {
	round := func() {
		set, err := models.Open(models.Options{Dir: "testdata", Library: modelstest.Library(t)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 {
			b, err := set.Detector.Bind(1, 160, 160+80*i/32*32)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Run(); err != nil {
				t.Fatal(err)
			}
		}
		if err := set.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const warmUp, rounds = 20, 40
	for range warmUp {
		round()
	}
	before := residentBytes(t)
	for range rounds {
		round()
	}
	if grown := residentBytes(t) - before; grown > 80<<20 {
		t.Errorf("resident memory grew by %d MiB in %d rounds", grown>>20, rounds)
	}
}

func residentBytes(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory() // so that only what is still held counts
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestShippedNetworksKeepToTheirBudget is what a vehicle computer was promised.
func TestShippedNetworksKeepToTheirBudget(t *testing.T) {
	dir := filepath.Join(modelstest.Root(t), "models")
	m, err := models.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Of a frame of video one unsure plate is looked at again.
	if flops := m.Detector.FLOPs + 2*(m.Corners.FLOPs+m.Reader.FLOPs) + m.SecondReader.FLOPs; flops > 2e9 || flops < 1e9 {
		t.Errorf("a frame with two plates, one of them unsure, costs %.2f GFLOP, want at most 2", flops/1e9)
	}
	size := func(names ...string) (sum int64) {
		for _, name := range names {
			if name == "" {
				continue
			}
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			sum += info.Size()
		}
		return sum
	}
	var second models.Entry
	if m.SecondReader != nil {
		second = *m.SecondReader
	}
	for _, names := range [][]string{
		{m.Detector.File, m.Corners.File, m.Reader.File, second.FileINT8},
		{m.Detector.FileINT8, m.Corners.FileINT8, m.Reader.FileINT8, second.FileINT8},
	} {
		if s := size(names...); s > 8<<20 {
			t.Errorf("%s are %d bytes, want at most 8 MB", strings.Join(names, ", "), s)
		}
	}
}
