package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"alpr"
)

// The types of event.
const (
	TypeRead        = "alpr.read.v1"
	TypeHit         = "alpr.hit.v1"
	TypeDisposition = "alpr.disposition.v1"
	TypeAudit       = "alpr.audit.v1"
	TypeExpired     = "alpr.expired.v1"  // numbers that policy deleted before they could be sent
	TypeWithheld    = "alpr.withheld.v1" // a number that the sharing policy keeps on the vehicle
	TypeHealth      = "alpr.health.v1"
	TypeStatus      = "alpr.status.v1"
	TypeImage       = "alpr.image.v1"
	TypeRefusal     = "alpr.refusal.v1" // of a request for a picture
	TypeEmergency   = "alpr.emergency.v1"
	TypeProbe       = "alpr.probe.v1"
)

// Types lists every type of event.
func Types() []string {
	return []string{TypeRead, TypeHit, TypeDisposition, TypeAudit, TypeExpired, TypeWithheld, TypeHealth, TypeStatus, TypeImage, TypeRefusal, TypeEmergency, TypeProbe}
}

// IsCounted says whether events of the type carry a place in the vehicle's count.
func IsCounted(typ string) bool {
	switch typ {
	case TypeRead, TypeHit, TypeDisposition, TypeAudit, TypeExpired, TypeWithheld:
		return true
	}
	return false
}

// SchemaBase is where Event.DataSchema points; docs/schema holds the files.
const SchemaBase = "https://alpr.example/schema/v1/"

// MaxSeq is the highest number of a count: what databases hold in 64 bits with
// a sign.
const MaxSeq = math.MaxInt64

// The times that an event may carry. A vehicle whose clock was never set begins
// at the first; outside of both, clocks and sums of times break.
const (
	firstYear = 1970
	lastYear  = 2199
)

// ErrOutOfRange reports a number or time that no vehicle means, and with which
// receivers cannot reckon.
var ErrOutOfRange = errors.New("out of range")

// ErrNoContent reports an outbox item whose record is missing.
var ErrNoContent = errors.New("the item carries no record of its kind")

// Event is one CloudEvent 1.0 with its data not yet decoded.
type Event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"` // "UUID" or "UUID.revision": unique for one Source
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"` // UUID of the read, hit, …, without revision
	Time            time.Time       `json:"time"`              // when it was recorded
	DataContentType string          `json:"datacontenttype"`
	DataSchema      string          `json:"dataschema"`
	PartitionKey    string          `json:"partitionkey,omitempty"`
	BootID          string          `json:"bootid,omitempty"`   // with Sequence: the number on which receipts and gaps rest
	Sequence        string          `json:"sequence,omitempty"` // decimal, from 1, padded to 20 digits so that it sorts as text
	ShortID         string          `json:"shortid,omitempty"`  // Subject in 20 characters 0–9 A–Z
	Data            json.RawMessage `json:"data,omitempty"`
}

// FromItem is the event that tells the backend of an outbox item.
func FromItem(v Vehicle, it *alpr.OutboxItem) (Event, error) {
	typ, data, err := itemData(it)
	if err != nil {
		return Event{}, fmt.Errorf("encode %s %s: %w", it.Kind, it.ID, err)
	}
	return numbered(v, it, typ, data)
}

// Withheld is the event that takes the place of an item which the release
// policy keeps on the vehicle: it says that there was one, and nothing of it.
func Withheld(v Vehicle, it *alpr.OutboxItem) (Event, error) {
	return numbered(v, it, TypeWithheld, Gap{BootID: it.BootID, FromSeq: it.Seq, ToSeq: it.Seq, Reason: "release policy"})
}

func numbered(v Vehicle, it *alpr.OutboxItem, typ string, data any) (Event, error) {
	e, err := New(v, typ, it.ID, it.RecordedAt, data)
	if err != nil {
		return Event{}, err
	}
	e.ID = fmt.Sprintf("%s.%d", it.ID, max(1, it.Revision))
	e.BootID = it.BootID.String()
	e.Sequence = fmt.Sprintf("%020d", it.Seq)
	return e, nil
}

// New makes an event that is not numbered: status, health, images, probes.
func New(v Vehicle, typ string, id alpr.ID, at time.Time, data any) (Event, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("encode data of %s %s: %w", typ, id, err)
	}
	return Event{
		SpecVersion: "1.0", ID: id.String(), Source: v.Source(), Type: typ, Subject: id.String(), Time: at.UTC(),
		DataContentType: "application/json", DataSchema: SchemaBase + SchemaFile(typ), PartitionKey: v.String(),
		ShortID: ShortID(id), Data: raw,
	}, nil
}

// SchemaFile is the file in docs/schema that describes the data of a type.
func SchemaFile(typ string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(typ, "alpr."), ".v1")
	if typ == TypeExpired || typ == TypeWithheld {
		name = "gap"
	}
	return name + ".json"
}

func itemData(it *alpr.OutboxItem) (string, any, error) {
	switch {
	case it.Kind == alpr.KindRead && it.Read != nil:
		return TypeRead, readData(it.Read, retention(it)), nil
	case it.Kind == alpr.KindHit && it.Hit != nil && it.Read != nil:
		return TypeHit, hitData(it.Hit, it.Read, it.Revision, retention(it)), nil
	case it.Kind == alpr.KindDisposition && it.Disposition != nil:
		return TypeDisposition, dispositionData(it), nil
	case it.Kind == alpr.KindAudit && it.Audit != nil:
		return TypeAudit, auditData(it.Audit), nil
	case it.Kind == alpr.KindExpired && it.Expired != nil:
		x := it.Expired
		return TypeExpired, Gap{BootID: x.BootID, FromSeq: x.FromSeq, ToSeq: x.ToSeq, Reason: "retention policy"}, nil
	}
	return "", nil, ErrNoContent
}

// Numbers are the event's boot and place in that boot's count. ok is false for
// events that are not counted (status, health, images, probes).
func (e *Event) Numbers() (boot alpr.ID, seq uint64, ok bool) {
	if e.BootID == "" || e.Sequence == "" {
		return alpr.ID{}, 0, false
	}
	boot, err := alpr.ParseID(e.BootID)
	if err != nil {
		return alpr.ID{}, 0, false
	}
	seq, err = strconv.ParseUint(e.Sequence, 10, 64)
	return boot, seq, err == nil && seq > 0 && seq <= MaxSeq
}

// Check says whether receivers can reckon with the event's own time and number.
func (e *Event) Check() error {
	if err := CheckTime("time", e.Time); err != nil {
		return err
	}
	if e.BootID == "" && e.Sequence == "" {
		return nil
	}
	if _, _, ok := e.Numbers(); !ok {
		return fmt.Errorf("number %q of boot %q: %w: it is from 1 to %d", e.Sequence, e.BootID, ErrOutOfRange, int64(MaxSeq))
	}
	return nil
}

// CheckTime says whether receivers can reckon with a time.
func CheckTime(name string, t time.Time) error {
	if y := t.UTC().Year(); y < firstYear || y > lastYear {
		return fmt.Errorf("%s %s: %w: it is from %d to %d: is the vehicle's clock set?", name, t.Format(time.RFC3339), ErrOutOfRange, firstYear, lastYear)
	}
	return nil
}

// Identity is the record's UUID and the revision of it that this event tells.
func (e *Event) Identity() (alpr.ID, int, error) {
	text, rev, hasRev := strings.Cut(e.ID, ".")
	id, err := alpr.ParseID(text)
	if err != nil {
		return alpr.ID{}, 0, fmt.Errorf("event id %q: %w", e.ID, err)
	}
	if !hasRev {
		return id, 1, nil
	}
	n, err := strconv.Atoi(rev)
	if err != nil || n < 1 {
		return alpr.ID{}, 0, fmt.Errorf("event id %q: revision %q is not a number from 1", e.ID, rev)
	}
	return id, n, nil
}

// Vehicle is who sent the event, as Source says.
func (e *Event) Vehicle() (Vehicle, error) {
	parts := strings.Split(e.Source, "/")
	if len(parts) != 4 || parts[0] != "" || parts[1] != "alpr" {
		return Vehicle{}, fmt.Errorf("event source %q is not /alpr/{agency}/{vehicle}", e.Source)
	}
	v := Vehicle{Agency: parts[2], Name: parts[3]}
	return v, v.Check()
}

const base36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// ShortID is an ID in 20 characters 0–9 and A–Z, for networks with short ids
// (Nlets). It keeps all 48 bits of time and the first 55 of the random bits,
// which 20 digits of base 36 (103.4 bits) can hold; short ids sort as ids do.
func ShortID(id alpr.ID) string {
	n := new(big.Int).SetBytes(id[:6])                                // 48 bits of time
	n.Lsh(n, 12).Or(n, big.NewInt(int64(id[6]&0x0f)<<8|int64(id[7]))) // rand_a
	var tail int64                                                    // the first 43 bits of rand_b, after the 2 bits of the variant
	tail = int64(id[8] & 0x3f)
	for _, b := range id[9:14] {
		tail = tail<<8 | int64(b)
	}
	n.Lsh(n, 43).Or(n, big.NewInt(tail>>3))
	var out [20]byte
	digit, base := new(big.Int), big.NewInt(36)
	for i := len(out) - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base36[digit.Int64()]
	}
	return string(out[:])
}
