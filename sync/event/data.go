package event

import (
	"encoding/hex"
	"time"

	"alpr"
)

// Read is the data of a read event: all that is known about one vehicle pass.
type Read struct {
	ID              alpr.ID   `json:"id"`
	Revision        int       `json:"revision"`
	Preview         bool      `json:"preview"` // the pass went on when this was sent
	Camera          string    `json:"camera"`
	Plate           Plate     `json:"plate"`
	Frames          int       `json:"frames"`      // that showed the plate
	FramesUsed      int       `json:"frames_used"` // whose characters were fused
	FirstAt         time.Time `json:"first_at"`
	LastAt          time.Time `json:"last_at"`
	At              time.Time `json:"at"` // of the frame that corners, position and pictures belong to
	Position        *Position `json:"position"`
	TimeSource      string    `json:"time_source"`
	TimeUncertainty float64   `json:"time_uncertainty_s"`
	Models          Models    `json:"models"`
	Pictures        Pictures  `json:"pictures"`
	// Views and MaybeSame are there where more than one camera saw the car, or may
	// have.
	Views     []View    `json:"views,omitempty"`
	MaybeSame []alpr.ID `json:"maybe_same,omitempty"`
	Retention Retention `json:"retention"`
}

// View is what one of the vehicle's cameras saw of the car.
type View struct {
	Camera     string        `json:"camera"`
	Text       string        `json:"text"`       // what its frames alone say
	Confidence float64       `json:"confidence"` // probability that it is right
	Frames     int           `json:"frames"`
	FramesUsed int           `json:"frames_used"`
	FirstAt    time.Time     `json:"first_at"`
	LastAt     time.Time     `json:"last_at"`
	At         time.Time     `json:"at"` // of the frame that corners, position and pictures belong to
	Corners    [4]alpr.Point `json:"corners"`
	Position   *Position     `json:"position"`
	Pictures   Pictures      `json:"pictures"`
}

// Plate is what was read and where in the frame it stood.
type Plate struct {
	Text       string           `json:"text"`
	Confidence float64          `json:"confidence"` // probability that the whole text is right
	Characters []Character      `json:"characters"`
	Candidates []alpr.Candidate `json:"candidates"`
	// ByPicture and Format are there where formats of serials had a say in Text.
	ByPicture     *alpr.Candidate    `json:"by_picture,omitempty"`
	Format        *alpr.SerialFormat `json:"format,omitempty"`
	State         string             `json:"state"`            // ISO 3166, "" when unknown
	StateP        float64            `json:"state_confidence"` // of State, 0 when unknown
	States        []alpr.RegionProb  `json:"states"`
	Corners       [4]alpr.Point      `json:"corners"`
	Box           alpr.Box           `json:"box"`
	DetectorScore float64            `json:"detector_score"`
	WidthPx       float64            `json:"width_px"`
	HeightPx      float64            `json:"height_px"`
}

// Character is one character of the text and the probability that it is right.
type Character struct {
	Char       string  `json:"char"`
	Confidence float64 `json:"confidence"`
}

// Position is where the vehicle was when the frame was captured.
type Position struct {
	Lat        float64   `json:"lat"` // degrees, WGS 84
	Lon        float64   `json:"lon"`
	AltM       float64   `json:"alt_m"`
	SpeedMPS   float64   `json:"speed_mps"`
	CourseDeg  float64   `json:"course_deg"` // degrees true
	HDOP       float64   `json:"hdop"`
	Satellites int       `json:"satellites"`
	Quality    int       `json:"quality"` // as NMEA GGA numbers it
	AgeS       float64   `json:"age_s"`   // from the nearest measurement
	At         time.Time `json:"at"`
}

// Models names the networks that read the plate.
type Models struct {
	Detector   string `json:"detector"`
	Recogniser string `json:"recogniser"`
}

// Pictures names the pictures kept on the vehicle; they are sent on request.
type Pictures struct {
	Crop    *Picture `json:"crop"`
	Context *Picture `json:"context"`
}

// Picture is a picture's identity: the hash of its JPEG bytes.
type Picture struct {
	SHA256 string `json:"sha256"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// Retention is the rule this record is kept under.
type Retention struct {
	Class   string     `json:"class"`
	PurgeAt *time.Time `json:"purge_at"` // null: no limit
}

// Hit is the data of a hit event. It is a lead: Advice says what it asks for.
type Hit struct {
	ID          alpr.ID           `json:"id"`
	Revision    int               `json:"revision"`
	Preview     bool              `json:"preview"`
	IsWithdrawn bool              `json:"withdrawn"`
	Withdrawal  *Withdrawal       `json:"withdrawal,omitempty"` // where it is withdrawn and the vehicle says why
	Advice      string            `json:"advice"`
	At          time.Time         `json:"at"`
	Match       string            `json:"match"` // exact, lookalike, tolerant
	Differs     []alpr.Difference `json:"differs"`
	P           float64           `json:"probability"`
	StateCheck  string            `json:"state_verdict"`
	StateP      float64           `json:"state_probability"`
	ListAgeS    float64           `json:"list_age_s"`
	IsStale     bool              `json:"list_stale"`
	Entry       Entry             `json:"entry"`
	Read        Read              `json:"read"`
	Retention   Retention         `json:"retention"`
}

// Withdrawal says why an alert was taken back, and since when its reason is gone.
type Withdrawal struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at,omitzero"`
}

// Advice is what every hit asks of whoever sees it.
const Advice = "verify plate and state"

// Entry is the line of a hotlist that a hit points to, and a line of the
// hotlists that travel to the vehicles.
type Entry struct {
	ID          string     `json:"id"`
	List        string     `json:"list"`
	Source      string     `json:"source,omitempty"`
	PlateGiven  string     `json:"plate_given,omitempty"`
	Plate       string     `json:"plate"`
	State       string     `json:"state,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Category    string     `json:"category,omitempty"`
	Priority    int        `json:"priority"`
	Vehicle     *ListedCar `json:"vehicle,omitempty"`
	CaseNumber  string     `json:"case_number,omitempty"`
	Caution     string     `json:"caution,omitempty"`
	Effective   time.Time  `json:"effective,omitzero"`
	Expires     time.Time  `json:"expires,omitzero"`
	IsCovert    bool       `json:"covert,omitempty"`
	IsManual    bool       `json:"manual,omitempty"`
	ListVersion string     `json:"list_version,omitempty"`
	PublishedAt time.Time  `json:"published_at,omitzero"`
}

// ListedCar is the car a list describes.
type ListedCar struct {
	Make   string `json:"make,omitempty"`
	Model  string `json:"model,omitempty"`
	Year   string `json:"year,omitempty"`
	Colour string `json:"colour,omitempty"`
	Style  string `json:"style,omitempty"`
	VIN    string `json:"vin,omitempty"`
}

// Disposition is the data of a disposition event: what an officer found.
type Disposition struct {
	ID        alpr.ID   `json:"id"`
	HitID     alpr.ID   `json:"hit_id"`
	At        time.Time `json:"at"`
	Officer   string    `json:"officer"`
	Verdict   string    `json:"verdict"`
	Corrected string    `json:"corrected"`
	Action    string    `json:"action"`
	Note      string    `json:"note"`
	Hit       *Hit      `json:"hit"` // null where the vehicle no longer keeps it
	Retention Retention `json:"retention"`
}

// Audit is the data of an audit event: one record of the vehicle's
// hash-chained log.
type Audit struct {
	ID      alpr.ID           `json:"id"`
	Seq     uint64            `json:"log_seq"`
	At      time.Time         `json:"at"`
	Officer string            `json:"officer"`
	Agency  string            `json:"agency"`
	Purpose string            `json:"purpose"`
	Action  alpr.AuditAction  `json:"action"`
	Subject string            `json:"subject"`
	Detail  map[string]string `json:"detail"`
	Prev    string            `json:"prev"` // SHA-256 of the record before, hexadecimal
	Hash    string            `json:"hash"`
	Log     string            `json:"log,omitempty"` // hash of the log's first record; "" where it is not known
}

// AuditHead is the signed end of the vehicle's audit log, which never goes back.
type AuditHead struct {
	Log      string    `json:"log"` // hash of the log's first record, by which logs are told apart
	Seq      uint64    `json:"log_seq"`
	Hash     string    `json:"hash"` // of record Seq
	At       time.Time `json:"at"`
	BrokenAt uint64    `json:"broken_at"` // first record that was tampered with, as the vehicle found; 0: none
}

// AuditHeadOf is h as events carry it, nil while there is no record.
func AuditHeadOf(h alpr.AuditHead) *AuditHead {
	if h.Seq == 0 {
		return nil
	}
	return &AuditHead{Log: hex.EncodeToString(h.Log[:]), Seq: h.Seq, Hash: hex.EncodeToString(h.Hash[:]), At: h.At.UTC(), BrokenAt: h.BrokenAt()}
}

// Gap is the data of an expired or withheld event: numbers of a boot's count
// that will never arrive, and why.
type Gap struct {
	BootID  alpr.ID `json:"boot_id"`
	FromSeq uint64  `json:"from_seq"`
	ToSeq   uint64  `json:"to_seq"`
	Reason  string  `json:"reason"`
}

// Depth is what waits on the vehicle, by kind.
type Depth struct {
	Waiting         map[alpr.Kind]int64 `json:"waiting"`
	Unreceipted     int64               `json:"unreceipted"`
	Quarantined     int64               `json:"quarantined"`
	OldestUnsentAge float64             `json:"oldest_unsent_age_s"` // 0 when nothing waits
}

// Total is the number of items never sent.
func (d Depth) Total() int64 {
	var n int64
	for _, v := range d.Waiting {
		n += v
	}
	return n
}

// Status is the data of the retained status event, and of the last will.
type Status struct {
	IsOnline bool              `json:"online"`
	Reason   string            `json:"reason"`  // why it is offline: "shutdown", "connection lost"
	Version  string            `json:"version"` // of the vehicle's program
	BootID   alpr.ID           `json:"boot_id"`
	LastSeq  uint64            `json:"last_seq"` // highest number of this boot that was sent
	Since    time.Time         `json:"since"`    // of this connection
	Hotlists map[string]uint64 `json:"hotlists"` // list → version in use
	Depth    Depth             `json:"depth"`
	Lists    []ListInUse       `json:"lists,omitempty"` // all lists in use, whichever way they came
	Audit    *AuditHead        `json:"audit,omitempty"` // nil in the last will, and where the vehicle keeps none
}

// ListInUse is a list that the vehicle checks reads against.
type ListInUse struct {
	Name        string    `json:"name"`
	Version     string    `json:"version"` // as its source or the vehicle names it
	Entries     int       `json:"entries"`
	PublishedAt time.Time `json:"published_at,omitzero"`
}

// Health is the data of a health event.
type Health struct {
	At       time.Time          `json:"at"`
	Depth    Depth              `json:"depth"`
	Link     LinkHealth         `json:"link"`
	Gauges   map[string]float64 `json:"gauges"`   // what other parts measure: "frames_dropped", "disk_free_bytes", ...
	Problems []string           `json:"problems"` // one plain line each
}

// LinkHealth says how the connection is doing.
type LinkHealth struct {
	ConnectedS   float64 `json:"connected_s"`
	Reconnects   int64   `json:"reconnects"`
	Published    int64   `json:"published"` // events acknowledged by the broker since start
	Receipted    int64   `json:"receipted"` // events the backend has receipted since start
	Resent       int64   `json:"resent"`
	Withheld     int64   `json:"withheld"`
	AckLatencyS  float64 `json:"ack_latency_s"` // moving mean, from PUBLISH to PUBACK
	BacklogBytes int64   `json:"backlog_bytes"` // sent as compressed batches since start
}

// Image is the data of an image event: one piece of a picture.
type Image struct {
	ReadID alpr.ID `json:"read_id"` // of the read it shows, whose retention holds for it
	SHA256 string  `json:"sha256"`  // of the whole JPEG
	Size   int     `json:"size"`    // of the whole JPEG, bytes
	Offset int     `json:"offset"`  // of this piece
	JPEG   []byte  `json:"jpeg"`    // base64 in JSON
	Reason string  `json:"reason"`  // "request" or "policy"
}

// Refusal is the data of a refusal event: a picture that was asked for is not
// sent.
type Refusal struct {
	SHA256      string    `json:"sha256"`
	RequestedAt time.Time `json:"requested_at"`
	Reason      string    `json:"reason"`
}

// Emergency is the data of an emergency event: sent while an officer holds the
// emergency button.
type Emergency struct {
	At       time.Time `json:"at"`
	IsHeld   bool      `json:"held"` // false: the officer has let go, nothing follows
	Position *Position `json:"position"`
	JPEG     []byte    `json:"jpeg"` // a snapshot, empty when the policy does not release one
}

// Probe is the data of a probe event: a vehicle's check, after connecting,
// that the broker lets it publish. Receivers pass over it.
type Probe struct {
	Nonce string `json:"nonce"`
}
