package console

import (
	"fmt"
	"slices"
	"time"

	"alpr"
)

// dropsWorthSaying is the share of frames never looked at over which the
// officer is told: fast cars may pass unread.
const (
	dropsWorthSaying = 0.25
	dropWindow       = 10 * time.Second
)

// partView is one part of the system on the status strip.
type partView struct {
	Name   string `json:"name"`
	Level  Level  `json:"level"`
	Brief  string `json:"brief"`            // a few words for the strip
	Detail string `json:"detail,omitempty"` // a sentence, where something is wrong
}

// statusView is how the system does, in words.
type statusView struct {
	At        time.Time      `json:"at"`
	Parts     []partView     `json:"parts"`
	Problems  []string       `json:"problems"`
	Night     *bool          `json:"night"` // null: not known
	SpeedMPS  float64        `json:"speed_mps"`
	IsMoving  bool           `json:"is_moving"`
	Emergency *emergencyView `json:"emergency"` // null: not offered
	Precision precisionView  `json:"precision"`
	Reads     int64          `json:"reads"`
	Retention string         `json:"retention"`
	Frames    uint64         `json:"frames"`
	Dropped   uint64         `json:"dropped"`
}

// changeKey changes when the page should be told at once: not with every frame
// counted or every metre driven.
func (v statusView) changeKey() string {
	v.At, v.SpeedMPS, v.Frames, v.Dropped, v.Reads = time.Time{}, 0, 0, 0, 0
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

// dropMeter turns each camera's running counts into the share dropped lately.
type dropMeter struct {
	at    time.Time
	base  map[string]CameraStatus
	share map[string]float64
}

// update takes a new status and starts a new window every dropWindow.
func (m *dropMeter) update(s Status) {
	if m.base != nil && s.At.Sub(m.at) < dropWindow {
		return
	}
	share, base := map[string]float64{}, map[string]CameraStatus{}
	for _, c := range s.Cameras {
		base[c.Name] = c
		if o, ok := m.base[c.Name]; ok && c.Frames > o.Frames && c.Dropped >= o.Dropped {
			share[c.Name] = float64(c.Dropped-o.Dropped) / float64(c.Frames-o.Frames)
		}
	}
	m.at, m.base, m.share = s.At, base, share
}

// viewStatus puts a status into words. What is wrong is said in a sentence that
// tells the officer what it means for him.
func viewStatus(s Status, drops *dropMeter) statusView {
	v := statusView{At: s.At, SpeedMPS: s.Fix.SpeedMPS, IsMoving: s.Fix.IsValid() && s.Fix.SpeedMPS > movingMPS,
		Reads: s.Store.Reads, Retention: s.Store.Retention, Problems: []string{}}
	if night, ok := isNight(s.Fix, s.At); ok {
		v.Night = &night
	}
	if len(s.Cameras) == 0 {
		v.Parts = append(v.Parts, partView{Name: "Camera", Level: LevelDown, Brief: "none", Detail: "No camera: no plates are read."})
	}
	for _, c := range s.Cameras {
		v.Parts = append(v.Parts, cameraPart(c, s.At, drops.share[c.Name]))
		v.Frames += c.Frames
		v.Dropped += c.Dropped
	}
	v.Parts = append(v.Parts, gpsPart(s), uplinkPart(s.Uplink, s.At), listPart(s.Lists, s.At), storePart(s.Store), clockPart(s.Clock))
	for _, level := range []Level{LevelDown, LevelDegraded} {
		for _, p := range v.Parts {
			if p.Level == level {
				v.Problems = append(v.Problems, p.Detail)
			}
		}
	}
	return v
}

func cameraPart(c CameraStatus, at time.Time, dropped float64) partView {
	p := partView{Name: "Camera", Level: level(c.Level), Brief: fmt.Sprintf("%s %.0f fps", c.Name, c.FPS)}
	switch {
	case p.Level == LevelDown:
		p.Brief = c.Name + " down"
		p.Detail = say("Camera "+c.Name+" gives no picture: it reads no plates.", c.Detail)
	case !c.LastFrameAt.IsZero() && at.Sub(c.LastFrameAt) > 5*time.Second:
		p.Level, p.Brief = LevelDown, c.Name+" stalled"
		p.Detail = say(fmt.Sprintf("Camera %s has given no picture for %d s: it reads no plates.", c.Name, int(at.Sub(c.LastFrameAt).Seconds())), c.Detail)
	case p.Level == LevelDegraded:
		p.Detail = say("Camera "+c.Name+" does not work as it should.", c.Detail)
	case dropped > dropsWorthSaying:
		p.Level = LevelDegraded
		p.Detail = fmt.Sprintf("Camera %s: %d %% of pictures were skipped, the computer is too slow for them: fast cars may pass unread.", c.Name, int(dropped*100))
	}
	return p
}

func gpsPart(s Status) partView {
	p := partView{Name: "GPS", Level: level(s.GPS.Level), Brief: plural(s.Fix.Satellites, "satellite")}
	if !s.Fix.IsValid() && p.Level == LevelOK {
		p.Level = LevelDegraded
	}
	switch {
	case !s.Fix.IsValid():
		p.Brief = "no fix"
		p.Detail = say("No GPS: reads carry no position.", s.GPS.Detail)
	case p.Level != LevelOK:
		p.Detail = say("GPS does not work as it should.", s.GPS.Detail)
	}
	return p
}

func uplinkPart(u UplinkStatus, at time.Time) partView {
	if u.IsOff {
		return partView{Name: "Uplink", Level: LevelOK, Brief: "not set up"}
	}
	p := partView{Name: "Uplink", Level: level(u.Level), Brief: "connected"}
	waiting := fmt.Sprintf("%d waiting", u.Waiting)
	if u.Waiting > 0 {
		p.Brief = waiting
	}
	switch {
	case p.Level == LevelDown:
		p.Brief = "off, " + waiting
		what := "No connection to the backend: alerts work."
		if u.Waiting > 0 {
			what = fmt.Sprintf("No connection to the backend: alerts work; %d records wait in the car", u.Waiting)
			if !u.OldestUnsent.IsZero() {
				what += ", the oldest for " + ageWords(at.Sub(u.OldestUnsent))
			}
			what += "."
		}
		p.Detail = say(what, u.Detail)
	case p.Level == LevelDegraded:
		p.Detail = say("The connection to the backend does not work as it should.", u.Detail)
	case u.Quarantined > 0:
		p.Level = LevelDegraded
		p.Detail = fmt.Sprintf("The backend refused %s: they stay in the car for a technician to look at.", plural(int(u.Quarantined), "record"))
	}
	return p
}

func listPart(lists []ListStatus, at time.Time) partView {
	p := partView{Name: "Hotlist", Level: LevelOK}
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
		return partView{Name: "Hotlist", Level: LevelDown, Brief: "none", Detail: "No hotlist is loaded: nothing can alert."}
	}
	p.Brief = plural(total, "plate")
	if !oldest.IsZero() {
		p.Brief = ageWords(at.Sub(oldest)) + " old"
	}
	return p
}

func storePart(s StoreStatus) partView {
	p := partView{Name: "Storage", Level: level(s.Level), Brief: "working"}
	if s.FreeBytes > 0 {
		p.Brief = fmt.Sprintf("%.1f GB free", float64(s.FreeBytes)/1e9)
	}
	switch p.Level {
	case LevelDown:
		p.Brief = "down"
		p.Detail = say("Reads are not being recorded: alerts still show here.", s.Detail)
	case LevelDegraded:
		p.Detail = say("Storage does not work as it should.", s.Detail)
	}
	return p
}

func clockPart(c PartStatus) partView {
	p := partView{Name: "Clock", Level: level(c.Level), Brief: "checked"}
	if p.Level != LevelOK {
		p.Brief = "unchecked"
		p.Detail = say("The clock is not checked against GPS: times may be wrong.", c.Detail)
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

func say(what, detail string) string {
	if detail == "" {
		return what
	}
	return what + " " + detail
}
