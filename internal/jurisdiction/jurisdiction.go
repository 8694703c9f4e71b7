// Package jurisdiction reads the ways in which lists and people write the state
// or country that issued a plate. What comes out is ISO 3166: "US-FL", "DE".
package jurisdiction

import "strings"

// usStates and the others name jurisdictions by the two letters that lists
// and plates use. NCIC's own codes differ from the postal ones in a few places.
const (
	usStates   = "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP"
	caProvince = "AB BC MB NB NL NS NT NU ON PE QC SK YT"
	mxStates   = "AGU BCN BCS CAM CHH CHP CMX COA COL DUR GRO GUA HID JAL MEX MIC MOR NAY NLE OAX PUE QUE ROO SIN SLP SON TAB TAM TLA VER YUC ZAC"
	countries  = "AD AL AM AT AZ BA BE BG BR BY CH CY CZ DE DK EE ES FI FR GB GE GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT MX NL NO PL PT RO RS RU SE SI SK SM TR UA VA XK US CA AU NZ"
)

// ncicCodes are NCIC codes that are not postal ones.
func ncicCodes() map[string]string {
	return map[string]string{
		"NB": "US-NE", "PQ": "CA-QC", "NF": "CA-NL", "NK": "CA-NB", "HT": "US-HI", "MM": "US-MP", "GM": "US-GU", "MX": "MX", "CD": "CA",
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
// ready: see New. They are safe for concurrent use.
type Codes map[string]string

// New knows the codes as a source of the given country ("US",
// "CA", "DE", ...) means them: "DE" is Delaware in an American list and
// Germany in a European one.
func New(country string) Codes {
	j := Codes{}
	for _, c := range strings.Fields(countries) {
		j[c] = c
	}
	for _, set := range []struct{ country, codes string }{{"MX", mxStates}, {"CA", caProvince}, {"US", usStates}} {
		for _, code := range strings.Fields(set.codes) {
			iso := set.country + "-" + code
			j[iso], j[set.country+code] = iso, iso
			if set.country == country || country == "US" || country == "CA" {
				j[code] = iso
			}
		}
	}
	if country == "US" {
		for code, iso := range ncicCodes() {
			if _, ok := j[code]; !ok || code == "NB" { // NCIC writes Nebraska NB and New Brunswick NK
				j[code] = iso
			}
		}
		for name, code := range stateNames() {
			j[name] = "US-" + code
		}
	}
	return j
}

// Normalise returns the ISO 3166 form, "" for no text; ok is false for a code it
// does not know.
func (j Codes) Normalise(text string) (iso string, ok bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if text == "" {
		return "", true
	}
	if iso, ok := j[text]; ok {
		return iso, true
	}
	iso, ok = j[strings.NewReplacer(" ", "", ".", "").Replace(text)]
	return iso, ok
}
