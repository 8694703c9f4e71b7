package console

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWordsAreSetWhileThePageIsOpen: what an agency calls things, and how the page
// speaks; who may do what is not changed with it.
func TestWordsAreSetWhileThePageIsOpen(t *testing.T) {
	c, _ := start(t, nil)
	p := logIn(t, c)
	next := testConfig()
	next.Language, next.Units, next.Hours, next.TimeZone = "es", "km/h", 12, "America/Lima"
	next.Actions, next.Purposes, next.Categories = []string{"Towed"}, []string{"Amber alert"}, []string{"Parking"}
	next.AddEntries, next.SessionFor = RoleSupervisor, time.Minute
	c.SetWords(next)
	said := p.do("GET", "/api/words", nil)
	for _, want := range []string{`"language":"es"`, `"units":"km/h"`, `"hour12":true`, `"zone":"America/Lima"`} {
		if said.Code != http.StatusOK || !strings.Contains(said.Body.String(), want) {
			t.Errorf("%d, no %s in %.200s", said.Code, want, said.Body)
		}
	}
	v := c.viewSession(who{User: User{Role: RoleOfficer}})
	if !slices.Equal(v.Actions, next.Actions) || !slices.Equal(v.Purposes, next.Purposes) || !slices.Equal(v.Categories, next.Categories) {
		t.Errorf("the page offers %q, %q, %q", v.Actions, v.Purposes, v.Categories)
	}
	if !v.MayAdd || c.cfg.SessionFor == time.Minute {
		t.Error("rights and times have changed with the words")
	}
}
