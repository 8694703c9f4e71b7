package sharing_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/sync/sharing"
	"alpr/sync/synctest/synthetic"
)

const policy = `
hit_pictures: crop
receivers:
  - name: agency
    release:
      - what: [hit, disposition, audit, image]
      - what: [read]
        when: {hit_only: true}
      - what: [emergency]
  - name: sheriff
    release:
      - what: [hit]
        when: {lists: [stolen], min_priority: 3, within: {lat: 28, lon: -82, radius_m: 10000}, hours: {from: "18:00", to: "06:00", zone: America/New_York}}
      - what: [hit, read, emergency]
        when: {emergency: true}
`

func TestConditions(t *testing.T) {
	p, err := sharing.Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	m := synthetic.New(1)
	night := time.Date(2026, 6, 1, 2, 0, 0, 0, time.UTC) // 22:00 in New York
	day := night.Add(12 * time.Hour)
	hit := func(change func(*alpr.OutboxItem)) alpr.OutboxItem {
		it := m.Hit(night)
		it.Read.At, it.Read.Fix.Lat, it.Read.Fix.Lon = night, 28.05, -82
		change(&it)
		return it
	}
	tests := []struct {
		name      string
		item      alpr.OutboxItem
		emergency bool
		want      []string
	}{
		{"a hit there and then", hit(func(*alpr.OutboxItem) {}), false, []string{"agency", "sheriff"}},
		{"by day", hit(func(it *alpr.OutboxItem) { it.Read.At = day }), false, []string{"agency"}},
		{"elsewhere", hit(func(it *alpr.OutboxItem) { it.Read.Fix.Lat = 28.2 }), false, []string{"agency"}},
		{"place not known", hit(func(it *alpr.OutboxItem) { it.Read.Fix = alpr.Fix{} }), false, []string{"agency"}},
		{"another list", hit(func(it *alpr.OutboxItem) { it.Hit.Entry.List = "local" }), false, []string{"agency"}},
		{"lower priority", hit(func(it *alpr.OutboxItem) { it.Hit.Entry.Priority = alpr.PriorityLow }), false, []string{"agency"}},
		{"by day, button held", hit(func(it *alpr.OutboxItem) { it.Read.At = day }), true, []string{"agency", "sheriff"}},
		{"a read of no hit", m.Read(night), false, nil},
		{"a read of no hit, button held", m.Read(night), true, []string{"sheriff"}},
		{"audit", m.Audit(night), false, []string{"agency"}},
		{"a gap explained", m.Expired(night, alpr.ID{1}, 1, 2), false, []string{"agency"}},
	}
	for _, tt := range tests {
		if got := p.To(sharing.SubjectOf(&tt.item, tt.emergency)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: to %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTheDefaultIsTheOwnBackendAlone(t *testing.T) {
	m, now := synthetic.New(1), time.Now()
	hit := m.Hit(now)
	for _, it := range []alpr.OutboxItem{hit, m.Read(now), m.Disposition(now, hit), m.Audit(now)} {
		if got := sharing.Default().To(sharing.SubjectOf(&it, true)); !slices.Equal(got, []string{sharing.Agency}) {
			t.Errorf("%s: to %v", it.Kind, got)
		}
	}
}

func TestABadPolicyReleasesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"misspelt condition": "receivers: [{name: a, release: [{what: [hit], when: {hitonly: true}}]}]",
		"unknown kind":       "receivers: [{name: a, release: [{what: [everything]}]}]",
		"no kind":            "receivers: [{name: a, release: [{when: {hit_only: true}}]}]",
		"bad name":           "receivers: [{name: a/b, release: []}]",
		"twice":              "receivers: [{name: a}, {name: a}]",
		"bad hours":          "receivers: [{name: a, release: [{what: [hit], when: {hours: {from: 6pm, to: \"06:00\"}}}]}]",
		"bad zone":           "receivers: [{name: a, release: [{what: [hit], when: {hours: {from: \"18:00\", to: \"06:00\", zone: Nowhere}}}]}]",
		"bad circle":         "receivers: [{name: a, release: [{what: [hit], when: {within: {lat: 200, lon: 0, radius_m: 5}}}]}]",
		"bad priority":       "receivers: [{name: a, release: [{what: [hit], when: {min_priority: 4}}]}]",
		"bad pictures":       "hit_pictures: some",
		"no YAML":            "{",
	} {
		if _, err := sharing.Parse([]byte(text)); !errors.Is(err, sharing.ErrBadPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(policy))
	it := synthetic.New(1).Hit(time.Unix(1e9, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := sharing.Parse(b); err == nil {
			p.To(sharing.SubjectOf(&it, true))
		}
	})
}
