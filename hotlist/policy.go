package hotlist

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alpr/internal/jurisdiction"

	"alpr"
)

// AlertPolicy is how an agency lets its lists alert. It is plain data, decoded from
// YAML by whoever wires the program.
type AlertPolicy struct {
	Thresholds Thresholds            `yaml:"thresholds"`
	Lists      map[string]ListPolicy `yaml:"lists"`       // by list name, where a list differs
	MaxAge     time.Duration         `yaml:"max_age"`     // after which a list is stale; 0: never
	BlockStale bool                  `yaml:"block_stale"` // stale lists do not alert
	CoolDown   time.Duration         `yaml:"cool_down"`   // in which one entry does not alert again for one car

	// AllowCategories, where not empty, are the only categories that alert;
	// ForbidCategories never do. Upper and lower case are the same.
	AllowCategories  []string `yaml:"allow_categories"`
	ForbidCategories []string `yaml:"forbid_categories"`

	// What is known of a plate's state before it is read; see unread.
	Home        string  `yaml:"home"`         // the state most traffic is from, ISO 3166 ("US-FL"); "": not known
	HomeShare   float64 `yaml:"home_share"`   // of the traffic
	SameText    float64 `yaml:"same_text"`    // probability that another state has issued a given text too
	UnreadState float64 `yaml:"unread_state"` // taken where Home is not known: 0.5 is even odds
}

// otherStates is how many states the traffic that is not from home comes from.
const otherStates = 50

// unread is the probability that a plate is of the listed state where the
// picture does not show it, given that its text is the one listed. With π the
// listed state's share of the traffic and ρ the probability that another state
// has issued the same text, Bayes gives
//
//	π / (π + ρ · (1 - π)).
func (p *AlertPolicy) unread(listed string) float64 {
	if p.Home == "" {
		return p.UnreadState
	}
	share := (1 - p.HomeShare) / otherStates
	if listed == p.Home {
		share = p.HomeShare
	}
	return share / (share + p.SameText*(1-share))
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

// DefaultAlertPolicy is the policy that docs/agency/matching.md gives the figures of.
func DefaultAlertPolicy() AlertPolicy {
	return AlertPolicy{
		Thresholds:  Thresholds{Low: 0.35, Normal: 0.2, High: 0.1},
		MaxAge:      24 * time.Hour,
		CoolDown:    5 * time.Minute,
		HomeShare:   0.8,
		SameText:    0.1,
		UnreadState: 0.5,
	}
}

// Validate names the key that cannot be.
func (p *AlertPolicy) Validate() error {
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
	if _, ok := jurisdiction.New("").Normalise(p.Home); !ok {
		return fmt.Errorf("home %q: expected a state as ISO 3166 writes it, such as US-FL", p.Home)
	}
	for _, v := range []struct {
		name string
		p    float64
	}{{"home_share", p.HomeShare}, {"same_text", p.SameText}, {"unread_state", p.UnreadState}} {
		if !(v.p > 0 && v.p <= 1) {
			return fmt.Errorf("%s is %v: expected a probability above 0", v.name, v.p)
		}
	}
	return nil
}

// LeastThreshold is the lowest threshold there may be: below it every other
// car would alert, and matching would have to look at countless texts.
const LeastThreshold = 0.02

func (t Thresholds) validate() error {
	for _, v := range []struct {
		name string
		p    float64
	}{{"low", t.Low}, {"normal", t.Normal}, {"high", t.High}} {
		if !(v.p >= LeastThreshold && v.p <= 1) {
			return fmt.Errorf("%s is %v: expected a probability from %v to 1", v.name, v.p, LeastThreshold)
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

func (p *AlertPolicy) rule(list string) rule {
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

// MaxAgeOf is the age after which a list is stale, its own limit where it has
// one; 0: never.
func (p *AlertPolicy) MaxAgeOf(list string) time.Duration { return p.rule(list).maxAge }

// least is the lowest threshold of all: no text that is less probable matters.
func (p *AlertPolicy) least() float64 {
	least := min(p.Thresholds.Low, p.Thresholds.Normal, p.Thresholds.High)
	for _, l := range p.Lists {
		if t := l.Thresholds; t != nil {
			least = min(least, t.Low, t.Normal, t.High)
		}
	}
	return least
}

func (p *AlertPolicy) allows(category string) bool {
	is := func(c string) bool { return strings.EqualFold(c, category) }
	if slices.ContainsFunc(p.ForbidCategories, is) {
		return false
	}
	return len(p.AllowCategories) == 0 || slices.ContainsFunc(p.AllowCategories, is)
}
