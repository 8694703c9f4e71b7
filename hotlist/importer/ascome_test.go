package importer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

const genetecHeading = "Category,MatchPlate,PlateState,EffectiveDate,ExpiryDate,Reason,CaseNumber,Make,Model,Color,Priority,Notes\n"

// Lists as spreadsheets, databases and mainframes write them are taken for what
// they mean: no row is bad.
func TestListsAreTakenAsTheyCome(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		plates  []string
		doubted int
	}{
		"sep= before the heading":   {"sep=,\n" + genetecHeading + "stolen,ABC1234,TX\n", []string{"ABC1234"}, 0},
		"sep=; and a mark":          {"\ufeff\"sep=;\"\r\n" + strings.ReplaceAll(genetecHeading, ",", ";") + "stolen;ABC1234;TX\n", []string{"ABC1234"}, 0},
		"empty lines before it":     {"\n \r\n" + genetecHeading + "stolen,ABC1234,TX\n", []string{"ABC1234"}, 0},
		"text kept by = and '":      {genetecHeading + "stolen,=\"0012345\",TX\nstolen,\"=\"\"XYZ 99\"\"\",TX\nstolen,'0099,TX\n", []string{"0012345", "XYZ99", "0099"}, 0},
		"blanks of every width":     {genetecHeading + "stolen,ABC\u00a01234,TX\nstolen,\u200bXYZ9876\u2060 ,\u00a0TX\u00a0\n", []string{"ABC1234", "XYZ9876"}, 0},
		"dashes of every width":     {genetecHeading + "stolen,ABC–1234,TX\nstolen,XYZ‐9876,TX\n", []string{"ABC1234", "XYZ9876"}, 0},
		"accents":                   {genetecHeading + "stolen,TÜ-AB 123,DE\n", []string{"TUAB123"}, 1},
		"rows cut at their end":     {genetecHeading + "stolen vehicle,ABC1234,TX,2026-01-05,2027-12-31,stolen\nstolen,XYZ9876,TX\n", []string{"ABC1234", "XYZ9876"}, 0},
		"rows with empty ends":      {genetecHeading + "stolen,ABC1234,TX,,,,,,,,,,,,\n", []string{"ABC1234"}, 0},
		"Ctrl-Z at the end":         {genetecHeading + "stolen,ABC1234,TX\r\n\x1a", []string{"ABC1234"}, 0},
		"Ctrl-Z in the last row":    {genetecHeading + "stolen,ABC1234,TX,,,,,,,,normal,note\x1a", []string{"ABC1234"}, 0},
		"filled up with NUL":        {genetecHeading + "stolen,ABC1234,TX\r\n" + strings.Repeat("\x00", 300_000), []string{"ABC1234"}, 0},
		"NUL between blocks":        {genetecHeading + "stolen,ABC1234,TX\r\n\x00\x00\x00\r\nstolen,XYZ9876,TX\n", []string{"ABC1234", "XYZ9876"}, 0},
		"no heading, plate;state":   {"ABC1234;CA\nXYZ9876;\nKLM4321;TX\n", []string{"ABC1234", "XYZ9876", "KLM4321"}, 0},
		"no heading, plates alone":  {"ABC1234\r\nXYZ-9876\r\n\r\n0012345\r\n", []string{"ABC1234", "XYZ9876", "0012345"}, 0},
		"no heading, one plate":     {"ABC1234,TX", []string{"ABC1234"}, 0},
		"no date by a first day":    {genetecHeading + "stolen,ABC1234,TX,0001-01-01T00:00:00Z,0001-01-01 00:00:00\n", []string{"ABC1234"}, 1},
		"no date by zeros":          {"LIC,LIS,DOT,MKE\nABC1234,TX,00000000,EV\n", []string{"ABC1234"}, 1},
		"no date by a word":         {genetecHeading + "stolen,ABC1234,TX,NULL,N/A\nstolen,XYZ9876,TX,-,never\n", []string{"ABC1234", "XYZ9876"}, 2},
		"no date by a server's":     {genetecHeading + "stolen,ABC1234,TX,1/1/1753,1/1/1900\nstolen,XYZ9876,TX,1753-01-01,1970-01-01 00:00:00\n", []string{"ABC1234", "XYZ9876"}, 2},
		"a heading that is quoted":  {strings.ReplaceAll("\""+strings.TrimSpace(genetecHeading)+"\"\n", ",", "\",\"") + "stolen,ABC1234,TX\n", []string{"ABC1234"}, 0},
		"days and months of 1 to 9": {genetecHeading + "stolen,ABC1234,TX,1/5/2026,12/31/2099\n", []string{"ABC1234"}, 0},
	} {
		list, report, err := Import(t.Context(), strings.NewReader(c.text), nil, Options{})
		if err != nil || report.Bad != 0 {
			t.Errorf("%s: %+v, %v", name, report, err)
			continue
		}
		var plates []string
		for e := range list.All() {
			plates = append(plates, e.Plate)
			if strings.HasPrefix(name, "no date") && (!e.Effective.IsZero() || !e.Expires.IsZero()) {
				t.Errorf("%s: %s is wanted from %s to %s", name, e.Plate, e.Effective, e.Expires)
			}
		}
		if !slices.Equal(plates, c.plates) || report.Doubts != c.doubted {
			t.Errorf("%s: plates %v, want %v, doubts %v", name, plates, c.plates, report.Warnings)
		}
	}
}

// What is no plate, or may not be the whole of one, is not taken for one.
func TestListsAreNotTakenForWhatTheyAreNot(t *testing.T) {
	for name, text := range map[string]string{
		"another table":        "name,age\nABC,1\n",
		"words":                "HELLO\nWORLD\n",
		"cut in the plate":     genetecHeading + "stolen,ABC1234,TX\nstolen,XYZ9",
		"cut in the state":     genetecHeading + "stolen,ABC1234,TX\nstolen,XYZ9876,N",
		"a field too many":     genetecHeading + "stolen,ABC1234,TX,,,,,,,,,,and more\n",
		"dates of no kind":     genetecHeading + "stolen,ABC1234,TX,soon\n",
		"plates with no state": "ABC1234;Atlantis\nXYZ9876;Mu\n",
	} {
		list, report, err := Import(t.Context(), strings.NewReader(text), nil, Options{})
		if err == nil {
			t.Errorf("%s: taken: %d entries, %+v", name, list.Len(), report)
		}
	}
	list, report := importText(t, genetecHeading+"stolen,ABC1234,TX,,,stolen", "", Options{})
	if list.Len() != 1 || report.Doubts != 1 || !strings.Contains(report.Warnings[0].Reason, "cut off") {
		t.Errorf("cut behind what counts: %+v", report)
	}
}

// A list that says that all its entries are over is an empty list. One that says
// nothing is not, unless that is meant.
func TestAListBecomesEmpty(t *testing.T) {
	for name, text := range map[string]string{
		"the cancellation alone":      "LIC,LIS,NIC,MKE\nCHD4821,TX,A1,XV\n",
		"entered and cancelled":       "LIC,LIS,NIC,MKE\nCHD4821,TX,A1,AA\nCHD4821,TX,A1,XV\n",
		"cancelled by plate and mark": "LIC,LIS,MKE\nCHD4821,TX,XV\n\x1a",
	} {
		list, report, err := Import(t.Context(), strings.NewReader(text), nil, Options{})
		if err != nil || list.Len() != 0 || report.Cancelled == 0 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	for name, text := range map[string]string{
		"a heading alone":           "LIC,LIS,NIC,MKE\n",
		"a cancellation of nothing": "LIC,LIS,NIC,MKE\nCHD4821,TX,A1,XV\n?,TX,,EV\n",
	} {
		if _, _, err := Import(t.Context(), strings.NewReader(text), nil, Options{MaxBad: 1}); !errors.Is(err, ErrEmptyList) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _, err := Import(t.Context(), strings.NewReader("LIC,LIS,NIC,MKE\n"), nil, Options{AllowEmpty: true}); err != nil || list.Len() != 0 {
		t.Errorf("a heading alone, meant: %v", err)
	}
}

// A row is a repetition only where it says the same: another wanted for another
// reason stands for itself.
func TestASecondEntryOfAPlateIsKept(t *testing.T) {
	const heading = "Category,MatchPlate,PlateState,EffectiveDate,ExpiryDate,Reason,CaseNumber,Priority,Notes\n"
	const stolen = "stolen vehicle,ABC1234,TX,2020-01-05,2026-06-30,stolen vehicle,S-1,normal,\n"
	const amber = "amber alert,ABC1234,TX,2026-11-27,2099-12-31,child abduction,A-9,high,Child may be in the car\n"
	list, report := importText(t, heading+stolen+amber+strings.ReplaceAll(amber, "ABC1234", " abc-1234")+stolen+amber, "", Options{})
	var categories, ids []string
	for e := range list.Lookup("ABC1234") {
		categories, ids = append(categories, e.Category), append(ids, e.ID)
	}
	if report.Entries != 3 || report.Repeated != 2 || !slices.Contains(categories, "amber alert") {
		t.Errorf("%+v, %v", report, categories)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 3 {
		t.Errorf("ids %v", ids)
	}
	again, _ := importText(t, heading+stolen+amber, "", Options{})
	for e := range again.All() {
		if !slices.Contains(ids, e.ID) {
			t.Errorf("%s has another id in the next version: %v", e.ID, ids)
		}
	}
	byID, report := importText(t, "LIC,LIS,NIC,MKE\nABC1234,TX,N1,EV\nABC1234,TX,N1,EM\nABC1234,TX,N1,EV\n", "", Options{})
	if byID.Len() != 2 || report.Repeated != 1 {
		t.Errorf("with ids: %+v", report)
	}
}

func TestStatesAreReadAsTheListMeansThem(t *testing.T) {
	for _, c := range []struct{ format, code, want string }{
		{"ncic", "CH", "MX-CHH"}, {"ncic", "SI", "MX-SIN"}, {"ncic", "AM", "US-AS"}, {"ncic", "SN", "CA-SK"}, {"ncic", "NB", "US-NE"},
		{"ncic", "NL", "MX-NLE"}, {"ncic", "CL", "MX-COL"}, {"ncic", "TX", "US-TX"}, {"ncic", "US", "US"},
		{"ncic", "FR", "?"}, {"genetec", "NL", "?"}, {"genetec", "NB", "?"}, {"genetec", "CH", "CH?"}, {"genetec", "ON", "CA-ON"}, {"flock", "DE", "US-DE"},
	} {
		heading := map[string]string{"ncic": "LIC,LIS\n", "genetec": "MatchPlate,PlateState\n", "flock": "plate,state\n"}[c.format]
		list, report := importText(t, heading+"ABC1234,"+c.code+"\n", c.format, Options{})
		got := slices.Collect(list.All())[0].State
		if report.Doubts > 0 {
			got += "?"
		}
		if got != c.want {
			t.Errorf("%s list: %s is %q, want %q: %v", c.format, c.code, got, c.want, report.Warnings)
		}
	}
}

// Control characters of a list reach nobody's screen.
func TestControlCharactersAreNotTaken(t *testing.T) {
	list, _ := importText(t, genetecHeading+"sto\x1b[2Jlen,ABC1234,TX,,,\x1b]0;owned\x07stolen,\u202eT-1,Fo\x00rd,F\u009b150,,normal,mind \x7fthe\u2066 dog\n", "", Options{})
	e := slices.Collect(list.All())[0]
	for _, text := range []string{e.ID, e.Category, e.Reason, e.CaseNumber, e.Vehicle.Make, e.Vehicle.Model, e.Caution} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			t.Errorf("taken as %q", text)
		}
	}
}

func TestMapsNameDatesAndColumnsAsPeopleDo(t *testing.T) {
	m, err := ParseMap([]byte("name: eu\nformat: csv\ncountry: DE\nno_heading: true\ndelimiter: ';'\ntimes: [DD.MM.YYYY, D.M.YY, \"YYYY-MM-DD hh:mm\"]\n" +
		"columns: {plate: ['2'], expires: ['3'], state: ['1']}\nstates: {D: DE, F: FR}\n"))
	if err != nil {
		t.Fatal(err)
	}
	list, report, err := Import(t.Context(), strings.NewReader("D;TÜ AB 123;31.12.2031\nF;AB-123-CD;1.5.31\nNL;1-ABC-23;2031-05-02 18:00\n"), m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range list.All() {
		got = append(got, e.Plate+" "+e.State+" "+e.Expires.Format(time.RFC3339))
	}
	want := []string{"TUAB123 DE 2031-12-31T23:59:59Z", "AB123CD FR 2031-05-01T23:59:59Z", "1ABC23 NL 2031-05-02T18:00:00Z"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v: %+v", got, want, report)
	}
	for _, text := range []string{
		"name: a\nformat: csv\ncolumns: {plate: [a]}\ntimes: [soon]",
		"name: a\nformat: csv\ncolumns: {plate: [a]}\ntimes: [MM/DD]",
		"name: a\nformat: csv\ncolumns: {plate: [a]}\nstates: {CH: Chihuahua}",
	} {
		if _, err := ParseMap([]byte(text)); !errors.Is(err, ErrBadMap) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// An import ends soon after it is told to, however long its list is.
func TestImportEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rows := io.MultiReader(strings.NewReader(genetecHeading), readFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, bytes.Repeat([]byte("stolen,ABC1234,TX\n"), 100)), nil
	}))
	if _, _, err := Import(ctx, rows, nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// Rows that are bad without end are refused before their end.
func TestBadRowsWithoutEndAreRefusedEarly(t *testing.T) {
	rows := io.MultiReader(strings.NewReader("plate,state\n"), &endless{text: bytes.Repeat([]byte("?,?\n"), 1<<16), left: 1 << 40})
	_, report, err := Import(t.Context(), rows, nil, Options{})
	if !errors.Is(err, ErrTooManyBad) || report.Rows > maxRows/10 {
		t.Errorf("%v after %d rows", err, report.Rows)
	}
}
