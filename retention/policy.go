package retention

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"alpr"
	"alpr/internal/strictyaml"
)

//go:embed profiles.yaml
var profilesYAML []byte

// maxRetention is the longest a policy may ask for: nothing is kept for ever.
const maxRetention = 5 * 366 * 24 * time.Hour

// Errors of policies.
var (
	ErrNoPolicy  = errors.New("no valid retention policy: nothing is stored until there is one")
	ErrNotTight  = errors.New("the backend may shorten retention, never lengthen it")
	ErrBadPolicy = errors.New("not a valid retention policy")
)

// Span is how long something is kept. In YAML: "3m", "12h", "21d", "0".
type Span time.Duration

// ParseSpan reads a number and one unit of s, m, h or d, or "0".
func ParseSpan(text string) (Span, error) {
	bad := fmt.Errorf("parse time span %q: expected a whole number and s, m, h or d, such as 21d, or 0", text)
	if text == "0" {
		return 0, nil
	}
	if len(text) < 2 {
		return 0, bad
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 31)
	if err != nil {
		return 0, bad
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[text[len(text)-1]]
	if unit == 0 {
		return 0, bad
	}
	if time.Duration(n) > maxRetention/unit {
		return 0, fmt.Errorf("parse time span %q: longer than five years", text)
	}
	return Span(time.Duration(n) * unit), nil
}

// String writes the span as ParseSpan reads it.
func (s Span) String() string {
	d := time.Duration(s)
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d > 0 && d%u.d == 0 {
			return strconv.FormatInt(int64(d/u.d), 10) + u.name
		}
	}
	if d == 0 {
		return "0"
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

// MarshalText and UnmarshalText let YAML and JSON carry a Span.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSpan reads.
func (s *Span) UnmarshalText(b []byte) error {
	v, err := ParseSpan(string(b))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

// Rules say how long each class is kept. 0 means never stored.
type Rules struct {
	Reads        Span `yaml:"reads" json:"reads"`               // reads on no list
	Hits         Span `yaml:"hits" json:"hits"`                 // hits and their reads
	Dispositions Span `yaml:"dispositions" json:"dispositions"` // what officers found
	Manual       Span `yaml:"manual" json:"manual"`             // entries made in the car, after they expire
}

// Detail is how much of a picture may be kept.
type Detail string

// The details, each with all before it.
const (
	DetailNone    Detail = "none"
	DetailCrop    Detail = "crop"    // the rectified plate
	DetailContext Detail = "context" // also the vehicle's rear or front
)

// Rank puts the details in order, from none; it is negative for one that is not known.
func (d Detail) Rank() int {
	return slices.Index([]Detail{DetailNone, DetailCrop, DetailContext}, d)
}

// Pictures says what is kept of pictures.
type Pictures struct {
	Reads Detail `yaml:"reads" json:"reads"`
	Hits  Detail `yaml:"hits" json:"hits"`
}

// Policy is what the agency allows to be kept. The zero Policy is not valid:
// a vehicle without a policy stores nothing.
type Policy struct {
	Profile   string   `yaml:"profile,omitempty" json:"profile,omitempty"` // the shipped rules it started from
	About     string   `yaml:"about,omitempty" json:"about,omitempty"`
	Retention Rules    `yaml:"retention" json:"retention"`
	Pictures  Pictures `yaml:"pictures" json:"pictures"`
}

// Profiles are the shipped policies by name.
func Profiles() (map[string]Policy, error) {
	type plain Policy // without UnmarshalYAML
	var shipped map[string]plain
	if err := strictyaml.Decode(profilesYAML, &shipped); err != nil {
		return nil, fmt.Errorf("read the shipped retention profiles: %w", err)
	}
	all := make(map[string]Policy, len(shipped))
	for name, p := range shipped {
		p.Profile = name
		all[name] = Policy(p)
	}
	return all, nil
}

// Parse reads a policy in YAML: a shipped profile by name, with any of
// its rules replaced, or all rules written out.
//
//	profile: us-me
//	retention: {reads: 7d}
func Parse(text []byte) (Policy, error) {
	var head struct {
		Profile string `yaml:"profile"`
	}
	if err := strictyaml.DecodeSome(text, &head); err != nil {
		return Policy{}, fmt.Errorf("%w: %w", ErrBadPolicy, err)
	}
	type plain Policy // without UnmarshalYAML
	policy := plain{Retention: Rules{Reads: -1, Hits: -1, Dispositions: -1, Manual: -1}}
	if head.Profile != "" {
		all, err := Profiles()
		if err != nil {
			return Policy{}, err
		}
		shipped, ok := all[head.Profile]
		if !ok {
			return Policy{}, fmt.Errorf("%w: no profile %q; shipped are %s", ErrBadPolicy, head.Profile,
				strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		policy = plain(shipped)
	}
	if err := strictyaml.Decode(text, &policy); err != nil {
		return Policy{}, fmt.Errorf("%w: %w", ErrBadPolicy, err)
	}
	if err := Policy(policy).Validate(); err != nil {
		return Policy{}, err
	}
	return Policy(policy), nil
}

// UnmarshalYAML reads a policy within a configuration file, as Parse does.
func (p *Policy) UnmarshalYAML(text []byte) error {
	policy, err := Parse(text)
	if err != nil {
		return err
	}
	*p = policy
	return nil
}

// Validate says which rule is missing or impossible.
func (p Policy) Validate() error {
	if p == (Policy{}) {
		return ErrNoPolicy
	}
	for _, r := range []struct {
		key string
		v   Span
	}{
		{"retention.reads", p.Retention.Reads}, {"retention.hits", p.Retention.Hits},
		{"retention.dispositions", p.Retention.Dispositions}, {"retention.manual", p.Retention.Manual},
	} {
		if r.v < 0 {
			return fmt.Errorf("%w: %s is missing: give a time such as 30d, or 0 for never stored", ErrBadPolicy, r.key)
		}
		if time.Duration(r.v) > maxRetention {
			return fmt.Errorf("%w: %s is longer than five years", ErrBadPolicy, r.key)
		}
		if r.v > 0 && time.Duration(r.v) < time.Minute {
			return fmt.Errorf("%w: %s is under a minute: use 0 for never stored", ErrBadPolicy, r.key)
		}
	}
	for key, d := range map[string]Detail{"pictures.reads": p.Pictures.Reads, "pictures.hits": p.Pictures.Hits} {
		if d.Rank() < 0 {
			return fmt.Errorf("%w: %s is %q: expected none, crop or context", ErrBadPolicy, key, d)
		}
	}
	return nil
}

// For is how long a class is kept; ok is false for a class that no rule
// covers.
func (p Policy) For(class alpr.RetentionClass) (d time.Duration, ok bool) {
	switch class {
	case alpr.RetainRead:
		return time.Duration(p.Retention.Reads), true
	case alpr.RetainHit:
		return time.Duration(p.Retention.Hits), true
	case alpr.RetainDisposition:
		return time.Duration(p.Retention.Dispositions), true
	case alpr.RetainManual:
		return time.Duration(p.Retention.Manual), true
	}
	return 0, false
}

// Tightest keeps of each rule the stricter one.
func (p Policy) Tightest(o Policy) Policy {
	p.Retention.Reads = min(p.Retention.Reads, o.Retention.Reads)
	p.Retention.Hits = min(p.Retention.Hits, o.Retention.Hits)
	p.Retention.Dispositions = min(p.Retention.Dispositions, o.Retention.Dispositions)
	p.Retention.Manual = min(p.Retention.Manual, o.Retention.Manual)
	if o.Pictures.Reads.Rank() < p.Pictures.Reads.Rank() {
		p.Pictures.Reads = o.Pictures.Reads
	}
	if o.Pictures.Hits.Rank() < p.Pictures.Hits.Rank() {
		p.Pictures.Hits = o.Pictures.Hits
	}
	return p
}

// Strictest keeps nothing.
func (p Policy) Strictest() Policy {
	p.Retention = Rules{}
	p.Pictures = Pictures{Reads: DetailNone, Hits: DetailNone}
	return p
}

// IsTighter says whether no rule of p is looser than o's.
func (p Policy) IsTighter(o Policy) bool {
	both := p.Tightest(o)
	return both.Retention == p.Retention && both.Pictures == p.Pictures
}
