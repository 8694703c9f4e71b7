package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"alpr/hotlist"

	"github.com/klauspost/compress/zstd"

	"github.com/goccy/go-yaml"

	"alpr"
)

const ncicCSV = `LIC,LIS,LIT,LIY,VIN,VYR,VMA,VMO,VST,VCO,NIC,ORI,OCA,MKE,DOT,MIS
ABC 123,FL,PC,2031,1ZZZZ00000Z000001,2019,TOYT,CAM,4D,BLU,V100000001,FL0000000,31-0001,EVA,20310401,"SPLIT ""REAR"" WINDOW, DENT"
XYZ-789,PQ,,,,,,,,,P200000002,FL0000000,31-0002,EP,,
OLD001,FL,,,,,,,,,V300000003,FL0000000,31-0003,XV,,
`

func importText(t *testing.T, text, mapName string, opt Options) (*hotlist.List, Report) {
	t.Helper()
	var m *Map
	if mapName != "" {
		var err error
		if m, err = Shipped(mapName); err != nil {
			t.Fatal(err)
		}
	}
	l, report, err := Import(context.Background(), strings.NewReader(text), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	return l, report
}

func TestImportNCIC(t *testing.T) {
	published := time.Date(2031, 5, 1, 6, 0, 0, 0, time.UTC)
	l, report := importText(t, ncicCSV, "", Options{PublishedAt: published})
	if report.Format != "ncic" || report.Rows != 3 || report.Entries != 2 || report.Cancelled != 1 || report.Bad != 0 {
		t.Errorf("report %+v", report)
	}
	want := []alpr.Entry{{
		ID: "V100000001", List: "ncic", Source: "FL0000000", PlateGiven: "ABC 123", Plate: "ABC123", State: "US-FL",
		Reason: "stolen vehicle, armed or dangerous", Category: "stolen vehicle", Priority: alpr.PriorityHigh,
		Vehicle:    alpr.Vehicle{Make: "TOYT", Model: "CAM", Year: "2019", Colour: "BLU", Style: "4D", VIN: "1ZZZZ00000Z000001"},
		CaseNumber: "31-0001", Caution: `SPLIT "REAR" WINDOW, DENT; LIT PC; LIY 2031`,
		Effective: time.Date(2031, 4, 1, 0, 0, 0, 0, time.UTC), ListVersion: l.Version, PublishedAt: published,
	}, {
		ID: "P200000002", List: "ncic", Source: "FL0000000", PlateGiven: "XYZ-789", Plate: "XYZ789", State: "CA-QC",
		Reason: "stolen plate", Category: "stolen plate", Priority: alpr.PriorityNormal, CaseNumber: "31-0002",
		ListVersion: l.Version, PublishedAt: published,
	}}
	if got := slices.Collect(l.All()); !reflect.DeepEqual(got, want) {
		t.Errorf("entries\n%+v\nwant\n%+v", got, want)
	}
	if got := slices.Collect(l.Lookup("XYZ789")); len(got) != 1 || !reflect.DeepEqual(got[0], want[1]) {
		t.Errorf("look-up found %+v", got)
	}
	if len(l.Version) != 12 {
		t.Errorf("version %q is not from the content", l.Version)
	}
}

// TestCancellations: what a row takes back is not on the list, wherever the row
// came before it; what is listed anew after it is.
func TestCancellations(t *testing.T) {
	for name, tt := range map[string]struct {
		rows string
		want []string // ids
	}{
		"by id":                     {"ABC123,FL,EV,N1\nXYZ789,FL,EV,N2\nABC123,FL,XV,N1\n", []string{"N2"}},
		"by id, without the plate":  {"ABC123,FL,EV,N1\nXYZ789,FL,EV,N2\n,,XV,N1\n", []string{"N2"}},
		"by plate and state":        {"ABC123,FL,EV,N1\nABC123,GA,EV,N2\nABC123,FL,XV,\n", []string{"N2"}},
		"another id of the plate":   {"ABC123,FL,EV,N1\nABC123,FL,XV,N9\n", []string{"N1"}},
		"listed anew":               {"ABC123,FL,EV,N1\nABC123,FL,XV,N1\nABC123,FL,EV,N1\n", []string{"N1"}},
		"listed anew, taken back":   {"ABC123,FL,EV,N1\nABC123,FL,XV,N1\nABC123,FL,EV,N1\nABC123,FL,XV,N1\nXYZ789,FL,EV,N2\n", []string{"N2"}},
		"before anything is listed": {"ABC123,FL,XV,N1\nABC123,FL,EV,N1\n", []string{"N1"}},
	} {
		l, report := importText(t, "LIC,LIS,MKE,NIC\n"+tt.rows, "ncic", Options{})
		var got []string
		for e := range l.All() {
			got = append(got, e.ID)
		}
		if !slices.Equal(got, tt.want) || report.Entries != len(tt.want) || report.Rows != report.Entries+report.Cancelled {
			t.Errorf("%s: listed are %v, want %v: %+v", name, got, tt.want, report)
		}
	}
	_, report, err := Import(context.Background(), strings.NewReader("LIC,LIS,MKE,NIC\n,FL,XV,\n"), nil, Options{MaxBad: 1, AllowEmpty: true})
	if err != nil || report.Bad != 1 {
		t.Errorf("a cancellation of nothing: %+v, %v", report, err)
	}
}

func TestImportGenetecAndFlock(t *testing.T) {
	l, report := importText(t, "Category;MatchPlate;PlateState\n", "", Options{AllowEmpty: true})
	if report.Format != "genetec" || l.Len() != 0 {
		t.Errorf("a heading alone: %+v", report)
	}
	l, report = importText(t, "Category,PlateState,MatchPlate,EffectiveDate,ExpiryDate\nAmber,ON,abc 123,2031-01-01,2031-12-31\n", "", Options{})
	e := slices.Collect(l.All())[0]
	if report.Format != "genetec" || e.Category != "Amber" || e.State != "CA-ON" || e.Plate != "ABC123" ||
		!e.Expires.Equal(time.Date(2031, 12, 31, 23, 59, 59, 0, time.UTC)) {
		t.Errorf("genetec: %+v", e)
	}
	l, report = importText(t, "plate,state,reason,caseNumber,expiry,note\nabc123,New York,Stolen,31-7,2031-06-01T08:00:00Z,\"two\nlines\"\n", "", Options{})
	e = slices.Collect(l.All())[0]
	if report.Format != "flock" || e.Reason != "Stolen" || e.State != "US-NY" || e.CaseNumber != "31-7" ||
		e.Caution != "two\nlines" || !e.Expires.Equal(time.Date(2031, 6, 1, 8, 0, 0, 0, time.UTC)) || e.ID != "ABC123-US-NY" {
		t.Errorf("flock: %+v", e)
	}
}

func TestImportFixedWidth(t *testing.T) {
	m, err := ParseMap([]byte(`
name: wants
format: fixed
times: ["20060102"]
skip_lines: 1
fixed:
  plate: {from: 1, width: 10}
  state: {from: 11, width: 2}
  case: {from: 13, width: 8}
  expires: {from: 21, width: 8}
  make: {from: 29, width: 4}
defaults: {category: wanted, priority: high, reason: wanted}
`))
	if err != nil {
		t.Fatal(err)
	}
	text := "HEADER 2031\nABC123    FL31-0001 20311231FORD\nXYZ789    GA31-0002\nKLM456    GA31-0003 2031\n"
	l, report, err := Import(context.Background(), strings.NewReader(text), m, Options{MaxBad: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Collect(l.All())
	if len(got) != 2 || got[0].Vehicle.Make != "FORD" || got[0].State != "US-FL" || got[1].CaseNumber != "31-0002" {
		t.Errorf("entries %+v", got)
	}
	if report.Bad != 1 || report.Errors[0].Line != 4 {
		t.Errorf("report %+v", report)
	}
}

func TestImportPacked(t *testing.T) {
	var gz, zs bytes.Buffer
	gw := gzip.NewWriter(&gz)
	zw, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gw, zw} {
		if _, err := io.WriteString(w, ncicCSV); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	plain, _ := importText(t, ncicCSV, "", Options{})
	for name, data := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zs.Bytes()} {
		l, _, err := Import(context.Background(), bytes.NewReader(data), nil, Options{})
		if err != nil || l.Len() != 2 || l.Version != plain.Version {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := Import(context.Background(), bytes.NewReader(data[:len(data)-6]), nil, Options{}); err == nil {
			t.Errorf("%s cut short: taken", name)
		}
	}
}

func TestImportReportsEveryRow(t *testing.T) {
	var b strings.Builder
	b.WriteString("plate,state,reason,caseNumber,expiry,note\n")
	for i := range 100 {
		fmt.Fprintf(&b, "OK%04d,FL,stolen,31-%d,,\n", i, i)
	}
	b.WriteString(",FL,stolen,1,,\n")               // 102: no plate
	b.WriteString("ABC12345678,FL,stolen,1,,\n")    // 103: too long
	b.WriteString("ABC,FL,stolen,1,,,more\n")       // 104: too many fields
	b.WriteString("ABC124,FL,stolen,1,sometime,\n") // 105: no such time
	b.WriteString("AB#125,FL,stolen,1,,\n")         // 106: unreadable
	b.WriteString("ABC126,Atlantis,stolen,1,,\n")   // 107: a doubt
	b.WriteString("ABC126,Atlantis,stolen,1,,\n")   // 108: a repetition
	b.WriteString("\n ,,,,,\n")                     // blank
	l, report, err := Import(context.Background(), strings.NewReader(b.String()), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, e := range report.Errors {
		lines = append(lines, e.Line)
	}
	if !slices.Equal(lines, []int{102, 103, 104, 105, 106}) {
		t.Errorf("bad lines %v", report.Errors)
	}
	if report.Doubts != 1 || report.Warnings[0].Line != 107 || report.Repeated != 1 || l.Len() != 101 {
		t.Errorf("report %+v", report)
	}
	if report.Rows != report.Entries+report.Cancelled+report.Repeated+report.Bad {
		t.Errorf("rows do not add up: %+v", report)
	}
}

func TestStrayQuoteSwallowsNothing(t *testing.T) {
	var b strings.Builder
	b.WriteString("plate,state,reason,caseNumber,expiry,note\n")
	for i := range 40 {
		note := ""
		if i == 5 {
			note = `"never closed`
		}
		fmt.Fprintf(&b, "OK%04d,FL,stolen,1,,%s\n", i, note)
	}
	l, report, err := Import(context.Background(), strings.NewReader(b.String()), nil, Options{})
	if err != nil || l.Len() != 39 || report.Bad != 1 || report.Errors[0].Line != 7 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestImportRefuses(t *testing.T) {
	many := "plate,state,reason\n" + strings.Repeat("ABC123,FL,x\n", 1) + strings.Repeat("?,FL,x\n", 30)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"too many bad rows": {many, ErrTooManyBad},
		"an empty file":     {"", ErrEmptyList},
		"no entry":          {"plate,state,reason\n", ErrEmptyList},
		"another table":     {"name,age\nx,1\n", ErrBadMap},
		"half a gzip":       {"\x1f\x8b\x08", nil},
	} {
		l, _, err := Import(context.Background(), strings.NewReader(c.text), nil, Options{})
		if err == nil || l != nil {
			t.Errorf("%s: taken", name)
		}
		if c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list is read in whatever it was saved: its notes and its numbers are the same.
func TestImportReadsEncodings(t *testing.T) {
	const text = "plate,state,reason,note\nABC123,FL,stolen,café\nXYZ789,GA,stolen,–\n"
	utf16 := func(order binary.AppendByteOrder, mark string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune(mark + text)) {
			b = order.AppendUint16(b, unit)
		}
		return string(b)
	}
	for name, file := range map[string]string{
		"UTF-8":                        text,
		"UTF-8 with a mark":            "\ufeff" + text,
		"Windows-1252":                 strings.NewReplacer("é", "\xe9", "–", "\x96").Replace(text),
		"UTF-16, little-endian":        utf16(binary.LittleEndian, "\ufeff"),
		"UTF-16, big-endian":           utf16(binary.BigEndian, "\ufeff"),
		"UTF-16, little, without mark": utf16(binary.LittleEndian, ""),
		"UTF-16, big, without mark":    utf16(binary.BigEndian, ""),
	} {
		l, report := importText(t, file, "", Options{})
		all := slices.Collect(l.All())
		if report.Format != "flock" || len(all) != 2 || all[0].Caution != "café" || all[1].Caution != "–" {
			t.Errorf("%s: %+v, %+v", name, report, all)
		}
	}
}

func TestListNameIsTheFilesWithoutEndings(t *testing.T) {
	for path, want := range map[string]string{
		"state.csv": "state", "/media/usb/state.csv.gz": "state", "state.2031-05-02.csv.zst": "state", "wants": "wants",
	} {
		if got := ListName(path); got != want {
			t.Errorf("%s is list %q, want %q", path, got, want)
		}
	}
}

func TestLongLineIsOneBadRow(t *testing.T) {
	text := "plate,state,reason\nABC123,FL,x\n" + strings.Repeat("A", 3*maxLine) + "\nABC124,FL,x\n"
	l, report, err := Import(context.Background(), strings.NewReader(text), nil, Options{MaxBad: 0.5})
	if err != nil || l.Len() != 2 || report.Bad != 1 || report.Errors[0].Line != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestMapsAreStrict(t *testing.T) {
	for name, text := range map[string]string{
		"no name":        "format: csv\ncolumns: {plate: [a]}",
		"no plate":       "name: a\nformat: csv",
		"unknown key":    "name: a\nformat: csv\ncolumns: {plate: [a]}\ncolour: red",
		"unknown field":  "name: a\nformat: fixed\nfixed: {plate: {from: 1, width: 8}, shoe: {from: 9, width: 1}}",
		"from zero":      "name: a\nformat: fixed\nfixed: {plate: {from: 0, width: 8}}",
		"unknown format": "name: a\nformat: xml",
		"bad priority":   "name: a\nformat: csv\ncolumns: {plate: [a]}\ndefaults: {priority: urgent}",
		"bad zone":       "name: a\nformat: csv\ncolumns: {plate: [a]}\nzone: Atlantis/Town",
		"bad delimiter":  "name: a\nformat: csv\ncolumns: {plate: [a]}\ndelimiter: ';;'",
		"not YAML":       "{",
	} {
		if _, err := ParseMap([]byte(text)); !errors.Is(err, ErrBadMap) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range ShippedNames() {
		if _, err := Shipped(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Shipped("paper"); !errors.Is(err, ErrBadMap) {
		t.Errorf("a map that is not shipped: %v", err)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(ncicCSV))
	f.Add([]byte("plate,state,reason,caseNumber,expiry,note\n\"ABC123\",FL,x,1,2031-01-01,\"a\nb\"\n\"\n"))
	f.Add([]byte("MatchPlate,PlateState\nABC123,XX\n"))
	f.Add([]byte("LIC,LIS,MKE,NIC\nABC123,FL,EV,N1\nABC123,FL,XV,N1\nABC123,FL,EV,N1\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		l, report, err := Import(context.Background(), bytes.NewReader(data), nil, Options{MaxBad: 1, AllowEmpty: true})
		if err != nil {
			return
		}
		if report.Rows != report.Entries+report.Cancelled+report.Repeated+report.Bad || l.Len() != report.Entries {
			t.Fatalf("rows do not add up: %+v", report)
		}
		for e := range l.All() {
			if !slices.Contains(slices.Collect(l.Lookup(e.Plate)), e) {
				t.Fatalf("entry %+v is not found again", e)
			}
		}
	})
}

func FuzzParseMap(f *testing.F) {
	f.Add([]byte("name: a\nformat: fixed\nfixed: {plate: {from: 1, width: 8}}"))
	f.Add([]byte("name: a\nformat: csv\ncolumns: {plate: [a]}\ntimes: ['2006']"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMap(text)
		if err != nil {
			return
		}
		_, _, _ = Import(context.Background(), strings.NewReader("a,b\nABC123,x\n"), m, Options{}) // must not panic
	})
}

// FuzzImportByMap imports any file by any column map that reads it: no panic,
// every row accounted for, and nothing listed that cannot be found again.
func FuzzImportByMap(f *testing.F) {
	const odd = "pl–ate, st\u00a0ate ,\u200breason\nABC–123,FL,\u202estolen\n\ufeff\n\"A\nB\",XX,\U0001f697\n"
	f.Add("plate", "state", "reason", "expires", ",", uint8(0), uint8(8), false, []byte("plate,state,reason,expires\nABC123,FL,x,2031-01-01\n"))
	f.Add("pl–ate", " st\u00a0ate ", "\u200breason", "", ",", uint8(1), uint8(2), false, []byte(odd))
	f.Add("p", "p", "p", "p", ";", uint8(0), uint8(0), false, []byte("p;p\nABC123;\n"))
	f.Add("p", "s", "r", "e", "\t", uint8(255), uint8(1), true, []byte("ABC123  FLstolen\nÄBC123  FL\n\xff\xfe\n"))
	f.Add("p", "s", "r", "e", "", uint8(2), uint8(7), true, []byte("\n\nABC123 FL"))
	f.Fuzz(func(t *testing.T, plate, state, reason, expires, delimiter string, skip, width uint8, isFixed bool, data []byte) {
		m := Map{Name: "fuzz", Format: "csv", Delimiter: delimiter, SkipLines: int(skip),
			Columns: Columns{Plate: []string{plate}, State: []string{state}, Reason: []string{reason}, Expires: []string{expires}}}
		if isFixed {
			m.Format, m.Columns = "fixed", Columns{}
			m.Fixed = map[string]Place{"plate": {From: 1, Width: int(width)}, "state": {From: 1 + int(width), Width: int(skip)}}
		}
		text, err := yaml.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseMap(text)
		if err != nil {
			return // said, not taken
		}
		l, report, err := Import(context.Background(), bytes.NewReader(data), read, Options{MaxBad: 1, AllowEmpty: true})
		if err != nil {
			return
		}
		if report.Rows != report.Entries+report.Cancelled+report.Repeated+report.Bad || l.Len() != report.Entries {
			t.Fatalf("rows do not add up: %+v", report)
		}
		for e := range l.All() {
			if e.Plate != alpr.Normalise(e.Plate) || !slices.Contains(slices.Collect(l.Lookup(e.Plate)), e) {
				t.Fatalf("entry %+v is not found again", e)
			}
		}
	})
}
