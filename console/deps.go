package console

import (
	"context"
	"time"

	"alpr"
	"alpr/internal/contain"
)

// Disposer records what an officer made of a hit, and writes the audit log in
// the same step. It returns when the record will survive a power cut, or with
// alpr.ErrNotYetRecorded where it is kept in memory until the disk takes it.
type Disposer interface {
	Dispose(ctx context.Context, d alpr.Disposition) error
}

// Auditor writes the audit log: logins, look-ups, views of pictures, emergency
// sharing. The console sets At, Officer, Agency, Purpose,
// Action, Subject and Detail; the log sets the rest.
type Auditor interface {
	Audit(ctx context.Context, r alpr.AuditRecord) error
	// PlateTag names a plate in the log without writing it there.
	PlateTag(plate string) (string, error)
}

// History is what is on record. The console audits every call that an officer
// causes; the calls themselves need not.
type History interface {
	// OpenHits returns the hits without a disposition, each with its read.
	OpenHits(ctx context.Context) ([]alpr.Read, []alpr.Hit, error)
	// ReadsByPlate returns retained reads with exactly this normalised text,
	// newest first, without pictures.
	ReadsByPlate(ctx context.Context, plate string, limit int) ([]alpr.Read, error)
	// Picture returns one picture of a read, the zero Picture where there is none.
	Picture(ctx context.Context, read alpr.ID, which PictureKind) (alpr.Picture, error)
}

// PictureKind names one of a read's pictures.
type PictureKind = string

// The pictures of a read.
const (
	PictureCrop    PictureKind = "crop"
	PictureContext PictureKind = "context"
)

// ManualEntries keeps the hotlist entries that officers make in the car.
// The console has checked that plate, reason, case number and expiry are there;
// adding and removing write the audit log in the same step.
type ManualEntries interface {
	AddEntry(ctx context.Context, e alpr.Entry) error // e.Source is the officer
	RemoveEntry(ctx context.Context, id, officer, reason string) error
	Entries(ctx context.Context) ([]alpr.Entry, error)
}

// Emergency is told when an officer switches emergency sharing on and off. What
// is then sent, and to whom, the sharing policy decides, not the console.
type Emergency interface {
	SetEmergency(ctx context.Context, isOn bool, officer string) error
}

// Speaker is heard in the car, with or without a page. Sound must not block; a
// graver signal may cut a lesser one short.
type Speaker interface {
	Sound(Signal)
	// Light is on while a hit of high priority waits for an answer.
	Light(isOn bool)
}

// Signal is what is to be heard: a sound, and the words for it.
type Signal struct {
	Sound Sound
	Words string // one sentence or two; "" for none
}

// Deps are the console's neighbours. Entries, Emergency, ReadsKept and Verdicts
// may be nil: what needs them is then not offered.
type Deps struct {
	Disposer Disposer
	// Recheck takes a hit back, by ShowHit, where its entry may alert no more. It is
	// called before an answer to the hit is recorded. Nil: none is.
	Recheck   func(ctx context.Context, hit alpr.ID)
	Auditor   Auditor
	History   History
	Entries   ManualEntries
	Emergency Emergency
	// Listed finds the entries in force of a plate, those made in the car too. A
	// pattern holds ? for one character and * for any number. Nil: not offered.
	Listed func(ctx context.Context, pattern string) ([]alpr.Entry, error)
	// ReadsLike finds kept reads by such a pattern, newest first, without
	// pictures. Nil: look-ups take whole plates.
	ReadsLike func(ctx context.Context, pattern string, limit int) ([]alpr.Read, error)
	// Speaker sounds outside the browser. Nil: only the page does.
	Speaker Speaker
	// Status says how the system does. It is called about once a second while
	// a page is open, and must not block.
	Status func() Status
	// Guard counts the panics that cost a request; nil: they are contained uncounted.
	Guard *contain.Guard
	// ReadsKept is for how long reads on no list are kept at present; they leave the
	// screen then at the latest, at 0 at once. Nil: as Config says. It must not block.
	ReadsKept func() time.Duration
	// Verdicts counts the recorded verdicts, the last of each hit, over the
	// time on record.
	Verdicts func(ctx context.Context) (map[alpr.Verdict]int, error)
}

// Level says how well a part of the system works.
type Level string

// The levels, best first.
const (
	LevelOK       Level = "ok"
	LevelDegraded Level = "degraded" // works, but not as it should
	LevelDown     Level = "down"     // does not work
)

// Status is how the parts of the system do at one instant.
type Status struct {
	At      time.Time
	Cameras []CameraStatus
	Fix     alpr.Fix // the newest
	GPS     PartStatus
	Uplink  UplinkStatus
	Lists   []ListStatus
	Store   StoreStatus
	Clock   ClockStatus
	Audit   PartStatus // of the audit log; shown where its Detail says something
	// Speaker is the plate reader's own, outside the browser: "" where none is set up.
	Speaker       Level
	SpeakerDetail string // what is wrong with it
	// Problems are what else the officer must know, a sentence each: what was
	// stored and cannot be used, for example.
	Problems []string
}

// PartStatus is the least there is to say about a part.
type PartStatus struct {
	Level  Level
	Detail string // one sentence for the officer: what is wrong and what to do; "" when all is well
}

// ClockStatus is how the clock does that stamps reads.
type ClockStatus struct {
	PartStatus
	Source string // what it is checked against, a few words such as "GPS" or "network time"; "": nothing
}

// CameraStatus is how one camera does.
type CameraStatus struct {
	PartStatus
	Name        string
	FPS         float64 // frames read a second
	Frames      uint64  // delivered since the start
	Dropped     uint64  // of these, never looked at
	LastFrameAt time.Time
}

// UplinkStatus is how the connection to the backend does.
type UplinkStatus struct {
	PartStatus
	IsOff        bool      // no backend is configured
	Waiting      int64     // items not yet sent
	Quarantined  int64     // items the backend will never take
	OldestUnsent time.Time // zero when nothing waits
}

// ListStatus is one hotlist as it is in use.
type ListStatus struct {
	Name        string
	Version     string
	Entries     int
	PublishedAt time.Time
	IsStale     bool // older than its source allows
}

// StoreStatus is how the evidence store does.
type StoreStatus struct {
	PartStatus
	FreeBytes int64
	Reads     int64  // on record; -1: not counted yet
	Retention string // the rule for reads without a hit, in words
}
