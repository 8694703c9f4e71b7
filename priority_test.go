package alpr

import "testing"

func TestPrioritiesInWords(t *testing.T) {
	for text, want := range map[string]Priority{"low": PriorityLow, " High ": PriorityHigh, "medium": PriorityNormal, "": PriorityNormal, "3": PriorityHigh} {
		if got, err := ParsePriority(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, p := range []Priority{PriorityLow, PriorityNormal, PriorityHigh} {
		if got, err := ParsePriority(p.String()); err != nil || got != p {
			t.Errorf("%d is written %q, which is %d, %v", p, p, got, err)
		}
	}
	if word := Priority(0).String(); word != "normal" {
		t.Errorf("a priority that is not said is %s", word)
	}
	if _, err := ParsePriority("urgent"); err == nil {
		t.Error("urgent is taken")
	}
}
