package downlink

import (
	"errors"
	"fmt"
	"time"

	"alpr"
	"alpr/sync/event"
)

// ImageRequest is the payload of an image statement: somebody with a purpose
// asks for a picture by its hash.
type ImageRequest struct {
	Agency      string    `json:"agency"`
	Vehicle     string    `json:"vehicle"`
	SHA256      string    `json:"sha256"`
	Officer     string    `json:"officer"`
	Purpose     string    `json:"purpose"`
	RequestedAt time.Time `json:"requested_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	Have        []int     `json:"have,omitempty"` // offsets of pieces that have arrived
}

// Check says whether the request is for this vehicle, names who asks and why,
// and still stands at now.
func (r ImageRequest) Check(v event.Vehicle, now time.Time) error {
	switch {
	case r.Agency != v.Agency || r.Vehicle != v.Name:
		return fmt.Errorf("%w: %s/%s", ErrNotForUs, r.Agency, r.Vehicle)
	case r.Officer == "" || r.Purpose == "":
		return fmt.Errorf("%w: a request for a picture needs officer and purpose", ErrBadStatement)
	case !now.Before(r.ExpiresAt):
		return fmt.Errorf("%w: the request ended at %s", ErrOlder, r.ExpiresAt.Format(time.RFC3339))
	}
	if err := alpr.CheckPurpose(r.Purpose); err != nil {
		return fmt.Errorf("%w: %w", ErrBadStatement, err)
	}
	return checkTime("expires_at", r.ExpiresAt)
}

// PolicyChange is the payload of a policy statement. It can only tighten: the
// vehicle keeps its own value wherever that is shorter.
type PolicyChange struct {
	Agency  string `json:"agency"`
	Vehicle string `json:"vehicle"` // "" for all
	Version uint64 `json:"version"`
	// RetentionS is the longest a class may be kept, in seconds.
	RetentionS map[string]int64 `json:"retention_s"`
	// Forbid lists categories of hotlist entries that must not alert.
	Forbid []string `json:"forbid_categories"`
}

// Check says whether the change is for this vehicle and makes sense.
func (p PolicyChange) Check(v event.Vehicle) error {
	if p.Agency != v.Agency || p.Vehicle != "" && p.Vehicle != v.Name {
		return fmt.Errorf("%w: %s/%s", ErrNotForUs, p.Agency, p.Vehicle)
	}
	for class, s := range p.RetentionS {
		if s < 0 || s > maxRetentionS {
			return fmt.Errorf("%w: retention of %q is %d s", ErrBadStatement, class, s)
		}
	}
	if len(p.RetentionS) == 0 && len(p.Forbid) == 0 {
		return fmt.Errorf("%w: the policy changes nothing", ErrBadStatement)
	}
	return checkVersion(p.Version)
}

// maxRetentionS is 200 years in seconds: what is kept for longer than a
// time.Duration can say would come out negative.
const maxRetentionS = 200 * 366 * 24 * 60 * 60

// checkVersion keeps out what databases do not hold: it would be the newest for ever.
func checkVersion(v uint64) error {
	if v > event.MaxSeq {
		return fmt.Errorf("%w: version %d: it is up to %d", ErrBadStatement, v, int64(event.MaxSeq))
	}
	return nil
}

func checkTime(name string, t time.Time) error {
	if err := event.CheckTime(name, t); err != nil {
		return fmt.Errorf("%w: %w", ErrBadStatement, err)
	}
	return nil
}

// Manifest is the payload of a hotlist statement.
type Manifest struct {
	Agency      string    `json:"agency"`
	List        string    `json:"list"`
	Version     uint64    `json:"version"` // grows with every version
	PublishedAt time.Time `json:"published_at"`
	Entries     int       `json:"entries"` // in the whole list
	Whole       Blob      `json:"whole"`
	Deltas      []Delta   `json:"deltas"`     // from earlier versions straight to this one
	RemoveNow   []string  `json:"remove_now"` // ids that must stop alerting before anything is downloaded, and are not in this version whatever the blobs hold
}

// Delta is the way from an earlier version to the manifest's.
type Delta struct {
	From uint64 `json:"from"`
	Blob Blob   `json:"blob"`
}

// MaxBlob is the most bytes a compressed list may have.
const MaxBlob = 1 << 30

// Blob is a file in pieces.
type Blob struct {
	SHA256    string   `json:"sha256"` // of the whole file, hexadecimal
	Size      int64    `json:"size"`   // bytes
	PieceSize int64    `json:"piece_size"`
	Pieces    []string `json:"pieces"` // SHA-256 of each, hexadecimal
}

// Check says whether the blob's numbers agree with each other.
func (b Blob) Check() error {
	if b.Size <= 0 || b.Size > MaxBlob || b.PieceSize < 1024 || b.PieceSize > 1<<20 {
		return fmt.Errorf("%w: blob of %d bytes in pieces of %d", ErrBadStatement, b.Size, b.PieceSize)
	}
	if want := (b.Size + b.PieceSize - 1) / b.PieceSize; int64(len(b.Pieces)) != want {
		return fmt.Errorf("%w: blob of %d pieces, not %d", ErrBadStatement, len(b.Pieces), want)
	}
	for _, h := range append([]string{b.SHA256}, b.Pieces...) {
		if !IsHash(h) {
			return fmt.Errorf("%w: %q is not a SHA-256 in hexadecimal", ErrBadStatement, h)
		}
	}
	return nil
}

// Check says whether the manifest is for this agency and makes sense.
func (m Manifest) Check(agency string) error {
	if m.Agency != agency {
		return fmt.Errorf("%w: agency %q", ErrNotForUs, m.Agency)
	}
	if m.Version == 0 || m.PublishedAt.IsZero() {
		return fmt.Errorf("%w: manifest without version or time of publication", ErrBadStatement)
	}
	errs := []error{event.CheckName(m.List), m.Whole.Check(), checkVersion(m.Version), checkTime("published_at", m.PublishedAt)}
	for _, d := range m.Deltas {
		errs = append(errs, d.Blob.Check())
		if d.From >= m.Version {
			errs = append(errs, fmt.Errorf("%w: delta from version %d to %d", ErrBadStatement, d.From, m.Version))
		}
	}
	return errors.Join(errs...)
}

// Pick is the blob that brings a vehicle from version have to the manifest's:
// a delta (base is have) where there is one, else the whole list (base 0).
func (m Manifest) Pick(have uint64) (b Blob, base uint64) {
	for _, d := range m.Deltas {
		if have != 0 && d.From == have {
			return d.Blob, have
		}
	}
	return m.Whole, 0
}

// IsHash says whether s is a SHA-256 in lower-case hexadecimal.
func IsHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
