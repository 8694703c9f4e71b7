package gps

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"alpr"
)

// What can be wrong with a line; each is counted by its kind.
var (
	// ErrGarbled reports a line that is no NMEA sentence with a right checksum.
	ErrGarbled = errors.New("garbled NMEA line")
	// ErrNoChecksum reports a sentence, or the beginning of one, without a checksum;
	// it is garbled, too.
	ErrNoChecksum = fmt.Errorf("%w: no checksum", ErrGarbled)
	// ErrNotCredible reports a well-formed sentence with a time or place that cannot be true.
	ErrNotCredible = errors.New("time or place not credible")
	// ErrPanic reports a line that was too much for the decoder. It costs that line alone.
	ErrPanic = errors.New("the decoder stumbled over an NMEA line")
)

const (
	knotMPS = 1852.0 / 3600
	kmhMPS  = 1000.0 / 3600
	// standstillMPS is the speed under which a receiver's course is noise.
	standstillMPS = 0.5
	// walkMPS is the same for a speed that is computed from two positions.
	walkMPS = 1.5
	// unknownHDOP is what receivers send where they do not know.
	unknownHDOP = 99
)

// A decoder joins the sentences of one epoch (one instant of measurement) into
// a fix. RMC, GGA, GNS and GLL each give a position and the time of day, in any
// order; RMC and ZDA the date; RMC and VTG speed and course; GGA, GNS and GSA
// how good the position is.
type decoder struct {
	calendar calendar
	now      epoch
	hdop     float64 // from the last GSA
	void     void    // the last RMC that was not valid
}

// An epoch is what has been said about one instant.
type epoch struct {
	isSet     bool
	timeOfDay time.Duration
	at        dated
	fix       alpr.Fix // its At and Quality are not set before the date is known
	quality   alpr.FixQuality

	isCoarse, isRated, isSpeedMeasured bool // position by GLL alone; quality by GGA; speed of this epoch
}

// void names the epoch for which RMC said that there is no position. It is the
// sentence to go by: some receivers leave numbers standing in the others.
type void struct {
	talker    string
	timeOfDay time.Duration
}

// A report is what one sentence says about an epoch.
type report struct {
	timeOfDay  time.Duration
	date       time.Time // zero: the sentence has none
	lat, lon   float64
	quality    alpr.FixQuality
	isCoarse   bool // GLL, which some receivers send with fewer digits
	isRated    bool // quality is GGA's, the most exact
	isThin     bool // from too few satellites, or those of one system alone: no position without another sentence
	satellites int
	hdop, altM float64
	hasAlt     bool
	speedMPS   float64
	hasSpeed   bool
	courseDeg  float64
	hasCourse  bool
}

// update is what one sentence changed. The fix is not valid where the receiver
// says that it has no position, or a position without a date.
type update struct {
	fix           alpr.Fix
	isNew         bool   // a fix, or the news that there is none
	isUndated     bool   // there is a position, and nothing says of which day
	isDatedBySelf bool   // the date is the receiver's, not the system clock's
	satellites    int    // used, where there is a position
	trouble       string // what the sender says is wrong
}

// newDecoder returns a decoder of a log (see newLiveDecoder) that believes no
// satellite time before earliest.
func newDecoder(earliest time.Time) *decoder {
	return &decoder{calendar: calendar{earliest: earliest, wall: time.Now}}
}

// newLiveDecoder returns a decoder of what is sent now, so that the system
// clock may give the date that a receiver leaves out.
func newLiveDecoder(earliest time.Time) *decoder {
	d := newDecoder(earliest)
	d.calendar.isLive = true
	return d
}

// safely decodes a text so that a fault costs that text alone.
func safely(decode func(string) (update, error), text string) (u update, err error) {
	defer func() {
		if p := recover(); p != nil {
			u, err = update{}, fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	return decode(text)
}

// read calls take for each sentence that a receiver sends, until r fails.
func (d *decoder) read(r io.Reader, take func(sentence string)) error { return readSentences(r, take) }

// decode takes in what a cutter found. Sentences that say nothing about
// position give a zero update and no error.
func (d *decoder) decode(raw string) (update, error) { return safely(d.sentence, raw) }

func (d *decoder) sentence(raw string) (update, error) {
	if raw == "" {
		return update{}, ErrGarbled
	}
	s, err := parseSentence(raw)
	if err != nil {
		return update{}, err
	}
	switch s.kind {
	case "RMC":
		return d.position(s, 2, s.letter(1) == 'A' || s.letter(1) == 'D', rmcReport)
	case "GGA":
		return d.position(s, 1, s.letter(5) != 0 && s.letter(5) != '0', ggaReport)
	case "GNS":
		return d.position(s, 1, gnsQuality(s.field(5)) != alpr.NoFix, gnsReport)
	case "GLL":
		return d.position(s, 0, s.letter(5) == 'A' || s.letter(5) == 'D', gllReport)
	case "VTG":
		return d.vtg(s)
	case "ZDA":
		return d.zda(s)
	case "GSA":
		d.gsa(s)
	}
	return update{}, nil
}

// position takes in a sentence whose place begins at a field. Where it is not
// valid, its other fields are empty or left over, and are not looked at.
func (d *decoder) position(s sentence, place int, isValid bool, read func(sentence) (report, error)) (update, error) {
	if !isValid {
		if tod, ok := s.timeOfDay(0); ok && s.kind == "RMC" {
			d.void = void{s.talker, tod}
		}
		return update{isNew: true}, nil
	}
	r, err := read(s)
	if err != nil {
		return update{}, err
	}
	if r.quality == alpr.NoFix || s.kind != "RMC" && d.void == (void{s.talker, r.timeOfDay}) {
		return update{isNew: true}, nil
	}
	if r.lat, r.lon, err = s.place(place); err != nil {
		return update{}, err
	}
	return d.observe(r)
}

// observe brings a report into its epoch.
func (d *decoder) observe(r report) (update, error) {
	at, err := d.calendar.instant(r.date, r.timeOfDay)
	if err != nil {
		return update{}, err
	}
	switch now := d.now; {
	case r.isThin && !(now.isSet && now.timeOfDay == r.timeOfDay):
		return update{}, nil
	case !now.isSet, now.timeOfDay != r.timeOfDay, now.at.isSelf && at.isSelf && !now.at.t.Equal(at.t):
		d.begin(r, at)
	case at.isSelf, now.at.t.IsZero():
		d.now.at = at
	}
	d.now.merge(r)
	return d.tell(), nil
}

// begin starts a new epoch. What its sentences have not said yet is as it was
// in the one before, if that is not long ago.
func (d *decoder) begin(r report, at dated) {
	before := d.now
	d.now = epoch{isSet: true, timeOfDay: r.timeOfDay, at: at, isCoarse: true}
	f := &d.now.fix
	f.Lat, f.Lon = r.lat, r.lon
	gap := at.t.Sub(before.fix.At)
	if !before.fix.IsValid() || at.t.IsZero() {
		return
	}
	f.AltM, f.CourseDeg = before.fix.AltM, before.fix.CourseDeg
	switch {
	case gap <= 0 || gap > CloseGap:
	case before.isSpeedMeasured:
		f.SpeedMPS = before.fix.SpeedMPS
	default: // a receiver that says nothing of speed, or not yet
		f.SpeedMPS = min(Distance(before.fix, *f)/gap.Seconds(), impliedSpeedMPS)
		if f.SpeedMPS >= walkMPS {
			f.CourseDeg = bearing(before.fix, *f)
		}
	}
}

// merge puts a report into the epoch. The position is that of the sentence that
// came first, so that it does not move, but a GLL gives way to the others.
func (e *epoch) merge(r report) {
	if e.isCoarse {
		e.fix.Lat, e.fix.Lon, e.isCoarse = r.lat, r.lon, r.isCoarse
	}
	e.rate(r)
	if r.satellites > 0 {
		e.fix.Satellites = r.satellites
	}
	if r.hdop > 0 {
		e.fix.HDOP = r.hdop
	}
	if r.hasAlt {
		e.fix.AltM = r.altM
	}
	e.move(r)
}

// rate puts in the quality: GGA's, or else the best that is said; but where one
// sentence calls the position estimated, it is.
func (e *epoch) rate(r report) {
	switch {
	case e.quality == alpr.NoFix, r.quality == alpr.EstimatedFix:
		e.quality = r.quality
	case e.quality == alpr.EstimatedFix:
	case r.isRated, !e.isRated && worse(e.quality, r.quality) == e.quality:
		e.quality = r.quality
	}
	e.isRated = e.isRated || r.isRated
}

// move puts in speed and course. Standing still, the course is noise or is not
// sent: the last one holds.
func (e *epoch) move(r report) {
	if r.hasSpeed {
		e.fix.SpeedMPS, e.isSpeedMeasured = r.speedMPS, true
	}
	if r.hasCourse && e.fix.SpeedMPS >= standstillMPS {
		e.fix.CourseDeg = r.courseDeg
	}
}

// tell gives out the epoch as it is known by now.
func (d *decoder) tell() update {
	e := &d.now
	if e.at.t.IsZero() {
		return update{isNew: true, isUndated: true, satellites: e.fix.Satellites}
	}
	e.fix.At, e.fix.Quality = e.at.t, e.quality
	if e.fix.HDOP == 0 {
		e.fix.HDOP = d.hdop
	}
	return update{fix: e.fix, isNew: true, isDatedBySelf: e.at.isSelf, satellites: e.fix.Satellites}
}

// zda gives the date to those that follow, and to the epoch that waits for it.
func (d *decoder) zda(s sentence) (update, error) {
	tod, hasTime := s.timeOfDay(0)
	date, hasDate := s.fullDate(1)
	if !hasTime || !hasDate {
		return update{}, nil // empty until the satellites have told the time
	}
	at, err := d.calendar.instant(date, tod)
	if err != nil || !at.isSelf || !d.now.isSet || d.now.at.isSelf {
		return update{}, nil // one that cannot be true says nothing, either
	}
	own := dated{nearest(at.t, d.now.timeOfDay), true}
	if own.t.Sub(at.t).Abs() > CloseGap {
		return update{}, nil
	}
	d.now.at = own
	return d.tell(), nil
}

// vtg gives speed and course to the epoch under way, if RMC has not.
func (d *decoder) vtg(s sentence) (update, error) {
	r := report{}
	if s.field(1) != "T" || s.letter(8) == 'N' {
		return update{}, nil // NMEA before 2.0, or not valid
	}
	if v, ok := s.number(4); ok {
		r.speedMPS, r.hasSpeed = v*knotMPS, true
	} else if v, ok := s.number(6); ok {
		r.speedMPS, r.hasSpeed = v*kmhMPS, true
	}
	r.courseDeg, r.hasCourse = s.course(0)
	if err := checkSpeed(&r); err != nil {
		return update{}, err
	}
	if !r.hasSpeed || !d.now.isSet || d.now.isSpeedMeasured {
		return update{}, nil
	}
	d.now.move(r)
	return d.tell(), nil
}

func (d *decoder) gsa(s sentence) {
	if v, ok := s.number(15); ok && v > 0 && v < unknownHDOP {
		d.hdop = v
	}
}

func rmcReport(s sentence) (r report, err error) {
	var hasTime bool
	if r.timeOfDay, hasTime = s.timeOfDay(0); !hasTime {
		return r, fmt.Errorf("%w: RMC at %s", ErrGarbled, s.field(0))
	}
	r.date = s.date(8)
	if v, ok := s.number(6); ok {
		r.speedMPS, r.hasSpeed = v*knotMPS, true
	}
	r.courseDeg, r.hasCourse = s.course(7)
	r.quality = modeQuality(s.letter(11)) // receivers older than NMEA 2.3 send no mode
	return r, checkSpeed(&r)
}

func ggaReport(s sentence) (r report, err error) {
	var hasTime bool
	if r.timeOfDay, hasTime = s.timeOfDay(0); !hasTime {
		return r, fmt.Errorf("%w: GGA at %s", ErrGarbled, s.field(0))
	}
	r.quality, r.isRated = ggaQuality(s.field(5)), true
	s.solution(&r, 6)
	v, ok := s.number(6)
	r.isThin = ok && v < 3 && r.quality != alpr.EstimatedFix
	return r, nil
}

func gnsReport(s sentence) (r report, err error) {
	var hasTime bool
	if r.timeOfDay, hasTime = s.timeOfDay(0); !hasTime {
		return r, fmt.Errorf("%w: GNS at %s", ErrGarbled, s.field(0))
	}
	r.quality = gnsQuality(s.field(5))
	s.solution(&r, 6)
	return r, nil
}

func gllReport(s sentence) (r report, err error) {
	var hasTime bool
	if r.timeOfDay, hasTime = s.timeOfDay(4); !hasTime {
		return r, fmt.Errorf("%w: GLL at %s", ErrGarbled, s.field(4))
	}
	r.quality, r.isCoarse = modeQuality(s.letter(6)), true
	return r, nil
}

// solution reads satellites, HDOP and altitude, which GGA and GNS have in this order.
func (s sentence) solution(r *report, i int) {
	if v, ok := s.number(i); ok {
		r.satellites = int(max(0, min(v, 99)))
	}
	if v, ok := s.number(i + 1); ok && v < unknownHDOP {
		r.hdop = v
	}
	r.altM, r.hasAlt = s.number(i + 2)
}

// course reads degrees; what is no direction says nothing.
func (s sentence) course(i int) (float64, bool) {
	v, ok := s.number(i)
	return wrap360(v), ok && v >= 0 && v <= 360
}

// checkSpeed refuses a sentence whose speed no vehicle has: the rest of it was
// computed along with that. A negative one says nothing.
func checkSpeed(r *report) error {
	if r.speedMPS > impliedSpeedMPS {
		return fmt.Errorf("%w: %.0f m/s", ErrNotCredible, r.speedMPS)
	}
	if r.speedMPS < 0 {
		r.speedMPS, r.hasSpeed = 0, false
	}
	return nil
}

// modeQuality reads the mode letter of RMC, GLL and GNS. What makers have added
// to the letters says that there is a position.
func modeQuality(mode byte) alpr.FixQuality {
	switch mode {
	case 'N':
		return alpr.NoFix
	case 'D', 'P':
		return alpr.DGPSFix
	case 'R':
		return alpr.RTKFix
	case 'F':
		return alpr.FloatRTKFix
	case 'E', 'M', 'S': // estimated, put in by hand, simulated
		return alpr.EstimatedFix
	}
	return alpr.GPSFix
}

// gnsQuality is the best of the modes of several satellite systems.
func gnsQuality(modes string) alpr.FixQuality {
	best := alpr.NoFix
	for i := range len(modes) {
		if q := modeQuality(modes[i]); worse(best, q) == best {
			best = q
		}
	}
	return best
}

func ggaQuality(q string) alpr.FixQuality {
	switch q {
	case "2":
		return alpr.DGPSFix
	case "4":
		return alpr.RTKFix
	case "5":
		return alpr.FloatRTKFix
	case "6", "7", "8": // estimated, put in by hand, simulated
		return alpr.EstimatedFix
	}
	return alpr.GPSFix
}

// bearing is the course from a to b, degrees true; exact enough for points
// that are seconds apart.
func bearing(a, b alpr.Fix) float64 {
	north := b.Lat - a.Lat
	east := wrap180(b.Lon-a.Lon) * math.Cos(a.Lat*math.Pi/180)
	return wrap360(math.Atan2(east, north) * 180 / math.Pi)
}
