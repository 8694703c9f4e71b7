package jurisdiction

import "testing"

func TestJurisdictions(t *testing.T) {
	us, de := New("US"), New("DE")
	for text, want := range map[string]string{
		"FL": "US-FL", "us-fl": "US-FL", "Florida": "US-FL", "N.Y.": "US-NY", "ON": "CA-ON", "PQ": "CA-QC", "NK": "CA-NB",
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

func TestReadDoubtsWhatMayMeanAnother(t *testing.T) {
	us := New("US")
	ncic, err := us.With(map[string]string{"CH": "MX-CHH", "NB": "US-NE", "nl": "MX-NLE"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		codes     Codes
		text, iso string
		isDoubted bool
	}{
		{"American list", us, "NL", "", true},
		{"American list", us, "nb", "", true},
		{"American list", us, "SK", "", true},
		{"American list", us, "CH", "CH", true},
		{"American list", us, "DE", "US-DE", false},
		{"American list", us, "MX", "MX", false},
		{"American list", us, "CA-NL", "CA-NL", false},
		{"American list", us, "XX", "", true},
		{"American list", us, "", "", false},
		{"Canadian list", New("CA"), "NL", "CA-NL", false},
		{"Dutch list", New("NL"), "NL", "NL", false},
		{"own codes", ncic, "CH", "MX-CHH", false},
		{"own codes", ncic, "NB", "US-NE", false},
		{"own codes", ncic, "NL", "MX-NLE", false},
		{"own codes", ncic, "SI", "", true}, // not Slovenia
		{"own codes", ncic, "FL", "US-FL", false},
	} {
		iso, doubt := c.codes.Read(c.text)
		if iso != c.iso || (doubt != "") != c.isDoubted {
			t.Errorf("%s: %q is %q (%s)", c.name, c.text, iso, doubt)
		}
	}
	if _, err := us.With(map[string]string{"CH": "Chihuahua"}, false); err == nil {
		t.Error("a code that means no place was taken")
	}
}
