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

func FuzzDecode(f *testing.F) {
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
