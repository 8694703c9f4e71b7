package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"alpr/backend"
	"alpr/sync/event"
)

func TestFleetNamesAllLists(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	st := event.Status{Hotlists: map[string]uint64{"stolen": 7}, Lists: []event.ListInUse{
		{Name: "stolen", Version: "sync-7", Entries: 900}, {Name: "imported", Version: "0123456789abcdef", Entries: 5, PublishedAt: now.Add(-26 * time.Hour)}, {Name: "officers", Version: "2", Entries: 1},
	}}
	want := []string{"stolen:7", "imported:0123456789ab (26h0m0s old)", "officers:2 (no date)"}
	if got := listWords(st, now); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var out strings.Builder
	if err := printFleet(&out, []backend.FleetLine{{Vehicle: event.Vehicle{Agency: "pd", Name: "car-1"}, SaidAt: now, Status: st}}, false, now); err != nil || !strings.Contains(out.String(), strings.Join(want, " ")) {
		t.Errorf("%s, %v", out.String(), err)
	}
}
