// Package gps turns what a satellite receiver says (NMEA 0183, or gpsd for it) into positions
// at any instant.
//
// A Receiver reads a live receiver, reconnects when it vanishes, and answers
// where the vehicle was when a frame was captured. A Recording does the same
// for a log that was kept beside a video. Both keep a history of fixes and
// interpolate in it, because a frame lies between two fixes, and a car at
// 30 m/s is 30 m further on by the next one.
//
// What a position is worth is always said: Quality and Age of an alpr.Fix tell
// a measured position from one that was carried over a gap, and beyond a
// stated limit there is no position at all.
package gps
