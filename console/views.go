package console

import (
	"strings"
	"time"

	"alpr"
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
		Region: region, Camera: r.Camera, At: r.At, Position: positionWords(r.Fix), HasFix: r.Fix.IsValid()}
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
	Source    string            `json:"source"`
	Reason    string            `json:"reason"`
	Case      string            `json:"case"`
	Caution   string            `json:"caution"`
	Vehicle   string            `json:"vehicle"`
	VIN       string            `json:"vin,omitempty"`
	ListAge   string            `json:"list_age"`
	IsStale   bool              `json:"is_stale"`
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
		Priority: int(e.Priority), PriorityW: e.Priority.String(), Category: e.Category, Lead: leadOnly,
		Read: r.Text.Text, Listed: e.Plate, Cells: cells, Weak: rv.Weak,
		Kind: h.Kind, KindW: kindWords(h.Kind, cells), P: percent(h.P), Likely: likelihood(h.P),
		State: h.State, StateW: stateWords(h.State, rv.Region, e.State, h.StateP),
		List: e.List, Source: e.Source, Reason: e.Reason, Case: e.CaseNumber, Caution: strings.TrimSpace(e.Caution),
		Vehicle: vehicleWords(e.Vehicle), VIN: e.Vehicle.VIN,
		ListAge: ageWords(h.ListAge), IsStale: h.IsStale,
		Camera: r.Camera, Position: rv.Position, TimeNote: timeNote(r),
		Covert: e.IsCovert, Manual: e.IsManual, Preview: h.Preview, Withdrawn: h.IsWithdrawn,
		Crop: len(r.Crop.JPEG) > 0, Context: len(r.Context.JPEG) > 0,
	}
	if !alpr.IsReadAsWritten(e.PlateGiven) {
		v.Given = e.PlateGiven
	}
	if h.IsWithdrawn {
		v.WithdrawnWhy, v.WithdrawnAt = withdrawalWords(h), h.Withdrawal.At
	}
	if h.State == "" {
		v.State = alpr.StateUnknown
	}
	return v
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
