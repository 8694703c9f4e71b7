package retention

import (
	"errors"
	"testing"
	"time"
)

func TestPolicies(t *testing.T) {
	all, err := Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range all {
		if err := p.Validate(); err != nil {
			t.Errorf("profile %s: %v", name, err)
		}
	}
	for name, want := range map[string]Span{
		"us-nh": Span(3 * time.Minute), "us-me": Span(21 * 24 * time.Hour), "us-va": Span(21 * 24 * time.Hour), "hits-only": 0,
		"default": Span(30 * 24 * time.Hour),
	} {
		if got := all[name].Retention.Reads; got != want {
			t.Errorf("profile %s keeps reads for %s, want %s", name, got, want)
		}
	}
	p, err := Parse([]byte("profile: us-me\nretention: {reads: 7d}\n"))
	if err != nil || p.Retention.Reads != Span(7*24*time.Hour) || p.Retention.Hits != all["us-me"].Retention.Hits || p.Pictures != all["us-me"].Pictures {
		t.Errorf("a profile with one rule replaced: %+v, %v", p, err)
	}
	for name, text := range map[string]string{
		"unknown profile": "profile: us-xx",
		"unknown key":     "profile: us-me\nretention: {reeds: 7d}",
		"no unit":         "profile: us-me\nretention: {reads: 7}",
		"for ever":        "profile: us-me\nretention: {reads: 9999999d}",
		"seconds":         "profile: us-me\nretention: {reads: 5s}",
		"negative":        "profile: us-me\nretention: {reads: -1d}",
		"missing rules":   "retention: {reads: 7d}\npictures: {reads: none, hits: none}",
		"odd detail":      "profile: us-me\npictures: {reads: faces, hits: none}",
		"not YAML":        "{",
		"nothing":         "",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrBadPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("profile: us-me\nretention: {reads: 7d}"))
	f.Add([]byte("retention: {reads: 0, hits: 1d, dispositions: 1d, manual: 1d}\npictures: {reads: none, hits: crop}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := Parse(text); err == nil && p.Validate() != nil {
			t.Errorf("an invalid policy was taken: %+v", p)
		}
	})
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "3m": 3 * time.Minute, "12h": 12 * time.Hour, "21d": 21 * 24 * time.Hour, "90s": 90 * time.Second} {
		s, err := ParseSpan(text)
		if err != nil || time.Duration(s) != want || s.String() != text {
			t.Errorf("%s: %s, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1w", "99999999999999999999d", "5000d"} {
		if _, err := ParseSpan(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
