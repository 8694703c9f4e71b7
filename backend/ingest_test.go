package backend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
)

func validator(t testing.TB) *backend.Validator {
	t.Helper()
	v, err := backend.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// change decodes an event, lets f change it, and encodes it again.
func change(t testing.TB, raw []byte, f func(e, data map[string]any)) []byte {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	f(e, e["data"].(map[string]any))
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhatFailsTheSchemaBecomesALetter(t *testing.T) {
	t.Parallel()
	v, m := validator(t), synthetic.New(1)
	it := m.Hit(time.Now())
	it.BootID, it.Seq = m.ID(time.Now()), 7
	good := encode(t, it)
	tests := map[string]struct {
		topic    string
		payload  []byte
		numbered bool // the number can be receipted all the same
	}{
		"not JSON":                  {car.Topic("hit"), []byte("\xff\xfe"), false},
		"truncated":                 {car.Topic("hit"), good[:len(good)/2], false},
		"a zstd frame that is none": {car.Topic("hit"), []byte{0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3}, false},
		"another vehicle's topic":   {event.Vehicle{Agency: "pd", Name: "car-2"}.Topic("hit"), good, true},
		"no vehicle's topic":        {"alpr/v1/x", good, false},
		"probability above 1":       {car.Topic("hit"), change(t, good, func(_, d map[string]any) { d["probability"] = 1.5 }), true},
		"a verdict that is none":    {car.Topic("hit"), change(t, good, func(_, d map[string]any) { d["state_verdict"] = "maybe" }), true},
		"advice left out":           {car.Topic("hit"), change(t, good, func(_, d map[string]any) { delete(d, "advice") }), true},
		"advice weakened":           {car.Topic("hit"), change(t, good, func(_, d map[string]any) { d["advice"] = "stop the car" }), true},
		"unknown type":              {car.Topic("hit"), change(t, good, func(e, _ map[string]any) { e["type"] = "alpr.exec.v1" }), true},
		"no id":                     {car.Topic("hit"), change(t, good, func(e, _ map[string]any) { e["id"] = "1" }), true},
		"not CloudEvents 1.0":       {car.Topic("hit"), change(t, good, func(e, _ map[string]any) { e["specversion"] = "0.3" }), true},
	}
	for name, tt := range tests {
		in := v.Take(tt.topic, tt.payload, time.Now())
		if len(in.Rows) != 0 || len(in.Letters) != 1 || (len(in.Numbers) == 1) != tt.numbered {
			t.Errorf("%s: %d rows, %d letters, %d numbers", name, len(in.Rows), len(in.Letters), len(in.Numbers))
			continue
		}
		if l := in.Letters[0]; l.Reason == "" || !bytes.Equal(l.Payload, tt.payload) {
			t.Errorf("%s: letter %+v", name, l)
		}
	}
	if in := v.Take(car.Topic("hit"), good, time.Now()); len(in.Rows) != 1 {
		t.Errorf("the good one: %+v", in.Letters)
	}
}

func TestOneBadEventOfABatchSpoilsNoOther(t *testing.T) {
	t.Parallel()
	m := synthetic.New(2)
	var events [][]byte
	for i := range 5 {
		it := m.Read(time.Now())
		it.BootID, it.Seq = alpr.ID{1}, uint64(i+1)
		events = append(events, encode(t, it))
	}
	events[2] = change(t, events[2], func(_, d map[string]any) { delete(d, "plate") })
	b, err := event.NewBatcher()
	if err != nil {
		t.Fatal(err)
	}
	in := validator(t).Take(car.Topic("read"), b.Encode(events), time.Now())
	if len(in.Rows) != 4 || len(in.Letters) != 1 || len(in.Numbers) != 5 {
		t.Errorf("%d rows, %d letters, %d numbers", len(in.Rows), len(in.Letters), len(in.Numbers))
	}
}

// keys lists every property of a JSON value, with its path.
func keys(prefix string, v any, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			out[prefix+"/"+k] = true
			keys(prefix+"/"+k, x, out)
		}
	case []any:
		for _, x := range v {
			keys(prefix+"[]", x, out)
		}
	}
}

// TestEveryFieldIsRequiredBySchema takes each field of each kind of event away:
// the schema must notice, or say in so many words that it may be absent. So no
// field is sent that the documents do not know.
func TestEveryFieldIsRequiredBySchema(t *testing.T) {
	t.Parallel()
	optional := []string{"/entry/", "/vehicle/", "/waiting/", "/detail/", "/hotlists/", "/subject", "/partitionkey", "/bootid", "/sequence", "/shortid"}
	v := validator(t)
	for _, it := range everyKind(synthetic.New(1), time.Now()) {
		raw := encode(t, it)
		var whole any
		if err := json.Unmarshal(raw, &whole); err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{}
		keys("", whole, all)
		for path := range all {
			if strings.Contains(path, "[]") {
				continue
			}
			mayLack := false
			for _, o := range optional {
				mayLack = mayLack || strings.Contains(path, o)
			}
			without := change(t, raw, func(e, _ map[string]any) { remove(e, strings.Split(path, "/")[1:]) })
			if err := v.Validate(without); err == nil && !mayLack {
				t.Errorf("%s: without %s it passes", it.Kind, path)
			}
		}
	}
}

func remove(m map[string]any, path []string) {
	for _, p := range path[:len(path)-1] {
		m = m[p].(map[string]any)
	}
	delete(m, path[len(path)-1])
}

func FuzzTake(f *testing.F) {
	v := validator(f)
	it := synthetic.New(1).Hit(time.Unix(1e9, 0))
	it.BootID, it.Seq = alpr.ID{1}, 1
	f.Add(car.Topic("hit"), encode(f, it))
	f.Add("alpr/v1/a/b/read", []byte(`[{},{"data":{}}]`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		in := v.Take(topic, payload, time.Now())
		for _, r := range in.Rows {
			if r.ID.IsZero() && r.Event.Subject != (alpr.ID{}).String() && r.Revision < 1 {
				t.Fatalf("row without identity: %+v", r)
			}
		}
	})
}

func BenchmarkTake(b *testing.B) {
	v := validator(b)
	it := synthetic.New(1).Read(time.Now())
	it.BootID, it.Seq = alpr.ID{1}, 1
	raw := encode(b, it)
	for b.Loop() {
		if in := v.Take(car.Topic("read"), raw, time.Now()); len(in.Rows) != 1 {
			b.Fatal(in.Letters)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for name, target := range map[string]string{"postgres": brokertest.StartPostgres(b).URL, "sqlite": "sqlite:" + filepath.Join(b.TempDir(), "x.db")} {
		b.Run(name, func(b *testing.B) {
			sink, err := backend.OpenSink(context.Background(), target)
			if err != nil {
				b.Fatal(err)
			}
			defer sink.Close()
			m := synthetic.New(uint64(time.Now().UnixNano()))
			v := validator(b)
			for b.Loop() {
				b.StopTimer()
				var batch backend.Batch
				for i := range 1000 {
					it := m.Read(time.Now())
					it.BootID, it.Seq = alpr.ID{1}, uint64(i+1)
					in := v.Take(car.Topic("read"), encode(b, it), time.Now())
					batch.Rows, batch.Numbers = append(batch.Rows, in.Rows...), append(batch.Numbers, in.Numbers...)
				}
				b.StartTimer()
				if _, err := sink.Write(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func TestABadSinkTargetIsNamed(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"", "mysql://x", "ndjson:" + filepath.Join(t.TempDir(), "no", "such"), "postgres://127.0.0.1:port/x"} {
		if _, err := backend.OpenSink(context.Background(), target); err == nil {
			t.Errorf("%q was opened", target)
		}
	}
	if _, err := backend.OpenArchive(context.Background(), "postgres://127.0.0.1:1/x"); err == nil {
		t.Error("a database that is not there was opened as an archive")
	}
	if _, err := backend.OpenArchive(context.Background(), "ndjson:-"); err == nil || errors.Is(err, context.Canceled) {
		t.Error("standard output was opened as an archive")
	}
}
