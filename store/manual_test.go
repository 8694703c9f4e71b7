package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/retention"
)

func TestManualEntries(t *testing.T) {
	f := open(t, nil)
	good := alpr.Entry{ID: "m1", Plate: "ABC123", Reason: "bolo", CaseNumber: "31-1", Expires: f.clock.Now().Add(time.Hour)}
	for name, change := range map[string]func(*alpr.Entry){
		"no plate":  func(e *alpr.Entry) { e.Plate = "" },
		"no reason": func(e *alpr.Entry) { e.Reason = "" },
		"no case":   func(e *alpr.Entry) { e.CaseNumber = "" },
		"no expiry": func(e *alpr.Entry) { e.Expires = time.Time{} },
		"not read":  func(e *alpr.Entry) { e.PlateGiven = "ABC#123" },
		"another":   func(e *alpr.Entry) { e.PlateGiven = "ABC124" },
		"not plain": func(e *alpr.Entry) { e.Plate = "abc-123" },
		"past":      func(e *alpr.Entry) { e.Expires = f.clock.Now() },
	} {
		e := good
		change(&e)
		err := f.Manual().Add(context.Background(), officer, e)
		if !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrPast) && !errors.Is(err, alpr.ErrBadPlate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.Manual().Add(context.Background(), Access{}, good); err == nil {
		t.Error("taken from nobody")
	}
	before, err := f.Lists().Generation(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Manual().Add(context.Background(), officer, good); err != nil {
		t.Fatal(err)
	}
	after, err := f.Lists().Generation(context.Background())
	if err != nil || before == after {
		t.Errorf("the addition does not show: %q, %v", after, err)
	}
	f.reopen()
	entries, err := f.Manual().All(context.Background())
	if err != nil || len(entries) != 1 || !entries[0].IsManual || entries[0].Plate != "ABC123" {
		t.Fatalf("%+v, %v", entries, err)
	}
	if err := f.Manual().Remove(context.Background(), officer, "m1"); err != nil {
		t.Fatal(err)
	}
	if err := f.Manual().Remove(context.Background(), officer, "m1"); !errors.Is(err, ErrNotKept) {
		t.Errorf("removed twice: %v", err)
	}
	if entries, err := f.Manual().All(context.Background()); err != nil || len(entries) != 0 {
		t.Errorf("after its removal: %v, %v", entries, err)
	}
	f.clock.Add(31 * 24 * time.Hour)
	if _, err := f.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	if f.count("SELECT count(*) FROM manual_entries") != 0 {
		t.Error("kept after its retention")
	}
}

func TestMatchPastSeesOnlyWhatIsKept(t *testing.T) {
	f := open(t, func(c *Config) { c.Policy.Retention.Reads = retention.Span(time.Hour) })
	f.record(f.read("OLD111"))
	f.clock.Add(time.Hour)
	young := f.read("NEW222")
	f.record(young)
	var seen []string
	e := alpr.Entry{Plate: "NEW222", List: "manual", CaseNumber: "31-1"}
	err := f.Reads().MatchPast(context.Background(), officer, e, func(r *alpr.Read) error {
		if r.Text.Posterior != young.Text.Posterior {
			t.Error("the posterior was not kept")
		}
		seen = append(seen, r.Text.Text)
		return nil
	})
	if err != nil || strings.Join(seen, " ") != "NEW222" {
		t.Errorf("saw %v, %v", seen, err)
	}
	if n := f.count("SELECT count(*) FROM audit WHERE record LIKE '%match past reads%'"); n != 1 {
		t.Errorf("%d audit records of it", n)
	}
}
