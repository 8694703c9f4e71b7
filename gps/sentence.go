package gps

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	gonmea "github.com/adrianmo/go-nmea"
)

// A sentence is one whose checksum is right, taken apart.
type sentence struct {
	talker string // two letters, which say whose satellites: "GP"
	kind   string // "RMC"; "" for those of a maker
	fields []string
}

// errTaken ends the library's work once a sentence is taken apart.
var errTaken = errors.New("taken apart")

// parseSentence takes apart what a cutter found. The library checks frame,
// address and checksum; it is kept from going on to the fields, of which its
// parsers want all, in one form, and some of them panic without (go-nmea
// v1.10.0: TXT with one field). Here a field that nobody needs costs nothing.
func parseSentence(raw string) (sentence, error) {
	var base gonmea.BaseSentence
	p := gonmea.SentenceParser{
		CheckCRC:       checkSum,
		OnBaseSentence: func(b *gonmea.BaseSentence) error { base = *b; return errTaken },
	}
	if _, err := p.Parse(raw); !errors.Is(err, errTaken) {
		return sentence{}, garbled(err)
	}
	s := sentence{fields: base.Fields}
	for i := range s.fields {
		s.fields[i] = strings.TrimSpace(s.fields[i])
	}
	const talker, kind = 2, 3 // letters of each
	if raw[0] == gonmea.SentenceStart[0] && len(base.Talker) == talker && len(base.Type) == kind {
		s.talker, s.kind = base.Talker, base.Type
	}
	return s, nil
}

// checkSum compares the checksum with the sentence's. Some receivers leave its
// leading zero out.
func checkSum(b gonmea.BaseSentence, body string) error {
	if b.Checksum == "" {
		return ErrNoChecksum
	}
	want, err := strconv.ParseUint(b.Checksum, 16, 8)
	if err != nil {
		return fmt.Errorf("%w: checksum %q", ErrGarbled, b.Checksum)
	}
	if have := gonmea.Checksum(body); fmt.Sprintf("%02X", want) != have {
		return fmt.Errorf("%w: checksum is %02X, not %s", ErrGarbled, want, have)
	}
	return nil
}

// garbled marks what the library refuses.
func garbled(err error) error {
	if errors.Is(err, ErrGarbled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrGarbled, err)
}

// field is a field's text; "" where the sentence has no such field.
func (s sentence) field(i int) string {
	if i >= len(s.fields) {
		return ""
	}
	return s.fields[i]
}

// letter is the first letter of a field, 0 where it is empty.
func (s sentence) letter(i int) byte {
	if f := s.field(i); f != "" {
		return f[0]
	}
	return 0
}

// number reads a decimal number. A field that is empty, or holds something
// else, says nothing.
func (s sentence) number(i int) (float64, bool) {
	f := s.field(i)
	if f == "" || strings.Trim(f, "0123456789.+-") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(f, 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// timeOfDay reads hhmmss.sss. The second 60 is a leap second; it is taken as
// the first of the next minute, as the system clock takes it.
func (s sentence) timeOfDay(i int) (time.Duration, bool) {
	whole, fraction, _ := strings.Cut(s.field(i), ".")
	if len(whole) != 6 || len(fraction) > 9 || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	hour, minute, second := digits(whole[:2]), digits(whole[2:4]), digits(whole[4:])
	if hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	nanos := digits(fraction + strings.Repeat("0", 9-len(fraction)))
	t := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute +
		time.Duration(second)*time.Second + time.Duration(nanos)
	return t, true
}

// date reads ddmmyy; the zero time where that is no date. Two digits of a year
// are 1980, when satellite time began, to 2079.
func (s sentence) date(i int) time.Time {
	f := s.field(i)
	if len(f) != 6 || strings.Trim(f, "0123456789") != "" {
		return time.Time{}
	}
	year := 2000 + digits(f[4:])
	if year >= 2080 {
		year -= 100
	}
	date, _ := day(year, digits(f[2:4]), digits(f[:2]))
	return date
}

// fullDate reads day, month and a year of four digits.
func (s sentence) fullDate(i int) (time.Time, bool) {
	d, m, y := s.field(i), s.field(i+1), s.field(i+2)
	if d == "" || m == "" || len(d) > 2 || len(m) > 2 || len(y) != 4 || strings.Trim(d+m+y, "0123456789") != "" {
		return time.Time{}, false
	}
	return day(digits(y), digits(m), digits(d))
}

func day(year, month, dayOfMonth int) (time.Time, bool) {
	t := time.Date(year, time.Month(month), dayOfMonth, 0, 0, 0, 0, time.UTC)
	if t.Month() != time.Month(month) || t.Day() != dayOfMonth {
		return time.Time{}, false
	}
	return t, true
}

// place reads latitude and longitude from four fields: ddmm.mm,N,dddmm.mm,E.
func (s sentence) place(i int) (lat, lon float64, err error) {
	lat, okLat := angle(s.field(i), s.field(i+1), 90, "N", "S")
	lon, okLon := angle(s.field(i+2), s.field(i+3), 180, "E", "W")
	switch {
	case !okLat || !okLon:
		return 0, 0, fmt.Errorf("%w: position %s %s, %s %s", ErrGarbled,
			s.field(i), s.field(i+1), s.field(i+2), s.field(i+3))
	case lat == 0 && lon == 0: // what receivers report when they do not know
		return 0, 0, fmt.Errorf("%w: position 0, 0", ErrNotCredible)
	}
	return lat, lon, nil
}

// angle reads degrees and minutes written as one number, and the letter of
// their direction. Whole minutes alone would be a mile wide: they are refused.
func angle(text, direction string, most float64, positive, negative string) (float64, bool) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	if !hasPoint || len(whole) < 2 || len(whole) > 5 || fraction == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	minutes, err := strconv.ParseFloat(text[len(whole)-2:], 64)
	degrees := float64(digits(whole[:len(whole)-2])) + minutes/60
	if err != nil || minutes >= 60 || degrees > most {
		return 0, false
	}
	switch direction {
	case positive:
		return degrees, true
	case negative:
		return -degrees, true
	}
	return 0, false
}

// digits is the value of a text that holds digits alone, "" being 0.
func digits(text string) int {
	v := 0
	for i := range len(text) {
		v = 10*v + int(text[i]-'0')
	}
	return v
}
