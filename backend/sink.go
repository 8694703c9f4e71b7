package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"alpr"
	"alpr/sync/event"
)

// Batch is what one transaction keeps.
type Batch struct {
	Rows    []Row
	Letters []Letter
	Numbers []Number
}

// Kept says what a transaction added.
type Kept struct {
	Events     int // that were not there before
	Duplicates int // that were
	Alarms     []AuditAlarm
}

// Sink keeps batches. Write returns only when the batch is durable; after an
// error nothing of it may stay. The same event written twice is kept once. A
// Sink is used by one goroutine at a time.
type Sink interface {
	Write(ctx context.Context, b Batch) (Kept, error)
	Close() error
}

// twin is a sink that can open a second connection to the same place.
type twin interface{ Twin() Sink }

// twins are two sinks to the same place that may be used by a goroutine each. The
// second is closed with closeTwin.
func twins(s Sink) (first, second Sink) {
	if t, ok := s.(twin); ok {
		return s, t.Twin()
	}
	shared := &sharedSink{Sink: s}
	return shared, shared
}

func closeTwin(s Sink) error {
	if _, ok := s.(*sharedSink); ok {
		return nil
	}
	return s.Close()
}

// sharedSink lets two goroutines take turns.
type sharedSink struct {
	mu sync.Mutex
	Sink
}

// Write waits for its turn.
func (s *sharedSink) Write(ctx context.Context, b Batch) (Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Sink.Write(ctx, b)
}

// ErrBadData reports a batch that a sink will never take because of what is in
// it: its rows are tried one by one, and the bad ones become letters.
var ErrBadData = errors.New("the sink cannot keep this data")

// Ranges packs the batch's numbers, by vehicle.
func (b Batch) Ranges() map[event.Vehicle][]event.Range {
	type key struct {
		v    event.Vehicle
		boot alpr.ID
	}
	seqs := map[key][]uint64{}
	for _, n := range b.Numbers {
		k := key{n.Vehicle, n.Boot}
		seqs[k] = append(seqs[k], n.Seq)
	}
	out := map[event.Vehicle][]event.Range{}
	for k, s := range seqs {
		out[k.v] = append(out[k.v], event.Ranges(k.boot, s)...)
	}
	return out
}

// isState says whether the event tells of the vehicle's present state, of which
// only the last is kept.
func (r *Row) isState() bool {
	return r.Event.Type == event.TypeStatus || r.Event.Type == event.TypeHealth
}

// isLog says whether the event belongs to the log of events.
func (r *Row) isLog() bool {
	return !r.isState() && r.Event.Type != event.TypeImage
}

// seenAt is when the vehicle said so: by its own clock, but no later than it
// came, or a clock that was ahead once would hide all that is said after.
func (r *Row) seenAt() time.Time {
	if r.Event.Time.After(r.ReceivedAt) {
		return r.ReceivedAt
	}
	return r.Event.Time
}

func (r *Row) seq() (boot alpr.ID, seq uint64) {
	boot, seq, _ = r.Event.Numbers()
	return boot, seq
}

// readColumns is what the table of reads shows of an event.
type readColumns struct {
	plate, state string
	confidence   float64
	isPreview    bool
	at           time.Time
	lat, lon     *float64
	purgeAt      *time.Time
}

func columnsOf(r *event.Read) readColumns {
	c := readColumns{plate: r.Plate.Text, state: r.Plate.State, confidence: r.Plate.Confidence, isPreview: r.Preview, at: r.At, purgeAt: r.Retention.PurgeAt}
	if r.Position != nil {
		c.lat, c.lon = &r.Position.Lat, &r.Position.Lon
	}
	return c
}

// decode reads the data of the kinds that sinks spread over columns, where that
// has not been done.
func (r *Row) decode() (err error) {
	data := r.Event.Data
	if len(data) > 0 && len(r.from) == len(data) && &r.from[0] == &data[0] {
		return nil
	}
	r.from, r.read, r.hit, r.image, r.gap = nil, nil, nil, nil, nil
	switch r.Event.Type {
	case event.TypeRead:
		err = decodeInto(&r.read, r.Event.Data)
	case event.TypeHit:
		err = decodeInto(&r.hit, r.Event.Data)
	case event.TypeImage:
		err = decodeInto(&r.image, r.Event.Data)
	case event.TypeExpired, event.TypeWithheld:
		err = decodeInto(&r.gap, r.Event.Data)
	}
	if err != nil {
		return fmt.Errorf("%w: decode %s: %w", ErrBadData, r.Event.ID, err)
	}
	r.from = data
	return nil
}

func decodeInto[T any](into **T, data []byte) error {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	*into = v
	return nil
}

// dataTimes are the times that an event's data may carry; nil where it does not.
type dataTimes struct{ at, firstAt, lastAt, purgeAt *time.Time }

func (r *Row) times() (dataTimes, error) {
	switch {
	case r.read != nil:
		d := r.read
		return dataTimes{&d.At, &d.FirstAt, &d.LastAt, d.Retention.PurgeAt}, nil
	case r.hit != nil:
		return dataTimes{at: &r.hit.At, purgeAt: r.hit.Retention.PurgeAt}, nil
	case r.image != nil || r.gap != nil:
		return dataTimes{}, nil
	}
	var d struct {
		At        *time.Time      `json:"at"`
		Retention event.Retention `json:"retention"`
	}
	if err := json.Unmarshal(r.Event.Data, &d); err != nil {
		return dataTimes{}, fmt.Errorf("read the event's times: %w", err)
	}
	return dataTimes{at: d.At, purgeAt: d.Retention.PurgeAt}, nil
}

// purgeAt is when the event must be deleted; nil for no limit.
func (r *Row) purgeAt() *time.Time {
	d, err := r.times()
	if err != nil {
		return nil
	}
	return d.purgeAt
}

// purgeAtOf is purgeAt of an event that is no row: a dead letter.
func purgeAtOf(e event.Event) *time.Time {
	var d struct {
		Retention event.Retention `json:"retention"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return nil
	}
	return d.Retention.PurgeAt
}

// kind is the short name of an event type: "read" for "alpr.read.v1".
func (r *Row) kind() string {
	return strings.TrimSuffix(strings.TrimPrefix(r.Event.Type, "alpr."), ".v1")
}

// OpenSink opens the sink that a target names: "postgres://…", "sqlite:FILE",
// "ndjson:FILE", or "ndjson:-" for standard output.
func OpenSink(ctx context.Context, target string) (Sink, error) {
	scheme, rest, _ := strings.Cut(target, ":")
	switch scheme {
	case "postgres", "postgresql":
		return OpenPostgres(target)
	case "sqlite":
		return OpenSQLite(ctx, rest)
	case "ndjson":
		return OpenNDJSON(rest)
	}
	return nil, fmt.Errorf("a sink that begins with %q is not postgres://…, sqlite:FILE, ndjson:FILE or ndjson:-", scheme) // the rest may hold a password
}
