package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"alpr"
)

const (
	maxFound   = 50
	maxPurpose = 200
)

// foundView is what is known of a plate.
type foundView struct {
	Reads  []readView   `json:"reads"`
	IsMore bool         `json:"is_more"`
	Listed []listedView `json:"listed"`
}

// listedView is an entry in force.
type listedView struct {
	Plate    string `json:"plate"`
	State    string `json:"state"`
	List     string `json:"list"`
	Category string `json:"category"`
	Reason   string `json:"reason"`
	Caution  string `json:"caution"`
}

// lookup finds past reads of one plate, or of every plate that a pattern fits,
// and what the lists say of it now. The law of some states asks of every access
// who, when, what and why: without a purpose, or where that cannot be written
// down, nothing is shown.
func (c *Console) lookup(w http.ResponseWriter, r *http.Request, me who) error {
	var in struct{ Plate, Purpose, Case string }
	if err := decode(r, &in); err != nil {
		return err
	}
	find, plate, err := c.finder(in.Plate)
	if err != nil {
		return err
	}
	if err := checkPurpose(in.Purpose, in.Case); err != nil {
		return err
	}
	tag, err := c.deps.Auditor.PlateTag(plate)
	if err != nil {
		return fmt.Errorf("name the plate for the audit log: %w", err)
	}
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionLookup, Subject: tag, Purpose: in.Purpose,
		Detail: map[string]string{"case": in.Case}}); err != nil {
		return err
	}
	reads, err := find(r.Context(), plate, maxFound+1)
	if err != nil {
		return fmt.Errorf("look up past reads: %w", err)
	}
	found := foundView{Reads: []readView{}, IsMore: len(reads) > maxFound}
	for _, rd := range reads[:min(len(reads), maxFound)] {
		found.Reads = append(found.Reads, viewRead(rd))
	}
	if found.Listed, err = c.listedAs(r.Context(), plate); err != nil {
		return err
	}
	return reply(w, http.StatusOK, found)
}

type findReads func(ctx context.Context, plate string, limit int) ([]alpr.Read, error)

// finder takes a whole plate, or a pattern where the records can be searched so.
func (c *Console) finder(s string) (findReads, string, error) {
	if !strings.ContainsAny(s, "?*") {
		plate, err := checkPlate(s)
		return c.deps.History.ReadsByPlate, plate, err
	}
	if c.deps.ReadsLike == nil {
		return nil, "", bad("plate: give the whole plate: this car's records cannot be searched by a part of it")
	}
	plate, err := checkPattern(s)
	return c.deps.ReadsLike, plate, err
}

// leastKnown is how many characters of a pattern must be known: fewer would list
// everybody who drove by.
const leastKnown = 3

// checkPattern takes a plate in which ? stands for one character that was not
// seen, and * for any number of them.
func checkPattern(s string) (string, error) {
	var b strings.Builder
	known := 0
	for _, r := range strings.ToUpper(s) {
		switch {
		case r == '?' || r == '*':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			b.WriteRune(r)
			known++
		case r == ' ' || r == '-':
		default:
			return "", bad("plate: %q: use letters, digits, ? and *", r)
		}
	}
	if known < leastKnown || b.Len() > 2*alpr.Slots {
		return "", bad("plate: give at least %d characters that were seen", leastKnown)
	}
	return b.String(), nil
}

// listed says what the lists say of a plate on the screen: one touch, without a
// purpose, since every read is compared with the lists anyway.
func (c *Console) listed(w http.ResponseWriter, r *http.Request, _ who) error {
	var in struct{ Plate string }
	if err := decode(r, &in); err != nil {
		return err
	}
	plate, err := checkPlate(in.Plate)
	if err != nil {
		return err
	}
	found := foundView{Reads: []readView{}}
	if found.Listed, err = c.listedAs(r.Context(), plate); err != nil {
		return err
	}
	return reply(w, http.StatusOK, found)
}

func (c *Console) listedAs(ctx context.Context, plate string) ([]listedView, error) {
	views := []listedView{}
	if c.deps.Listed == nil {
		return views, nil
	}
	entries, err := c.deps.Listed(ctx, plate)
	if err != nil {
		return nil, fmt.Errorf("look the plate up on the lists: %w", err)
	}
	for _, e := range entries[:min(len(entries), maxFound)] {
		views = append(views, listedView{Plate: e.Plate, State: e.State, List: tidy(e.List, maxName), Category: tidy(e.Category, maxName),
			Reason: tidy(e.Reason, maxReason), Caution: tidy(e.Caution, maxWarn)})
	}
	return views, nil
}

// leastPlate is how many characters a plate has that an officer may ask for or
// list: one alone would alert on too much.
const leastPlate = 2

// checkPlate takes what an officer typed or pasted.
func checkPlate(s string) (string, error) {
	p, err := alpr.ParsePlate(s)
	if err != nil {
		return "", bad("plate: %w", err)
	}
	if len(p) < leastPlate {
		return "", bad("plate: give %d to %d letters and digits", leastPlate, alpr.Slots)
	}
	return p, nil
}

func checkPurpose(purpose, caseNumber string) error {
	switch {
	case alpr.CheckPurpose(purpose) != nil:
		return bad("purpose: say why you look this up; it goes into the audit log: %w", alpr.CheckPurpose(purpose))
	case utf8.RuneCountInString(purpose) > maxPurpose:
		return bad("purpose: at most %d characters", maxPurpose)
	case utf8.RuneCountInString(caseNumber) > maxField:
		return bad("case number: at most %d characters", maxField)
	}
	return nil
}

// isKnownRegion takes an ISO 3166 code of the table, or none.
func isKnownRegion(code string) bool {
	return code == "" || regionName(code) != code || slices.Contains(regionCodes(), code)
}
