package backend

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"alpr"
	"alpr/sync/event"
	"alpr/sync/synctest/synthetic"
)

var fastCar = event.Vehicle{Agency: "pd", Name: "car-1"}

// vehicleEvents is an event of every kind, as vehicles write them.
func vehicleEvents(t testing.TB) map[string][]byte {
	t.Helper()
	now, m := time.Now(), synthetic.New(3)
	hit := m.Hit(now)
	out := map[string][]byte{}
	for i, it := range []alpr.OutboxItem{m.Read(now), hit, m.Disposition(now, hit), m.Audit(now), m.Expired(now, m.ID(now), 3, 9)} {
		it.BootID, it.Seq = m.ID(now), uint64(i+1)
		e, err := event.FromItem(fastCar, &it)
		if err != nil {
			t.Fatal(err)
		}
		out[e.Type] = encoded(t, e)
		if it.Kind == alpr.KindRead {
			e, err := event.Withheld(fastCar, &it)
			if err != nil {
				t.Fatal(err)
			}
			out[e.Type] = encoded(t, e)
		}
	}
	position := event.PositionOf(hit.Read.Fix)
	for typ, data := range map[string]any{
		event.TypeStatus: event.Status{IsOnline: true, Version: "1.0", BootID: m.ID(now), Since: now, Hotlists: map[string]uint64{"stolen": 3},
			Depth: event.Depth{Waiting: map[alpr.Kind]int64{alpr.KindHit: 2}, Unreceipted: 4}},
		event.TypeHealth:    event.Health{At: now, Depth: event.Depth{Waiting: map[alpr.Kind]int64{}}, Gauges: map[string]float64{"frames_dropped": 2.5}, Problems: []string{}},
		event.TypeImage:     event.Image{ReadID: m.ID(now), SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Size: 3, JPEG: []byte("abc"), Reason: "request"},
		event.TypeRefusal:   event.Refusal{SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", RequestedAt: now, Reason: "gone"},
		event.TypeEmergency: event.Emergency{At: now, IsHeld: true, Position: position, JPEG: []byte("abc")},
		event.TypeProbe:     event.Probe{Nonce: "x"},
	} {
		e, err := event.New(fastCar, typ, m.ID(now), now, data)
		if err != nil {
			t.Fatal(err)
		}
		out[typ] = encoded(t, e)
	}
	return out
}

func encoded(t testing.TB, e event.Event) []byte {
	t.Helper()
	raw, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestWhatVehiclesSendIsCheckedTheShortWay(t *testing.T) {
	v, err := NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	events := vehicleEvents(t)
	for _, typ := range event.Types() {
		raw := events[typ]
		e, err := event.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Validate(raw); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if !v.fast.accept(raw, &e) {
			t.Errorf("%s takes the long way: %s", typ, raw)
		}
	}
}

// damaged changes one thing of an event's JSON at random, so that it stays JSON
// more often than not.
func damaged(r *rand.Rand, raw []byte) []byte {
	out := bytes.Clone(raw)
	words := []string{"null", "1", "-1", "1.0", "1e3", "true", "{}", "[]", `""`, `"\u0041"`, "99999999999999999999", "9223372036854775808", `"2020-13-01T00:00:00Z"`, "0.5"}
	switch i := r.IntN(len(out)); r.IntN(4) {
	case 0:
		out[i] = "0123456789abcXYZ\"{}[],:. -\\"[r.IntN(27)]
	case 1:
		out = append(out[:i], out[min(len(out), i+1+r.IntN(4)):]...)
	default: // another value
		colon := bytes.IndexByte(out[i:], ':')
		if colon < 0 {
			return out
		}
		start := i + colon + 1
		if !json.Valid(out) || start >= len(out) || bytes.IndexByte([]byte(`"{[tfn-0123456789`), out[start]) < 0 {
			return out
		}
		end := start + max(1, bytes.IndexAny(out[start:], ",}"))
		out = append(append(bytes.Clone(out[:start]), words[r.IntN(len(words))]...), out[end:]...)
	}
	return out
}

// TestTheShortWayAcceptsNothingThatTheSchemaRefuses damages events at random.
func TestTheShortWayAcceptsNothingThatTheSchemaRefuses(t *testing.T) {
	v, err := NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	r, accepted, refused := rand.New(rand.NewPCG(1, 2)), 0, 0
	for typ, raw := range vehicleEvents(t) {
		for range 1500 {
			bad := damaged(r, raw)
			e, err := event.Decode(bad)
			if err != nil {
				continue
			}
			isValid := v.Validate(bad) == nil
			isAccepted := v.fast.accept(bad, &e)
			if isAccepted && !isValid {
				t.Fatalf("%s: accepted, though the schema refuses it: %s", typ, bad)
			}
			if isAccepted {
				accepted++
			} else if !isValid {
				refused++
			}
		}
	}
	if accepted < 500 || refused < 500 {
		t.Errorf("%d accepted, %d refused: the damage proves nothing", accepted, refused)
	}
}

// FuzzTheShortWay looks for JSON at which the short way breaks, or is laxer than
// the schema.
func FuzzTheShortWay(f *testing.F) {
	v, err := NewValidator()
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range vehicleEvents(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := event.Decode(raw)
		if err == nil && v.fast.accept(raw, &e) && v.Validate(raw) != nil {
			t.Errorf("accepted, though the schema refuses it: %s", raw)
		}
	})
}
