package event_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/sync/event"
	"alpr/sync/synctest/synthetic"
)

var car = event.Vehicle{Agency: "pd", Name: "car-1"}

func TestTopicsTakeApartAgain(t *testing.T) {
	for _, level := range event.Upstream() {
		v, got, err := event.ParseTopic(car.Topic(level))
		if err != nil || v != car || got != level {
			t.Errorf("%s: %v %q %v", car.Topic(level), v, got, err)
		}
	}
}

func TestNamesThatCannotStandInATopic(t *testing.T) {
	for _, name := range []string{"", "all", "a/b", "+", "#", "a b", "ä", string(make([]byte, 65))} {
		if err := event.CheckName(name); !errors.Is(err, event.ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, topic := range []string{"", "alpr/v1/pd/car", "alpr/v2/pd/car/read", "alpr/v1/pd/all/read", "alpr/v1/p#/car/read"} {
		if _, _, err := event.ParseTopic(topic); err == nil {
			t.Errorf("topic %q passed", topic)
		}
	}
}

func TestShortIDsAreUniqueSortableAndFixedInLength(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var last string
	for i := range 2000 {
		id, err := alpr.NewID(start.Add(time.Duration(i)*time.Millisecond), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		short := event.ShortID(id)
		if len(short) != 20 || short <= last {
			t.Fatalf("short id %q after %q", short, last)
		}
		last = short
	}
	var all alpr.ID
	for i := range all {
		all[i] = 0xff
	}
	if got := event.ShortID(all); len(got) != 20 || got[0] == '0' {
		t.Errorf("the highest id gives %q: the digits do not hold it", got)
	}
}

func TestIdentityAndNumbersComeBack(t *testing.T) {
	now, m := time.Now(), synthetic.New(1)
	it := m.Read(now)
	it.BootID, it.Seq, it.Revision = m.ID(now), 42, 3
	e, err := event.FromItem(car, &it)
	if err != nil {
		t.Fatal(err)
	}
	if id, rev, err := e.Identity(); id != it.ID || rev != 3 || err != nil {
		t.Errorf("identity %s %d %v", id, rev, err)
	}
	if boot, seq, ok := e.Numbers(); boot != it.BootID || seq != 42 || !ok {
		t.Errorf("numbers %s %d %v", boot, seq, ok)
	}
	if v, err := e.Vehicle(); v != car || err != nil {
		t.Errorf("vehicle %v %v", v, err)
	}
}

func TestNumbersHaveTheDecimalsThatMeanSomething(t *testing.T) {
	it := synthetic.New(1).Hit(time.Now())
	it.Read.Text.Confidence, it.Hit.P = 0.123456789, 0.9999999 // as good as certain is not certain
	it.Read.Fix.Lat = 27.955769815731625
	e, err := event.FromItem(car, &it)
	if err != nil {
		t.Fatal(err)
	}
	var h event.Hit
	if err := json.Unmarshal(e.Data, &h); err != nil {
		t.Fatal(err)
	}
	if h.Read.Plate.Confidence != 0.12346 || h.P != 0.99999 || h.Read.Position.Lat != 27.9557698 {
		t.Errorf("confidence %v, probability %v, latitude %v", h.Read.Plate.Confidence, h.P, h.Read.Position.Lat)
	}
	if got := it.Read.Text.Candidates[0].P; got != 0.95 {
		t.Errorf("the item's own candidate became %v", got)
	}
}

func TestAnItemWithoutItsRecordIsRefused(t *testing.T) {
	for _, kind := range []alpr.Kind{alpr.KindRead, alpr.KindHit, alpr.KindDisposition, alpr.KindAudit, alpr.KindExpired, "other"} {
		if _, err := event.FromItem(car, &alpr.OutboxItem{Kind: kind}); !errors.Is(err, event.ErrNoContent) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestBatchesSplitIntoTheSameEvents(t *testing.T) {
	m, now := synthetic.New(2), time.Now()
	var events [][]byte
	for range 100 {
		it := m.Read(now)
		e, err := event.FromItem(car, &it)
		if err != nil {
			t.Fatal(err)
		}
		b, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, b)
	}
	batcher, err := event.NewBatcher()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the Batcher is used again
		got, err := event.Split(batcher.Encode(events))
		if err != nil || !slices.EqualFunc(got, events, func(a json.RawMessage, b []byte) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("%d events came back of %d: %v", len(got), len(events), err)
		}
	}
}

func TestASmallMessageCannotFillMemory(t *testing.T) {
	batcher, err := event.NewBatcher()
	if err != nil {
		t.Fatal(err)
	}
	bomb := batcher.Encode([][]byte{bytes.Repeat([]byte{' '}, event.MaxPayload+1)})
	if _, err := event.Split(bomb); !errors.Is(err, event.ErrBadPayload) {
		t.Errorf("%d bytes that unfold to %d: %v", len(bomb), event.MaxPayload+1, err)
	}
}

func TestRangesPackNumbers(t *testing.T) {
	boot := alpr.ID{1}
	got := event.Ranges(boot, []uint64{5, 1, 2, 2, 3, 9, 10, 7})
	want := []event.Range{{boot, 1, 3}, {boot, 5, 5}, {boot, 7, 7}, {boot, 9, 10}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReceiptsThatMakeNoSenseAreRefused(t *testing.T) {
	const boot = `"boot_id":"00000000-0000-7000-8000-000000000001"`
	for _, text := range []string{``, `[]`, `{"ranges":[{` + boot + `,"from":0,"to":3}]}`, `{"ranges":[{` + boot + `,"from":5,"to":3}]}`,
		`{"ranges":[{"from":1,"to":3}]}`, `{"ranges":[{"boot_id":"x","from":1,"to":3}]}`, `{"ranges":[{` + boot + `,"from":-1,"to":3}]}`, `{}`, `{"ranges":null}`} {
		if _, err := event.DecodeReceipt([]byte(text)); !errors.Is(err, event.ErrBadReceipt) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if r, err := event.DecodeReceipt([]byte(`{"ranges":[{` + boot + `,"from":1,"to":3}]}`)); err != nil || len(r.Ranges) != 1 || r.Ranges[0].To != 3 {
		t.Errorf("a good receipt: %+v %v", r, err)
	}
}

func FuzzSplit(f *testing.F) {
	batcher, err := event.NewBatcher()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"x"}`))
	f.Add([]byte(`[{"id":"x"},{}]`))
	f.Add(batcher.Encode([][]byte{[]byte(`{}`)}))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, payload []byte) {
		raws, err := event.Split(payload)
		if err != nil {
			return
		}
		for _, raw := range raws {
			if e, err := event.Decode(raw); err == nil {
				_, _, _ = e.Identity()
				if _, seq, ok := e.Numbers(); ok && int64(seq) < 1 {
					t.Fatalf("number %q passed", e.Sequence)
				}
				_, _ = e.Vehicle()
			}
		}
	})
}

func FuzzDecodeReceipt(f *testing.F) {
	f.Add([]byte(`{"ranges":[{"boot_id":"00000000-0000-7000-8000-000000000001","from":1,"to":3}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := event.DecodeReceipt(payload)
		for _, x := range r.Ranges {
			if err == nil && (x.From == 0 || x.To < x.From || x.To > event.MaxSeq) {
				t.Fatalf("range %+v passed", x)
			}
		}
	})
}

func FuzzParseTopic(f *testing.F) {
	f.Add("alpr/v1/pd/car-1/read")
	f.Fuzz(func(t *testing.T, topic string) {
		if v, level, err := event.ParseTopic(topic); err == nil && v.Topic(level) != topic {
			t.Fatalf("%q became %q", topic, v.Topic(level))
		}
	})
}

func BenchmarkEncodeRead(b *testing.B) {
	it := synthetic.New(1).Read(time.Now())
	for b.Loop() {
		e, err := event.FromItem(car, &it)
		if err != nil {
			b.Fatal(err)
		}
		out, err := event.Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out)))
	}
}
