package backend_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/retention"
	"alpr/store"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// hashOf is an invented hash.
func hashOf(what string) [32]byte { return sha256.Sum256([]byte(what)) }

// teller speaks of a vehicle's audit log. Records of one branch follow one another.
type teller struct {
	t   testing.TB
	now time.Time
}

func record(branch string, seq uint64) [32]byte { return hashOf(fmt.Sprint(branch, seq)) }

// status is a status of a start of the program, with the end of its log.
func (s *teller) status(boot byte, log string, seq uint64, branch string, brokenAt uint64) backend.Row {
	h := hashOf(log)
	last := record(branch, seq)
	return arrived(s.t, event.TopicStatus, event.TypeStatus, event.Status{IsOnline: true, BootID: alpr.ID{boot}, Since: s.now,
		Hotlists: map[string]uint64{}, Depth: event.Depth{Waiting: map[alpr.Kind]int64{}},
		Audit: &event.AuditHead{Log: hex.EncodeToString(h[:]), Seq: seq, Hash: hex.EncodeToString(last[:]), At: s.now, BrokenAt: brokenAt}}, s.now)
}

// record is one record of the log, as the outbox tells of it.
func (s *teller) record(boot byte, log string, seq uint64, branch, before string) backend.Row {
	it := synthetic.New(seq + uint64(boot)<<32 + uint64(len(branch))<<40).Audit(s.now)
	it.BootID, it.Seq = alpr.ID{boot}, seq
	it.Audit.Seq, it.Audit.Log, it.Audit.Hash, it.Audit.Prev = seq, hashOf(log), record(branch, seq), record(before, seq-1)
	return take(s.t, it).Rows[0]
}

func kinds(alarms []backend.AuditAlarm) (out []backend.AlarmKind) {
	for _, a := range alarms {
		out = append(out, a.Kind)
	}
	return out
}

// Whatever order a vehicle's messages come in, only a log that went back, was
// changed, replaced or is broken is an alarm, and each is one once.
func TestAuditLogsThatAreNotWhatTheyWere(t *testing.T) {
	t.Parallel()
	for name, open := range sinks(t) {
		t.Run(name, func(t *testing.T) {
			sink, reopen, _ := open(t)
			s := &teller{t: t, now: time.Now().UTC().Truncate(time.Millisecond)}
			steps := []struct {
				what string
				rows []backend.Row
				want []backend.AlarmKind
			}{
				{"the first word", []backend.Row{s.status(1, "log", 10, "a", 0)}, nil},
				{"it grows", []backend.Row{s.status(1, "log", 12, "a", 0), s.record(1, "log", 11, "a", "a"), s.record(1, "log", 12, "a", "a")}, nil},
				{"overtaken", []backend.Row{s.status(1, "log", 11, "a", 0), s.record(1, "log", 10, "a", "a")}, nil},
				{"a new start", []backend.Row{s.status(2, "log", 12, "a", 0)}, nil},
				{"the last word of the start before", []backend.Row{s.status(1, "log", 12, "a", 0)}, nil},
				{"yesterday's copy", []backend.Row{s.status(3, "log", 9, "a", 0)}, []backend.AlarmKind{backend.AlarmSetBack}},
				{"and goes on", []backend.Row{s.status(3, "log", 9, "a", 0), s.record(3, "log", 10, "b", "a"), s.record(3, "log", 11, "b", "b")}, []backend.AlarmKind{backend.AlarmChanged}},
				{"and on", []backend.Row{s.record(3, "log", 12, "b", "b"), s.record(3, "log", 13, "b", "b"), s.status(3, "log", 13, "b", 0)}, nil},
				{"begun anew", []backend.Row{s.status(4, "new log", 2, "c", 0)}, []backend.AlarmKind{backend.AlarmOtherLog}},
				{"the new one grows", []backend.Row{s.status(5, "new log", 4, "c", 0), s.record(5, "new log", 4, "c", "c")}, nil},
				{"found broken", []backend.Row{s.status(5, "new log", 5, "c", 3)}, []backend.AlarmKind{backend.AlarmBroken}},
				{"still broken", []backend.Row{s.status(6, "new log", 6, "c", 3)}, nil},
				{"another place", []backend.Row{s.status(6, "new log", 7, "c", 2)}, []backend.AlarmKind{backend.AlarmBroken}},
			}
			for _, step := range steps {
				kept, err := sink.Write(context.Background(), backend.Batch{Rows: step.rows})
				if err != nil || !slices.Equal(kinds(kept.Alarms), step.want) {
					t.Errorf("%s: %v, %v, want %v", step.what, kept.Alarms, err, step.want)
				}
			}
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			archive, ok := reopen().(backend.Archive)
			if !ok {
				return
			}
			alarms, err := archive.AuditAlarms(context.Background())
			if err != nil || len(alarms) != 5 || alarms[0].Vehicle != car {
				t.Errorf("%d alarms on record, %v: %+v", len(alarms), err, alarms)
			}
			heads, err := archive.AuditHeads(context.Background())
			if err != nil || len(heads) != 6 || heads[1].BootID != (alpr.ID{2}) || heads[1].Seq != 12 {
				t.Errorf("heads %+v, %v", heads, err)
			}
		})
	}
}

// carStore opens the store of a car; stop closes it with the uplink that sends from it.
func carStore(t *testing.T, dir string, m *brokertest.Mosquitto) (s *store.Store, stop func()) {
	t.Helper()
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "alpr.db"), Agency: car.Agency, Policy: profiles["default"]},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, end := startCar(t, carConfig(t, m, nil, car), s.Outbox(), uplink.Options{BootID: s.BootID(), AuditHead: s.AuditLog().Head})
	return s, func() {
		end()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A store that is replaced by yesterday's copy is whole for itself. The backend
// sees it, by the vehicle's first word and by the records that follow.
func TestAnOlderCopyOfTheStoreIsSeen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	sink := sqliteSink(t)
	startConsumer(t, backend.Broker{URL: broker.URL("tcp"), ClientID: "consumer"}, sink)
	dir := t.TempDir()
	path := filepath.Join(dir, "alpr.db")

	login := func(s *store.Store) {
		t.Helper()
		if err := s.AuditLog().Audit(ctx, alpr.AuditRecord{Officer: "4711", Action: alpr.ActionLogin}); err != nil {
			t.Fatal(err)
		}
	}
	reached := func(seq uint64) func() bool {
		return func() bool {
			heads, err := sink.AuditHeads(ctx)
			return err == nil && slices.ContainsFunc(heads, func(h backend.AuditHead) bool { return h.Seq >= seq })
		}
	}
	s, stop := carStore(t, dir, broker)
	login(s)
	brokertest.Until(t, "the backend knows 2 records", reached(2))
	stop()
	yesterday, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, stop = carStore(t, dir, broker)
	for range 3 {
		login(s)
	}
	brokertest.Until(t, "the backend knows 5 records", reached(5))
	stop()
	if alarms, err := sink.AuditAlarms(ctx); err != nil || len(alarms) > 0 {
		t.Fatalf("a restart raised %+v, %v", alarms, err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.RemoveAll(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, yesterday, 0o600); err != nil {
		t.Fatal(err)
	}
	s, stop = carStore(t, dir, broker)
	login(s)
	if _, err := s.AuditLog().Check(ctx, nil, nil); err != nil {
		t.Errorf("the copy is not whole for itself: %v", err)
	}
	has := func(kind backend.AlarmKind) func() bool {
		return func() bool {
			alarms, err := sink.AuditAlarms(ctx)
			return err == nil && slices.Contains(kinds(alarms), kind)
		}
	}
	brokertest.Until(t, "the backend says that the log was set back", has(backend.AlarmSetBack))
	brokertest.Until(t, "the backend says that a record is another one", has(backend.AlarmChanged))
	stop()
	alarms, err := sink.AuditAlarms(ctx)
	if err != nil || len(alarms) != 2 || !strings.Contains(alarms[0].Text+alarms[1].Text, "older copy") {
		t.Errorf("%+v, %v", alarms, err)
	}
}
