package strictyaml

import (
	"errors"
	"strings"
	"testing"
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

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\ufeffname: 0012\n---\nname: b"))
	f.Add([]byte("tags: {0012: 0x1F, a: |\n  b\n }"))
	f.Add([]byte("name: a\nsizes: [1, 2]\ntags: {a: b}"))
	f.Add([]byte("name: a\nsizes:\n !- "))
	f.Add([]byte("a: &x {b: *x}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var d drawer
		strict, loose := Decode(text, &d), DecodeSome(text, &d) // must not panic
		if strict == nil && loose != nil && !errors.Is(loose, ErrBeyond) {
			t.Errorf("taken whole, and not in part: %v", loose)
		}
	})
}
