package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"alpr"
)

const (
	maxNote  = 1000 // characters
	maxField = 120
)

//nolint:gochecknoglobals // a table that nothing writes to
var verdicts = []alpr.Verdict{alpr.VerdictConfirmed, alpr.VerdictMisread, alpr.VerdictWrongState,
	alpr.VerdictNotWanted, alpr.VerdictDismissed}

var errNoHit = errors.New("this hit is not on the screen any more")

// dispose records what the officer found. It answers only when the record is
// durable, and the case is closed on every page then. Where the disk takes nothing
// the answer says that it waits (202).
func (c *Console) dispose(w http.ResponseWriter, r *http.Request, me who) error {
	hit, hc, err := c.hitOf(r)
	if err != nil {
		return err
	}
	var in struct {
		Read                             string // the plate as the officer saw it on the page
		Withdrawn                        bool   // he saw the hit taken back
		Verdict, Corrected, Action, Note string
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if c.deps.Recheck != nil {
		c.deps.Recheck(r.Context(), hit)
		if hit, hc, err = c.hitOf(r); err != nil {
			return err
		}
	}
	if hc.view.Withdrawn && !in.Withdrawn {
		return problem{http.StatusConflict, fmt.Errorf("this hit was just taken back: do not act on it. %s", hc.view.WithdrawnWhy)}
	}
	if in.Read != hc.view.Read {
		return problem{http.StatusConflict, errors.New("the plate was just read anew: look at it again before you decide")}
	}
	d := alpr.Disposition{HitID: hit, At: c.now(), Officer: me.Name, Verdict: alpr.Verdict(in.Verdict),
		Action: in.Action, Note: strings.TrimSpace(in.Note)}
	if strings.TrimSpace(in.Corrected) != "" {
		if d.Corrected, err = alpr.ParsePlate(in.Corrected); err != nil {
			return bad("corrected plate: %w", err)
		}
	}
	if err := c.checkDisposition(d); err != nil {
		return err
	}
	if d.Corrected != "" && d.Corrected == hc.view.Read {
		return bad("the corrected plate is the one that was read: correct it, or leave it empty")
	}
	if d.ID, err = alpr.NewID(d.At, rand.Reader); err != nil {
		return err
	}
	code, answer := http.StatusOK, map[string]any{}
	if err := c.deps.Disposer.Dispose(r.Context(), d); errors.Is(err, alpr.ErrNotYetRecorded) {
		code, answer["waiting"] = http.StatusAccepted, err.Error()
	} else if err != nil {
		return problem{http.StatusServiceUnavailable, fmt.Errorf("NOT recorded, try again: %w", err)}
	}
	c.mu.Lock()
	c.disposed[hit] = d.Verdict
	c.mu.Unlock()
	c.board.dispose(hit, doneView{Verdict: d.Verdict, Officer: d.Officer, At: d.At, Corrected: d.Corrected, Action: d.Action, Note: d.Note})
	answer["precision"] = c.statusView().Precision
	return reply(w, code, answer)
}

func (c *Console) checkDisposition(d alpr.Disposition) error {
	switch {
	case !slices.Contains(verdicts, d.Verdict):
		return bad("verdict %q: use one of %q", d.Verdict, verdicts)
	case d.Action != "" && !slices.Contains(c.cfg.Actions, d.Action):
		return bad("action %q: use one of the agency's actions", d.Action)
	case utf8.RuneCountInString(d.Note) > maxNote:
		return bad("the note is too long: at most %d characters", maxNote)
	case d.Corrected != "" && d.Verdict != alpr.VerdictMisread:
		return bad("a corrected plate belongs to a misread alone")
	}
	return nil
}

// acknowledge notes that the officer has seen that a hit was taken back.
func (c *Console) acknowledge(w http.ResponseWriter, r *http.Request, me who) error {
	hit, _, err := c.hitOf(r)
	if err != nil {
		return err
	}
	if !c.board.acknowledge(hit) {
		return problem{http.StatusConflict, errors.New("this hit was not withdrawn: give a verdict on it")}
	}
	_ = c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionWithdrawalSeen, Subject: hit.String(), Purpose: "hit"})
	return done(w)
}

func (c *Console) hitOf(r *http.Request) (alpr.ID, hitCase, error) {
	id, err := alpr.ParseID(r.PathValue("id"))
	if err != nil {
		return alpr.ID{}, hitCase{}, bad("%w", err)
	}
	hc, ok := c.board.hit(id)
	if !ok {
		return alpr.ID{}, hitCase{}, problem{http.StatusNotFound, errNoHit}
	}
	return id, hc, nil
}

// hitPicture sends a picture of a case on the board. To compare it with the car
// ahead is the purpose; the first view of each officer's session is audited.
func (c *Console) hitPicture(w http.ResponseWriter, r *http.Request, me who) error {
	hit, hc, err := c.hitOf(r)
	if err != nil {
		return err
	}
	which, err := pictureKind(r.PathValue("which"))
	if err != nil {
		return err
	}
	if name := fmt.Sprint(hit, which, hc.view.Rev); c.sessions.firstView(me.token, name) {
		// Shown even where the log fails: an officer who cannot see the plate
		// cannot find the alert wrong. The failure shows on the status strip.
		_ = c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionViewPicture, Subject: hc.view.ReadID.String(), Purpose: "hit",
			Detail: map[string]string{"picture": which, "hit": hit.String()}})
	}
	if hc.hasPictures {
		p := hc.crop
		if which == PictureContext {
			p = hc.context
		}
		return sendPicture(w, p)
	}
	p, err := c.deps.History.Picture(r.Context(), hc.view.ReadID, which)
	if err != nil {
		return fmt.Errorf("fetch the picture: %w", err)
	}
	return sendPicture(w, p)
}

// readPicture sends a picture of any read on record. It needs a purpose, and is
// refused where the audit log cannot be written.
func (c *Console) readPicture(w http.ResponseWriter, r *http.Request, me who) error {
	id, err := alpr.ParseID(r.PathValue("id"))
	if err != nil {
		return bad("%w", err)
	}
	var in struct{ Which, Purpose, Case string }
	if err := decode(r, &in); err != nil {
		return err
	}
	which, err := pictureKind(in.Which)
	if err != nil {
		return err
	}
	if err := checkPurpose(in.Purpose, in.Case); err != nil {
		return err
	}
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionViewPicture, Subject: id.String(), Purpose: in.Purpose,
		Detail: map[string]string{"picture": which, "case": in.Case}}); err != nil {
		return err
	}
	p, err := c.deps.History.Picture(r.Context(), id, which)
	if err != nil {
		return fmt.Errorf("fetch the picture: %w", err)
	}
	return sendPicture(w, p)
}

func pictureKind(s string) (PictureKind, error) {
	if s != PictureCrop && s != PictureContext {
		return "", bad("picture %q: use %s or %s", s, PictureCrop, PictureContext)
	}
	return s, nil
}

func sendPicture(w http.ResponseWriter, p alpr.Picture) error {
	if len(p.JPEG) == 0 {
		return problem{http.StatusNotFound, errors.New("no picture is on record")}
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Write(p.JPEG)
	return nil
}
