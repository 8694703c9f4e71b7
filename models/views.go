package models

import (
	"fmt"
)

// Search says at which scales a detector finds what it learned to find. It
// knows plates of the widths that its training showed; these figures bring the
// plates of a frame to them.
type Search struct {
	// Budget is the input's size in pixels that a search of a whole frame may cost.
	Budget int `json:"budget"`
	// MinScale is the scale at which the smallest plate that counts is wide
	// enough; a frame that the budget shows smaller is searched in tiles too.
	MinScale float64 `json:"min_scale"`
	// MaxScale is the scale above which a frame wider or higher than SmallFrame
	// pixels is not searched: it would cost more and find no more.
	MaxScale   float64 `json:"max_scale"`
	SmallFrame int     `json:"small_frame"`
	// SureScore is what a plate of usual size scores when it is seen well; where
	// none does, the frame is searched downscaled for larger ones.
	SureScore float64 `json:"sure_score"`
}

func (s *Search) validate() error {
	switch {
	case s.Budget < 64*64:
		return fmt.Errorf("search.budget %d: want 4096 pixels at least", s.Budget)
	case !(s.MinScale > 0 && s.MinScale <= s.MaxScale && s.MaxScale <= 1):
		return fmt.Errorf("search.min_scale %g and search.max_scale %g are not in order between 0 and 1", s.MinScale, s.MaxScale)
	case s.SmallFrame <= 0:
		return fmt.Errorf("search.small_frame %d is not above 0", s.SmallFrame)
	case !(s.SureScore > 0 && s.SureScore < 1):
		return fmt.Errorf("search.sure_score %g is not between 0 and 1", s.SureScore)
	}
	return nil
}

// View is one way to view a plate (test-time augmentation): how it is framed,
// and what the view counts for among the others in their geometric mean.
type View struct {
	Weight       float64 `json:"weight"`        // of the characters
	RegionWeight float64 `json:"region_weight"` // of the issuer; 0: no say
	// Padding is how much further than the margin the view reaches, on each
	// side, in plate widths and heights.
	Padding float64 `json:"padding"`
	// DownscaledTo is the width in pixels to which a larger plate is brought
	// down before it is brought up to the input's: as a plate farther away. 0: not.
	DownscaledTo int  `json:"downscaled_to"`
	ByBox        bool `json:"by_box"`    // framed by the plate's box instead of its corners
	OddField     bool `json:"odd_field"` // of an interlaced picture, the odd rows instead of the even ones
	// StillsOnly leaves the view out in video, where the next frame is another.
	StillsOnly bool `json:"stills_only"`
}

func validateViews(name string, views []View) error {
	if len(views) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	for i, v := range views {
		switch {
		case !(v.Weight > 0 && v.RegionWeight >= 0):
			return fmt.Errorf("%s[%d]: weight %g is not above 0, or region_weight %g under 0", name, i, v.Weight, v.RegionWeight)
		case !(v.Padding >= 0 && v.Padding <= 1):
			return fmt.Errorf("%s[%d].padding %g is not between 0 and 1", name, i, v.Padding)
		case v.DownscaledTo < 0:
			return fmt.Errorf("%s[%d].downscaled_to %d is under 0", name, i, v.DownscaledTo)
		}
	}
	return nil
}
