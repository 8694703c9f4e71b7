package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// MaxPayload is the most bytes a payload may unfold to. A larger one is
// refused: a small message must not fill a receiver's memory.
const MaxPayload = 16 << 20

// ErrBadPayload reports bytes that are no event and no batch of events.
var ErrBadPayload = errors.New("payload is not an event, a batch of events, or a zstd frame of either")

// zstdMagic begins every zstd frame (RFC 8878, section 3.1.1).
const zstdMagic = "\x28\xb5\x2f\xfd"

// Encode is the payload for one event. The data is joined to the envelope as it
// is: encoding/json would read and copy it once more, which costs as much as
// making it.
func Encode(e Event) ([]byte, error) {
	data := e.Data
	if len(data) == 0 {
		data = json.RawMessage("null")
	}
	e.Data = nil
	head, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	out := make([]byte, 0, len(head)+len(data)+len(`,"data":`))
	out = append(out, head[:len(head)-1]...)
	out = append(out, `,"data":`...)
	return append(append(out, data...), '}'), nil
}

// Batcher makes compressed batches. It is not for concurrent use.
type Batcher struct {
	enc *zstd.Encoder
	buf bytes.Buffer
}

// NewBatcher makes a Batcher that compresses at zstd's fastest level.
func NewBatcher() (*Batcher, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(512<<10))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return &Batcher{enc: enc}, nil
}

// Encode is the payload for encoded events together (CloudEvents' JSON batch
// format, compressed). The result is the caller's.
func (b *Batcher) Encode(events [][]byte) []byte {
	b.buf.Reset()
	b.buf.WriteByte('[')
	for i, e := range events {
		if i > 0 {
			b.buf.WriteByte(',')
		}
		b.buf.Write(e)
	}
	b.buf.WriteByte(']')
	return b.enc.EncodeAll(b.buf.Bytes(), nil)
}

// Split takes a payload apart into the JSON of its events. It says nothing
// about what is in them.
func Split(payload []byte) ([]json.RawMessage, error) {
	if bytes.HasPrefix(payload, []byte(zstdMagic)) {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxPayload))
		if err != nil {
			return nil, fmt.Errorf("start zstd: %w", err)
		}
		defer d.Close()
		plain, err := d.DecodeAll(payload, nil)
		if err != nil {
			return nil, fmt.Errorf("%w: unfold zstd: %w", ErrBadPayload, err)
		}
		payload = plain
	}
	payload = bytes.TrimLeft(payload, " \t\r\n")
	switch {
	case len(payload) > MaxPayload:
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrBadPayload, len(payload), MaxPayload)
	case len(payload) > 0 && payload[0] == '{':
		return []json.RawMessage{payload}, nil
	case len(payload) > 0 && payload[0] == '[':
		var batch []json.RawMessage
		if err := json.Unmarshal(payload, &batch); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadPayload, err)
		}
		return batch, nil
	}
	return nil, ErrBadPayload
}

// Decode reads one event's JSON.
func Decode(raw []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}
