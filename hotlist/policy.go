package hotlist

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alpr"
)

// Policy is how an agency lets its lists alert. It is plain data, decoded from
// YAML by whoever wires the program.
type Policy struct {
	Thresholds Thresholds            `yaml:"thresholds"`
	Lists      map[string]ListPolicy `yaml:"lists"`       // by list name, where a list differs
	MaxAge     time.Duration         `yaml:"max_age"`     // after which a list is stale; 0: never
	BlockStale bool                  `yaml:"block_stale"` // stale lists do not alert
	CoolDown   time.Duration         `yaml:"cool_down"`   // in which one entry does not alert again for one car

	// AllowCategories, where not empty, are the only categories that alert;
	// ForbidCategories never do. Upper and lower case are the same.
	AllowCategories  []string `yaml:"allow_categories"`
	ForbidCategories []string `yaml:"forbid_categories"`

	// UnreadState is the probability that a plate whose state could not be read
	// is of the state listed, given that its text is: 0.5 says that nothing is
	// known either way.
	UnreadState float64 `yaml:"unread_state"`
}

// Thresholds are the least probabilities that alert, by the entry's priority.
type Thresholds struct {
	Low    float64 `yaml:"low"`
	Normal float64 `yaml:"normal"`
	High   float64 `yaml:"high"`
}

// ListPolicy overrides the policy for one list. Fields left out do not.
type ListPolicy struct {
	Thresholds *Thresholds    `yaml:"thresholds"`
	MaxAge     *time.Duration `yaml:"max_age"`
	BlockStale *bool          `yaml:"block_stale"`
}

// DefaultPolicy is the policy that docs/matching.md gives the figures of.
func DefaultPolicy() Policy {
	return Policy{
		Thresholds:  Thresholds{Low: 0.6, Normal: 0.4, High: 0.25},
		MaxAge:      24 * time.Hour,
		CoolDown:    5 * time.Minute,
		UnreadState: 0.5,
	}
}

// Validate names the key that cannot be.
func (p *Policy) Validate() error {
	if err := p.Thresholds.validate(); err != nil {
		return fmt.Errorf("thresholds.%w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Lists)) {
		l := p.Lists[name]
		if l.Thresholds != nil {
			if err := l.Thresholds.validate(); err != nil {
				return fmt.Errorf("lists.%s.thresholds.%w", name, err)
			}
		}
		if l.MaxAge != nil && *l.MaxAge < 0 {
			return fmt.Errorf("lists.%s.max_age is negative", name)
		}
	}
	if p.MaxAge < 0 || p.CoolDown < 0 {
		return fmt.Errorf("max_age %s, cool_down %s: neither may be negative", p.MaxAge, p.CoolDown)
	}
	if !(p.UnreadState > 0 && p.UnreadState <= 1) {
		return fmt.Errorf("unread_state %v: expected a probability above 0", p.UnreadState)
	}
	return nil
}

// leastThreshold is the lowest threshold there may be: below it every other
// car would alert, and matching would have to look at countless texts.
const leastThreshold = 0.02

func (t Thresholds) validate() error {
	for _, v := range []struct {
		name string
		p    float64
	}{{"low", t.Low}, {"normal", t.Normal}, {"high", t.High}} {
		if !(v.p >= leastThreshold && v.p <= 1) {
			return fmt.Errorf("%s is %v: expected a probability from %v to 1", v.name, v.p, leastThreshold)
		}
	}
	return nil
}

func (t Thresholds) of(p alpr.Priority) float64 {
	switch p {
	case alpr.PriorityHigh:
		return t.High
	case alpr.PriorityLow:
		return t.Low
	}
	return t.Normal
}

// rule is the policy as it holds for one list.
type rule struct {
	Thresholds
	maxAge     time.Duration
	blockStale bool
}

func (p *Policy) rule(list string) rule {
	r := rule{p.Thresholds, p.MaxAge, p.BlockStale}
	l := p.Lists[list]
	if l.Thresholds != nil {
		r.Thresholds = *l.Thresholds
	}
	if l.MaxAge != nil {
		r.maxAge = *l.MaxAge
	}
	if l.BlockStale != nil {
		r.blockStale = *l.BlockStale
	}
	return r
}

// least is the lowest threshold of all: no text that is less probable matters.
func (p *Policy) least() float64 {
	least := min(p.Thresholds.Low, p.Thresholds.Normal, p.Thresholds.High)
	for _, l := range p.Lists {
		if t := l.Thresholds; t != nil {
			least = min(least, t.Low, t.Normal, t.High)
		}
	}
	return least
}

func (p *Policy) allows(category string) bool {
	is := func(c string) bool { return strings.EqualFold(c, category) }
	if slices.ContainsFunc(p.ForbidCategories, is) {
		return false
	}
	return len(p.AllowCategories) == 0 || slices.ContainsFunc(p.AllowCategories, is)
}
