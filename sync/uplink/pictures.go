package uplink

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"alpr"
	"alpr/internal/atomicfile"
	"alpr/internal/regular"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/sharing"
)

// pieceBytes is the size of a picture's pieces: one is on its way at a time, so
// a hit waits for no more than this.
const pieceBytes = 24 << 10

// answeredFor is how long an answered request is remembered, so that its
// retained statement is not answered again.
const answeredFor = 30 * 24 * time.Hour

// Shot is a picture and what it belongs to.
type Shot struct {
	JPEG []byte
	Read alpr.Read
	Hit  *alpr.Hit // nil when the read is of no hit
}

// PictureSource finds pictures by the SHA-256 of their bytes. One that is gone,
// or past its time, is an error.
type PictureSource interface {
	PictureByHash(ctx context.Context, sha256 [32]byte) (Shot, error)
}

func (u *Uplink) shot(ctx context.Context, sha string) (Shot, error) {
	if u.opt.Pictures == nil {
		return Shot{}, errors.New("this vehicle sends no pictures")
	}
	raw, err := hex.DecodeString(sha)
	if err != nil || len(raw) != 32 {
		return Shot{}, fmt.Errorf("picture hash %q is not a SHA-256 in hexadecimal", sha)
	}
	shot, err := u.opt.Pictures.PictureByHash(ctx, [32]byte(raw))
	if err != nil {
		return Shot{}, fmt.Errorf("find picture %s: %w", sha, err)
	}
	return shot, nil
}

// uploadQueue is the list of pictures still to send. It survives a restart.
type uploadQueue struct {
	path string
	mu   sync.Mutex
	wake chan struct{} // one slot: something was added
	list uploadList
}

type uploadList struct {
	Waiting  []*upload            `json:"waiting"`
	Answered map[string]time.Time `json:"answered"` // hash → when it was requested
}

// upload is one picture on its way.
type upload struct {
	SHA256      string    `json:"sha256"`
	Reason      string    `json:"reason"` // "request" or "policy"
	RequestedAt time.Time `json:"requested_at,omitzero"`
	Have        []int     `json:"have,omitempty"` // offsets that need not be sent
	Next        int       `json:"next"`           // offset of the next piece
}

func openUploads(dir string, log *slog.Logger) (*uploadQueue, error) {
	a := &uploadQueue{path: filepath.Join(dir, "pictures.json"), wake: make(chan struct{}, 1)}
	a.list.Answered = map[string]time.Time{}
	b, err := regular.ReadFile(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &a.list)
	}
	if err != nil { // pictures can be requested again: no reason to send nothing at all
		log.Error("the list of pictures to send cannot be read: it is set aside, and begins anew", "file", a.path, "error", err)
		a.list = uploadList{}
		if err := os.Rename(a.path, a.path+".damaged"); err != nil {
			return nil, fmt.Errorf("set the list of pictures to send aside: %w", err)
		}
	}
	a.list.Waiting = slices.DeleteFunc(a.list.Waiting, func(e *upload) bool { return e == nil || e.Next < 0 })
	if a.list.Answered == nil {
		a.list.Answered = map[string]time.Time{}
	}
	return a, nil
}

func (a *uploadQueue) save() error {
	b, err := json.Marshal(a.list)
	if err != nil {
		return fmt.Errorf("encode the list of pictures to send: %w", err)
	}
	return atomicfile.Write(a.path, b, 0o600)
}

// request adds what was asked for, unless this very request is known.
func (a *uploadQueue) request(r downlink.ImageRequest, now time.Time) (isNew bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at, ok := a.list.Answered[r.SHA256]; ok && !r.RequestedAt.After(at) {
		return false, nil
	}
	for sha, at := range a.list.Answered {
		if now.Sub(at) > answeredFor {
			delete(a.list.Answered, sha)
		}
	}
	return a.add(&upload{SHA256: r.SHA256, Reason: "request", RequestedAt: r.RequestedAt, Have: r.Have})
}

// plan adds a picture that the policy sends of itself.
func (a *uploadQueue) plan(sha string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.add(&upload{SHA256: sha, Reason: "policy"})
	return err
}

func (a *uploadQueue) add(e *upload) (bool, error) {
	for _, w := range a.list.Waiting {
		if w.SHA256 == e.SHA256 && !e.RequestedAt.After(w.RequestedAt) {
			return false, nil
		}
	}
	a.list.Waiting = append(a.list.Waiting, e)
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return true, a.save()
}

// first is a copy of the upload to work on, with ok false when there is none.
func (a *uploadQueue) first() (e upload, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.list.Waiting) == 0 {
		return upload{}, false
	}
	return *a.list.Waiting[0], true
}

// advance notes that the first upload has come so far.
func (a *uploadQueue) advance(next int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list.Waiting[0].Next = next
	return a.save()
}

// done takes the first upload off the list.
func (a *uploadQueue) done() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.list.Waiting[0]
	a.list.Waiting = slices.Delete(a.list.Waiting, 0, 1)
	if e.Reason == "request" {
		a.list.Answered[e.SHA256] = e.RequestedAt
	}
	return a.save()
}

// planPictures notes, before a hit is published, the pictures that shall
// follow it; so they follow even when power fails in between.
func (u *Uplink) planPictures(it *alpr.OutboxItem) error {
	if u.opt.Pictures == nil || u.sharing.HitPictures == "none" || !it.SentAt.IsZero() || it.Read == nil {
		return nil
	}
	pics := []alpr.Picture{it.Read.Crop}
	if u.sharing.HitPictures == "all" {
		pics = append(pics, it.Read.Context)
	}
	for _, p := range pics {
		if p.SHA256 == ([32]byte{}) {
			continue
		}
		if err := u.pictures.plan(hex.EncodeToString(p.SHA256[:])); err != nil {
			return err
		}
	}
	return nil
}

// sendPictures works the list off, one piece at a time.
func (s *session) sendPictures(ctx context.Context) {
	a := s.u.pictures
	for ctx.Err() == nil {
		e, ok := a.first()
		if !ok {
			select {
			case <-a.wake:
			case <-ctx.Done():
			}
			continue
		}
		err := s.sendPicture(ctx, e)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.u.log.Warn("picture not sent", "sha256", e.SHA256, "error", err)
			s.u.audit(ctx, "system", "downlink", alpr.ActionRefuse, e.SHA256, map[string]string{"reason": err.Error()})
			if e.Reason == "request" {
				s.refusePicture(ctx, e.SHA256, e.RequestedAt, err)
			}
		}
		if err := a.done(); err != nil {
			s.u.log.Error("note that a picture is done", "error", err)
			return
		}
	}
}

// sendPicture sends what is missing of one picture. An error other than the
// context's is final for this picture.
func (s *session) sendPicture(ctx context.Context, e upload) error {
	u := s.u
	shot, err := u.shot(ctx, e.SHA256)
	if err != nil {
		return err
	}
	if got := downlink.Hash(shot.JPEG); got != e.SHA256 {
		return fmt.Errorf("the picture kept under this hash has hash %s", got)
	}
	to := u.sharing.To(shot.subject(u.isEmergency()))
	if len(to) == 0 {
		return errors.New("the sharing policy keeps it on the vehicle")
	}
	for offset := e.Next; offset < len(shot.JPEG); offset += pieceBytes {
		if slices.Contains(e.Have, offset) {
			continue
		}
		end := min(offset+pieceBytes, len(shot.JPEG))
		piece := event.Image{ReadID: shot.Read.ID, SHA256: e.SHA256, Size: len(shot.JPEG), Offset: offset, JPEG: shot.JPEG[offset:end], Reason: e.Reason}
		payload, err := u.encode(event.TypeImage, piece)
		if err != nil {
			return err
		}
		if err := s.publishTo(ctx, to, event.TopicImage, payload); err != nil {
			<-ctx.Done() // the link is gone: the session ends, the next goes on from here
			return ctx.Err()
		}
		if err := u.pictures.advance(end); err != nil {
			u.log.Error("note how far a picture has come", "error", err)
		}
	}
	u.audit(ctx, "system", e.Reason, alpr.ActionReleasePicture, e.SHA256, map[string]string{"to": fmt.Sprint(to)})
	return nil
}

// publishTo sends one payload to all receivers, and waits for the broker.
func (s *session) publishTo(ctx context.Context, to []string, level string, payload []byte) error {
	for _, r := range to {
		topic := s.u.vehicle.Topic(level)
		if r != sharing.Agency {
			topic = s.u.vehicle.ShareTopic(r, level)
		}
		if err := s.link.wait(ctx, s.link.client.Publish(topic, 1, false, payload)); err != nil {
			return fmt.Errorf("publish to %s: %w", topic, err)
		}
	}
	return nil
}
