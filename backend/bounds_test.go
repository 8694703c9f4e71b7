package backend_test

import (
	"context"
	"database/sql"
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
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// TestNumbersNobodyCanReckonWithBecomeLetters: a number or time outside of what
// a database or a sum of times can hold must not reach one.
func TestNumbersNobodyCanReckonWithBecomeLetters(t *testing.T) {
	t.Parallel()
	v, m := validator(t), synthetic.New(1)
	numbered := func(it alpr.OutboxItem) []byte {
		it.BootID, it.Seq = alpr.ID{1}, 7
		return encode(t, it)
	}
	read, hit, expired := numbered(m.Read(time.Now())), numbered(m.Hit(time.Now())), numbered(m.Expired(time.Now(), alpr.ID{1}, 3, 5))
	envelope := func(raw []byte, key string, value any) []byte {
		return change(t, raw, func(e, _ map[string]any) { e[key] = value })
	}
	data := func(raw []byte, key string, value any) []byte {
		return change(t, raw, func(_, d map[string]any) { d[key] = value })
	}
	for name, raw := range map[string][]byte{
		"sequence 2^64-1":      envelope(read, "sequence", "18446744073709551615"),
		"sequence 2^63":        envelope(hit, "sequence", "09223372036854775808"),
		"sequence 0":           envelope(read, "sequence", strings.Repeat("0", 20)),
		"no number":            envelope(read, "bootid", "00000000-0000-0000-0000-00000000000x"),
		"recorded in year 0":   envelope(read, "time", "0000-06-01T00:00:00Z"),
		"recorded in 1969":     envelope(hit, "time", "1969-12-31T23:59:59Z"),
		"recorded in 9999":     envelope(hit, "time", "9999-12-31T23:59:59Z"),
		"read in year 0":       data(read, "at", "0000-01-01T00:00:00Z"),
		"read in 9999":         data(read, "at", "9999-01-01T00:00:00Z"),
		"first seen in year 1": data(read, "first_at", "0001-01-01T00:00:00Z"),
		"last seen in 2200":    data(read, "last_at", "2200-01-01T00:00:00Z"),
		"purged in 9999":       data(read, "retention", map[string]any{"class": "read", "purge_at": "9999-12-31T00:00:00Z"}),
		"purged in year 0":     data(hit, "retention", map[string]any{"class": "read", "purge_at": "0000-12-31T00:00:00Z"}),
		"hit in 9999":          data(hit, "at", "9999-01-01T00:00:00Z"),
		"gap to 2^64-1":        data(expired, "to_seq", json.Number("18446744073709551615")),
		"gap from 1.0":         data(expired, "from_seq", json.Number("1.0")),
		"gap from 5 to 3":      data(expired, "from_seq", 9),
	} {
		in := v.Take(car.Topic("read"), raw, time.Now())
		if len(in.Rows) != 0 || len(in.Letters) != 1 || in.Letters[0].Reason == "" {
			t.Errorf("%s: %d rows, %d letters", name, len(in.Rows), len(in.Letters))
		}
		for _, n := range in.Numbers {
			if n.Seq > event.MaxSeq || n.Seq == 0 {
				t.Errorf("%s: number %d is receipted", name, n.Seq)
			}
		}
	}
	never := change(t, hit, func(_, d map[string]any) { d["entry"].(map[string]any)["expires"] = "9999-12-31T00:00:00Z" })
	for name, raw := range map[string][]byte{"read": read, "hit": hit, "expired": expired, "hit of an entry that never expires": never} {
		if in := v.Take(car.Topic("read"), raw, time.Now()); len(in.Rows) != 1 {
			t.Errorf("the good %s: %+v", name, in.Letters)
		}
	}
}

// TestSinksRefuseForEverWhatTheyCanNeverKeep: rows that got past every check and
// that a column cannot hold are bad data, not a database to be waited for.
func TestSinksRefuseForEverWhatTheyCanNeverKeep(t *testing.T) {
	t.Parallel()
	sinks := map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "postgres": brokertest.StartPostgres(t).URL}
	for name, target := range sinks {
		sink, err := backend.OpenSink(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		m, v := synthetic.New(3), validator(t)
		row := func(f func(*backend.Row)) backend.Batch {
			it := m.Read(time.Now())
			it.BootID, it.Seq = alpr.ID{1}, 1
			in := v.Take(car.Topic("read"), encode(t, it), time.Now())
			f(&in.Rows[0])
			return backend.Batch{Rows: in.Rows}
		}
		bad := map[string]backend.Batch{
			"data of another shape": row(func(r *backend.Row) { r.Event.Data = []byte(`{"revision":"x"}`) }),
		}
		if name == "postgres" { // SQLite's columns take anything
			bad["revision beyond 32 bits"] = row(func(r *backend.Row) { r.Revision = 1 << 40 })
			bad["a NUL in a text"] = row(func(r *backend.Row) { r.JSON = []byte(`{"a":"\u0000"}`) })
			bad["JSON too deep"] = row(func(r *backend.Row) {
				r.JSON = []byte(strings.Repeat(`[`, 200_000) + strings.Repeat(`]`, 200_000))
			})
			bad["a plate too long for the index"] = row(func(r *backend.Row) {
				r.Event.Data = change(t, append(append([]byte(`{"data":`), r.Event.Data...), '}'), func(_, d map[string]any) {
					d["plate"].(map[string]any)["text"] = random(20_000)
				})
				r.Event.Data = r.Event.Data[len(`{"data":`) : len(r.Event.Data)-1]
			})
		}
		for what, b := range bad {
			if _, err := sink.Write(context.Background(), b); !errors.Is(err, backend.ErrBadData) {
				t.Errorf("%s, %s: %v, want ErrBadData", name, what, err)
			}
		}
		if kept, err := sink.Write(context.Background(), row(func(*backend.Row) {})); err != nil || kept.Events != 1 {
			t.Errorf("%s: after all that: %+v, %v", name, kept, err)
		}
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	}
}

// random is text that does not compress.
func random(n int) string {
	m, out := synthetic.New(5), ""
	for len(out) < n {
		out += m.ID(time.Unix(1e9, 0)).String()
	}
	return out[:n]
}

// burstingSink breaks at one event's id, and keeps the rest.
type burstingSink struct {
	backend.Sink
	at string
}

func (s burstingSink) Write(ctx context.Context, b backend.Batch) (backend.Kept, error) {
	for _, r := range b.Rows {
		if r.ID.String() == s.at {
			panic("burst")
		}
	}
	return s.Sink.Write(ctx, b)
}

// TestARowTheProgramBreaksAtBecomesALetter, and keeps no other from the record.
func TestARowTheProgramBreaksAtBecomesALetter(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	sink, m := sqliteSink(t), synthetic.New(4)
	box, bad := memory.NewOutbox(alpr.ID{2}), m.Read(time.Now())
	box.Add(bad)
	for range 4 {
		box.Add(m.Read(time.Now()))
	}
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), burstingSink{sink, bad.ID.String()})
	startCar(t, carConfig(t, broker, nil, car), box, uplink.Options{})
	brokertest.Until(t, "four kept and a letter", func() bool { return metrics.Events() == 4 && metrics.Letters() == 1 })
	letters, err := sink.Letters(context.Background(), 0, 10)
	if err != nil || len(letters) != 1 || !strings.Contains(letters[0].Reason, "burst") {
		t.Errorf("%+v, %v", letters, err)
	}
}

// TestAClockThatWasAheadHidesNothing: a status dated next year by a wrong clock
// does not keep today's from being shown.
func TestAClockThatWasAheadHidesNothing(t *testing.T) {
	t.Parallel()
	v, now, path := validator(t), time.Now().UTC(), filepath.Join(t.TempDir(), "x.db")
	sink, err := backend.OpenSink(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []time.Time{now.AddDate(1, 0, 0), now.Add(time.Minute)} {
		e, err := event.New(car, event.TypeStatus, synthetic.New(9).ID(at), at, event.Status{Version: []string{"wrong", "right"}[i], BootID: alpr.ID{1},
			Hotlists: map[string]uint64{}, Depth: event.Depth{Waiting: map[alpr.Kind]int64{}}})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		in := v.Take(car.Topic("status"), raw, now.Add(time.Duration(i)*time.Minute))
		if _, err := sink.Write(context.Background(), backend.Batch{Rows: in.Rows}); err != nil || len(in.Rows) != 1 {
			t.Fatalf("%v, %+v", err, in.Letters)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var data string
	if err := db.QueryRow("SELECT data FROM vehicles").Scan(&data); err != nil || !strings.Contains(data, `"right"`) {
		t.Errorf("shown is %s, %v", data, err)
	}
}
