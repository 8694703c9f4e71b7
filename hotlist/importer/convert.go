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
)

// converter makes entries of rows.
type converter struct {
	m      *Map
	cols   columns
	zone   *time.Location
	states jurisdiction.Codes
}

func newConverter(m *Map, cols columns) (*converter, error) {
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w %q: zone: %w", ErrBadMap, m.Name, err)
	}
	return &converter{m: m, cols: cols, zone: zone, states: jurisdiction.New(m.Country)}, nil
}

func (c *converter) get(fields []string, f int) string {
	if at := c.cols.at[f]; at >= 0 {
		return strings.TrimSpace(fields[at])
	}
	return ""
}

// entry converts one row. doubt names what had to be left out of an entry that
// is good otherwise; err is why there is none.
func (c *converter) entry(fields []string) (e alpr.Entry, isCancelled bool, doubt string, err error) {
	kind, known := c.kind(c.get(fields, fKind))
	if kind.Cancelled {
		e, err = c.cancellation(fields)
		return e, true, "", err
	}
	e = alpr.Entry{
		ID: c.get(fields, fID), PlateGiven: c.get(fields, fPlate), CaseNumber: c.get(fields, fCase),
		Source:  cmp.Or(c.get(fields, fSource), kind.Source, c.m.Defaults.Source),
		Reason:  cmp.Or(c.get(fields, fReason), kind.Reason, c.m.Defaults.Reason),
		Caution: c.caution(fields),
		Vehicle: alpr.Vehicle{
			VIN: c.get(fields, fVIN), Make: c.get(fields, fMake), Model: c.get(fields, fModel),
			Year: c.get(fields, fYear), Colour: c.get(fields, fColour), Style: c.get(fields, fStyle),
		},
		Category: cmp.Or(c.get(fields, fCategory), kind.Category, c.m.Defaults.Category),
	}
	if !known {
		doubt = fmt.Sprintf("kind %q is not in the column map: taken as %s", c.get(fields, fKind), e.Category)
	}
	if e.Plate, err = alpr.ParsePlate(e.PlateGiven); err != nil {
		return e, false, "", err
	}
	if e.Priority, err = alpr.ParsePriority(cmp.Or(c.get(fields, fPriority), kind.Priority, c.m.Defaults.Priority)); err != nil {
		return e, false, "", err
	}
	if e.Effective, err = c.time(c.get(fields, fEffective), false); err != nil {
		return e, false, "", fmt.Errorf("effective: %w", err)
	}
	if e.Expires, err = c.time(c.get(fields, fExpires), true); err != nil {
		return e, false, "", fmt.Errorf("expires: %w", err)
	}
	if e.IsCovert, err = parseYes(c.get(fields, fCovert)); err != nil {
		return e, false, "", fmt.Errorf("covert: %w", err)
	}
	var ok bool
	if e.State, ok = c.states.Normalise(c.get(fields, fState)); !ok {
		doubt = fmt.Sprintf("state %q is not known: taken without a state", c.get(fields, fState))
	}
	doubt = cmp.Or(doubt, unlikeGiven(e.PlateGiven, e.Plate))
	return e, false, doubt, nil
}

// cancellation names what a row takes back: an id, or a plate and state.
func (c *converter) cancellation(fields []string) (e alpr.Entry, err error) {
	e.ID = c.get(fields, fID)
	e.State, _ = c.states.Normalise(c.get(fields, fState))
	e.Plate, err = alpr.ParsePlate(c.get(fields, fPlate))
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

func (c *converter) caution(fields []string) string {
	text := c.get(fields, fCaution)
	for i, at := range c.cols.notes {
		if v := strings.TrimSpace(fields[at]); v != "" {
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
// an expiry its last: an entry counts through the day it expires on.
func (c *converter) time(text string, isEnd bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range c.m.Times {
		t, err := time.ParseInLocation(layout, text, c.zone)
		if err != nil {
			continue
		}
		if t.Year() < 1900 || t.Year() > 9999 {
			return time.Time{}, fmt.Errorf("time %q is out of range", text)
		}
		if isEnd && !strings.Contains(layout, "15") && !strings.Contains(layout, "03") {
			t = t.AddDate(0, 0, 1).Add(-time.Second)
		}
		return t.UTC(), nil
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
