package console

import (
	"math"
	"strings"
	"testing"
	"time"

	"alpr"
)

func TestAlign(t *testing.T) {
	tests := []struct{ read, listed, over, under, marks string }{
		{"ABC123", "ABC123", "ABC123", "ABC123", "......"},
		{"0KF25S", "OKF25S", "0KF25S", "OKF25S", "x....."},
		{"ABC12", "ABC123", "ABC12-", "ABC123", ".....x"},
		{"XABC123", "ABC123", "XABC123", "-ABC123", "x......"},
		{"AC123", "ABC123", "A-C123", "ABC123", ".x...."},
		{"", "AB", "--", "AB", "xx"},
		{"AB", "", "AB", "--", "xx"},
		{"", "", "", "", ""},
	}
	for _, tt := range tests {
		var over, under, marks string
		for _, c := range align(tt.read, tt.listed) {
			over += orDash(c.Read)
			under += orDash(c.Listed)
			marks += map[bool]string{true: "x", false: "."}[c.Differs]
		}
		if over != tt.over || under != tt.under || marks != tt.marks {
			t.Errorf("%s over %s: %s %s %s", tt.read, tt.listed, over, under, marks)
		}
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func TestKindWords(t *testing.T) {
	tests := []struct {
		kind         alpr.MatchKind
		read, listed string
		want         string
	}{
		{alpr.MatchExact, "AB1", "AB1", "Exact: every character agrees"},
		{alpr.MatchLookAlike, "0B1", "OB1", "Look-alike: read 0 (zero), listed O (letter)"},
		{alpr.MatchTolerant, "8B2", "AB2", "Weak character: read 8, listed A"},
		{alpr.MatchTolerant, "AB", "ABI", "Weak character: listed I (letter) not seen"},
		{alpr.MatchTolerant, "AB1", "AB", "Weak character: extra 1 (one) read"},
		{alpr.MatchExact, "AB2", "AB1", "Differs: read 2, listed 1 (one)"},
	}
	for _, tt := range tests {
		if got := kindWords(tt.kind, align(tt.read, tt.listed)); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.read, tt.listed, got, tt.want)
		}
	}
}

func TestDifferencesCarryTheirProbability(t *testing.T) {
	h := alpr.Hit{Entry: alpr.Entry{Plate: "OKF25S"}, Differs: []alpr.Difference{{Slot: 0, Read: "0", Listed: "O", P: 0.4}}}
	if c := cellsOf("0KF25S", h)[0]; !c.Differs || c.P != 0.4 {
		t.Errorf("got %+v", c)
	}
}

func TestPercentIsNeverCertain(t *testing.T) {
	for p, want := range map[float64]string{1: "100 %", 0.9999: "over 99 %", 0.991: "over 99 %", 0.99: "99 %", 0.87: "87 %", 0.879: "87 %",
		0.5: "50 %", 0.311: "32 %", 0.009: "under 1 %", 0: "0 %", -1: "not known", 2: "not known", math.NaN(): "not known"} {
		if got := percent(p); got != want {
			t.Errorf("%v: %q, want %q", p, got, want)
		}
	}
}

func TestLikelihood(t *testing.T) {
	for p, want := range map[float64]string{0.995: "Almost certainly", 0.96: "Very probably", 0.87: "Probably this", 0.6: "More likely",
		0.5: "As likely", 0.2: "Probably another", math.NaN(): "Probability not known"} {
		if got := likelihood(p); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", p, got, want)
		}
	}
}

func TestStateWords(t *testing.T) {
	tests := []struct {
		v            alpr.StateVerdict
		read, listed string
		want         string
	}{
		{alpr.StateMatch, "US-FL", "US-FL", "Florida on plate and list (94 %)"},
		{alpr.StateMismatch, "US-CA", "US-NV", "Nevada listed, plate looks like California"},
		{alpr.StateUnknown, "", "US-NV", "Nevada listed, plate's state not read"},
		{alpr.StateUnknown, "DE", "", "no state listed, plate looks like Germany"},
		{alpr.StateUnknown, "XX-1", "", "no state listed, plate looks like XX-1"},
	}
	for _, tt := range tests {
		if got := stateWords(tt.v, tt.read, tt.listed, 0.94); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestPositionWords(t *testing.T) {
	fix := alpr.Fix{Quality: alpr.GPSFix, Lat: 27.5, Lon: -82.25, SpeedMPS: 10, CourseDeg: 359}
	old := fix
	old.Age, old.SpeedMPS = 8*time.Second, 0
	for _, tt := range []struct {
		fix  alpr.Fix
		want string
	}{{alpr.Fix{}, "No position: GPS had no fix"}, {fix, "27.50000, -82.25000, heading north"}, {old, "27.50000, -82.25000 (8 s old)"}} {
		if got := positionWords(tt.fix); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// The heights are those of the US Naval Observatory's calculator, rounded.
func TestSunHeight(t *testing.T) {
	tests := []struct {
		lat, lon float64
		at       string
		low      float64
		high     float64
	}{
		{51.4769, 0, "2024-06-20T12:00:00Z", 61.5, 62.3}, // Greenwich, near the solstice's noon
		{51.4769, 0, "2024-12-21T12:00:00Z", 14.6, 15.5}, // and the winter's
		{0, 0, "2024-03-20T12:00:00Z", 87.5, 90},         // the equator at the equinox
		{40, -105, "2024-06-20T07:00:00Z", -28, -25},     // midnight in the mountains
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if h := sunHeight(tt.lat, tt.lon, at); h < tt.low || h > tt.high {
			t.Errorf("%v %v at %s: %.2f, want %.1f to %.1f", tt.lat, tt.lon, tt.at, h, tt.low, tt.high)
		}
	}
	if _, known := isNight(alpr.Fix{}, time.Now()); known {
		t.Error("knows the sun without a position")
	}
}

func TestStatusSaysWhatItMeans(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ok := PartStatus{Level: LevelOK}
	good := func() Status {
		return Status{At: now, GPS: ok, Clock: ClockStatus{PartStatus: ok, Source: "GPS"}, Fix: alpr.Fix{Quality: alpr.GPSFix, Satellites: 9, Lat: 27},
			Cameras: []CameraStatus{{PartStatus: ok, Name: "front", LastFrameAt: now}}, Uplink: UplinkStatus{PartStatus: ok},
			Lists: []ListStatus{{Name: "State", Entries: 5, PublishedAt: now.Add(-time.Hour)}}, Store: StoreStatus{PartStatus: ok, FreeBytes: 1e9}}
	}
	tests := []struct {
		name   string
		change func(*Status)
		want   string // "": no problem
	}{
		{"all well", func(*Status) {}, ""},
		{"no fix", func(s *Status) { s.Fix = alpr.Fix{} }, "No GPS: reads carry no position."},
		{"GPS says why", func(s *Status) { s.Fix = alpr.Fix{}; s.GPS.Detail = "no GPS: plug it in" }, "No GPS: plug it in."},
		{"no camera", func(s *Status) { s.Cameras = nil }, "No camera: no plates are read."},
		{"camera down", func(s *Status) { s.Cameras[0].Level, s.Cameras[0].Detail = LevelDown, "check the cable" }, "Camera front reads no plates: check the cable."},
		{"camera stalled", func(s *Status) { s.Cameras[0].LastFrameAt = now.Add(-9 * time.Second) }, "Camera front reads no plates: no picture for 9 s."},
		{"no list", func(s *Status) { s.Lists = nil }, "No hotlist is loaded: nothing can alert."},
		{"stale list", func(s *Status) { s.Lists[0].IsStale = true; s.Lists[0].PublishedAt = now.Add(-80 * time.Hour) }, "Hotlist State is 3 days old: recovered cars may still alert."},
		{"offline", func(s *Status) { s.Uplink.Level = LevelDown; s.Uplink.OldestUnsent = now.Add(-time.Hour) },
			"No connection to the backend: records wait in the car. Alerts work. The oldest record waits for 60 minutes."},
		{"refused", func(s *Status) { s.Uplink.Quarantined = 1 }, "The backend refused 1 record: they stay in the car for a technician to look at."},
		{"no backend", func(s *Status) { s.Uplink = UplinkStatus{IsOff: true} }, ""},
		{"disk full", func(s *Status) { s.Store.Level, s.Store.Detail = LevelDown, "the disk is full" }, "Reads are NOT being recorded, alerts still show: the disk is full."},
		{"clock", func(s *Status) { s.Clock.Level = LevelDegraded }, "Clock: it is not checked against GPS, times may be wrong."},
		{"audit log", func(s *Status) { s.Audit = PartStatus{LevelDegraded, "tampered with, broken at record 6"} },
			"The audit log: tampered with, broken at record 6. Alerts and recording go on."},
		{"never set", func(s *Status) { s.Store.Level = "" }, "Storage: it does not work as it should."},
	}
	for _, tt := range tests {
		s := good()
		tt.change(&s)
		got := strings.Join(viewStatus(s, &rateMeter{}).Problems, "|")
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSkippedFramesAreSaidWhenFewAreLookedAt(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var m rateMeter
	at := func(s int, frames, dropped uint64) partView {
		st := Status{At: now.Add(time.Duration(s) * time.Second), Cameras: []CameraStatus{{PartStatus: PartStatus{Level: LevelOK}, Name: "front", Frames: frames, Dropped: dropped}}}
		m.update(st)
		return viewStatus(st, &m).Parts[0]
	}
	at(0, 0, 0)
	if p := at(10, 300, 150); p.Level != LevelOK || p.Brief != "front 30 fps" {
		t.Errorf("15 of 30 looked at: %+v", p)
	}
	if p := at(20, 600, 420); p.Level != LevelDegraded || !strings.Contains(p.Detail, "only 3.0 pictures") {
		t.Errorf("3 of 30 looked at: %+v", p)
	}
}
