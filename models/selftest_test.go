package models_test

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"path/filepath"
	"strings"
	"testing"

	"alpr/models"
	"alpr/models/modelstest"
)

// TestSelfTestPicture holds the picture to the one that Python makes.
func TestSelfTestPicture(t *testing.T) {
	for _, tt := range []struct {
		height, width int
		seed          uint32
		want          uint32
	}{
		{64, 160, 1, 152268592},
		{21, 31, 3, 4230403342},
	} {
		b := make([]uint8, tt.height*tt.width*3)
		models.SelfTestPicture(b, tt.height, tt.width, tt.seed)
		if got := crc32.ChecksumIEEE(b); got != tt.want {
			t.Errorf("%dx%d, seed %d: CRC-32 %d, want %d", tt.width, tt.height, tt.seed, got, tt.want)
		}
	}
}

// openFixture opens the tiny networks with a manifest that the test changes.
func openFixture(t *testing.T, change func(m map[string]map[string]any)) (*models.Set, error) {
	t.Helper()
	dir := copyFixture(t)
	m := fixtureManifest(t)
	change(m)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, models.ManifestName, string(b))
	set, err := models.Open(models.Options{Dir: dir, Library: modelstest.Library(t)})
	if err == nil {
		t.Cleanup(func() {
			if err := set.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return set, err
}

func answersOf(m map[string]map[string]any, network, precision, output string) []any {
	s := m[network]["self_test"].(map[string]any)
	return s[precision].(map[string]any)[output].(map[string]any)["is"].([]any)
}

// TestSaturatingKernelIsNotBelieved opens a network whose weights drive kernels
// that add in 16 bits beyond them. Where the processor has such kernels, the
// self-test sees it and the exact ones compute; everywhere the answer is right.
func TestSaturatingKernelIsNotBelieved(t *testing.T) {
	set, err := openFixture(t, func(m map[string]map[string]any) { m["corners"]["default"] = "int8" })
	if err != nil {
		t.Fatal(err)
	}
	saturates := strings.HasSuffix(models.ThisProcessor().Instructions, "without VNNI")
	if set.Corners.Precision != models.INT8 || set.Corners.IsExact != saturates || len(set.Refused) > 0 != saturates {
		t.Errorf("on %s it runs %s, refused %v", models.ThisProcessor(), set.Corners.Path(), set.Refused)
	}
	for _, err := range set.Refused {
		if !errors.Is(err, models.ErrWrongAnswers) || !strings.Contains(err.Error(), "saturating.onnx with fast kernels on "+models.ThisProcessor().String()) {
			t.Errorf("refused with %v", err)
		}
	}
	b, err := set.Corners.Bind(1, 64, 128)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.In {
		b.In[i] = 255
	}
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
	if got, _, err := b.Output(0); err != nil || got[0] < 0.99 || got[0] > 1.01 {
		t.Errorf("a white cut gives %v, %v, want 1 first", got, err)
	}
}

// TestFloatAnswersForBytes opens the fp32 file where no 8-bit way passes.
func TestFloatAnswersForBytes(t *testing.T) {
	set, err := openFixture(t, func(m map[string]map[string]any) {
		m["corners"]["default"] = "int8"
		answersOf(m, "corners", "int8", "corners")[0] = 0.9
	})
	if err != nil {
		t.Fatal(err)
	}
	if set.Corners.Precision != models.FP32 || len(set.Refused) != 2 {
		t.Errorf("it runs %s, refused %v, want fp32 after two", set.Corners.Path(), set.Refused)
	}
}

func TestWrongAnswersAreRefused(t *testing.T) {
	set, err := openFixture(t, func(m map[string]map[string]any) {
		answersOf(m, "reader", "fp32", "slots")[3] = 0.31
	})
	if err == nil {
		t.Fatalf("it runs %s", set.Reader.Path())
	}
	for _, want := range []string{"open the reader", "reader.onnx with float kernels on " + models.ThisProcessor().String(), "not 0.31", "report this processor"} {
		if !errors.Is(err, models.ErrWrongAnswers) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// TestReaderGoesOnAlone opens the others where only the second reader fails.
func TestReaderGoesOnAlone(t *testing.T) {
	set, err := openFixture(t, func(m map[string]map[string]any) {
		answersOf(m, "second_reader", "fp32", "region")[0] = 0.99
	})
	if err != nil {
		t.Fatal(err)
	}
	if set.SecondReader != nil || len(set.Networks()) != 3 {
		t.Errorf("%d networks run", len(set.Networks()))
	}
	if err := errors.Join(set.Refused...); !errors.Is(err, models.ErrWrongAnswers) || !strings.Contains(err.Error(), "open the second reader") {
		t.Errorf("refused with %v", err)
	}
}

// TestShippedNetworksComputeAlike holds every network's fast kernels to the
// exact ones, on pictures that drive them to their limits, and asks for a
// self-test of each.
func TestShippedNetworksComputeAlike(t *testing.T) {
	dir := filepath.Join(modelstest.Root(t), "models")
	if err := models.StartRuntime(modelstest.Library(t)); err != nil {
		t.Fatal(err)
	}
	m, err := models.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*models.Entry{&m.Detector, &m.Corners, &m.Reader, m.SecondReader} {
		if e == nil {
			continue
		}
		if e.SelfTest == nil {
			t.Errorf("%s has no self_test: python -m selftest in training writes it", e.Name)
			continue
		}
		fast, exact := outputs(t, dir, *e, false), outputs(t, dir, *e, true)
		for i := range fast {
			if d := fast[i] - exact[i]; d > 1e-4 || d < -1e-4 {
				t.Errorf("%s: value %d is %g by fast kernels, %g by exact ones", e.FileINT8, i, fast[i], exact[i])
				break
			}
		}
	}
}

func outputs(t *testing.T, dir string, e models.Entry, isExact bool) (all []float32) {
	t.Helper()
	n, err := models.OpenNetwork(dir, e, models.INT8, isExact)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	b, err := n.Bind(1, e.SelfTest.Height, e.SelfTest.Width)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint32(5) {
		models.SelfTestPicture(b.In, e.SelfTest.Height, e.SelfTest.Width, seed)
		if err := b.Run(); err != nil {
			t.Fatal(err)
		}
		for i := range e.Outputs {
			data, _, err := b.Output(i)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
		}
	}
	return all
}

// TestTrainedNetworksPassHere says in a log what runs on this processor.
func TestTrainedNetworksPassHere(t *testing.T) {
	for _, p := range []models.Precision{models.FP32, models.INT8} {
		set := modelstest.OpenTrained(t, p)
		if len(set.Refused) > 0 {
			t.Errorf("%s: %v", p, errors.Join(set.Refused...))
		}
		for _, n := range set.Networks() {
			t.Logf("%s: %s on %s", n.Entry.Name, n.Path(), models.ThisProcessor())
		}
	}
}

func TestModelName(t *testing.T) {
	const list = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD  EPYC 7763\nflags\t\t: avx2\n"
	for given, want := range map[string]string{list: "AMD EPYC 7763", "": "", "model name": ""} {
		if got := models.ModelName(strings.NewReader(given)); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(modelstest.Root(b), "models")
	for b.Loop() {
		set, err := models.Open(models.Options{Dir: dir, Library: modelstest.Library(b)})
		if err != nil {
			b.Fatal(err)
		}
		if err := set.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
