package jurisdiction

import "testing"

func TestJurisdictions(t *testing.T) {
	us, de := New("US"), New("DE")
	for text, want := range map[string]string{
		"FL": "US-FL", "us-fl": "US-FL", "Florida": "US-FL", "N.Y.": "US-NY", "ON": "CA-ON", "PQ": "CA-QC", "NB": "US-NE", "NK": "CA-NB",
		"DE": "US-DE", "": "", "CA-ON": "CA-ON", "FR": "FR", "MX": "MX",
	} {
		if got, ok := us.Normalise(text); !ok || got != want {
			t.Errorf("US list: %q is %q, %v; want %q", text, got, ok, want)
		}
	}
	if got, ok := de.Normalise("DE"); !ok || got != "DE" {
		t.Errorf("German list: DE is %q, %v", got, ok)
	}
	if _, ok := us.Normalise("Atlantis"); ok {
		t.Error("Atlantis is known")
	}
}
