// Package road draws traffic for the benchmark of passes: cars with known plates
// that come towards a vehicle, are overtaken, stand in a row or cross, at any
// speed, frame rate, light and size of picture, before one to four cameras.
//
// It is a pinhole camera and textured rectangles in space, with the blur of an
// open shutter, the sensor's noise, headlights and rain. What it is drawn with
// lies in assets; demo/make/road.py makes it. Nobody's car, plate or street is in
// it. The same scene gives the same frames at every run.
package road
