// Package jurisdiction reads the ways in which lists and people write the state
// or country that issued a plate. What comes out is ISO 3166: "US-FL", "DE".
package jurisdiction

import (
	"fmt"
	"maps"
	"strings"
)

// usStates and the others name jurisdictions by the letters that lists and plates
// use.
const (
	usStates   = "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP"
	caProvince = "AB BC MB NB NL NS NT NU ON PE QC SK YT"
	mxStates   = "AGU BCN BCS CAM CHH CHP CMX COA COL DUR GRO GUA HID JAL MEX MIC MOR NAY NLE OAX PUE QUE ROO SIN SLP SON TAB TAM TLA VER YUC ZAC"
	countries  = "AD AL AM AT AZ BA BE BG BR BY CH CY CZ DE DK EE ES FI FR GB GE GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT MX NL NO PL PT RO RS RU SE SI SK SM TR UA VA XK US CA AU NZ"
)

// usCodes are codes that American lists write beside the postal ones, and that
// mean nothing else.
func usCodes() map[string]string {
	return map[string]string{"PQ": "CA-QC", "NF": "CA-NL", "NK": "CA-NB", "HT": "US-HI", "GM": "US-GU"}
}

// ambiguous are codes that mean different places in different American lists.
func ambiguous() map[string]string {
	return map[string]string{
		"NB": "Nebraska (US-NE) or New Brunswick (CA-NB)",
		"NL": "Newfoundland and Labrador (CA-NL), Nuevo León (MX-NLE) or the Netherlands (NL)",
		"SK": "Saskatchewan (CA-SK) or Slovakia (SK)",
	}
}

// stateNames are written-out names, normalised.
func stateNames() map[string]string {
	return map[string]string{
		"ALABAMA": "AL", "ALASKA": "AK", "ARIZONA": "AZ", "ARKANSAS": "AR", "CALIFORNIA": "CA", "COLORADO": "CO", "CONNECTICUT": "CT",
		"DELAWARE": "DE", "DISTRICTOFCOLUMBIA": "DC", "WASHINGTONDC": "DC", "FLORIDA": "FL", "GEORGIA": "GA", "HAWAII": "HI", "IDAHO": "ID",
		"ILLINOIS": "IL", "INDIANA": "IN", "IOWA": "IA", "KANSAS": "KS", "KENTUCKY": "KY", "LOUISIANA": "LA", "MAINE": "ME", "MARYLAND": "MD",
		"MASSACHUSETTS": "MA", "MICHIGAN": "MI", "MINNESOTA": "MN", "MISSISSIPPI": "MS", "MISSOURI": "MO", "MONTANA": "MT", "NEBRASKA": "NE",
		"NEVADA": "NV", "NEWHAMPSHIRE": "NH", "NEWJERSEY": "NJ", "NEWMEXICO": "NM", "NEWYORK": "NY", "NORTHCAROLINA": "NC",
		"NORTHDAKOTA": "ND", "OHIO": "OH", "OKLAHOMA": "OK", "OREGON": "OR", "PENNSYLVANIA": "PA", "RHODEISLAND": "RI",
		"SOUTHCAROLINA": "SC", "SOUTHDAKOTA": "SD", "TENNESSEE": "TN", "TEXAS": "TX", "UTAH": "UT", "VERMONT": "VT", "VIRGINIA": "VA",
		"WASHINGTON": "WA", "WESTVIRGINIA": "WV", "WISCONSIN": "WI", "WYOMING": "WY", "PUERTORICO": "PR", "GUAM": "GU",
	}
}

// Codes are a source's ways to write an issuing state. The zero value is not
// ready: see New. They are immutable and safe for concurrent use.
type Codes struct {
	iso       map[string]string
	unclear   map[string]string // what a code may mean
	countries map[string]bool   // codes that are doubted, being countries of other continents
}

// New knows the codes as a source of the given country ("US", "CA", "DE", ...)
// means them: "DE" is Delaware in an American list and Germany in a European one.
func New(country string) Codes {
	c := Codes{iso: map[string]string{}, unclear: map[string]string{}, countries: map[string]bool{}}
	isAmerican := country == "US" || country == "CA"
	for _, code := range strings.Fields(countries) {
		c.iso[code] = code
		c.countries[code] = isAmerican && code != "US" && code != "CA" && code != "MX"
	}
	for _, set := range []struct{ country, codes string }{{"MX", mxStates}, {"CA", caProvince}, {"US", usStates}} {
		for _, code := range strings.Fields(set.codes) {
			iso := set.country + "-" + code
			c.iso[iso], c.iso[set.country+code] = iso, iso
			if set.country == country || isAmerican {
				c.iso[code] = iso
				delete(c.countries, code)
			}
		}
	}
	if country == "US" {
		c.unclear = ambiguous()
		for code, iso := range usCodes() {
			c.iso[code] = iso
		}
		for name, code := range stateNames() {
			c.iso[name] = "US-" + code
		}
	}
	return c
}

// With adds a list's own codes, each with the ISO 3166 form of what it means. They
// stand above all others. isAll says that they and the states of the list's country
// are all codes there are: the list writes other countries otherwise than ISO does.
func (c Codes) With(own map[string]string, isAll bool) (Codes, error) {
	out := Codes{iso: maps.Clone(c.iso), unclear: maps.Clone(c.unclear), countries: maps.Clone(c.countries)}
	if isAll {
		for code, is := range c.countries {
			if is {
				delete(out.iso, code)
			}
		}
	}
	plain := New("")
	for code, iso := range own {
		right, ok := plain.Normalise(iso)
		if !ok || right != iso {
			return c, fmt.Errorf("code %s: %q is no state or country as ISO 3166 writes it, such as US-FL", code, iso)
		}
		code = strings.ToUpper(code)
		out.iso[code] = iso
		delete(out.unclear, code)
		delete(out.countries, code)
	}
	return out, nil
}

// Normalise returns the ISO 3166 form, "" for no text; ok is false for a code it
// does not know.
func (c Codes) Normalise(text string) (iso string, ok bool) {
	_, iso, ok = c.find(text)
	return iso, ok
}

func (c Codes) find(text string) (code, iso string, ok bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if text == "" {
		return "", "", true
	}
	if iso, ok := c.iso[text]; ok {
		return text, iso, true
	}
	text = strings.NewReplacer(" ", "", ".", "").Replace(text)
	iso, ok = c.iso[text]
	return text, iso, ok
}

// Read is what a list's code means, "" where it does not say, and in words what is
// in doubt of it.
func (c Codes) Read(text string) (iso, doubt string) {
	code, iso, ok := c.find(text)
	switch {
	case !ok:
		return "", fmt.Sprintf("state %q is not known: taken without a state", text)
	case c.unclear[code] != "":
		return "", fmt.Sprintf("state %q may be %s: taken without a state. A column map's states say which", text, c.unclear[code])
	case c.countries[code]:
		return iso, fmt.Sprintf("state %q is taken as the country %s. A column map's states say where it is not", text, iso)
	}
	return iso, ""
}
