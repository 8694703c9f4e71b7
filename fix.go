package alpr

import "time"

// FixQuality says how a position was made, as NMEA's GGA sentence numbers it.
type FixQuality int

// The fix qualities that a vehicle meets.
const (
	NoFix        FixQuality = 0
	GPSFix       FixQuality = 1
	DGPSFix      FixQuality = 2
	RTKFix       FixQuality = 4
	FloatRTKFix  FixQuality = 5
	EstimatedFix FixQuality = 6
	// FixedPosition is put in by hand, for a camera that does not move.
	FixedPosition FixQuality = 7
)

// Fix is where the vehicle was at an instant. The zero Fix means "not known".
type Fix struct {
	At         time.Time     // the instant this position holds for, UTC
	Lat        float64       // degrees, WGS 84, north positive
	Lon        float64       // degrees, WGS 84, east positive
	AltM       float64       // metres above mean sea level
	SpeedMPS   float64       // over ground
	CourseDeg  float64       // over ground, degrees true, 0..360
	HDOP       float64       // horizontal dilution of precision, 0 when not given
	Satellites int           // used
	Quality    FixQuality    // NoFix when the position is not valid
	Age        time.Duration // from the nearest measurement to At: 0 when interpolated between two close ones
}

// IsValid says whether the position may be used at all.
func (f Fix) IsValid() bool { return f.Quality != NoFix }

// TimeSource says which clock stamped a read.
type TimeSource string

// The clocks, best first.
const (
	TimeGPS    TimeSource = "gps"    // system clock checked against satellite time
	TimeSystem TimeSource = "system" // system clock, unchecked
	TimeFile   TimeSource = "file"   // a recording's own times
)
