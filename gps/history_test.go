package gps

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"alpr"
)

func TestHistoryAt(t *testing.T) {
	sec := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	fix := func(at, lat, lon, speed, course float64, q alpr.FixQuality) alpr.Fix {
		return alpr.Fix{At: sec(at), Lat: lat, Lon: lon, SpeedMPS: speed, CourseDeg: course, Quality: q, Satellites: 9}
	}
	a := fix(0, 28, -82, 20, 350, alpr.DGPSFix)
	b := fix(1, 28.0002, -82.0001, 22, 10, alpr.GPSFix)
	far := fix(13, 28.001, -82, 20, 0, alpr.GPSFix)
	tests := []struct {
		name  string
		fixes []alpr.Fix
		at    float64
		want  alpr.Fix
	}{
		{name: "nothing known", at: 1, want: alpr.Fix{}},
		{name: "on a fix", fixes: []alpr.Fix{a, b}, at: 0, want: a},
		{name: "between two", fixes: []alpr.Fix{a, b}, at: 0.5,
			want: alpr.Fix{Lat: 28.0001, Lon: -82.00005, SpeedMPS: 21, CourseDeg: 0, Quality: alpr.GPSFix}},
		{name: "across the date line", at: 0.5,
			fixes: []alpr.Fix{fix(0, 52, 179.9999, 20, 90, alpr.GPSFix), fix(1, 52, -179.9997, 20, 90, alpr.GPSFix)},
			want:  alpr.Fix{Lat: 52, Lon: -179.9999, SpeedMPS: 20, CourseDeg: 90, Quality: alpr.GPSFix}},
		{name: "just after the last", fixes: []alpr.Fix{fix(0, 28, -82, 20, 0, alpr.GPSFix)}, at: 1,
			want: alpr.Fix{Lat: 28 + 20/111194.93, Lon: -82, SpeedMPS: 20, Quality: alpr.GPSFix, Age: time.Second}},
		{name: "after the last", fixes: []alpr.Fix{fix(0, 28, -82, 20, 180, alpr.GPSFix)}, at: 5,
			want: alpr.Fix{Lat: 28 - 100/111194.93, Lon: -82, SpeedMPS: 20, CourseDeg: 180, Quality: alpr.EstimatedFix, Age: 5 * time.Second}},
		{name: "long after the last", fixes: []alpr.Fix{a}, at: 11, want: alpr.Fix{Age: 11 * time.Second}},
		{name: "just before the first", fixes: []alpr.Fix{fix(1, 28, -82, 20, 0, alpr.GPSFix)}, at: 0,
			want: alpr.Fix{Lat: 28 - 20/111194.93, Lon: -82, SpeedMPS: 20, Quality: alpr.EstimatedFix, Age: time.Second}},
		{name: "before the first", fixes: []alpr.Fix{a}, at: -3, want: alpr.Fix{Age: 3 * time.Second}},
		{name: "in a gap", fixes: []alpr.Fix{b, far}, at: 4,
			want: alpr.Fix{Lat: 28.0004, Lon: -82.000075, SpeedMPS: 21.5, CourseDeg: 7.5, Quality: alpr.EstimatedFix, Age: 3 * time.Second}},
		{name: "deep in a gap", at: 15, want: alpr.Fix{Age: 15 * time.Second},
			fixes: []alpr.Fix{a, fix(31, 28.001, -82, 20, 0, alpr.GPSFix)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := positionAt(tt.fixes, sec(tt.at))
			if !got.At.Equal(sec(tt.at)) {
				t.Errorf("At is %v", got.At)
			}
			near := func(a, b, within float64) bool { return math.Abs(a-b) <= within }
			if !near(got.Lat, tt.want.Lat, 1e-7) || !near(got.Lon, tt.want.Lon, 1e-7) ||
				!near(got.SpeedMPS, tt.want.SpeedMPS, 1e-6) || !near(wrap180(got.CourseDeg-tt.want.CourseDeg), 0, 1e-6) ||
				got.Quality != tt.want.Quality || got.Age != tt.want.Age {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// at is a fix some seconds after t0, as many metres north of 28° N.
func at(seconds, metres float64) alpr.Fix {
	return alpr.Fix{At: t0.Add(time.Duration(seconds * float64(time.Second))), Lat: 28 + metres/111194.93, Lon: -82,
		SpeedMPS: 20, Quality: alpr.GPSFix}
}

// seconds lists when the fixes are, after t0.
func seconds(fixes []alpr.Fix) string {
	var b strings.Builder
	for _, f := range fixes {
		fmt.Fprintf(&b, "%g ", f.At.Sub(t0).Seconds())
	}
	return strings.TrimSpace(b.String())
}

// TestHistoryBelieves gives a live history fixes one by one. Each is written
// as the second it is stamped with; its place is where a car at 20 m/s is then,
// unless it says otherwise.
func TestHistoryBelieves(t *testing.T) {
	drive := func(stamps ...float64) (fixes []alpr.Fix) {
		for _, s := range stamps {
			fixes = append(fixes, at(s, 20*s))
		}
		return fixes
	}
	tests := []struct {
		name    string
		said    []alpr.Fix
		want    string
		dropped int
	}{
		{name: "the first alone", said: drive(0), want: ""},
		{name: "the first, confirmed", said: drive(0, 1), want: "0 1"},
		{name: "the first of another place", said: append([]alpr.Fix{at(-1, 90_000)}, drive(0, 1, 2)...), want: "0 1 2", dropped: 1},
		{name: "the first of another time", said: drive(-7200, 0, 1, 2), want: "0 1 2", dropped: 1},
		{name: "the first years ahead", said: drive(1e8, 0, 1, 2), want: "0 1 2", dropped: 1},
		{name: "one stamp minutes ahead", said: drive(0, 1, 2, 180, 4, 5, 6, 7, 8, 9), want: "0 1 2 4 5 6 7 8 9", dropped: 1},
		{name: "one stamp a day ahead", said: drive(0, 1, 2, 86403, 4, 5), want: "0 1 2 4 5", dropped: 1},
		{name: "one stamp an hour back", said: drive(0, 1, 2, -3600, 4, 5), want: "0 1 2 4 5", dropped: 1},
		{name: "two stamps ahead", said: drive(0, 1, 2, 180, 181, 3, 4, 5, 6, 7), want: "0 1 2 3 4 5 6 7", dropped: 2},
		{name: "one place off", said: append(append(drive(0, 1), at(2, 90_000)), drive(3, 4)...), want: "0 1 3 4", dropped: 1},
		{name: "after a tunnel", said: drive(0, 1, 100, 101), want: "0 1 100 101"},
		{name: "a false one after a tunnel", said: drive(0, 1, 5000, 100, 101), want: "0 1 100 101", dropped: 1},
		{name: "time was wrong and is set back", said: drive(0, 1, -100, -99, -98, -97, -96, -95), want: "-100 -99 -98 -97 -96 -95", dropped: 2},
		{name: "a fix every ten seconds", said: drive(0, 10, 20, 30), want: "0 10 20 30"},
		{name: "GGA stamped behind RMC", said: drive(0.7, 0.1, 1.7, 1.1, 2.7), want: "0.7 1.7 2.7"},
		{name: "said anew", said: drive(0, 0, 1, 1, 1), want: "0 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h history
			dropped := 0
			for _, f := range tt.said {
				_, n := h.add(f)
				dropped += n
			}
			if got := seconds(h.fixes); got != tt.want || dropped != tt.dropped {
				t.Errorf("believed %q and dropped %d, want %q and %d", got, dropped, tt.want, tt.dropped)
			}
		})
	}
}

// TestTrackSettles is TestHistoryBelieves for a log, which is read to its end.
func TestTrackSettles(t *testing.T) {
	drive := func(stamps ...float64) (fixes []alpr.Fix) {
		for _, s := range stamps {
			fixes = append(fixes, at(s, 20*s))
		}
		return fixes
	}
	tests := []struct {
		name    string
		said    []alpr.Fix
		want    string
		first   float64
		dropped int
	}{
		{name: "one fix", said: drive(3), want: "3", first: 3},
		{name: "one stamp minutes ahead", said: drive(0, 1, 2, 180, 4, 5), want: "0 1 2 4 5", dropped: 1},
		{name: "one stamp a day ahead", said: drive(0, 1, 2, 86403, 4, 5), want: "0 1 2 4 5", dropped: 1},
		{name: "one stamp an hour back", said: drive(0, 1, 2, -3600, 4, 5), want: "0 1 2 4 5", dropped: 1},
		{name: "the first stamp is ahead", said: drive(5000, 1, 2, 3), want: "1 2 3", first: 1, dropped: 1},
		{name: "the last stamp is back", said: drive(1, 2, 3, -500), want: "1 2 3", first: 1, dropped: 1},
		{name: "one place off", said: append(append(drive(0, 1), at(2, 90_000)), drive(3, 4)...), want: "0 1 3 4", dropped: 1},
		{name: "a step back", said: drive(5000, 5001, 5002, 5003, 0, 1, 2, 3, 4), want: "0 1 2 3 4 5000 5001 5002 5003", first: 5000},
		{name: "a step back and on", said: drive(0, 1, 2, -500, -499, -498, 3, 4, 5), want: "-500 -499 -498 0 1 2 3 4 5"},
		{name: "the same drive twice", said: drive(0, 1, 2, 3, 4, 5, 0, 1, 2), want: "0 1 2 3 4 5", dropped: 3},
		{name: "another drive at the same time", want: "0 1 2 3 4 5", dropped: 3,
			said: append(drive(0, 1, 2, 3, 4, 5), at(1.5, 90_000), at(2.5, 90_000), at(3.5, 90_000))},
		{name: "gaps", said: drive(0, 100, 101, 5000), want: "0 100 101 5000"},
		{name: "a fix a minute", said: drive(0, 60, 120, 3600, 240, 300), want: "0 60 120 240 300", dropped: 1},
		{name: "GGA stamped behind RMC", said: drive(0.7, 0.1, 1.7, 1.1, 2.7, 2.1), want: "0.1 0.7 1.1 1.7 2.1 2.7", first: 0.1},
		{name: "said anew", said: drive(0, 1, 0, 1, 2), want: "0 1 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said track
			for _, f := range tt.said {
				said.add(f)
			}
			fixes, first, dropped := said.settle()
			if got := seconds(fixes); got != tt.want || dropped != tt.dropped {
				t.Errorf("kept %q and dropped %d, want %q and %d", got, dropped, tt.want, tt.dropped)
			}
			if got := first.At.Sub(t0).Seconds(); got != tt.first {
				t.Errorf("begins at %g s, want %g", got, tt.first)
			}
		})
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := history{keep: 10}
	for i := range 1000 {
		h.add(alpr.Fix{At: t0.Add(time.Duration(i) * time.Second), Lat: 28, Lon: -82, Quality: alpr.GPSFix})
	}
	if n := len(h.fixes); n > 20 {
		t.Errorf("%d fixes kept", n)
	}
	if got := h.last().At; !got.Equal(t0.Add(999 * time.Second)) {
		t.Errorf("newest fix is of %v", got)
	}
}

func TestClock(t *testing.T) {
	ms := time.Millisecond
	tests := []struct {
		name    string
		offsets []time.Duration
		source  alpr.TimeSource
		bound   time.Duration
	}{
		{name: "never checked", source: alpr.TimeSystem, bound: 0},
		{name: "right clock, sentence 200 ms under way", offsets: []time.Duration{200 * ms, 210 * ms, 190 * ms},
			source: alpr.TimeGPS, bound: 300 * ms},
		{name: "clock an hour behind", offsets: []time.Duration{-time.Hour}, source: alpr.TimeSystem, bound: time.Hour + 500*ms},
		{name: "one late sentence", offsets: []time.Duration{200 * ms, 200 * ms, 4 * time.Second, 200 * ms},
			source: alpr.TimeGPS, bound: 300 * ms},
		{name: "set right while running", source: alpr.TimeGPS, bound: 300 * ms,
			offsets: []time.Duration{-time.Hour, -time.Hour, -time.Hour, -time.Hour, 200 * ms, 200 * ms, 200 * ms}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c clock
			for _, o := range tt.offsets {
				c.observe(t0, t0.Add(o), true)
			}
			at := t0
			if n := len(tt.offsets); n > 0 {
				at = t0.Add(tt.offsets[n-1])
			}
			source, bound := c.source(at)
			if source != tt.source || bound != tt.bound {
				t.Errorf("got %s within %v, want %s within %v", source, bound, tt.source, tt.bound)
			}
			if len(tt.offsets) == 0 {
				return
			}
			if off := c.satellite(at).Sub(t0).Abs(); off > time.Second {
				t.Errorf("the instant of a fix maps to %v away from it", off)
			}
		})
	}
	var c clock
	c.observe(t0, t0.Add(200*ms), true)
	if source, bound := c.source(t0.Add(3 * time.Hour)); source != alpr.TimeSystem || bound < time.Second {
		t.Errorf("three hours after the last fix: %s within %v", source, bound)
	}
}

func BenchmarkHistoryAt(b *testing.B) {
	var h history
	for i := range keepFixes {
		h.add(alpr.Fix{At: t0.Add(time.Duration(i) * 100 * time.Millisecond), Lat: 28, Lon: -82, Quality: alpr.GPSFix})
	}
	at := t0.Add(100050 * time.Millisecond)
	for b.Loop() {
		h.at(at)
	}
}
