package alpr

import (
	"errors"
	"time"
)

// Read is one vehicle pass: what all frames of one plate say together.
//
// A preview may be shown before the pass is over; the final read has the same
// ID and a higher Revision. A preview is recorded and sent only when it raises
// a hit, because an officer must not wait for the pass to end; every final read
// is. Whoever keeps reads keeps, for one ID, the highest revision.
type Read struct {
	ID       ID   // UUIDv7 made at the first frame's capture instant; the same read is the same ID for ever
	Revision int  // from 1, one more for each recorded or shown version
	Preview  bool // the pass goes on; more frames may change the text

	Camera     string
	Text       Text      // fused over FramesUsed frames
	Plate      Plate     // in the best frame
	Frames     int       // frames in which the plate was tracked
	FramesUsed int       // frames whose characters were read and fused
	FirstAt    time.Time // capture instant of the first frame
	LastAt     time.Time // of the last
	At         time.Time // of the best frame: the one Plate, Fix and the pictures belong to

	Fix             Fix
	TimeSource      TimeSource
	TimeUncertainty time.Duration

	DetectorVersion   string
	RecogniserVersion string

	Crop    Picture // the rectified plate
	Context Picture // the plate and the car's rear or front, as far as the policy allows

	// Views is what each camera of the vehicle saw of the car, in the order of
	// first sight, where more than one did: one of them is the view that Camera,
	// Plate, Fix and the pictures above belong to.
	Views []View `json:",omitempty"`
	// MaybeSame names other reads that may be of the same car: texts, mounting
	// angles, times and the vehicle's way leave it open.
	MaybeSame []ID `json:",omitempty"`
}

// View is what one camera of the vehicle saw of a car that several of them saw.
type View struct {
	Camera     string
	Text       string  // what its frames alone say
	Confidence float64 // calibrated probability that Text is exactly right
	Plate      Plate   // in its best frame
	Frames     int     // in which the plate was tracked
	FramesUsed int     // whose characters were read
	FirstAt    time.Time
	LastAt     time.Time
	At         time.Time // of its best frame: the one Plate, Fix and the pictures belong to
	Fix        Fix

	Crop    Picture
	Context Picture
}

// Picture is an encoded image of the very frame that was read. The zero
// Picture means none was taken.
type Picture struct {
	JPEG   []byte
	SHA256 [32]byte // of JPEG
	Width  int
	Height int
}

// Entry is one line of a hotlist.
type Entry struct {
	ID          string // stable within its list
	List        string // the list's name
	Source      string // who issued it: "NCIC", "BOLO", an officer
	PlateGiven  string // as the list gave it
	Plate       string // normalised: A–Z, 0–9
	State       string // ISO 3166 ("US-FL"), "" when the list does not say
	Reason      string
	Category    string // "stolen vehicle", "amber alert", ...
	Priority    Priority
	Vehicle     Vehicle
	CaseNumber  string
	Caution     string
	Effective   time.Time // zero: at once
	Expires     time.Time // zero: with the list
	IsCovert    bool      // no sound, no light: shown to the officer only
	IsManual    bool      // entered in the car by an officer
	ListVersion string
	PublishedAt time.Time // when the list was published by its source
}

// Vehicle describes the car an Entry is about, as far as the list says.
type Vehicle struct {
	Make   string
	Model  string
	Year   string
	Colour string
	Style  string
	VIN    string
}

// MatchKind says how the plate seen and the plate listed compare.
type MatchKind string

// The kinds of match.
const (
	MatchExact     MatchKind = "exact"     // the best text is the listed text
	MatchLookAlike MatchKind = "lookalike" // they differ only in characters that look alike
	MatchTolerant  MatchKind = "tolerant"  // they differ in a character the camera did not see well
)

// StateVerdict compares the issuing state read with the one listed.
type StateVerdict string

// The verdicts.
const (
	StateMatch    StateVerdict = "match"
	StateMismatch StateVerdict = "mismatch"
	StateUnknown  StateVerdict = "unknown"
)

// Hit is a lead: the plate of a Read may be that of an Entry. It asks an
// officer to verify plate and state; it is confirmed by a Disposition alone.
type Hit struct {
	ID      ID // one per (read, entry): a later revision of the read revises the hit
	ReadID  ID
	At      time.Time
	Entry   Entry
	Kind    MatchKind
	Differs []Difference // empty for an exact match
	P       float64      // probability that the plate seen is the plate listed
	State   StateVerdict
	StateP  float64       // probability of the listed state, given the picture
	ListAge time.Duration // at the time of the hit, since the source published the list
	IsStale bool          // ListAge is over the source's limit
	Preview bool          // raised before the pass was over

	// IsWithdrawn takes back an alert whose reason is gone: the whole pass does
	// not bear it out, or the entry may alert no more. The officer is told as
	// plainly as of the alert; Withdrawal says why.
	IsWithdrawn bool
	Withdrawal  Withdrawal `json:",omitzero"`
}

// Withdrawal says why an alert was taken back, and since when its reason is
// gone. The zero Withdrawal is of an alert that stands.
type Withdrawal struct {
	Why WithdrawalReason
	At  time.Time // zero: not known
}

// WithdrawalReason is a reason for which an alert is taken back.
type WithdrawalReason string

// The reasons.
const (
	WithdrawnUnread     WithdrawalReason = "not borne out"        // the read no longer bears it out
	WithdrawnRemoved    WithdrawalReason = "removed"              // the entry was taken off its list
	WithdrawnRolledBack WithdrawalReason = "rolled back"          // an earlier version of the list is in use again, without it
	WithdrawnDropped    WithdrawalReason = "list dropped"         // the list is not in use any more
	WithdrawnExpired    WithdrawalReason = "expired"              // the entry's time is over
	WithdrawnChanged    WithdrawalReason = "not in force"         // the entry was changed: it is not in force now
	WithdrawnForbidden  WithdrawalReason = "category not allowed" // policy lets the category alert no more
)

// Record is what is kept in one piece: a read and the hits it raised.
type Record struct {
	Read Read
	Hits []Hit
}

// Difference is one place where the text read and the text listed differ.
type Difference struct {
	Slot   int     `json:"slot"`   // from 0, in the listed text
	Read   string  `json:"read"`   // "" when the plate shows nothing there
	Listed string  `json:"listed"` // "" when the list has nothing there
	P      float64 `json:"p"`      // probability that the plate shows the listed character
}

// Verdict is what an officer found after looking at the plate.
type Verdict string

// The verdicts on a hit.
const (
	VerdictConfirmed  Verdict = "confirmed"   // plate and state verified
	VerdictMisread    Verdict = "misread"     // the plate says something else
	VerdictWrongState Verdict = "wrong state" // the plate is another state's
	VerdictNotWanted  Verdict = "not wanted"  // the list is wrong or stale
	VerdictDismissed  Verdict = "dismissed"   // not looked at

	// VerdictUndone takes the last answer back: the hit waits again.
	VerdictUndone Verdict = "undone"
)

// ErrNotYetRecorded reports something that was taken, waits in memory, and is on
// record as soon as the disk takes it.
var ErrNotYetRecorded = errors.New("taken, and not yet on record")

// Disposition records what an officer made of a hit.
type Disposition struct {
	ID        ID
	HitID     ID
	At        time.Time
	Officer   string
	Verdict   Verdict
	Corrected string // the right text where Verdict is VerdictMisread, if known
	Action    string // "stop", "arrest", ... as the agency names them
	Note      string
}
