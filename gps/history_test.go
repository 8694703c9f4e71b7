package gps

import (
	"math"
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
			var h history
			for _, f := range tt.fixes {
				if !h.add(f) {
					t.Fatalf("refused %+v", f)
				}
			}
			got := h.at(sec(tt.at))
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

func TestHistoryRefusesJumpsUntilTheyPersist(t *testing.T) {
	var h history
	h.add(alpr.Fix{At: t0, Lat: 28, Lon: -82, Quality: alpr.GPSFix})
	if h.add(alpr.Fix{At: t0.Add(time.Second), Lat: 29, Lon: -82, Quality: alpr.GPSFix}) {
		t.Error("a jump of 111 km in a second was believed")
	}
	if !h.add(alpr.Fix{At: t0.Add(2 * time.Second), Lat: 28.0001, Lon: -82, Quality: alpr.GPSFix}) {
		t.Error("the fix after the jump was refused")
	}
	accepted := 0
	for i := range strikesToBelieve {
		if h.add(alpr.Fix{At: t0.Add(-time.Hour).Add(time.Duration(i) * time.Second), Lat: 28, Lon: -82, Quality: alpr.GPSFix}) {
			accepted++
		}
	}
	if accepted != 1 || len(h.fixes) != 1 {
		t.Errorf("%d fixes of the new time accepted, %d kept; want the fifth alone", accepted, len(h.fixes))
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
				c.observe(t0, t0.Add(o))
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
	c.observe(t0, t0.Add(200*ms))
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
