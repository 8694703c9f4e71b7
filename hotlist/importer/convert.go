package importer

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"alpr/internal/jurisdiction"

	"alpr"
)

// Places of fields in a located row, in the order of fieldNames.
const (
	fPlate = iota
	fState
	fID
	fSource
	fReason
	fCategory
	fPriority
	fKind
	fCase
	fCaution
	fEffective
	fExpires
	fCovert
	fVIN
	fMake
	fModel
	fYear
	fColour
	fStyle
	fCount
)

// converter makes entries of rows.
type converter struct {
	m      *Map
	cols   columns
	zone   *time.Location
	states jurisdiction.Codes
	values [fCount]string // of the row, clean
	notes  []string
}

func newConverter(m *Map, cols columns) (*converter, error) {
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w %q: zone: %w", ErrBadMap, m.Name, err)
	}
	states, err := m.codes()
	if err != nil {
		return nil, fmt.Errorf("%w %q: states: %w", ErrBadMap, m.Name, err)
	}
	return &converter{m: m, cols: cols, zone: zone, states: states, notes: make([]string, len(cols.notes))}, nil
}

// take takes the fields of a row.
func (c *converter) take(fields []string) {
	for f, at := range c.cols.at {
		if c.values[f] = ""; at >= 0 {
			c.values[f] = clean(fields[at])
		}
	}
	for i, at := range c.cols.notes {
		c.notes[i] = clean(fields[at])
	}
}

// appendTo appends what the row says to b, so that unlike rows make unlike bytes.
func (c *converter) appendTo(b []byte) []byte {
	for _, v := range c.values {
		b = append(append(b, v...), 0)
	}
	for _, v := range c.notes {
		b = append(append(b, v...), 0)
	}
	return b
}

// entry converts the row that was taken. doubt names what had to be left out of an entry that
// is good otherwise; err is why there is none.
func (c *converter) entry() (e alpr.Entry, isCancelled bool, doubt string, err error) {
	kind, known := c.kind(c.values[fKind])
	if kind.Cancelled {
		e, err = c.cancellation()
		return e, true, "", err
	}
	e = alpr.Entry{
		ID: c.values[fID], PlateGiven: c.values[fPlate], CaseNumber: c.values[fCase],
		Source:  cmp.Or(c.values[fSource], kind.Source, c.m.Defaults.Source),
		Reason:  cmp.Or(c.values[fReason], kind.Reason, c.m.Defaults.Reason),
		Caution: c.caution(),
		Vehicle: alpr.Vehicle{
			VIN: c.values[fVIN], Make: c.values[fMake], Model: c.values[fModel],
			Year: c.values[fYear], Colour: c.values[fColour], Style: c.values[fStyle],
		},
		Category: cmp.Or(c.values[fCategory], kind.Category, c.m.Defaults.Category),
	}
	var doubts doubts
	if !known {
		doubts.add(fmt.Sprintf("kind %q is not in the column map: taken as %s", c.values[fKind], e.Category))
	}
	if e.Plate, err = alpr.ParsePlate(e.PlateGiven); err != nil {
		return e, false, "", err
	}
	if e.Priority, err = alpr.ParsePriority(cmp.Or(c.values[fPriority], kind.Priority, c.m.Defaults.Priority)); err != nil {
		return e, false, "", err
	}
	if e.Effective, err = c.time(c.values[fEffective], "effective", &doubts); err != nil {
		return e, false, "", fmt.Errorf("effective: %w", err)
	}
	if e.Expires, err = c.time(c.values[fExpires], "expires", &doubts); err != nil {
		return e, false, "", fmt.Errorf("expires: %w", err)
	}
	if e.IsCovert, err = parseYes(c.values[fCovert]); err != nil {
		return e, false, "", fmt.Errorf("covert: %w", err)
	}
	e.State, doubt = c.states.Read(c.values[fState])
	doubts.add(doubt)
	doubts.add(unlikeGiven(e.PlateGiven, e.Plate))
	return e, false, strings.Join(doubts, "; "), nil
}

// doubts are what is missing or uncertain of an entry that is taken.
type doubts []string

func (d *doubts) add(text string) {
	if text != "" {
		*d = append(*d, text)
	}
}

// cancellation names what a row takes back: an id, or a plate and state.
func (c *converter) cancellation() (e alpr.Entry, err error) {
	e.ID = c.values[fID]
	e.State, _ = c.states.Read(c.values[fState])
	e.Plate, err = alpr.ParsePlate(c.values[fPlate])
	if err != nil && e.ID == "" {
		return e, fmt.Errorf("a cancellation of no entry: %w", err)
	}
	return e, nil
}

func (c *converter) kind(code string) (Meaning, bool) {
	if code == "" {
		return Meaning{}, true
	}
	k, ok := c.m.Kinds[strings.ToUpper(code)]
	return k, ok
}

func (c *converter) caution() string {
	text := c.values[fCaution]
	for i, v := range c.notes {
		if v != "" {
			if text != "" {
				text += "; "
			}
			text += c.cols.noteName[i] + " " + v
		}
	}
	return text
}

// unlikeGiven says how a plate is compared where that is not what its list
// shows: an accented letter is read as the bare one.
func unlikeGiven(given, plate string) string {
	if alpr.IsReadAsWritten(given) {
		return ""
	}
	return fmt.Sprintf("plate %q: taken as %s, which is what the reader reads", given, plate)
}

// time reads a time of the list. A date alone means its first instant, or for
// an expiry its last: an entry counts through the day it expires on. What stands
// for "no date" is none, and a doubt.
func (c *converter) time(text, field string, d *doubts) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range c.m.Times {
		t, err := time.ParseInLocation(layout, text, c.zone)
		if err != nil || t.Year() < 1901 {
			continue
		}
		if isUnixZero(t) {
			break
		}
		if t.Year() > 9999 {
			return time.Time{}, fmt.Errorf("time %q is out of range", text)
		}
		if field == "expires" && !strings.Contains(layout, "15") && !strings.Contains(layout, "03") {
			t = t.AddDate(0, 0, 1).Add(-time.Second)
		}
		return t.UTC(), nil
	}
	if isNoDate(text) || isUnixZeroText(text) {
		d.add(fmt.Sprintf("%s %q stands for no date: taken without one", field, text))
		return time.Time{}, nil
	}
	return time.Time{}, fmt.Errorf("time %q fits none of the layouts %q", text, c.m.Times)
}

func parseYes(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "", "0", "n", "no", "false":
		return false, nil
	case "1", "y", "yes", "true":
		return true, nil
	}
	return false, fmt.Errorf("%q: expected yes or no", text)
}
