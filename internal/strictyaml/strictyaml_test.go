package strictyaml

import (
	"errors"
	"strings"
	"testing"
	"time"
)

type drawer struct {
	Name  string            `yaml:"name"`
	Sizes []int             `yaml:"sizes"`
	Tags  map[string]string `yaml:"tags"`
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"name: a\nsizes: [1, 2]": "",
		"sizes: [1]":             "", // name stays as it was
		"name: a\nsize: [1]":     "unknown field",
		"name: a\nname: b":       "already defined",
		"name: [":                "sequence end token",
		"name: a\nsizes:\n !- ":  ErrBeyond.Error(),
		"name: a\nsizes: !x\n12": ErrBeyond.Error(),
		"\ufeffname: a":          "", // a byte order mark is part of no key
		"\ufeff\ufeffname: a":    "unknown field",
		"\xff\xfen\x00":          ErrUTF16.Error(),
		"\xfe\xff\x00n":          ErrUTF16.Error(),
		"---\nname: a\n":         "",
		"name: a\n---\n":         "",
		"name: a\n...\n":         "",
		"name: a\n---\nname: b":  ErrSecond.Error(),
	} {
		d := drawer{Name: "before"}
		err := Decode([]byte(text), &d)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err == nil && !strings.Contains(text, "name") && d.Name != "before" {
			t.Errorf("%q: what was there is gone: %+v", text, d)
		}
	}
	var some struct {
		Name string `yaml:"name"`
	}
	if err := DecodeSome([]byte("name: a\nsizes: [1]"), &some); err != nil || some.Name != "a" {
		t.Errorf("%+v, %v", some, err)
	}
}

// TestTextIsTakenAsWritten: a number where a name is meant stays what a person
// wrote, wherever it stands.
func TestTextIsTakenAsWritten(t *testing.T) {
	for written, want := range map[string]string{
		"0012": "0012", "0417": "0417", "0x1F": "0x1F", "0b11": "0b11", "0o17": "0o17", "1_000": "1_000", "1.50": "1.50", "12e3": "12e3", "+1": "+1",
		"-0": "-0", ".5": ".5", ".inf": ".inf", ".NaN": ".NaN", "True": "True", "no": "no", "007.10": "007.10", "2026-01-02": "2026-01-02", "1:30": "1:30",
		"'0012'": "0012", `"a\n0012"`: "a\n0012", "a b # c": "a b", "0012 # c": "0012", "~": "", "null": "", "''": "", "C:\\x": "C:\\x", "ä–b": "ä–b",
		"|\n    a\n     0012\n": "a\n 0012\n", ">\n    a\n    b\n": "a b\n",
	} {
		d := drawer{Name: "before"}
		if err := Decode([]byte("name: "+written), &d); err != nil || d.Name != want && want+d.Name != "before" {
			t.Errorf("name %s: %q, %v, want %q", written, d.Name, err, want)
		}
		d = drawer{}
		if err := Decode([]byte("sizes: [1]\ntags:\n  a: "+written+"\n"), &d); err != nil || d.Tags["a"] != want {
			t.Errorf("tags: a: %s: %q, %v, want %q", written, d.Tags, err, want)
		}
	}
	var d drawer
	if err := Decode([]byte("tags: {0012: 010, '7': x}\nsizes: [12, 3]"), &d); err != nil || len(d.Tags) != 2 || d.Tags["0012"] != "010" || d.Tags["7"] != "x" || d.Sizes[0] != 12 {
		t.Errorf("keys: %+v, %v", d, err)
	}
}

// TestNumbersAreTakenAsWritten, or refused with the way to write them: what
// YAML's readers make of 010 and "0.5" is not what a person means.
func TestNumbersAreTakenAsWritten(t *testing.T) {
	type sheet struct {
		Name  string          `yaml:"name"`
		Count int             `yaml:"count"`
		Bytes int64           `yaml:"bytes"`
		Size  uint16          `yaml:"size"`
		Scale float64         `yaml:"scale"`
		After time.Duration   `yaml:"after"`
		Sizes []int           `yaml:"sizes"`
		Part  *int            `yaml:"part"`
		By    map[string]uint `yaml:"by"`
	}
	for text, want := range map[string]string{
		"count: 010":                        "line 1, count: 010: not the number that is meant: with a zero before it, it could be octal: write 10, or 0o10",
		"count: -010":                       "write -10",
		"count: '010'":                      "write 10",
		"count: 0_10":                       "write 10",
		"count: 00":                         "write 0,",
		"count: \"0.5\"":                    "a whole number is wanted",
		"count: 1.9":                        "a whole number is wanted",
		"count: .5":                         "a whole number is wanted",
		"count: many":                       "line 1, count: many: not the number that is meant: a whole number is wanted",
		"count: [1]":                        "cannot unmarshal",
		"count: 99999999999999999999":       "too large",
		"size: -1":                          "too large",
		"size: 65536":                       "too large",
		"bytes: 0777":                       "write 777",
		"name: a\nsizes:\n  - 1\n  - 007":   "line 4: 007",
		"name: 010\ncount: 010":             "line 1, name, or line 2, count: 010",
		"by: {a: 010}":                      "write 10",
		"part: 010":                         "write 10",
		"scale: 010":                        "write 10",
		"scale: 00.5":                       "write 0.5",
		"after: 90":                         "write 500ms, 90s, 15m or 12h",
		"after: '90'":                       "90s",
		"after: soon":                       "line 1, after: soon",
		"count: 10\nscale: 0.5":             "",
		"count: '12'\nbytes: 1e3\nsize: 0":  "",
		"count: 0x1F\nsize: 0o17":           "",
		"count: 1_000\nscale: 1e-3":         "",
		"count: -3\nafter: 90s\nby: {a: 1}": "",
		"after: 0\nscale: 3\npart: 0":       "",
		"count: ~\nafter: ~\nscale: null":   "",
		"name: 010\nsizes: [0, -0, +3]":     "",
	} {
		var s sheet
		err := Decode([]byte(text), &s)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, %+v, want %q", text, err, s, want)
		}
	}
	var s sheet
	if err := Decode([]byte("count: '12'\nbytes: 1e3\nsize: 0x1F\nscale: 3\nafter: 90s\nsizes: [-3]\npart: 4"), &s); err != nil ||
		s.Count != 12 || s.Bytes != 1000 || s.Size != 31 || s.Scale != 3 || s.After != 90*time.Second || s.Sizes[0] != -3 || s.Part == nil || *s.Part != 4 {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\ufeffname: 0012\n---\nname: b"))
	f.Add([]byte("tags: {0012: 0x1F, a: |\n  b\n }"))
	f.Add([]byte("name: a\nsizes: [1, 2]\ntags: {a: b}"))
	f.Add([]byte("name: a\nsizes:\n !- "))
	f.Add([]byte("a: &x {b: *x}"))
	f.Add([]byte("sizes: [010, \"0.5\", 1_0, 0x1F, 1e3, .5, -0]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var d drawer
		strict, loose := Decode(text, &d), DecodeSome(text, &d) // must not panic
		if strict == nil && loose != nil && !errors.Is(loose, ErrBeyond) {
			t.Errorf("taken whole, and not in part: %v", loose)
		}
	})
}
