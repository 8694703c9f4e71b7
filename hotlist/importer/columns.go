package importer

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"alpr"
	"alpr/internal/jurisdiction"
	"alpr/internal/strictyaml"
)

//go:embed maps/*.yaml
var shipped embed.FS

// ErrBadMap reports a column map that cannot be used.
var ErrBadMap = errors.New("not a valid column map")

// Map says how a source writes its list: where the columns are and what its
// codes mean. It is written in YAML; see the shipped ones in maps/.
type Map struct {
	Name      string           `yaml:"name"`
	Format    string           `yaml:"format"`    // csv (with a header line) or fixed
	Delimiter string           `yaml:"delimiter"` // of csv, one character; "," if empty
	Country   string           `yaml:"country"`   // whose two-letter state codes the list uses; "US" if empty
	Zone      string           `yaml:"zone"`      // of times without one, IANA name; "UTC" if empty
	Times     []string         `yaml:"times"`     // formats such as YYYY-MM-DD, or layouts of package time; tried in order
	Columns   Columns          `yaml:"columns"`
	Fixed     map[string]Place `yaml:"fixed"` // of format fixed: field name → place
	SkipLines int              `yaml:"skip_lines"`

	// NoHeading says that a CSV begins with its first row: columns are then named by
	// their numbers, from 1.
	NoHeading bool `yaml:"no_heading"`

	// States are the list's own codes of states, each with its ISO 3166 form. With
	// StatesOnly they and the states of Country are all there are: other countries
	// are not written as ISO does.
	States     map[string]string `yaml:"states"`
	StatesOnly bool              `yaml:"states_only"`

	Kinds    map[string]Meaning `yaml:"kinds"` // meaning of the codes in column kind
	Defaults Meaning            `yaml:"defaults"`
}

// Columns names, for each field of an entry, the headings it may stand under.
// The first one present is taken.
type Columns struct {
	Plate     []string `yaml:"plate"`
	State     []string `yaml:"state"`
	ID        []string `yaml:"id"`
	Source    []string `yaml:"source"`
	Reason    []string `yaml:"reason"`
	Category  []string `yaml:"category"`
	Priority  []string `yaml:"priority"`
	Kind      []string `yaml:"kind"`
	Case      []string `yaml:"case"`
	Caution   []string `yaml:"caution"`
	Effective []string `yaml:"effective"`
	Expires   []string `yaml:"expires"`
	Covert    []string `yaml:"covert"`
	VIN       []string `yaml:"vin"`
	Make      []string `yaml:"make"`
	Model     []string `yaml:"model"`
	Year      []string `yaml:"year"`
	Colour    []string `yaml:"colour"`
	Style     []string `yaml:"style"`
	Notes     []string `yaml:"notes"` // all of them are added to the caution text, under their headings
}

// Place is where a field stands in a fixed-width line, in characters.
type Place struct {
	From  int `yaml:"from"` // the first is 1
	Width int `yaml:"width"`
}

// Meaning is what a code in the list, or the lack of one, means.
type Meaning struct {
	Category  string `yaml:"category"`
	Priority  string `yaml:"priority"` // low, normal or high
	Reason    string `yaml:"reason"`
	Source    string `yaml:"source"`
	Cancelled bool   `yaml:"cancelled"` // the row takes an entry back: it is not listed
}

// ParseMap reads a column map.
func ParseMap(text []byte) (*Map, error) {
	var m Map
	if err := strictyaml.Decode(text, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadMap, err)
	}
	if m.Country == "" {
		m.Country = "US"
	}
	if m.Delimiter == "" {
		m.Delimiter = ","
	}
	if m.Zone == "" {
		m.Zone = "UTC"
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrBadMap, m.Name, err)
	}
	return &m, nil
}

func (m *Map) validate() error {
	if m.Name == "" {
		return errors.New("name is missing")
	}
	if len(m.Delimiter) != 1 || strings.ContainsAny(m.Delimiter, "\"\r\n") {
		return fmt.Errorf("delimiter %q: expected one character", m.Delimiter)
	}
	if _, err := time.LoadLocation(m.Zone); err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	if m.SkipLines < 0 {
		return fmt.Errorf("skip_lines %d is negative", m.SkipLines)
	}
	if _, err := m.codes(); err != nil {
		return fmt.Errorf("states: %w", err)
	}
	if err := m.readTimes(); err != nil {
		return err
	}
	switch m.Format {
	case "csv":
		if len(m.Columns.Plate) == 0 {
			return errors.New("columns.plate is missing")
		}
	case "fixed":
		if err := m.validateFixed(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("format %q: expected csv or fixed", m.Format)
	}
	for code, k := range m.Kinds {
		if _, err := alpr.ParsePriority(k.Priority); err != nil {
			return fmt.Errorf("kinds.%s: %w", code, err)
		}
	}
	if _, err := alpr.ParsePriority(m.Defaults.Priority); err != nil {
		return fmt.Errorf("defaults: %w", err)
	}
	return nil
}

// codes are the list's ways to write a state.
func (m *Map) codes() (jurisdiction.Codes, error) {
	return jurisdiction.New(m.Country).With(m.States, m.StatesOnly)
}

// readTimes makes layouts of package time of the formats, and tries each.
func (m *Map) readTimes() error {
	some := time.Date(2031, 12, 25, 0, 0, 0, 0, time.UTC)
	for i, format := range m.Times {
		layout := layoutOf(format)
		if back, err := time.Parse(layout, some.Format(layout)); err != nil || !back.Equal(some) {
			return fmt.Errorf("times: %q is no date format: write one such as YYYY-MM-DD, DD.MM.YYYY or MM/DD/YYYY hh:mm", format)
		}
		m.Times[i] = layout
	}
	return nil
}

func (m *Map) validateFixed() error {
	if _, ok := m.Fixed["plate"]; !ok {
		return errors.New("fixed.plate is missing")
	}
	for name, s := range m.Fixed {
		if !slices.Contains(fieldNames(), name) {
			return fmt.Errorf("fixed.%s: no such field; there are %s", name, strings.Join(fieldNames(), ", "))
		}
		if s.From < 1 || s.Width < 1 || s.From+s.Width > maxLine {
			return fmt.Errorf("fixed.%s: from %d, width %d: from starts at 1", name, s.From, s.Width)
		}
	}
	return nil
}

// Shipped returns a map that comes with the program: ncic, genetec, flock or plain.
func Shipped(name string) (*Map, error) {
	text, err := shipped.ReadFile("maps/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("find column map %q: shipped are %s: %w", name, strings.Join(ShippedNames(), ", "), ErrBadMap)
	}
	return ParseMap(text)
}

// ShippedNames lists the maps that come with the program.
func ShippedNames() []string { return []string{"ncic", "genetec", "flock", "plain"} }

// delimiters are what Detect tries. A spreadsheet of another country writes
// semicolons.
func delimiters() []string { return []string{",", ";", "\t", "|"} }

// Detect finds the shipped map, and the delimiter among those given, with whose
// plate column and most other columns a CSV's heading line can be read.
func Detect(heading string, delimiters ...string) (*Map, error) {
	var best *Map
	most := 0
	for _, name := range ShippedNames() {
		m, err := Shipped(name)
		if err != nil {
			return nil, err
		}
		for _, delimiter := range delimiters {
			names, bad := splitCSV(heading, delimiter[0], nil)
			if m.NoHeading || bad != nil {
				continue
			}
			cols, ok := m.locate(names)
			if n := cols.known(); ok && n > most {
				m.Delimiter = delimiter
				best, most = m, n
			}
		}
	}
	if best == nil {
		return nil, fmt.Errorf("heading line %.80q fits none of the shipped formats (%s): give a column map with --map: %w",
			heading, strings.Join(ShippedNames(), ", "), ErrBadMap)
	}
	return best, nil
}
