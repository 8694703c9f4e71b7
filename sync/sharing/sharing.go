// Package sharing decides what may leave the vehicle, to whom, under which
// condition. The owner of the vehicle writes the rules in a file; nobody
// outside can widen them. Without a file everything goes to the agency's own
// backend, and nothing to anybody else.
package sharing

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"alpr"
	"alpr/internal/regular"
	"alpr/internal/strictyaml"
	"alpr/sync/event"
)

// Agency is the receiver that is the agency's own backend.
const Agency = "agency"

// What a rule may release.
const (
	Hit         = "hit"
	Read        = "read"
	Disposition = "disposition"
	Audit       = "audit"
	Image       = "image"     // pictures on request, and with hits
	Emergency   = "emergency" // position and snapshots while the button is held
)

func whats() []string { return []string{Hit, Read, Disposition, Audit, Image, Emergency} }

// ErrBadPolicy reports a sharing policy that cannot be used.
var ErrBadPolicy = errors.New("bad sharing policy")

// Policy is the owner's rules. It is immutable.
type Policy struct {
	Receivers []Receiver `yaml:"receivers"`
	// HitPictures says which pictures follow a hit without being asked for:
	// "none", "crop" or "all".
	HitPictures string `yaml:"hit_pictures"`
}

// Receiver is somebody data may go to. Agency is the backend itself; any other
// reads {vehicle}/share/{name}/… on the same broker.
type Receiver struct {
	Name  string `yaml:"name"`
	Rules []Rule `yaml:"release"`
}

// Rule releases some kinds, when all of its conditions hold.
type Rule struct {
	What []string  `yaml:"what"`
	When Condition `yaml:"when"`
}

// Condition is what must hold; a field left out asks for nothing. Time and
// place are the item's own, so that a decision does not depend on when there
// is a connection.
type Condition struct {
	HitOnly     bool     `yaml:"hit_only"`     // only what belongs to a hit
	Lists       []string `yaml:"lists"`        // only hits of these lists
	MinPriority int      `yaml:"min_priority"` // only hits of at least this priority, 1 to 3
	Within      *Circle  `yaml:"within"`       // only there; without a position: not
	Hours       *Hours   `yaml:"hours"`        // only then
	IsEmergency bool     `yaml:"emergency"`    // only while an officer holds the emergency button
}

// Circle is an area on the ground.
type Circle struct {
	Lat     float64 `yaml:"lat"` // degrees, WGS 84
	Lon     float64 `yaml:"lon"`
	RadiusM float64 `yaml:"radius_m"`
}

// Hours is a part of each day, across midnight when To is before From.
type Hours struct {
	From string `yaml:"from"` // "18:00"
	To   string `yaml:"to"`   // "06:00", not included
	Zone string `yaml:"zone"` // IANA name, "" for UTC
}

// Default releases everything to the agency's own backend, and no pictures
// but on request.
func Default() *Policy {
	return &Policy{
		Receivers:   []Receiver{{Name: Agency, Rules: []Rule{{What: whats()}}}},
		HitPictures: "none",
	}
}

// Load reads a policy file; the empty path is Default.
func Load(path string) (*Policy, error) {
	if path == "" {
		return Default(), nil
	}
	b, err := regular.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read sharing policy: %w", err)
	}
	p, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read sharing policy %s: %w", path, err)
	}
	return p, nil
}

// Parse reads a policy. Keys it does not know are refused: a condition that is
// misspelt must not silently release.
func Parse(b []byte) (*Policy, error) {
	var p Policy
	if err := strictyaml.Decode(b, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadPolicy, err)
	}
	if p.HitPictures == "" {
		p.HitPictures = "none"
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return &p, nil
}

func (p *Policy) check() error {
	if !slices.Contains([]string{"none", "crop", "all"}, p.HitPictures) {
		return fmt.Errorf("%w: hit_pictures %q is not none, crop or all", ErrBadPolicy, p.HitPictures)
	}
	seen := map[string]bool{}
	for _, r := range p.Receivers {
		if err := event.CheckName(r.Name); err != nil {
			return fmt.Errorf("%w: receiver: %w", ErrBadPolicy, err)
		}
		if seen[r.Name] {
			return fmt.Errorf("%w: receiver %q appears twice", ErrBadPolicy, r.Name)
		}
		seen[r.Name] = true
		for i, rule := range r.Rules {
			if err := rule.check(); err != nil {
				return fmt.Errorf("%w: receiver %q, rule %d: %w", ErrBadPolicy, r.Name, i+1, err)
			}
		}
	}
	return nil
}

func (r Rule) check() error {
	if len(r.What) == 0 {
		return errors.New("what is empty")
	}
	for _, w := range r.What {
		if !slices.Contains(whats(), w) {
			return fmt.Errorf("what %q is not one of %v", w, whats())
		}
	}
	if r.When.MinPriority < 0 || r.When.MinPriority > 3 {
		return fmt.Errorf("min_priority %d is not between 1 and 3", r.When.MinPriority)
	}
	if c := r.When.Within; c != nil && !(c.RadiusM > 0 && math.Abs(c.Lat) <= 90 && math.Abs(c.Lon) <= 180) {
		return fmt.Errorf("within %+v is not a circle on the ground", *c)
	}
	if r.When.Hours != nil {
		_, err := r.When.Hours.holds(time.Unix(0, 0))
		return err
	}
	return nil
}

// Subject is what a decision is about.
type Subject struct {
	What        string
	At          time.Time
	Fix         alpr.Fix
	Hit         *alpr.Hit // nil when it belongs to no hit
	IsEmergency bool      // the button is held
}

// SubjectOf is what an outbox item asks to be released as.
func SubjectOf(it *alpr.OutboxItem, isEmergency bool) Subject {
	s := Subject{What: string(it.Kind), At: it.RecordedAt, Hit: it.Hit, IsEmergency: isEmergency}
	if it.Kind == alpr.KindExpired {
		s.What = Audit
	}
	if it.Read != nil {
		s.At, s.Fix = it.Read.At, it.Read.Fix
	}
	return s
}

// To is the receivers that s may go to, in the file's order.
func (p *Policy) To(s Subject) []string {
	var out []string
	for _, r := range p.Receivers {
		if slices.ContainsFunc(r.Rules, func(rule Rule) bool { return slices.Contains(rule.What, s.What) && rule.When.holds(s) }) {
			out = append(out, r.Name)
		}
	}
	return out
}

func (c Condition) holds(s Subject) bool {
	if (c.HitOnly || len(c.Lists) > 0 || c.MinPriority > 0) && s.Hit == nil {
		return false
	}
	if len(c.Lists) > 0 && !slices.Contains(c.Lists, s.Hit.Entry.List) {
		return false
	}
	if c.MinPriority > 0 && int(s.Hit.Entry.Priority) < c.MinPriority {
		return false
	}
	if c.IsEmergency && !s.IsEmergency {
		return false
	}
	if c.Within != nil && !(s.Fix.IsValid() && c.Within.contains(s.Fix)) {
		return false
	}
	if c.Hours != nil {
		in, err := c.Hours.holds(s.At)
		return err == nil && in
	}
	return true
}

// contains uses the haversine formula on a sphere of the Earth's mean radius
// (R. W. Sinnott, "Virtues of the Haversine", 1984); its error, under 0.6 %,
// does not matter for an area.
func (c *Circle) contains(f alpr.Fix) bool {
	const radius, rad = 6371008.8, math.Pi / 180
	dLat, dLon := (f.Lat-c.Lat)*rad, (f.Lon-c.Lon)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(f.Lat*rad)*math.Cos(c.Lat*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2*radius*math.Asin(math.Min(1, math.Sqrt(h))) <= c.RadiusM
}

func (h *Hours) holds(at time.Time) (bool, error) {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		return false, fmt.Errorf("hours.zone %q: %w", h.Zone, err)
	}
	from, err1 := time.Parse("15:04", h.From)
	to, err2 := time.Parse("15:04", h.To)
	if err := errors.Join(err1, err2); err != nil {
		return false, fmt.Errorf("hours are not written as \"18:00\": %w", err)
	}
	minute := func(t time.Time) int { return 60*t.Hour() + t.Minute() }
	now, a, b := minute(at.In(zone)), minute(from), minute(to)
	if a <= b {
		return a <= now && now < b, nil
	}
	return now >= a || now < b, nil
}
