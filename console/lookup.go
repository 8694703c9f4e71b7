package console

import (
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"alpr"
)

const (
	maxFound   = 50
	maxPurpose = 200
)

// lookup finds past reads of one plate. The law of some states asks of every
// access who, when, what and why: without a purpose, or where that cannot be
// written down, nothing is shown.
func (c *Console) lookup(w http.ResponseWriter, r *http.Request, me who) error {
	var in struct{ Plate, Purpose, Case string }
	if err := decode(r, &in); err != nil {
		return err
	}
	plate, err := checkPlate(in.Plate)
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
	reads, err := c.deps.History.ReadsByPlate(r.Context(), plate, maxFound+1)
	if err != nil {
		return fmt.Errorf("look up past reads: %w", err)
	}
	found := struct {
		Reads  []readView `json:"reads"`
		IsMore bool       `json:"is_more"`
	}{Reads: []readView{}, IsMore: len(reads) > maxFound}
	for _, rd := range reads[:min(len(reads), maxFound)] {
		found.Reads = append(found.Reads, viewRead(rd))
	}
	return reply(w, http.StatusOK, found)
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
