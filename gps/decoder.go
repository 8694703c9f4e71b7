package gps

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/adrianmo/go-nmea"

	"alpr"
)

// What can be wrong with a line; each is counted by its kind.
var (
	// ErrGarbled reports a line that is no NMEA sentence with a right checksum.
	ErrGarbled = errors.New("garbled NMEA line")
	// ErrNotCredible reports a well-formed sentence with a time or place that cannot be true.
	ErrNotCredible = errors.New("time or place not credible")
)

const (
	knotMPS = 1852.0 / 3600
	// standstillMPS is the speed under which a receiver's course is noise.
	standstillMPS = 0.5
)

// A decoder joins the sentences of one epoch (one instant of measurement) into
// a fix. RMC alone says date and validity, GGA alone says quality and
// satellites; they come in either order.
type decoder struct {
	parser   nmea.SentenceParser
	base     nmea.BaseSentence // of the line in work, set before its fields are parsed
	earliest time.Time         // no satellite time before this is believed

	fix  alpr.Fix // from the last RMC
	gga  ggaPart  // from the last GGA
	hdop float64  // from the last GSA
}

// ggaPart is what only GGA says, and the time of day it says it for.
type ggaPart struct {
	isSet      bool
	timeOfDay  time.Duration
	quality    alpr.FixQuality
	satellites int
	hdop       float64
	altM       float64
}

// update is what one line changed. The fix is not valid where the receiver
// says that it has no position.
type update struct {
	fix   alpr.Fix
	isNew bool // a fix, or the news that there is none
}

func newDecoder(earliest time.Time) *decoder {
	d := &decoder{earliest: earliest}
	d.parser.OnBaseSentence = func(s *nmea.BaseSentence) error {
		d.base = *s
		return nil
	}
	return d
}

// line takes in one line without its end. Sentences that say nothing about
// position give a zero update and no error.
func (d *decoder) line(raw string) (update, error) {
	if i := strings.LastIndexByte(raw, '$'); i > 0 {
		raw = raw[i:] // a line end was lost: the last sentence may be whole
	}
	d.base = nmea.BaseSentence{}
	sentence, err := d.parser.Parse(raw)
	if saysNoFix(d.base) {
		return update{isNew: true}, nil
	}
	var unsupported *nmea.NotSupportedError
	switch {
	case errors.As(err, &unsupported):
		return update{}, nil
	case err != nil:
		return update{}, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	switch s := sentence.(type) {
	case nmea.RMC:
		return d.rmc(s)
	case nmea.GGA:
		return d.ggaSentence(s)
	case nmea.GSA:
		if isFinite(s.HDOP) {
			d.hdop = s.HDOP
		}
	}
	return update{}, nil
}

// saysNoFix recognises an RMC marked void or a GGA of quality 0. They are
// looked at before their fields are parsed, because those are empty then.
func saysNoFix(s nmea.BaseSentence) bool {
	switch {
	case s.Type == nmea.TypeRMC && len(s.Fields) > 1:
		return s.Fields[1] == nmea.InvalidRMC
	case s.Type == nmea.TypeGGA && len(s.Fields) > 5:
		return s.Fields[5] == nmea.Invalid
	}
	return false
}

func (d *decoder) rmc(s nmea.RMC) (update, error) {
	if s.Validity != nmea.ValidRMC {
		return update{}, fmt.Errorf("%w: RMC without validity", ErrGarbled)
	}
	at, err := d.instant(s.Date, s.Time)
	if err != nil {
		return update{}, err
	}
	if err := checkPlace(s.Latitude, s.Longitude); err != nil {
		return update{}, err
	}
	fix := alpr.Fix{
		At: at, Lat: s.Latitude, Lon: s.Longitude,
		Quality: qualityOfMode(s.FFAMode), HDOP: d.hdop,
		CourseDeg: d.fix.CourseDeg, AltM: d.fix.AltM,
	}
	if isFinite(s.Speed) && s.Speed >= 0 {
		fix.SpeedMPS = s.Speed * knotMPS
	}
	// Standing still, the field is empty or noise: the last course holds.
	if s.Fields[7] != "" && isFinite(s.Course) && fix.SpeedMPS >= standstillMPS {
		fix.CourseDeg = math.Mod(math.Mod(s.Course, 360)+360, 360)
	}
	d.fix = fix
	if d.gga.isSet && d.gga.timeOfDay == timeOfDay(at) {
		d.addGGA()
	}
	return update{fix: d.fix, isNew: true}, nil
}

func (d *decoder) ggaSentence(s nmea.GGA) (update, error) {
	if !s.Time.Valid {
		return update{}, fmt.Errorf("%w: GGA without time", ErrGarbled)
	}
	if err := checkPlace(s.Latitude, s.Longitude); err != nil {
		return update{}, err
	}
	d.gga = ggaPart{
		isSet:      true,
		timeOfDay:  durationOf(s.Time),
		quality:    qualityOfGGA(s.FixQuality),
		satellites: int(max(0, min(s.NumSatellites, 99))),
	}
	if isFinite(s.HDOP) {
		d.gga.hdop = s.HDOP
	}
	if isFinite(s.Altitude) {
		d.gga.altM = s.Altitude
	}
	if d.fix.IsValid() && timeOfDay(d.fix.At) == d.gga.timeOfDay {
		d.addGGA()
		return update{fix: d.fix, isNew: true}, nil
	}
	return update{}, nil
}

// addGGA puts the GGA of the same epoch into the fix.
func (d *decoder) addGGA() {
	d.fix.Satellites = d.gga.satellites
	d.fix.AltM = d.gga.altM
	if d.gga.hdop > 0 {
		d.fix.HDOP = d.gga.hdop
	}
	if d.fix.Quality != alpr.EstimatedFix {
		d.fix.Quality = d.gga.quality
	}
	d.gga.isSet = false
}

// instant is the UTC instant of a date and a time of day. A receiver that has
// not yet seen the satellites' date counts from 6 January 1980, which two
// digits also make 2080, or is 1024 weeks off: such times are refused.
func (d *decoder) instant(date nmea.Date, tod nmea.Time) (time.Time, error) {
	if !date.Valid || !tod.Valid {
		return time.Time{}, fmt.Errorf("%w: RMC without date or time", ErrGarbled)
	}
	year := 2000 + date.YY
	if date.YY >= 80 {
		year = 1900 + date.YY
	}
	at := time.Date(year, time.Month(date.MM), date.DD, 0, 0, 0, 0, time.UTC).Add(durationOf(tod))
	if at.Month() != time.Month(date.MM) && tod.Hour < 24 {
		return time.Time{}, fmt.Errorf("%w: there is no date %s", ErrGarbled, date)
	}
	if at.Before(d.earliest) {
		return time.Time{}, fmt.Errorf("%w: satellite time %s is before %s", ErrNotCredible,
			at.Format(time.RFC3339), d.earliest.Format(time.DateOnly))
	}
	return at, nil
}

// checkPlace refuses what is no place on earth, and 0°, 0°, which receivers
// report when they mean that they do not know.
func checkPlace(lat, lon float64) error {
	if !isFinite(lat) || !isFinite(lon) || math.Abs(lat) > 90 || math.Abs(lon) > 180 {
		return fmt.Errorf("%w: position %g, %g", ErrGarbled, lat, lon)
	}
	if lat == 0 && lon == 0 {
		return fmt.Errorf("%w: position 0, 0", ErrNotCredible)
	}
	return nil
}

// qualityOfMode reads RMC's FAA mode letter; receivers older than NMEA 2.3 send none.
func qualityOfMode(mode string) alpr.FixQuality {
	switch mode {
	case nmea.FAAModeDifferential:
		return alpr.DGPSFix
	case nmea.FAAModeRTKInteger:
		return alpr.RTKFix
	case nmea.FAAModeRTKFloat:
		return alpr.FloatRTKFix
	case nmea.FAAModeEstimated, nmea.FAAModeManualInput, nmea.FAAModeSimulated:
		return alpr.EstimatedFix
	case nmea.FAAModeDataNotValid:
		return alpr.NoFix
	}
	return alpr.GPSFix
}

func qualityOfGGA(q string) alpr.FixQuality {
	switch q {
	case nmea.DGPS:
		return alpr.DGPSFix
	case nmea.RTK:
		return alpr.RTKFix
	case nmea.FRTK:
		return alpr.FloatRTKFix
	case nmea.EST:
		return alpr.EstimatedFix
	}
	return alpr.GPSFix
}

func durationOf(t nmea.Time) time.Duration {
	return time.Duration(t.Hour)*time.Hour + time.Duration(t.Minute)*time.Minute +
		time.Duration(t.Second)*time.Second + time.Duration(t.Millisecond)*time.Millisecond
}

func timeOfDay(at time.Time) time.Duration { return at.Sub(at.Truncate(24 * time.Hour)) }

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
