package vehicle

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/hotlist"
	"alpr/models/modelstest"
	"alpr/retention"
	"alpr/store"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/vehicle/vehicletest"
)

// standstill is a folder of pictures in which nothing moves for a second: the
// still of the demo drive.
func standstill(t *testing.T) (dir string, texts []string) {
	t.Helper()
	still, err := os.ReadFile(filepath.Join(modelstest.Root(t), "demo/still.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	truth, err := os.ReadFile(filepath.Join(modelstest.Root(t), "demo/still.txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".jpg"), still, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, strings.Fields(string(truth))
}

func carOf(t *testing.T, pictures, broker string) Config {
	t.Helper()
	c := DefaultConfig()
	c.Agency, c.Vehicle, c.DataDir = "test", "car-1", t.TempDir()
	c.Cameras = []CameraConfig{{Name: "front", Location: pictures, FPS: 10}}
	c.Models.Dir, c.Models.Library = filepath.Join(modelstest.Root(t), "models"), modelstest.Library(t)
	c.Console.Listen = "127.0.0.1:0"
	c.Uplink.Broker = broker
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	c.Policy = profiles["default"]
	c.Resolve(".")
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// consume keeps what arrives at a broker, as the agency's consumer does, and
// returns the events kept once the test's vehicle has ended.
func consume(t *testing.T, url string) (events func() []event.Event) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events.ndjson")
	sink, err := backend.OpenSink(t.Context(), "ndjson:"+file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := backend.DefaultConsumeConfig()
	cfg.Broker, cfg.BatchWait = backend.Broker{URL: url, ClientID: "consumer"}, 20*time.Millisecond
	consumer, err := backend.NewConsumer(cfg, sink, backend.NewMetrics(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- consumer.Run(ctx) }()
	return func() []event.Event {
		stop()
		if err := <-done; err != nil {
			t.Errorf("consume: %v", err)
		}
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []event.Event
		for line := range bytes.Lines(text) {
			e, err := event.Decode(line)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			list = append(list, e)
		}
		return list
	}
}

// TestRunFromPicturesToBackend is the main job: pictures, the shipped networks,
// a hotlist, the store, Mosquitto, the consumer.
func TestRunFromPicturesToBackend(t *testing.T) {
	pictures, texts := standstill(t)
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	events := consume(t, broker.URL("tcp"))

	ctx := t.Context()
	v, err := New(ctx, carOf(t, pictures, broker.URL("tcp")), Options{IsDemo: true, OnSourcesEnd: sendRest}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	wanted := alpr.Entry{ID: "1", PlateGiven: texts[0], Plate: texts[0], Reason: "test", Category: "stolen vehicle", Priority: alpr.PriorityHigh}
	list, err := hotlist.FromEntries("wanted", "1", time.Now(), []alpr.Entry{wanted})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.lists.Replace(ctx, store.Access{Officer: "test", Purpose: "test"}, list); err != nil {
		t.Fatal(err)
	}
	if err := v.Run(ctx); err != nil {
		t.Fatal(err)
	}

	kept, err := vehicletest.Kept(ctx, v.store)
	if err != nil {
		t.Fatal(err)
	}
	checkTexts(t, "the store", plates(kept), texts)
	for _, r := range kept {
		if r.Fix.IsValid() || r.TimeSource != alpr.TimeSystem {
			t.Errorf("%s claims position %v and time of %s without a receiver", r.Text.Text, r.Fix, r.TimeSource)
		}
	}
	if _, hits, err := v.store.Reads().OpenHits(ctx); err != nil || len(hits) != 1 || hits[0].Entry.Plate != texts[0] {
		t.Errorf("open hits %v, %v", hits, err)
	}
	if d, err := v.store.Outbox().Depth(ctx); err != nil || len(d.Waiting) != 0 && d.OldestUnsent.IsZero() {
		t.Errorf("outbox %+v, %v", d, err)
	}
	checkArrived(t, events(), texts)
}

// checkArrived wants one read of each text, in its last revision, and the hit
// on the first.
func checkArrived(t *testing.T, events []event.Event, texts []string) {
	t.Helper()
	reads, hits := map[string]string{}, 0
	for _, e := range events {
		switch e.Type {
		case event.TypeRead:
			var r event.Read
			if err := json.Unmarshal(e.Data, &r); err != nil {
				t.Fatal(err)
			}
			reads[r.ID.String()] = r.Plate.Text
		case event.TypeHit:
			hits++
			var h event.Hit
			if err := json.Unmarshal(e.Data, &h); err != nil {
				t.Fatal(err)
			}
			if h.Entry.Plate != texts[0] || h.Advice != event.Advice {
				t.Errorf("hit %+v", h)
			}
		}
	}
	var got []string
	for _, text := range reads {
		got = append(got, text)
	}
	checkTexts(t, "the backend", got, texts)
	if hits == 0 {
		t.Error("no hit reached the backend")
	}
}

// demoVehicle is a car whose console lets the demonstration's officer in.
func demoVehicle(t *testing.T, cfg Config) *Vehicle {
	t.Helper()
	v, err := New(t.Context(), cfg, Options{IsDemo: true}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// TestRunWithoutBackendKeepsEverything: nothing is lost while nobody listens.
func TestRunWithoutBackendKeepsEverything(t *testing.T) {
	pictures, texts := standstill(t)
	cfg := carOf(t, pictures, "tcp://127.0.0.1:"+strconv.Itoa(brokertest.FreePort(t)))
	v := demoVehicle(t, cfg)
	if err := v.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := v.store.Outbox().Depth(t.Context())
	if reads := v.pipeline.Stats().Reads; err != nil || reads < uint64(len(texts)) || d.Waiting[alpr.KindRead] != int64(reads) {
		t.Errorf("outbox %+v, %v: want the %d reads waiting", d, err, reads)
	}
}

// TestAShorterRetentionClearsTheScreen: what the backend shortens at run time
// holds for the officer's page at once.
func TestAShorterRetentionClearsTheScreen(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	v := demoVehicle(t, cfg)
	if err := v.store.Rules().Tighten(t.Context(), alpr.RetainRead, time.Minute); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/api/login", strings.NewReader(`{"name":"demo","password":"demo"}`))
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:9"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	v.console.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"reads_for_s":60`) {
		t.Errorf("reads kept for a minute, but the page is told %d %s", w.Code, w.Body)
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	pictures, _ := standstill(t)
	for _, test := range []struct {
		name  string
		spoil func(*Config)
		want  string
	}{
		{"models", func(c *Config) { c.Models.Dir = t.TempDir() }, "manifest.json"},
		{"recording", func(c *Config) { c.Cameras[0].Location = "/nonexistent/drive.mp4" }, "/nonexistent/drive.mp4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := carOf(t, pictures, "")
			test.spoil(&cfg)
			v, err := New(t.Context(), cfg, Options{IsDemo: true}, slog.New(slog.DiscardHandler))
			if err == nil {
				err = v.Run(t.Context())
				defer v.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("says %v, which should name %s", err, test.want)
			}
		})
	}
}

// checkTexts wants each of the texts read once, and nothing that is on none of
// the drive's plates: far ones may be read or not.
func checkTexts(t *testing.T, where string, got, want []string) {
	t.Helper()
	if slices.Sort(got); len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%s has a plate twice: %q", where, got)
	}
	for _, text := range want {
		if !slices.Contains(got, text) {
			t.Errorf("%s has no read of %s: %q", where, text, got)
		}
	}
	truth, err := os.ReadFile(filepath.Join(modelstest.Root(t), "demo/drive.truth.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range got {
		if !strings.Contains(string(truth), `"`+text+`"`) {
			t.Errorf("%s has a read of %s, which no plate says", where, text)
		}
	}
}

func plates(reads []alpr.Read) []string {
	var out []string
	for _, r := range reads {
		out = append(out, r.Text.Text)
	}
	return out
}
