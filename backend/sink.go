package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// body decodes the data of kinds that sinks spread over columns: at most one
// of the results is set.
func (r *Row) body() (read *event.Read, hit *event.Hit, image *event.Image, err error) {
	switch r.Event.Type {
	case event.TypeRead:
		read = &event.Read{}
		err = json.Unmarshal(r.Event.Data, read)
	case event.TypeHit:
		hit = &event.Hit{}
		err = json.Unmarshal(r.Event.Data, hit)
	case event.TypeImage:
		image = &event.Image{}
		err = json.Unmarshal(r.Event.Data, image)
	}
	if err != nil {
		err = fmt.Errorf("%w: decode %s: %w", ErrBadData, r.Event.ID, err)
	}
	return read, hit, image, err
}

// purgeAt is when the event must be deleted; nil for no limit.
func purgeAt(e event.Event) *time.Time {
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
