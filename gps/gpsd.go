package gps

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"alpr"
)

// maxReport is the longest line that gpsd sends: the sky with every satellite.
const maxReport = 256 << 10

// gpsdDecoder takes in gpsd's reports: TPV (a position), SKY (satellites),
// DEVICES and ERROR. See gpsd_json(5).
type gpsdDecoder struct {
	calendar   calendar
	hdop       float64
	satellites int
	course     float64 // the last while moving
}

// gpsdReport holds what is used of every class of report.
type gpsdReport struct {
	Class   string            `json:"class"`
	Message string            `json:"message"` // ERROR
	Devices []json.RawMessage `json:"devices"` // DEVICES

	// TPV
	Mode   int      `json:"mode"` // 0, 1: no fix, 2: without height, 3: with it
	Status int      `json:"status"`
	Time   string   `json:"time"`
	Lat    *float64 `json:"lat"`
	Lon    *float64 `json:"lon"`
	AltMSL *float64 `json:"altMSL"`
	Alt    *float64 `json:"alt"` // before gpsd 3.20
	Speed  *float64 `json:"speed"`
	Track  *float64 `json:"track"`

	// SKY
	HDOP       float64 `json:"hdop"`
	Used       *int    `json:"uSat"`
	Satellites []struct {
		IsUsed bool `json:"used"`
	} `json:"satellites"`
}

// read calls take for each line that gpsd sends, until r fails.
func (d *gpsdDecoder) read(r io.Reader, take func(line string)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), maxReport)
	for lines.Scan() {
		take(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

func (d *gpsdDecoder) decode(line string) (update, error) { return safely(d.report, line) }

func (d *gpsdDecoder) report(line string) (update, error) {
	var r gpsdReport
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		return update{}, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	switch r.Class {
	case "TPV":
		return d.position(r)
	case "SKY":
		d.sky(r)
	case "DEVICES":
		if len(r.Devices) == 0 {
			return update{trouble: "gpsd has no receiver: name its device to gpsd (DEVICES in /etc/default/gpsd)"}, nil
		}
	case "ERROR":
		return update{trouble: "gpsd: " + r.Message}, nil
	}
	return update{}, nil
}

func (d *gpsdDecoder) sky(r gpsdReport) {
	if r.HDOP > 0 && r.HDOP < unknownHDOP {
		d.hdop = r.HDOP
	}
	switch {
	case r.Used != nil:
		d.satellites = max(0, min(*r.Used, 99))
	case len(r.Satellites) > 0:
		d.satellites = 0
		for _, s := range r.Satellites {
			if s.IsUsed {
				d.satellites++
			}
		}
	}
}

func (d *gpsdDecoder) position(r gpsdReport) (update, error) {
	if r.Mode < 2 || r.Lat == nil || r.Lon == nil {
		return update{isNew: true}, nil
	}
	if r.Time == "" {
		return update{isNew: true, isUndated: true, satellites: d.satellites}, nil
	}
	at, err := instantOf(r.Time)
	if err != nil {
		return update{}, fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	if err := errors.Join(d.calendar.check(at), checkPlace(*r.Lat, *r.Lon)); err != nil {
		return update{}, err
	}
	fix := alpr.Fix{At: at, Lat: *r.Lat, Lon: *r.Lon, Quality: statusQuality(r.Status), HDOP: d.hdop, Satellites: d.satellites}
	if alt := r.AltMSL; alt != nil {
		fix.AltM = *alt
	} else if r.Alt != nil {
		fix.AltM = *r.Alt
	}
	if r.Speed != nil {
		if fix.SpeedMPS = max(0, *r.Speed); fix.SpeedMPS > impliedSpeedMPS {
			return update{}, fmt.Errorf("%w: %.0f m/s", ErrNotCredible, fix.SpeedMPS)
		}
	}
	if r.Track != nil && fix.SpeedMPS >= standstillMPS && *r.Track >= 0 && *r.Track <= 360 {
		d.course = wrap360(*r.Track)
	}
	fix.CourseDeg = d.course
	return update{fix: fix, isNew: true, isDatedBySelf: true, satellites: d.satellites}, nil
}

// instantOf reads gpsd's time. The second 60 is a leap second.
func instantOf(text string) (time.Time, error) {
	leap := time.Duration(0)
	if before, after, ok := strings.Cut(text, ":60"); ok && len(before) == len("2016-12-31T23:59") {
		text, leap = before+":59"+after, time.Second
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at.UTC().Add(leap), err
}

// checkPlace refuses what is no place on earth, and 0°, 0°.
func checkPlace(lat, lon float64) error {
	if math.Abs(lat) > 90 || math.Abs(lon) > 180 || lat == 0 && lon == 0 {
		return fmt.Errorf("%w: position %g, %g", ErrNotCredible, lat, lon)
	}
	return nil
}

// statusQuality reads TPV's status; it is left out for an ordinary fix.
func statusQuality(status int) alpr.FixQuality {
	switch status {
	case 2:
		return alpr.DGPSFix
	case 3:
		return alpr.RTKFix
	case 4:
		return alpr.FloatRTKFix
	case 5, 6, 8: // dead reckoning, with and without satellites, and simulated
		return alpr.EstimatedFix
	}
	return alpr.GPSFix
}
