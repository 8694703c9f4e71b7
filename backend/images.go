package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"alpr/sync/downlink"
	"alpr/sync/event"
)

// ErrPending reports a picture that has not arrived in time. The request stays
// with the broker: the vehicle answers when it connects.
var ErrPending = errors.New("the picture has not arrived yet; the request stays until it ends")

// ErrRefused reports a picture that the vehicle does not send.
var ErrRefused = errors.New("the vehicle does not send the picture")

// RequestImage asks a vehicle for a picture and waits for it until ctx is done.
// The request is audited in the vehicle with officer and purpose.
func RequestImage(ctx context.Context, b Broker, s Signer, r downlink.ImageRequest) ([]byte, error) {
	v := event.Vehicle{Agency: r.Agency, Name: r.Vehicle}
	if err := r.Check(v, r.RequestedAt); err != nil {
		return nil, err
	}
	if !downlink.IsHash(r.SHA256) {
		return nil, fmt.Errorf("picture %q: %w", r.SHA256, ErrNotAHash)
	}
	c, err := dial(ctx, b)
	if err != nil {
		return nil, err
	}
	defer c.close()
	in, err := c.listen(ctx, v.Topic(event.TopicImage))
	if err != nil {
		return nil, err
	}
	p := newPuzzle(r.SHA256)
	ask := func() error {
		statement, err := downlink.Sign(downlink.KindImage, r, s.Name, s.Private)
		if err != nil {
			return err
		}
		return c.retain(ctx, v.ImageRequestTopic(r.SHA256), statement)
	}
	if err := ask(); err != nil {
		return nil, err
	}
	again := time.NewTicker(time.Minute) // ask for what is missing
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %s of %s", ErrPending, r.SHA256, v)
		case <-again.C:
			r.RequestedAt, r.Have = r.RequestedAt.Add(time.Minute), p.have()
			if err := ask(); err != nil {
				return nil, err
			}
		case m := <-in:
			if why, isRefused := refusalOf(m.Payload(), r); isRefused {
				return nil, errors.Join(fmt.Errorf("%w: %s", ErrRefused, why), c.retain(ctx, v.ImageRequestTopic(r.SHA256), nil))
			}
			p.add(m.Payload())
			if jpeg, ok := p.whole(); ok {
				return jpeg, c.retain(ctx, v.ImageRequestTopic(r.SHA256), nil)
			}
		}
	}
}

// Requests are the hashes of the pictures that a vehicle has been asked for and has
// not answered.
func Requests(ctx context.Context, b Broker, v event.Vehicle) ([]string, error) {
	c, err := dial(ctx, b)
	if err != nil {
		return nil, err
	}
	defer c.close()
	found, err := c.retained(ctx, v.ImageRequestTopic("+"))
	if err != nil {
		return nil, err
	}
	prefix := v.ImageRequestTopic("")
	var out []string
	for topic := range found {
		out = append(out, strings.TrimPrefix(topic, prefix))
	}
	slices.Sort(out)
	return out, nil
}

// refusalOf is why the vehicle refuses the request, where the payload says so.
func refusalOf(payload []byte, r downlink.ImageRequest) (why string, isRefused bool) {
	e, err := event.Decode(payload)
	if err != nil || e.Type != event.TypeRefusal {
		return "", false
	}
	var f event.Refusal
	err = json.Unmarshal(e.Data, &f)
	return f.Reason, err == nil && f.SHA256 == r.SHA256 && !f.RequestedAt.Before(r.RequestedAt.Truncate(time.Microsecond))
}

// What a picture may have at most: docs/schema/image.json says the bytes.
const (
	maxPicture = 64 << 20
	maxPieces  = 4096
)

// puzzle puts the pieces of one picture together.
type puzzle struct {
	sha    string
	size   int
	pieces map[int][]byte // by offset
	held   int            // bytes of them
}

func newPuzzle(sha string) *puzzle { return &puzzle{sha: sha, pieces: map[int][]byte{}} }

func (p *puzzle) add(payload []byte) {
	var img event.Image
	e, err := event.Decode(payload)
	if err == nil && e.Type == event.TypeImage && json.Unmarshal(e.Data, &img) == nil {
		p.put(img)
	}
}

func (p *puzzle) put(img event.Image) {
	isWithin := img.Size > 0 && img.Size <= maxPicture && img.Offset >= 0 && img.Offset < img.Size && len(img.JPEG) <= img.Size-img.Offset
	before := p.pieces[img.Offset]
	held := p.held - len(before) + len(img.JPEG)
	if img.SHA256 == p.sha && isWithin && held <= maxPicture && (len(p.pieces) < maxPieces || before != nil) {
		p.pieces[img.Offset], p.size, p.held = img.JPEG, img.Size, held
	}
}

func (p *puzzle) have() []int {
	var out []int
	for offset := range p.pieces {
		out = append(out, offset)
	}
	slices.Sort(out)
	return out
}

// whole is the picture, once its pieces give the hash that was asked for.
func (p *puzzle) whole() ([]byte, bool) {
	var out []byte
	for _, offset := range p.have() {
		if offset != len(out) {
			return nil, false
		}
		out = append(out, p.pieces[offset]...)
	}
	return out, len(out) == p.size && p.size > 0 && downlink.Hash(out) == p.sha
}
