package pipeline

import (
	"errors"
	"fmt"
	"time"
)

// ErrBadConfig reports a setting that cannot be worked with, or a missing part.
var ErrBadConfig = errors.New("bad pipeline configuration")

// Config sets how passes are followed and when a read is made of one. Times are
// of capture, not of work.
type Config struct {
	// IsLossless takes every frame in order, however slow; for recordings. Live,
	// the newest frame counts.
	IsLossless bool `yaml:"-"`

	// SearchAll searches all of every frame, whatever the scene asks for.
	SearchAll bool `yaml:"search_all"`

	// LostAfter is how long a plate may be out of view and still be found again
	// by its place alone.
	LostAfter time.Duration `yaml:"lost_after"`
	// PassGap is how long a plate may be out of view before its pass is over and
	// the final read is made.
	PassGap time.Duration `yaml:"pass_gap"`
	// MergeWithin is how long after the end of a pass the same text is still
	// the same pass; its read is then revised.
	MergeWithin time.Duration `yaml:"merge_within"`

	// MinConfidence is the least confidence of a read that raises no hit; what
	// is less sure is neither stored nor shown.
	MinConfidence float64 `yaml:"min_confidence"`
	// MinHitConfidence is the least confidence of a read that is compared with
	// the hotlists at all: a wanted plate badly seen is still a lead, if the
	// hotlists' own thresholds say so.
	MinHitConfidence float64 `yaml:"min_hit_confidence"`
	// PreviewConfidence is the confidence at which hits are raised before the
	// pass is over.
	PreviewConfidence float64 `yaml:"preview_confidence"`
	// PreviewAfter is how long after the plate came into view hits are raised
	// at MinHitConfidence: waiting longer would only delay them.
	PreviewAfter time.Duration `yaml:"preview_after"`
	// SingleConfidence is the confidence that one frame alone must have to make
	// a read.
	SingleConfidence float64 `yaml:"single_confidence"`
	// MinWidthPx is the least width of the plate in its best frame.
	MinWidthPx float64 `yaml:"min_width_px"`
	// MinScore is the least mean score of the detector over a pass.
	MinScore float64 `yaml:"min_score"`
	// MinCharacters is the number of characters below which a text needs more
	// evidence: three frames that agree, at SingleConfidence together, and a
	// detector that is sure. None is too short to alert.
	MinCharacters int `yaml:"min_characters"`

	// Mounts says where each camera looks, by its name. A camera that is not named
	// looks straight ahead.
	Mounts map[string]Mount `yaml:"-"`

	// RetryQueue is how many reads are kept in memory while recording fails.
	RetryQueue int `yaml:"retry_queue"`

	// DetectorVersion and RecogniserVersion are written into every read.
	DetectorVersion   string `yaml:"-"`
	RecogniserVersion string `yaml:"-"`
}

// Mount is how a camera is mounted on the vehicle.
type Mount struct {
	AngleDeg float64 // where it looks: clockwise from straight ahead, 90 to the right, 180 to the rear
	Side     Side    // of the vehicle it is mounted on
}

// Side is a side of the vehicle.
type Side string

// The sides; a camera in the middle has none.
const (
	SideNone  Side = ""
	SideLeft  Side = "left"
	SideRight Side = "right"
)

// DefaultConfig is what was measured to work.
func DefaultConfig() Config {
	return Config{
		LostAfter:         700 * time.Millisecond,
		PassGap:           2 * time.Second,
		MergeWithin:       30 * time.Second,
		MinConfidence:     0.75,
		MinHitConfidence:  0.5,
		PreviewConfidence: 0.85,
		PreviewAfter:      800 * time.Millisecond,
		SingleConfidence:  0.97,
		MinWidthPx:        36,
		MinScore:          0.4,
		MinCharacters:     4,
		RetryQueue:        256,
	}
}

// Validate names the first setting that cannot be worked with.
func (c Config) Validate() error {
	for _, d := range []struct {
		key  string
		v    time.Duration
		most time.Duration
	}{
		{"lost_after", c.LostAfter, 10 * time.Second},
		{"pass_gap", c.PassGap, time.Minute},
		{"merge_within", c.MergeWithin, 10 * time.Minute},
		{"preview_after", c.PreviewAfter, time.Minute},
	} {
		if d.v <= 0 || d.v > d.most {
			return fmt.Errorf("%w: %s is %v, set it between 0 and %v", ErrBadConfig, d.key, d.v, d.most)
		}
	}
	for _, p := range []struct {
		key string
		v   float64
	}{
		{"min_confidence", c.MinConfidence}, {"min_hit_confidence", c.MinHitConfidence}, {"preview_confidence", c.PreviewConfidence},
		{"single_confidence", c.SingleConfidence}, {"min_score", c.MinScore},
	} {
		if !(p.v >= 0 && p.v <= 1) {
			return fmt.Errorf("%w: %s is %g, set it between 0 and 1", ErrBadConfig, p.key, p.v)
		}
	}
	switch {
	case c.PassGap < c.LostAfter:
		return fmt.Errorf("%w: pass_gap (%v) is less than lost_after (%v)", ErrBadConfig, c.PassGap, c.LostAfter)
	case c.MinConfidence < c.MinHitConfidence:
		return fmt.Errorf("%w: min_confidence (%g) is less than min_hit_confidence (%g)", ErrBadConfig, c.MinConfidence, c.MinHitConfidence)
	case c.MinCharacters < 1 || c.MinCharacters > 8:
		return fmt.Errorf("%w: min_characters is %d, set it between 1 and 8", ErrBadConfig, c.MinCharacters)
	case !(c.MinWidthPx >= 0):
		return fmt.Errorf("%w: min_width_px is %g, set it to 0 or more", ErrBadConfig, c.MinWidthPx)
	case c.RetryQueue < 1:
		return fmt.Errorf("%w: retry_queue is %d, set it to 1 or more", ErrBadConfig, c.RetryQueue)
	}
	return nil
}
