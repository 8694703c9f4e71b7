package platetext

import (
	"strings"
	"testing"
)

func TestLookAlikeIsMutualAndKnowsWhatTypefacesDrawAlike(t *testing.T) {
	for _, pair := range []string{"0O", "OD", "1I", "IT", "17", "2Z", "5S", "8B", "6G", "4A", "UV", "VY", "MN"} {
		if !LookAlike(pair[0], pair[1]) || !LookAlike(pair[1], pair[0]) {
			t.Errorf("%s are not alike", pair)
		}
	}
	for _, pair := range []string{"AB", "1Z", "UY", "08"} {
		if LookAlike(pair[0], pair[1]) {
			t.Errorf("%s are alike", pair)
		}
	}
}

func TestAlign(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"ABC123", "ABC123", "AA BB CC 11 22 33"},
		{"A8C", "ABC", "AA 8B CC"},
		{"ABC123", "ABC23", "AA BB CC 1_ 22 33"},
		{"BC123", "ABC123", "_A BB CC 11 22 33"},
		{"", "AB", "_A _B"},
		{"", "", ""},
	} {
		var got []string
		for _, p := range Align(c.a, c.b) {
			a, b := "_", "_"
			if p.HasA {
				a = c.a[p.A : p.A+1]
			}
			if p.HasB {
				b = c.b[p.B : p.B+1]
			}
			got = append(got, a+b)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s over %s: %s, want %s", c.a, c.b, text, c.want)
		}
	}
}

// Every character of both texts is in the alignment once, in order.
func FuzzAlign(f *testing.F) {
	f.Add("ABC123", "A8C13")
	f.Add("", "X")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 40 || len(b) > 40 {
			return
		}
		i, j := 0, 0
		for _, p := range Align(a, b) {
			if p.A != i || p.B != j || !p.HasA && !p.HasB {
				t.Fatalf("%+v after %d and %d", p, i, j)
			}
			if p.HasA {
				i++
			}
			if p.HasB {
				j++
			}
		}
		if i != len(a) || j != len(b) {
			t.Fatalf("ends at %d and %d", i, j)
		}
	})
}
