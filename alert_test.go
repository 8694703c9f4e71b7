package alpr_test

import (
	"slices"
	"testing"

	"alpr"
)

// TestAlertPutsTheGravestFirst: one car on several lists is one alert whose
// first hit is the one to act by.
func TestAlertPutsTheGravestFirst(t *testing.T) {
	hit := func(list string, p alpr.Priority, prob float64) alpr.Hit {
		return alpr.Hit{Entry: alpr.Entry{ID: "1", List: list, Priority: p}, P: prob, State: alpr.StateMatch}
	}
	low, high, surer := hit("local", alpr.PriorityLow, 0.99), hit("ncic", alpr.PriorityHigh, 0.8), hit("state", alpr.PriorityNormal, 0.99)
	other, again := hit("state", alpr.PriorityNormal, 0.7), hit("a copy", alpr.PriorityNormal, 0.99)
	elsewhere := hit("abroad", alpr.PriorityHigh, 0.99)
	elsewhere.State = alpr.StateMismatch
	gone := hit("gone", alpr.PriorityHigh, 0.99)
	gone.IsWithdrawn = true
	given := []alpr.Hit{gone, low, other, surer, elsewhere, again, high}
	a := alpr.NewAlert(alpr.Read{Revision: 3}, given)
	var order []string
	for _, h := range a.Hits {
		order = append(order, h.Entry.List)
	}
	want := []string{"ncic", "abroad", "a copy", "state", "state", "local", "gone"}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if !a.Stands() || a.Priority() != alpr.PriorityHigh || a.Read.Revision != 3 {
		t.Errorf("alert %+v", a)
	}
	if given[0].Entry.List != "gone" {
		t.Error("the hits given were reordered")
	}
	if w := alpr.NewAlert(alpr.Read{}, []alpr.Hit{gone}); w.Stands() || w.Priority() != 0 {
		t.Error("an alert whose only hit is withdrawn does not stand")
	}
}
