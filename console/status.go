package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alpr"
)

// Skipping frames is how the reader keeps up, and no fault; looking at fewer
// than these a second is: a fast car may pass unread.
const (
	fewFPS        = 5
	skipsWorth    = 0.25 // share skipped under which a low rate is the camera's own
	frameRateOver = 10 * time.Second
)

// partView is one part of the system on the status strip.
type partView struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Level  Level  `json:"level"`
	Brief  string `json:"brief"`            // a few words for the strip
	Detail string `json:"detail,omitempty"` // a sentence, where something is wrong
}

// pulseView is all that a page without an officer learns of the system.
type pulseView struct {
	At        time.Time `json:"at"`
	Night     *bool     `json:"night"` // null: not known
	MuteUntil time.Time `json:"mute_until"`
	Speaker   bool      `json:"speaker"` // the plate reader sounds by itself
}

// fixView is where the car is.
type fixView struct {
	Lat      float64 `json:"lat"`
	Lon      float64 `json:"lon"`
	Course   float64 `json:"course"`
	Speed    float64 `json:"speed"` // metres a second
	IsMoving bool    `json:"is_moving"`
}

// statusView is how the system does, in words.
type statusView struct {
	pulseView
	Parts     []partView     `json:"parts"`
	Problems  []string       `json:"problems"`
	Fix       *fixView       `json:"fix"`       // null: not known
	Emergency *emergencyView `json:"emergency"` // null: not offered
	Precision precisionView  `json:"precision"`
	Reads     int64          `json:"reads"`
	Retention string         `json:"retention"`
	Frames    uint64         `json:"frames"`
	Dropped   uint64         `json:"dropped"`
	ReadsForS int            `json:"reads_for_s"`
}

// changeKey changes when the page should be told at once: not with every frame
// counted or every metre driven.
func (v statusView) changeKey() string {
	v.At, v.Fix, v.Frames, v.Dropped, v.Reads = time.Time{}, nil, 0, 0, 0
	return string(mustJSON(v))
}

type emergencyView struct {
	IsOn    bool      `json:"is_on"`
	Since   time.Time `json:"since"`
	Officer string    `json:"officer"`
}

// precisionView is how often a verified hit was right.
type precisionView struct {
	Verified   int    `json:"verified"`
	Right      int    `json:"right"`
	Misread    int    `json:"misread"`
	WrongState int    `json:"wrong_state"`
	NotWanted  int    `json:"not_wanted"`
	Words      string `json:"words"`
}

func viewPrecision(n map[alpr.Verdict]int) precisionView {
	v := precisionView{Right: n[alpr.VerdictConfirmed], Misread: n[alpr.VerdictMisread],
		WrongState: n[alpr.VerdictWrongState], NotWanted: n[alpr.VerdictNotWanted]}
	v.Verified = v.Right + v.Misread + v.WrongState + v.NotWanted
	switch v.Verified {
	case 0:
		v.Words = "No hit verified yet"
	case 1:
		v.Words = fmt.Sprintf("Of 1 hit verified, %d right", v.Right)
	default:
		v.Words = fmt.Sprintf("Of %d hits verified, %d right", v.Verified, v.Right)
	}
	return v
}

// rateMeter turns each camera's running counts into rates.
type rateMeter struct {
	at   time.Time
	base map[string]CameraStatus
	rate map[string]rate
}

// rate is what one camera did lately; the zero rate is not known.
type rate struct {
	fps     float64 // delivered
	looked  float64 // a second, looked at
	skipped float64 // share of those delivered
}

// update takes a new status, and starts a new window when the last is full.
func (m *rateMeter) update(s Status) {
	took := s.At.Sub(m.at).Seconds()
	if m.base != nil && took < frameRateOver.Seconds() {
		return
	}
	rates, base := map[string]rate{}, map[string]CameraStatus{}
	for _, c := range s.Cameras {
		base[c.Name] = c
		if o, ok := m.base[c.Name]; ok && c.Frames > o.Frames && c.Dropped >= o.Dropped {
			frames, dropped := float64(c.Frames-o.Frames), float64(c.Dropped-o.Dropped)
			rates[c.Name] = rate{fps: frames / took, looked: (frames - dropped) / took, skipped: dropped / frames}
		}
	}
	m.at, m.base, m.rate = s.At, base, rates
}

// viewStatus puts a status into words. What is wrong is said in a sentence that
// tells the officer what it means for him.
func viewStatus(s Status, rates *rateMeter) statusView {
	v := statusView{pulseView: pulseView{At: s.At}, Reads: s.Store.Reads, Retention: s.Store.Retention, Problems: []string{}}
	if f := s.Fix; f.IsValid() {
		v.Fix = &fixView{Lat: f.Lat, Lon: f.Lon, Course: f.CourseDeg, Speed: f.SpeedMPS, IsMoving: f.SpeedMPS > movingMPS}
	}
	if len(s.Cameras) == 0 {
		v.Parts = append(v.Parts, partView{ID: "camera", Name: "Camera", Level: LevelDown, Brief: "none", Detail: "No camera: no plates are read."})
	}
	for _, c := range s.Cameras {
		v.Parts = append(v.Parts, cameraPart(c, s.At, rates.rate[c.Name]))
		v.Frames += c.Frames
		v.Dropped += c.Dropped
	}
	v.Parts = append(v.Parts, gpsPart(s), uplinkPart(s.Uplink, s.At), listPart(s.Lists, s.At), storePart(s.Store), clockPart(s.Clock))
	if s.Speaker != "" {
		v.Parts = append(v.Parts, speakerPart(s.Speaker, s.SpeakerDetail))
	}
	if s.Audit.Detail != "" {
		v.Parts = append(v.Parts, partView{ID: "audit log", Name: "Audit log", Level: level(s.Audit.Level), Brief: "broken",
			Detail: sentence("The audit log: ", s.Audit.Detail, "") + " Alerts and recording go on."})
	}
	for i := range v.Parts {
		v.Parts[i].Brief, v.Parts[i].Detail = tidy(v.Parts[i].Brief, maxName), tidy(v.Parts[i].Detail, maxReason)
	}
	for _, level := range []Level{LevelDown, LevelDegraded} {
		for _, p := range v.Parts {
			if p.Level == level {
				v.Problems = append(v.Problems, p.Detail)
			}
		}
	}
	for _, p := range s.Problems {
		v.Problems = append(v.Problems, tidy(sentence("", p, ""), maxReason))
	}
	return v
}

func cameraPart(c CameraStatus, at time.Time, lately rate) partView {
	p := partView{ID: "camera " + c.Name, Name: "Camera", Level: level(c.Level), Brief: c.Name}
	if c.FPS > 0 {
		lately.fps = c.FPS
	}
	if lately.fps > 0 {
		p.Brief = fmt.Sprintf("%s %.0f fps", c.Name, lately.fps)
	}
	silence := at.Sub(c.LastFrameAt)
	switch {
	case p.Level == LevelDown:
		p.Brief = c.Name + " down"
		p.Detail = sentence("Camera "+c.Name+" reads no plates: ", c.Detail, "it gives no picture")
	case !c.LastFrameAt.IsZero() && silence > 5*time.Second && c.Detail == "":
		p.Level, p.Brief = LevelDown, c.Name+" stalled"
		p.Detail = fmt.Sprintf("Camera %s reads no plates: no picture for %d s.", c.Name, int(silence.Seconds()))
	case p.Level == LevelDegraded:
		p.Detail = sentence("Camera "+c.Name+": ", c.Detail, "it does not work as it should")
	case lately.fps > 0 && lately.looked < fewFPS && lately.skipped > skipsWorth:
		p.Level = LevelDegraded
		p.Detail = fmt.Sprintf("Camera %s: the computer looks at only %.1f pictures a second: fast cars may pass unread.", c.Name, lately.looked)
	}
	return p
}

func gpsPart(s Status) partView {
	p := partView{ID: "gps", Name: "GPS", Level: level(s.GPS.Level), Brief: "position known"}
	if s.Fix.Satellites > 0 {
		p.Brief = plural(s.Fix.Satellites, "satellite")
	}
	if !s.Fix.IsValid() {
		p.Brief = "no fix"
		if p.Level == LevelOK {
			p.Level = LevelDegraded
		}
		p.Detail = sentence("", s.GPS.Detail, "no GPS: reads carry no position")
	} else if p.Level != LevelOK {
		p.Detail = sentence("GPS: ", s.GPS.Detail, "it does not work as it should")
	}
	return p
}

func uplinkPart(u UplinkStatus, at time.Time) partView {
	if u.IsOff {
		return partView{ID: "uplink", Name: "Uplink", Level: LevelOK, Brief: "not set up"}
	}
	p := partView{ID: "uplink", Name: "Uplink", Level: level(u.Level), Brief: "connected"}
	if p.Level != LevelOK {
		p.Brief = "trouble"
		p.Detail = sentence("", u.Detail, "no connection to the backend: records wait in the car")
		p.Detail += " Alerts work."
		if !u.OldestUnsent.IsZero() {
			p.Detail += " The oldest record waits for " + ageWords(at.Sub(u.OldestUnsent)) + "."
		}
	} else if u.Quarantined > 0 {
		p.Level = LevelDegraded
		p.Detail = fmt.Sprintf("The backend refused %s: they stay in the car for a technician to look at.", plural(int(u.Quarantined), "record"))
	}
	if u.Waiting > 0 {
		p.Brief = fmt.Sprintf("%d waiting", u.Waiting)
	}
	return p
}

func listPart(lists []ListStatus, at time.Time) partView {
	p := partView{ID: "hotlist", Name: "Hotlist", Level: LevelOK}
	total := 0
	var oldest time.Time
	for _, l := range lists {
		total += l.Entries
		if !l.PublishedAt.IsZero() && (oldest.IsZero() || l.PublishedAt.Before(oldest)) {
			oldest = l.PublishedAt
		}
		if l.IsStale && p.Detail == "" {
			p.Level = LevelDegraded
			p.Detail = fmt.Sprintf("Hotlist %s is %s old: recovered cars may still alert.", l.Name, ageWords(at.Sub(l.PublishedAt)))
		}
	}
	if total == 0 {
		return partView{ID: "hotlist", Name: "Hotlist", Level: LevelDown, Brief: "none", Detail: "No hotlist is loaded: nothing can alert."}
	}
	p.Brief = plural(total, "plate")
	if !oldest.IsZero() {
		p.Brief = ageWords(at.Sub(oldest)) + " old"
	}
	return p
}

func storePart(s StoreStatus) partView {
	p := partView{ID: "storage", Name: "Storage", Level: level(s.Level), Brief: "working"}
	if s.FreeBytes > 0 {
		p.Brief = fmt.Sprintf("%.1f GB free", float64(s.FreeBytes)/1e9)
	}
	switch p.Level {
	case LevelDown:
		p.Brief = "down"
		p.Detail = sentence("Reads are NOT being recorded, alerts still show: ", s.Detail, "storage does not work")
	case LevelDegraded:
		p.Detail = sentence("Storage: ", s.Detail, "it does not work as it should")
	}
	return p
}

func speakerPart(how Level, detail string) partView {
	p := partView{ID: "speaker", Name: "Speaker", Level: level(how), Brief: "works"}
	if p.Level != LevelOK {
		p.Brief = "silent"
		p.Detail = sentence("The car's speaker: ", detail, "it does not sound") + " The page sounds instead."
	}
	return p
}

func clockPart(c ClockStatus) partView {
	p := partView{ID: "clock", Name: "Clock", Level: level(c.Level), Brief: "not checked"}
	if c.Source != "" {
		p.Brief = "checked by " + c.Source
	}
	if p.Level != LevelOK {
		p.Brief = "not checked"
		p.Detail = sentence("Clock: ", c.Detail, "it is not checked against GPS, times may be wrong")
	}
	return p
}

// level takes what was never set for not working: silence is no good news.
func level(l Level) Level {
	if slices.Contains([]Level{LevelOK, LevelDown}, l) {
		return l
	}
	return LevelDegraded
}

// sentence makes one of what a part says of itself, or of what there is to say
// where it says nothing.
func sentence(head, detail, otherwise string) string {
	detail = strings.TrimSpace(detail)
	if detail == "" {
		detail = otherwise
	}
	s := head + detail
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
