package console

import (
	"math"
	"time"

	"alpr"
)

// duskDeg is the height of the sun at which the page turns dark: the end of
// civil twilight's brighter half, when headlights are on.
const duskDeg = -3

// isNight says whether it is dark outside at a position; isKnown is false
// without one.
func isNight(f alpr.Fix, at time.Time) (night, isKnown bool) {
	if !f.IsValid() {
		return false, false
	}
	return sunHeight(f.Lat, f.Lon, at) < duskDeg, true
}

// sunHeight is the sun's height over the horizon in degrees, without
// refraction, to about a quarter of a degree. After the low-precision formulas
// of the Astronomical Almanac, page C5.
func sunHeight(latDeg, lonDeg float64, at time.Time) float64 {
	const rad = math.Pi / 180
	n := float64(at.Unix())/86400 + 2440587.5 - 2451545.0 // days since J2000.0
	meanLon := 280.460 + 0.9856474*n
	anomaly := (357.528 + 0.9856003*n) * rad
	ecliptic := (meanLon + 1.915*math.Sin(anomaly) + 0.020*math.Sin(2*anomaly)) * rad
	obliquity := (23.439 - 0.0000004*n) * rad

	declination := math.Asin(math.Sin(obliquity) * math.Sin(ecliptic))
	ascension := math.Atan2(math.Cos(obliquity)*math.Sin(ecliptic), math.Cos(ecliptic))
	sidereal := (280.46062 + 360.98564737*n) * rad
	hourAngle := sidereal + lonDeg*rad - ascension

	lat := latDeg * rad
	return math.Asin(math.Sin(lat)*math.Sin(declination)+math.Cos(lat)*math.Cos(declination)*math.Cos(hourAngle)) / rad
}
