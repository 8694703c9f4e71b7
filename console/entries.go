package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"alpr"
)

// manualList is the name of the list that officers' own entries form.
const manualList = "manual"

// entryIn is an entry as the page sends it.
type entryIn struct {
	Plate, State, Reason, Category, Case, Caution string
	Make, Model, Year, Colour                     string
	Priority                                      int
	Hours                                         int // until it expires
	Covert                                        bool
}

// entryView is an entry as the page lists it.
type entryView struct {
	ID       string    `json:"id"`
	Plate    string    `json:"plate"` // as it is compared
	Given    string    `json:"given"` // as it was entered
	State    string    `json:"state"`
	Reason   string    `json:"reason"`
	Category string    `json:"category"`
	Case     string    `json:"case"`
	Vehicle  string    `json:"vehicle"`
	Source   string    `json:"source"`
	Expires  time.Time `json:"expires"`

	MayRemove bool `json:"may_remove"`     // by who asks
	Seen      int  `json:"seen,omitempty"` // past reads of the plate, told to who adds it
}

var errNoEntries = problem{http.StatusNotFound, errors.New("entries from the car are switched off")}

// addEntry puts a plate on the car's own list. Reason, case number and expiry
// are not optional: an entry that nobody can explain, or that never ends, is
// how the wrong family is stopped a year later.
func (c *Console) addEntry(w http.ResponseWriter, r *http.Request, me who) error {
	if c.deps.Entries == nil {
		return errNoEntries
	}
	if !c.mayAdd(me) {
		return problem{http.StatusForbidden, errors.New("your role does not allow it: ask a supervisor")}
	}
	var in entryIn
	if err := decode(r, &in); err != nil {
		return err
	}
	e, err := c.checkEntry(in, me)
	if err != nil {
		return err
	}
	if err := c.deps.Entries.AddEntry(r.Context(), e); err != nil {
		return fmt.Errorf("add the entry: %w", err)
	}
	v := viewEntry(e, me)
	v.Seen = c.seenBefore(r.Context(), me, e)
	return reply(w, http.StatusOK, v)
}

func (c *Console) checkEntry(in entryIn, me who) (alpr.Entry, error) {
	plate, err := checkPlate(in.Plate)
	if err != nil {
		return alpr.Entry{}, err
	}
	limit := int(c.cfg.EntryFor.Hours())
	if in.Hours == 0 {
		in.Hours = c.shiftHours(me)
	}
	switch {
	case !isKnownRegion(in.State):
		return alpr.Entry{}, bad("state: %q is not an ISO 3166 code such as US-FL", in.State)
	case alpr.CheckPurpose(in.Reason) != nil:
		return alpr.Entry{}, bad("reason: say why this plate is wanted: %w", alpr.CheckPurpose(in.Reason))
	case strings.TrimSpace(in.Case) == "":
		return alpr.Entry{}, bad("case number: an entry needs one")
	case in.Hours < 1 || in.Hours > max(limit, 1):
		return alpr.Entry{}, bad("expiry: give 1 to %d hours", max(limit, 1))
	case !slices.Contains(c.words().Categories, in.Category):
		return alpr.Entry{}, bad("category: use one of the agency's")
	case in.Priority < int(alpr.PriorityLow) || in.Priority > int(alpr.PriorityHigh):
		return alpr.Entry{}, bad("priority: use 1 (low), 2 (normal) or 3 (high)")
	}
	for _, s := range []string{in.Plate, in.Reason, in.Case, in.Caution, in.Make, in.Model, in.Year, in.Colour} {
		if utf8.RuneCountInString(s) > maxField {
			return alpr.Entry{}, bad("a field is too long: at most %d characters", maxField)
		}
	}
	now := c.now()
	id, err := alpr.NewID(now, rand.Reader)
	if err != nil {
		return alpr.Entry{}, err
	}
	return alpr.Entry{ID: id.String(), List: manualList, Source: me.Name, PlateGiven: strings.TrimSpace(in.Plate), Plate: plate, State: in.State,
		Reason: strings.TrimSpace(in.Reason), Category: in.Category, Priority: alpr.Priority(in.Priority),
		Vehicle:    alpr.Vehicle{Make: in.Make, Model: in.Model, Year: in.Year, Colour: in.Colour},
		CaseNumber: strings.TrimSpace(in.Case), Caution: strings.TrimSpace(in.Caution),
		Effective: now, Expires: now.Add(time.Duration(in.Hours) * time.Hour), IsCovert: in.Covert, IsManual: true, PublishedAt: now}, nil
}

// listEntries shows the officers' own entries: who is looked for, and why. It is
// refused where the view cannot be written down.
func (c *Console) listEntries(w http.ResponseWriter, r *http.Request, me who) error {
	if c.deps.Entries == nil {
		return errNoEntries
	}
	entries, err := c.deps.Entries.Entries(r.Context())
	if err != nil {
		return fmt.Errorf("list the entries: %w", err)
	}
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionViewEntries, Purpose: "officers' own entries",
		Detail: map[string]string{"entries": strconv.Itoa(len(entries))}}); err != nil {
		return err
	}
	views := []entryView{}
	for _, e := range entries {
		views = append(views, viewEntry(e, me))
	}
	return reply(w, http.StatusOK, map[string]any{"entries": views})
}

func viewEntry(e alpr.Entry, me who) entryView {
	return entryView{ID: e.ID, Plate: e.Plate, Given: tidy(e.PlateGiven, maxName), State: e.State, Reason: tidy(e.Reason, maxReason), Category: tidy(e.Category, maxName),
		Case: tidy(e.CaseNumber, maxName), Vehicle: tidy(vehicleWords(e.Vehicle), 2*maxName), Source: tidy(e.Source, maxName), Expires: e.Expires, MayRemove: mayRemove(e.Source, me)}
}

// mayRemove: an officer takes off what he listed himself, a supervisor all.
func mayRemove(source string, me who) bool {
	return me.Role == RoleSupervisor || me.Role != RoleTechnician && source == me.Name
}

// seenBefore counts the kept reads of a plate that was just listed. It is a
// look-up, and is not made where it cannot be written down.
func (c *Console) seenBefore(ctx context.Context, me who, e alpr.Entry) int {
	tag, err := c.deps.Auditor.PlateTag(e.Plate)
	if err != nil || c.audit(ctx, me, alpr.AuditRecord{Action: alpr.ActionMatchPast, Subject: tag, Purpose: e.Reason, Detail: map[string]string{"case": e.CaseNumber}}) != nil {
		return 0
	}
	reads, err := c.deps.History.ReadsByPlate(ctx, e.Plate, maxFound)
	if err != nil {
		c.log.Warn("past reads of a listed plate", keyErr, err)
	}
	return len(reads)
}

func (c *Console) removeEntry(w http.ResponseWriter, r *http.Request, me who) error {
	if c.deps.Entries == nil {
		return errNoEntries
	}
	var in struct{ ID, Reason string }
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.ID == "" || alpr.CheckPurpose(in.Reason) != nil || utf8.RuneCountInString(in.Reason) > maxField {
		return bad("say which entry, and why it is taken off")
	}
	if err := c.checkRemoval(r.Context(), in.ID, me); err != nil {
		return err
	}
	if err := c.deps.Entries.RemoveEntry(r.Context(), in.ID, me.Name, strings.TrimSpace(in.Reason)); err != nil {
		return fmt.Errorf("remove the entry: %w", err)
	}
	return done(w)
}

func (c *Console) checkRemoval(ctx context.Context, id string, me who) error {
	entries, err := c.deps.Entries.Entries(ctx)
	if err != nil {
		return fmt.Errorf("list the entries: %w", err)
	}
	for _, e := range entries {
		if e.ID == id && !mayRemove(e.Source, me) {
			return problem{http.StatusForbidden, fmt.Errorf("%s listed this plate: only he and a supervisor may take it off", e.Source)}
		}
	}
	return nil
}

// setEmergency switches emergency sharing on or off. It is switched on even
// where the audit log fails: an officer calls for help.
func (c *Console) setEmergency(w http.ResponseWriter, r *http.Request, me who) error {
	if c.deps.Emergency == nil {
		return problem{http.StatusNotFound, errors.New("emergency sharing is not set up")}
	}
	var in struct{ On bool }
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := c.deps.Emergency.SetEmergency(r.Context(), in.On, me.Name); err != nil {
		return problem{http.StatusServiceUnavailable, fmt.Errorf("emergency sharing was NOT switched: %w", err)}
	}
	c.mu.Lock()
	c.emergency = emergencyView{IsOn: in.On, Officer: me.Name, Since: c.now()}
	c.mu.Unlock()
	action := alpr.ActionEmergencyOff
	if in.On {
		action = alpr.ActionEmergencyOn
	}
	_ = c.audit(r.Context(), me, alpr.AuditRecord{Action: action, Purpose: "emergency"})
	c.board.tellStatus(c.statusView())
	return done(w)
}
