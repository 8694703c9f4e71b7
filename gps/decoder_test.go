package gps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

// nmea adds "$" and the checksum to a sentence's body.
func nmea(body string) string {
	var sum byte
	for i := range len(body) {
		sum ^= body[i]
	}
	return fmt.Sprintf("$%s*%02X", body, sum)
}

var t0 = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// decode hands a decoder what a receiver sends in a line, and returns what its
// last sentence said.
func decode(d *decoder, line string) (u update, err error) {
	_ = readSentences(strings.NewReader(line+"\r\n"), func(s string) { u, err = d.decode(s) })
	return u, err
}

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
		{name: "RMC alone", lines: []string{nmea("GPRMC," + good)}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "any talker", lines: []string{nmea("GARMC," + good)}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "GGA before RMC", isNew: true, lines: []string{
			nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,2,09,0.80,12.5,M,-25.0,M,,"), nmea("GNRMC," + good)},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.DGPSFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "GGA after RMC", isNew: true, lines: []string{
			nmea("GNRMC," + good), nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,4,09,0.80,12.5,M,-25.0,M,,")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.RTKFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "GGA of another epoch", isNew: true, lines: []string{
			nmea("GNGGA,115959.00,2730.0000,N,08230.0000,W,4,09,0.80,12.5,M,-25.0,M,,"), nmea("GNRMC," + good)},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "estimated by the receiver", isNew: true,
			lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0.0,,010626,,,E")},
			want:  alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, Quality: alpr.EstimatedFix}},
		{name: "course held at standstill", isNew: true, lines: []string{
			nmea("GPRMC," + good), nmea("GPRMC,120001.00,A,2730.0000,N,08230.0000,W,0.1,271.0,010626,,,A")},
			want: alpr.Fix{At: t0.Add(time.Second), Lat: 27.5, Lon: -82.5, SpeedMPS: 0.0514, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "void RMC", lines: []string{nmea("GPRMC,120000.00,V,,,,,,,010626,,,N")}, isNew: true},
		{name: "void GGA", lines: []string{nmea("GPGGA,120000.00,,,,,0,00,99.99,,,,,,")}, isNew: true},
		{name: "void GLL, GNS and RMC with numbers left over", isNew: true, lines: []string{
			nmea("GPGLL,2730.0000,N,08230.0000,W,120000.00,V,N"), nmea("GPGNS,120000.00,2730.0000,N,08230.0000,W,NN,00,,,,,"),
			nmea("GPRMC,120000.00,V,2730.0000,N,08230.0000,W,0,,010626,,,N")}},
		{name: "GGA left over beside a void RMC", isNew: true, lines: []string{
			nmea("GPRMC,115959.00,A,2730.0000,N,08230.0000,W,0,,010626,,,A"), nmea("GPRMC,120000.00,V,,,,,,,010626,,,N"),
			nmea("GPGGA,120000.00,2730.0000,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,")}},
		{name: "course of no direction", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,038.88,-,010626,,,A")}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, Quality: alpr.GPSFix}},
		{name: "unknown mode, direction and status of navigation", isNew: true,
			lines: []string{nmea("YDRMC,120000.00,A,2730.0000,N,08230.0000,W,038.88,090.5,010626,4.3,Q,X,?")},
			want:  alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "a mode where the direction belongs, nothing behind it", isNew: true,
			lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,038.88,090.5,010626,0,A")},
			want:  alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "variation of no number, blanks, no fraction", isNew: true,
			lines: []string{nmea("GPRMC,120000,A,2730.0000,N,08230.0000,W, 38.88, 90.5,010626,east,")},
			want:  alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "differential by its status, precise by its mode", isNew: true,
			lines: []string{nmea("GPRMC,120000.00,D,2730.0000,N,08230.0000,W,038.88,090.5,010626,,,P")},
			want:  alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.DGPSFix}},
		{name: "GGA with fields of no number", isNew: true, lines: []string{
			nmea("GNRMC," + good), nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,2,?,NaN,1e9,M,Inf,M,,")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.DGPSFix}},
		{name: "simulated", isNew: true, lines: []string{
			nmea("GNRMC," + good), nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,8,09,0.80,12.5,M,-25.0,M,,")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.EstimatedFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "leap second", lines: []string{nmea("GPRMC,235960.00,A,2730.0000,N,08230.0000,W,0,,311225,,,A")}, isNew: true,
			want: alpr.Fix{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Lat: 27.5, Lon: -82.5, Quality: alpr.GPSFix}},
		{name: "GGA, VTG and ZDA", isNew: true, lines: []string{
			nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,"),
			nmea("GNVTG,090.5,T,,M,038.88,N,,K,A"), nmea("GNZDA,120000.00,01,06,2026,00,00")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "ZDA, GNS of two systems and VTG in km/h", isNew: true, lines: []string{
			nmea("GNZDA,120000.00,01,06,2026,,"), nmea("GNGNS,120000.00,2730.0000,N,08230.0000,W,NAD,13,0.9,12.5,-16.5,,,V"),
			nmea("GNVTG,090.5,T,,M,,N,072.006,K,A")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0017, CourseDeg: 90.5, Quality: alpr.DGPSFix,
				Satellites: 13, HDOP: 0.9, AltM: 12.5}},
		{name: "GLL, GSA and ZDA", isNew: true, lines: []string{
			nmea("GNGSA,A,3,01,02,03,,,,,,,,,,1.5,0.7,1.2"), nmea("GNGLL,2730.0000,N,08230.0000,W,120000.00,A,A"),
			nmea("GNZDA,120000.00,01,06,2026,00,00")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, Quality: alpr.GPSFix, HDOP: 0.7}},
		{name: "GLL gives way to RMC", isNew: true, lines: []string{
			nmea("GNZDA,120000.00,01,06,2026,00,00"), nmea("GNGLL,2730.0,N,08230.0,W,120000.00,A,A"),
			nmea("GNRMC,120000.00,A,2730.0060,N,08230.0000,W,038.88,090.5,010626,,,A")},
			want: alpr.Fix{At: t0, Lat: 27.5001, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "GGA alone, over midnight", isNew: true, lines: []string{
			nmea("GNZDA,235959.50,31,05,2026,00,00"), nmea("GNGGA,235959.50,2730.0000,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,"),
			nmea("GNGGA,000000.50,2730.0060,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,")},
			want: alpr.Fix{At: time.Date(2026, 6, 1, 0, 0, 0, 5e8, time.UTC), Lat: 27.5001, Lon: -82.5, SpeedMPS: 11.1195, Quality: alpr.GPSFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "GGA without any date", isNew: true, lines: []string{
			nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,")}},
		{name: "one date that cannot be", isNew: true, lines: []string{nmea("GPRMC,115959.00,A,2730.0000,N,08230.0000,W,0,,010626,,,A"),
			nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,010699,,,A")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, Quality: alpr.GPSFix}},
		{name: "other sentence", lines: []string{nmea("GPGSV,1,1,01,02,40,083,46")}},
		{name: "unknown sentence", lines: []string{nmea("GPXYZ,1,2,3")}},
		{name: "two glued lines", lines: []string{"$GPGGA,1200" + nmea("GPRMC,"+good)}, isNew: true,
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.GPSFix}},
		{name: "wrong checksum", lines: []string{"$GPRMC," + good + "*00"}, err: ErrGarbled},
		{name: "no checksum", lines: []string{"$GPRMC," + good}, err: ErrNoChecksum},
		{name: "noise", lines: []string{"\xb5b\x01\x07\x5c\x00"}, err: ErrGarbled},
		{name: "two whole sentences on a line", lines: []string{nmea("GNRMC,"+good) + nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,2,09,0.80,12.5,M,-25.0,M,,")},
			isNew: true, want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.DGPSFix,
				Satellites: 9, HDOP: 0.8, AltM: 12.5}},
		{name: "minutes of 60", lines: []string{nmea("GPRMC,120000.00,A,2760.0000,N,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "latitude over 90", lines: []string{nmea("GPRMC,120000.00,A,9000.0001,N,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "longitude over 180", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,18030.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "no hemisphere", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "a minute of time of 60", lines: []string{nmea("GPRMC,126000.00,A,2730.0000,N,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "hour 24", lines: []string{nmea("GPRMC,240000.00,A,2730.0000,N,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "no vehicle's speed", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,999.9,,010626,,,A")}, err: ErrNotCredible},
		{name: "a fix of two satellites", lines: []string{nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,1,02,0.80,12.5,M,-25.0,M,,")}},
		{name: "two satellites of one system, and RMC", isNew: true, lines: []string{
			nmea("GNRMC," + good), nmea("GAGGA,120000.00,2730.0000,N,08230.0000,W,2,02,0.80,12.5,M,-25.0,M,,")},
			want: alpr.Fix{At: t0, Lat: 27.5, Lon: -82.5, SpeedMPS: 20.0016, CourseDeg: 90.5, Quality: alpr.DGPSFix,
				Satellites: 2, HDOP: 0.8, AltM: 12.5}},
		{name: "years ahead", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,010645,,,A")}, err: ErrNotCredible},
		{name: "2080", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,060180,,,A")}, err: ErrNotCredible},
		{name: "a ZDA that cannot be says nothing", lines: []string{nmea("GPZDA,120000.00,06,01,1980,00,00")}},
		{name: "an impossible VTG says nothing", lines: []string{nmea("GPVTG,90,T,,M,5000.0,N,,K,A")}, err: ErrNotCredible},
		{name: "not a number", lines: []string{nmea("GPRMC,120000.00,A,NaN,N,08230.0000,W,0,,010626,,,A")}, err: ErrGarbled},
		{name: "no such day", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,310226,,,A")}, isNew: true},
		{name: "null island", lines: []string{nmea("GPRMC,120000.00,A,0000.0000,N,00000.0000,E,0,,010626,,,A")}, err: ErrNotCredible},
		{name: "1980", lines: []string{nmea("GPRMC,000012.00,A,2730.0000,N,08230.0000,W,0,,060180,,,A")}, err: ErrNotCredible},
		{name: "week rollover", lines: []string{nmea("GPRMC,120000.00,A,2730.0000,N,08230.0000,W,0,,161006,,,A")}, err: ErrNotCredible},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(earliest)
			var u update
			var err error
			for _, l := range tt.lines {
				u, err = decode(d, l)
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

// sentenceTypes are those that go-nmea, a library that knows most of them, lists.
const sentenceTypes = "AAM ABM ACK ACN ALA ALC ALF ALR APB ARC BBM BEC BOD BWC BWR BWW DBK DBS DBT DOR DPT DSC DSE DTM EVE FIR GGA " +
	"GLL GNS GSA GSV HBT HDG HDM HDT HSC MDA MTA MTW MWD MWV OSD RMB RMC ROT RPM RSA RSD RTE THS TLB TLL TTD TTM TXT VBW VDM VDO VDR " +
	"VHW VLW VPW VSD VTG VWR VWT WPL XDR XTE ZDA Q"

// everySentence is one line of every type with no field, empty ones, and a few,
// and of those that makers have added.
func everySentence() (lines []string) {
	heads := []string{"PCDIN", "PGN", "PGRME", "PHTRO", "PMTK001", "PRDID", "PSKPDPT", "PSONCMS", "PUBX", "P", "", "GPRMCX", "RMC", "CCGPQ"}
	for _, typ := range strings.Fields(sentenceTypes) {
		heads = append(heads, "GP"+typ)
	}
	for _, head := range heads {
		for _, fields := range []string{"", ",", ",,", ",DEFAULT CONFIGURATION", ",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18",
			",120000.00,A,2730.0000,N,08230.0000,W,0,,010626,,,A", "," + strings.Repeat(",", 40)} {
			lines = append(lines, nmea(head+fields))
		}
	}
	return lines
}

// TestEverySentence has lines of every kind between good ones: none stops the
// log or costs a fix. The first ones are greetings that stopped the program.
func TestEverySentence(t *testing.T) {
	odd := append([]string{"$GPTXT,DEFAULT PVT CONFIGURATION*2A", "$GPTXT*4F", "$GPTXT,*63", "$GPTXT,,*4F", "$GPALC*59",
		"", "$", "$*", "$*00", "$*0", "!", "!*00", "*", ",", "$GPRMC", "$GPRMC*", "$GPRMC,*", "$$$$", "\\s:a*00\\"}, everySentence()...)
	var log strings.Builder
	for i, line := range odd {
		fmt.Fprintf(&log, "%s\r\n%s\r\n", line, nmea(rmc(time.Duration(i)*time.Second, 30)))
	}
	rec, err := ReadRecording(strings.NewReader(log.String()))
	if err != nil {
		t.Fatal(err)
	}
	if s := rec.Stats(); s.Fixes != len(odd) || s.Panics != 0 {
		t.Errorf("%d lines: %+v", len(odd), s)
	}
}

// TestPanicCostsOneLine makes the decoder stumble, with a clock that does.
func TestPanicCostsOneLine(t *testing.T) {
	var logged bytes.Buffer
	r := NewReceiver(nil, Options{Earliest: t0.Add(-time.Hour)}, slog.New(slog.NewTextHandler(&logged, nil)))
	dec := newLiveDecoder(t0.Add(-time.Hour))
	dec.calendar.wall = func() time.Time { panic("no clock") }
	for range 3 {
		feed(r, dec, nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,"))
	}
	if s := r.State(); s.Panics != 3 || s.Garbled != 0 {
		t.Errorf("state %+v", s)
	}
	if n := strings.Count(logged.String(), "no clock"); n != 1 {
		t.Errorf("told %d times: %s", n, logged.String())
	}
	dec.calendar.wall = time.Now
	feed(r, dec, nmea(rmc(0, 30)))
	feed(r, dec, nmea(rmc(time.Second, 30)))
	if s := r.State(); !s.HasFix {
		t.Errorf("after good sentences: %+v", s)
	}
}

func TestCutterFindsSentences(t *testing.T) {
	a, b := nmea("GPRMC,1"), nmea("GPVTG,2")
	tests := []struct {
		name, sent string
		want       []string // "" for a garbled line
	}{
		{"lines", a + "\r\n" + b + "\r\n", []string{a, b}},
		{"line ends of other systems", a + "\r" + b + "\n\r" + a + "\r\n\x00" + b, []string{a, b, a, b}},
		{"no line end", a, []string{a}},
		{"glued", a + b + a, []string{a, b, a}},
		{"two dollar signs", "$" + a + "\n$" + b, []string{a, b}},
		{"between binary", "\xb5b\x01\x07$\x00\x24" + a + "\xd3\x00*$$" + b + "\xb5b", []string{a, b}},
		{"within noise and time stamps", "[1773512400]" + a + ",1773512400.123\n2026-03-14,\"" + b + "\"\n", []string{a, b}},
		{"tag block", "\\s:gps1,c:1773512400*00\\" + a + "\n", []string{a}},
		{"one begins inside another", "$GPGGA,1200" + a, []string{"", a}},
		{"noise inside", "$GPGGA,12\x00\x8000" + a + "\n" + b, []string{"", a, b}},
		{"cut off", "$GPRMC,1200\n$GPR\n$GPRMC,12*\n" + a, []string{"$GPRMC,1200", "", "", a}},
		{"comment", "# u-blox\n" + a, []string{"", a}},
		{"blank lines", "\r\n \r\n\x00\r\n" + a, []string{a}},
		{"checksum of one digit", "$GPA,1*C\n$GPB*2\r" + a, []string{"$GPA,1*C", "$GPB*2", a}},
		{"too long", "$" + strings.Repeat("x", 1000) + "\n" + a, []string{"", a}},
		{"noise without end", strings.Repeat("x", 2*maxNoise) + a, []string{"", "", a}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := readSentences(strings.NewReader(tt.sent), func(s string) { got = append(got, s) })
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// seed gives a fuzzer what receivers send, and what they should not.
func seed(f *testing.F) {
	f.Add([]byte(nmea(rmc(0, 30)) + "\r\n" + nmea(rmc(time.Second, 29.99)) + "\r\n"))
	f.Add([]byte("$GPRMC,,V,,,,,,,,,,N*53\r\n"))
	f.Add([]byte(nmea("GPGGA,120000.00,2730.0000,N,08230.0000,W,1,99999999999999999999,NaN,1e999,M,,M,,") + "\n"))
	f.Add([]byte(nmea("GPRMC,240000.99,A,9000.0000,N,18000.0000,W,1e308,-1e308,291224,,,A") + "\n"))
	f.Add([]byte("$GPTXT,DEFAULT PVT CONFIGURATION*2A\n$GPTXT*4F\n$GPTXT,*63\n$GPTXT,,*4F\n$GPALC*59\n"))
	for _, line := range everySentence() {
		f.Add([]byte(nmea(rmc(0, 30)) + line + "\n" + nmea(rmc(time.Second, 30))))
	}
	f.Add([]byte(nmea("GNGGA,120000.00,2730.0000,N,08230.0000,W,1,09,0.80,12.5,M,-25.0,M,,") + nmea("GNVTG,90,T,,M,,N,72,K,A") +
		nmea("GNZDA,120000.00,01,06,2026,00,00") + nmea("GNGNS,120001.00,2730.0000,N,08230.0000,W,NAD,13,0.9,12.5,-16.5,,,V") +
		nmea("GNGLL,2730.0,N,08230.0,W,120002.00,A,A") + nmea("GNGSA,A,3,01,02,03,,,,,,,,,,1.5,0.7,1.2")))
	f.Add([]byte(strings.Repeat("\xff$", 600) + "\n\\g:1-2-1*00\\$\n"))
}

// FuzzReceiver feeds any bytes to a live receiver: no panic, and what it makes
// of them is a place on earth and in order of time.
func FuzzReceiver(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := NewReceiver(nil, Options{Earliest: earliestLog()}, slog.New(slog.DiscardHandler))
		dec := newLiveDecoder(earliestLog())
		_ = readSentences(bytes.NewReader(sent), func(s string) { r.take(dec, s) })
		if s := r.State(); s.Panics != 0 {
			t.Fatalf("the decoder stumbled: %+v", s)
		}
		if !slices.IsSortedFunc(r.past.fixes, func(a, b alpr.Fix) int { return a.At.Compare(b.At) }) {
			t.Fatalf("out of order: %+v", r.past.fixes)
		}
		for _, fix := range r.past.fixes {
			checkFix(t, fix)
			checkFix(t, r.At(fix.At.Add(700*time.Millisecond)))
		}
	})
}

func checkFix(t *testing.T, fix alpr.Fix) {
	t.Helper()
	isSound := math.Abs(fix.Lat) <= 90 && math.Abs(fix.Lon) <= 180 && math.Abs(fix.AltM) <= math.MaxFloat64 &&
		fix.SpeedMPS >= 0 && fix.SpeedMPS <= impliedSpeedMPS && fix.CourseDeg >= 0 && fix.CourseDeg <= 360
	if !isSound {
		t.Fatalf("accepted %+v", fix)
	}
}

// FuzzRecording feeds any bytes: no panic, and whatever is accepted is a place
// on earth at a time that can be.
func FuzzRecording(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, log []byte) {
		rec, err := ReadRecording(strings.NewReader(string(log)))
		if err != nil {
			return
		}
		for _, at := range []time.Time{rec.Start(), rec.Start().Add(1500 * time.Millisecond), rec.End().Add(time.Second)} {
			checkFix(t, rec.At(at))
		}
		if s := rec.Stats(); s.Panics != 0 {
			t.Fatalf("the decoder stumbled: %+v", s)
		}
		if y := rec.Start().Year(); y < 2000 || y > 2080 {
			t.Fatalf("accepted the year %d", y)
		}
	})
}

func BenchmarkDecoderLine(b *testing.B) {
	d := newDecoder(earliestLog())
	line := nmea(rmc(0, 30))
	for b.Loop() {
		if _, err := d.decode(line); err != nil {
			b.Fatal(err)
		}
	}
}
