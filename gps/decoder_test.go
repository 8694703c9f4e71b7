package gps

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"alpr"
)

// sentence adds "$" and the checksum to a sentence's body.
func sentence(body string) string {
	var sum byte
	for i := range len(body) {
		sum ^= body[i]
	}
	return fmt.Sprintf("$%s*%02X", body, sum)
}

var t0 = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// rmc makes a valid RMC body at t0 plus after, at 28° N.
func rmc(after time.Duration, lonMinutes float64) string {
	return fmt.Sprintf("GNRMC,%s,A,2800.0000,N,082%07.4f,W,19.4,090.0,%s,,,A",
		t0.Add(after).Format("150405.00"), lonMinutes, t0.Add(after).Format("020106"))
}

func TestDecoderLine(t *testing.T) {
	earliest := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	const good = "120000.00,A,2730.0000,N,08230.0000,W,038.88,090.5,010626,,,A"
	tests := []struct {
		name  string
		lines []string
		want  alpr.Fix // of the last line; its zero value: no news
		isNew bool
		err   error
	}{
		{name: "RMC alone", lines: []string{sentence("GPRMC," + good)}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "any talker", lines: []string{sentence("GARMC," + good)}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "GGA before RMC", isNew: true, lines: []string{
			sentence("GNGGA,120000.00,2730.0000,N,08230.0000,W,2,09,0.80,12.5,M,-25.0,M,,"), sentence("GNRMC," + good)},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.DGPSFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "GGA after RMC", isNew: true, lines: []string{
			sentence("GNRMC," + good), sentence("GNGGA,120000.00,2730.0000,N,08230.0000,W,4,09,0.80,12.5,M,-25.0,M,,")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.RTKFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "GGA of another epoch", isNew: true, lines: []string{
			sentence("GNGGA,115959.00,2730.0000,N,08230.0000,W,4,09,0.80,12.5,M,-25.0,M,,"), sentence("GNRMC," + good)},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "estimated by the receiver", isNew: true,
			lines: []string{sentence("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0.0,,010626,,,E")},
			want:  alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, Quality: alpr.EstimatedFix}},
		{name: "course held at standstill", isNew: true, lines: []string{
			sentence("GPRMC," + good), sentence("GPRMC,120001.00,A,2730.0000,N,08230.0000,W,0.1,271.0,010626,,,A")},
			want: alpr.Fix{At: t0.Add(time.Second), Lat: 27.5, Lon: -82.5, SpeedMPS: 0.0514, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "void RMC", lines: []string{sentence("GPRMC,120000.00,V,,,,,,,010626,,,N")}, isNew: true},
		{name: "void GGA", lines: []string{sentence("GPGGA,120000.00,,,,,0,00,99.99,,,,,,")}, isNew: true},
		{name: "other sentence", lines: []string{sentence("GPGSV,1,1,01,02,40,083,46")}},
		{name: "unknown sentence", lines: []string{sentence("GPXYZ,1,2,3")}},
		{name: "two glued lines", lines: []string{"$GPGGA,1200" + sentence("GPRMC,"+good)}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "wrong checksum", lines: []string{"$GPRMC," + good + "*00"}, err: ErrGarbled},
		{name: "no checksum", lines: []string{"$GPRMC," + good}, err: ErrGarbled},
		{name: "noise", lines: []string{"\xb5b\x01\x07\x5c\x00"}, err: ErrGarbled},
		{name: "not a number", lines: []string{sentence("GPRMC,120000.00,A,NaN,N,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "no such day", lines: []string{sentence("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,310226,,,A")}, err: ErrGarbled},
		{name: "null island", lines: []string{sentence("GPRMC,120000.00,A,0000.0000,N,00000.0000,E,0,,010626,,,A")}, err: ErrNotCredible},
		{name: "1980", lines: []string{sentence("GPRMC,000012.00,A,2730.0000,N,08230.0000,W,0,,060180,,,A")}, err: ErrNotCredible},
		{name: "week rollover", lines: []string{sentence("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,161006,,,A")}, err: ErrNotCredible},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(earliest)
			var u update
			var err error
			for _, l := range tt.lines {
				u, err = d.line(l)
			}
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if u.isNew != tt.isNew {
				t.Errorf("isNew %v, want %v", u.isNew, tt.isNew)
			}
			u.fix.SpeedMPS = math.Round(u.fix.SpeedMPS*1e4) / 1e4
			if u.fix != tt.want {
				t.Errorf("got  %+v\nwant %+v", u.fix, tt.want)
			}
		})
	}
}

// FuzzRecording feeds any bytes: no panic, and whatever is accepted is a place
// on earth at a time that can be.
func FuzzRecording(f *testing.F) {
	f.Add([]byte(sentence(rmc(0, 30)) + "\r\n" + sentence(rmc(time.Second, 29.99)) + "\r\n"))
	f.Add([]byte("$GPRMC,,V,,,,,,,,,,N*53\r\n"))
	f.Add([]byte(sentence("GPGGA,120000.00,2730.0000,N,08230.0000,W,1,99999999999999999999,NaN,1e999,M,,M,,") + "\n"))
	f.Add([]byte(sentence("GPRMC,240000.99,A,9000.0000,N,18000.0000,W,1e308,-1e308,291224,,,A") + "\n"))
	f.Add([]byte(strings.Repeat("\xff$", 600) + "\n\\g:1-2-1*00\\$\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		rec, err := ReadRecording(strings.NewReader(string(log)))
		if err != nil {
			return
		}
		for _, at := range []time.Time{rec.Start(), rec.Start().Add(1500 * time.Millisecond), rec.End().Add(time.Second)} {
			fix := rec.At(at)
			if !isFinite(fix.Lat) || !isFinite(fix.Lon) || math.Abs(fix.Lat) > 90 || math.Abs(fix.Lon) > 180 ||
				!isFinite(fix.SpeedMPS) || fix.SpeedMPS < 0 || !isFinite(fix.AltM) || fix.CourseDeg < 0 || fix.CourseDeg > 360 {
				t.Fatalf("accepted %+v", fix)
			}
		}
		if y := rec.Start().Year(); y < 2000 || y > 2080 {
			t.Fatalf("accepted the year %d", y)
		}
	})
}

func BenchmarkDecoderLine(b *testing.B) {
	d := newDecoder(earliestLog())
	line := sentence(rmc(0, 30))
	for b.Loop() {
		if _, err := d.line(line); err != nil {
			b.Fatal(err)
		}
	}
}
