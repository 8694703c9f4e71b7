package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
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

// answerIn is an answer as the page sends it.
type answerIn struct {
	Read                             string // the plate as the officer saw it on the page
	Withdrawn                        bool   // he saw the hit taken back
	Verdict, Corrected, Action, Note string
}

// dispose records what the officer found. It answers only when the record is
// durable, and the case is closed on every page then. Every list's hit on the
// card is answered alike. Where the disk takes nothing the answer says that it
// waits (202).
func (c *Console) dispose(w http.ResponseWriter, r *http.Request, me who) error {
	var in answerIn
	_, _, err := c.hitOf(r)
	if err != nil {
		return err
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	id, hc, err := c.recheckCase(r)
	if err != nil {
		return err
	}
	if hc.view.Withdrawn && !in.Withdrawn {
		return problem{http.StatusConflict, fmt.Errorf("this hit was just taken back: do not act on it. %s", hc.view.WithdrawnWhy)}
	}
	if in.Read != hc.view.Read {
		return problem{http.StatusConflict, errors.New("the plate was just read anew: look at it again before you decide")}
	}
	d, err := c.disposition(in, me, hc)
	if err != nil {
		return err
	}
	waits, err := c.recordAll(r.Context(), d, hc.standing())
	if err != nil {
		return err
	}
	c.board.dispose(id, doneView{Verdict: d.Verdict, Officer: d.Officer, At: d.At, Corrected: d.Corrected, Action: tidy(d.Action, maxField), Note: tidy(d.Note, maxNote)})
	answer := map[string]any{"precision": c.statusView().Precision}
	if waits != nil {
		answer["waiting"] = waits.Error()
		return reply(w, http.StatusAccepted, answer)
	}
	return reply(w, http.StatusOK, answer)
}

// recheckCase asks the lists about every hit of a case, at the instant of its answer.
func (c *Console) recheckCase(r *http.Request) (alpr.ID, hitCase, error) {
	id, hc, err := c.hitOf(r)
	if err != nil || c.deps.Recheck == nil {
		return id, hc, err
	}
	for _, h := range hc.hits {
		c.deps.Recheck(r.Context(), h.ID)
	}
	return c.hitOf(r)
}

func (c *Console) disposition(in answerIn, me who, hc hitCase) (alpr.Disposition, error) {
	d := alpr.Disposition{At: c.now(), Officer: me.Name, Verdict: alpr.Verdict(in.Verdict), Action: in.Action, Note: strings.TrimSpace(in.Note)}
	var err error
	if strings.TrimSpace(in.Corrected) != "" {
		if d.Corrected, err = alpr.ParsePlate(in.Corrected); err != nil {
			return d, bad("corrected plate: %w", err)
		}
	}
	if err := c.checkDisposition(d); err != nil {
		return d, err
	}
	if d.Corrected != "" && d.Corrected == hc.view.Read {
		return d, bad("the corrected plate is the one that was read: correct it, or leave it empty")
	}
	return d, nil
}

// recordAll records one answer for each hit; waits says that one is taken and not
// on record yet.
func (c *Console) recordAll(ctx context.Context, d alpr.Disposition, hits []alpr.Hit) (waits, err error) {
	for _, h := range hits {
		d.HitID = h.ID
		if d.ID, err = alpr.NewID(d.At, rand.Reader); err != nil {
			return nil, err
		}
		if err := c.deps.Disposer.Dispose(ctx, d); errors.Is(err, alpr.ErrNotYetRecorded) {
			waits = err
		} else if err != nil {
			return nil, problem{http.StatusServiceUnavailable, fmt.Errorf("NOT recorded, try again: %w", err)}
		}
		c.mu.Lock()
		if c.disposed[h.ID] = d.Verdict; d.Verdict == alpr.VerdictUndone {
			delete(c.disposed, h.ID)
		}
		c.mu.Unlock()
	}
	return waits, nil
}

// undoWithin is how long after an answer its officer may take it back.
const undoWithin = 15 * time.Second // the page offers ten; the way there and back takes time

// undo takes an officer's own last answer back. Both stay on record, and the hit
// waits again.
func (c *Console) undo(w http.ResponseWriter, r *http.Request, me who) error {
	id, hc, err := c.hitOf(r)
	if err != nil {
		return err
	}
	if done := hc.done; done == nil || done.Officer != me.Name || c.now().Sub(done.At) > undoWithin {
		return problem{http.StatusConflict, errors.New("this answer cannot be taken back any more: open the hit and add another")}
	}
	d := alpr.Disposition{At: c.now(), Officer: me.Name, Verdict: alpr.VerdictUndone}
	if _, err := c.recordAll(r.Context(), d, hc.standing()); err != nil {
		return err
	}
	c.board.reopen(id)
	return done(w)
}

func (c *Console) checkDisposition(d alpr.Disposition) error {
	switch {
	case !slices.Contains(verdicts, d.Verdict):
		return bad("verdict %q: use one of %q", d.Verdict, verdicts)
	case d.Action != "" && !slices.Contains(c.words().Actions, d.Action):
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
