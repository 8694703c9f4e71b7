package console

import (
	"slices"
	"strings"
	"time"

	"alpr"
	"alpr/internal/printable"
)

// weakChar is the probability under which a character is marked on the page as
// not seen well.
const weakChar = 0.9

// readView is a read as the page shows it.
type readView struct {
	ID       alpr.ID   `json:"id"`
	Rev      int       `json:"rev"`
	Preview  bool      `json:"preview"`
	Text     string    `json:"text"`
	Weak     []int     `json:"weak,omitempty"` // places in Text that were not seen well
	P        string    `json:"p"`
	Region   string    `json:"region"`
	Camera   string    `json:"camera"`
	At       time.Time `json:"at"`
	Position string    `json:"position"`
	HasFix   bool      `json:"has_fix"`
	ShownAt  time.Time `json:"-"` // when it came to the screen
}

func viewRead(r alpr.Read) readView {
	region, _ := r.Text.Region()
	v := readView{ID: r.ID, Rev: r.Revision, Preview: r.Preview, Text: r.Text.Text, P: percent(r.Text.Confidence),
		Region: region, Camera: tidy(r.Camera, maxName), At: r.At, Position: positionWords(r.Fix), HasFix: r.Fix.IsValid()}
	for i, p := range r.Text.CharConf {
		if p < weakChar {
			v.Weak = append(v.Weak, i)
		}
	}
	return v
}

// hitView is a case as the page shows it, in the words of words.go.
type hitView struct {
	ID        alpr.ID           `json:"id"`
	ReadID    alpr.ID           `json:"read_id"`
	Rev       int               `json:"rev"`
	At        time.Time         `json:"at"`
	Priority  int               `json:"priority"`
	PriorityW string            `json:"priority_word"`
	Category  string            `json:"category"`
	Lead      string            `json:"lead"`
	Read      string            `json:"read"`
	Listed    string            `json:"listed"`
	Given     string            `json:"given,omitempty"` // as the list writes it, where the reader reads it otherwise
	Cells     []cell            `json:"cells"`
	Weak      []int             `json:"weak,omitempty"`
	Kind      alpr.MatchKind    `json:"kind"`
	KindW     string            `json:"kind_words"`
	P         string            `json:"p"`
	Likely    string            `json:"likely"`
	State     alpr.StateVerdict `json:"state"`
	StateW    string            `json:"state_words"`
	List      string            `json:"list"`
	Reason    string            `json:"reason"`
	Reasons   []reasonView      `json:"reasons"` // of every list that names the plate, the gravest first
	Vehicle   string            `json:"vehicle"`
	Car       carView           `json:"car"`
	Chars     []string          `json:"chars"` // how sure each place of Cells is
	Place     *placeView        `json:"place,omitempty"`
	Sound     string            `json:"sound"`
	Camera    string            `json:"camera"`
	Position  string            `json:"position"`
	TimeNote  string            `json:"time_note,omitempty"`
	Covert    bool              `json:"covert"`
	Manual    bool              `json:"manual"`
	Preview   bool              `json:"preview"`
	Withdrawn bool              `json:"withdrawn"`
	// WithdrawnWhy is a sentence, but for the time in WithdrawnAt where it is known.
	WithdrawnWhy string    `json:"withdrawn_why,omitempty"`
	WithdrawnAt  time.Time `json:"withdrawn_at,omitzero"`
	Crop         bool      `json:"crop"`
	Context      bool      `json:"context"`

	Open    bool      `json:"open"` // waits for the officer
	Done    *doneView `json:"done,omitempty"`
	Changed bool      `json:"changed"` // revised after the disposition

	QuietUntil time.Time `json:"quiet_until,omitzero"`
}

// reasonView is why one list names the plate.
type reasonView struct {
	Hit       alpr.ID `json:"hit"`
	List      string  `json:"list"`
	Source    string  `json:"source"`
	PriorityW string  `json:"priority_word"`
	Category  string  `json:"category"`
	Reason    string  `json:"reason"`
	Case      string  `json:"case"`
	Caution   string  `json:"caution"`
	VIN       string  `json:"vin,omitempty"`
	ListAge   string  `json:"list_age"`
	IsStale   bool    `json:"is_stale"`
	IsCovert  bool    `json:"is_covert"`
}

// placeView is where the car with the camera was.
type placeView struct {
	Lat    float64 `json:"lat"`
	Lon    float64 `json:"lon"`
	Course float64 `json:"course"` // degrees true
	Speed  float64 `json:"speed"`  // metres a second
}

func viewPlace(f alpr.Fix) *placeView {
	if !f.IsValid() {
		return nil
	}
	return &placeView{Lat: f.Lat, Lon: f.Lon, Course: f.CourseDeg, Speed: f.SpeedMPS}
}

// Bounds, in characters, of what a list may put on the screen. The page folds
// what is still long; nothing from outside pushes the verdicts out of sight.
const (
	maxName   = 48
	maxReason = 600
	maxWarn   = 1200
)

// tidy is text from outside as the page may show it: on one line, every character
// that turns or hides its neighbours written out, and no longer than n.
func tidy(s string, n int) string {
	s = printable.Line(strings.TrimSpace(s))
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}

func viewReason(h alpr.Hit) reasonView {
	e := h.Entry
	return reasonView{Hit: h.ID, List: tidy(e.List, maxName), Source: tidy(e.Source, maxName), PriorityW: e.Priority.String(),
		Category: tidy(e.Category, maxName), Reason: tidy(e.Reason, maxReason), Case: tidy(e.CaseNumber, maxName),
		Caution: tidy(e.Caution, maxWarn), VIN: tidy(e.Vehicle.VIN, maxName), ListAge: ageWords(h.ListAge), IsStale: h.IsStale, IsCovert: e.IsCovert}
}

// cautions are those of all reasons, each once.
func (v hitView) cautions() string {
	var all []string
	for _, r := range v.Reasons {
		if r.Caution != "" && !r.IsCovert && !slices.Contains(all, r.Caution) {
			all = append(all, r.Caution)
		}
	}
	return strings.Join(all, "; ")
}

// doneView is the last disposition of a case.
type doneView struct {
	Verdict   alpr.Verdict `json:"verdict"`
	Officer   string       `json:"officer"`
	At        time.Time    `json:"at"`
	Corrected string       `json:"corrected,omitempty"`
	Action    string       `json:"action,omitempty"`
	Note      string       `json:"note,omitempty"`
}

func viewHit(r alpr.Read, h alpr.Hit) hitView {
	e := h.Entry
	cells := cellsOf(r.Text.Text, h)
	rv := viewRead(r)
	v := hitView{
		ID: h.ID, ReadID: h.ReadID, Rev: r.Revision, At: r.At,
		Priority: int(e.Priority), PriorityW: e.Priority.String(), Category: tidy(e.Category, maxName), Lead: leadOnly,
		Read: r.Text.Text, Listed: e.Plate, Cells: cells, Chars: charsSure(cells, r.Text.CharConf), Weak: rv.Weak,
		Kind: h.Kind, KindW: kindWords(h.Kind, cells), P: percent(h.P), Likely: likelihood(h.P),
		State: h.State, StateW: stateWords(h.State, rv.Region, e.State, h.StateP),
		List: tidy(e.List, maxName), Reason: tidy(e.Reason, maxReason), Vehicle: tidy(vehicleWords(e.Vehicle), 2*maxName), Car: viewCar(e.Vehicle),
		Camera: tidy(r.Camera, maxName), Position: placeWords(r.Fix), Place: viewPlace(r.Fix), TimeNote: timeNote(r),
		Covert: e.IsCovert, Manual: e.IsManual, Preview: h.Preview, Withdrawn: h.IsWithdrawn,
		Crop: len(r.Crop.JPEG) > 0, Context: len(r.Context.JPEG) > 0,
	}
	if !alpr.IsReadAsWritten(e.PlateGiven) {
		v.Given = tidy(e.PlateGiven, maxName)
	}
	if h.IsWithdrawn {
		v.WithdrawnWhy, v.WithdrawnAt = tidy(withdrawalWords(h), maxReason), h.Withdrawal.At
	}
	if h.State == "" {
		v.State = alpr.StateUnknown
	}
	return v
}

// charsSure says for each place how sure the reader is of what it shows there.
func charsSure(cells []cell, conf []float32) []string {
	sure, i := make([]string, len(cells)), 0
	for n, c := range cells {
		if c.Read == "" {
			continue
		}
		if i < len(conf) {
			sure[n] = strings.ReplaceAll(percent(float64(conf[i])), " %", "")
		}
		i++
	}
	return sure
}

// timeNote warns where the time shown was not checked against satellites.
func timeNote(r alpr.Read) string {
	switch r.TimeSource {
	case alpr.TimeSystem:
		return "clock not checked by GPS"
	case alpr.TimeFile:
		return "time of the recording"
	}
	return ""
}
