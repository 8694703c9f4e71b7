package backend_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// has says whether a vehicle has a version of the list, with these entries.
func has(h *memory.Hotlists, version uint64, ids ...string) func() bool {
	return func() bool {
		v, have := h.List("stolen")
		return v == version && slices.Equal(have, ids)
	}
}

func entries(m *synthetic.Maker, ids ...string) []alpr.Entry {
	var out []alpr.Entry
	for _, id := range ids {
		out = append(out, alpr.Entry{ID: id, Plate: "P" + id, State: "US-FL", Priority: alpr.PriorityHigh, Reason: m.ID(time.Unix(1e9, 0)).String()})
	}
	return out
}

func signer(t testing.TB, name string) backend.Signer {
	t.Helper()
	s, err := backend.NewSigner(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := backend.LoadSigner(path)
	if err != nil || loaded.Name != name || !bytes.Equal(loaded.Private, s.Private) {
		t.Fatalf("key came back as %q, %v", loaded.Name, err)
	}
	return loaded
}

func TestHotlistsReachTheFleetAsVersionsAndDeltas(t *testing.T) {
	t.Parallel()
	broker, ca := secureFleet(t, car)
	sign := signer(t, "lists")
	us := backendBroker(t, broker, ca, "publisher")
	got := memory.NewHotlists(nil)
	cfg := carConfig(t, broker, ca, car)
	cfg.TrustedKeys = []string{sign.Public(downlink.KindHotlist).String()}
	_, stop := startCar(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Hotlists: got})
	order := backend.HotlistOrder{Agency: "pd", List: "stolen", Dir: t.TempDir(), Signer: sign, Now: time.Now()}
	m := synthetic.New(1)
	whole := entries(m, slices.Collect(numbers(100, 400))...)
	publish := func(list []alpr.Entry) downlink.Manifest {
		t.Helper()
		order.Entries = slices.Values(list)
		mf, err := backend.PublishHotlist(context.Background(), us, order)
		if err != nil {
			t.Fatal(err)
		}
		return mf.Manifest
	}
	ids := func(list []alpr.Entry) (out []string) {
		for _, e := range list {
			out = append(out, e.ID)
		}
		return out
	}
	if m := publish(whole); m.Version != 1 || len(m.Deltas) != 0 {
		t.Errorf("first version: %d with %d deltas", m.Version, len(m.Deltas))
	}
	brokertest.Until(t, "version 1", has(got, 1, ids(whole)...))
	if m := publish(whole[1:]); m.Version != 2 || !slices.Equal(m.RemoveNow, []string{"100"}) || len(m.Deltas) != 1 || m.Deltas[0].Blob.Size > m.Whole.Size/5 {
		t.Errorf("second version: %d, remove %v, %d deltas", m.Version, m.RemoveNow, len(m.Deltas))
	}
	brokertest.Until(t, "version 2", has(got, 2, ids(whole[1:])...))
	for i := 2; i < 7; i++ { // so many that version 1 has no delta any more
		publish(whole[i:])
	}
	brokertest.Until(t, "version 7", has(got, 7, ids(whole[6:])...))
	if slices.ContainsFunc(got.Updates()[1:], func(u downlink.Update) bool { return u.Base == 0 }) {
		t.Errorf("a connected vehicle fetched the whole list again: %+v", got.Updates())
	}

	late := memory.NewHotlists(nil)
	old := func(yield func(alpr.Entry, error) bool) { yield(whole[0], nil) }
	if err := late.ApplyHotlist(context.Background(), downlink.Update{List: "stolen", Version: 1, Entries: old}); err != nil {
		t.Fatal(err)
	}
	stop()
	cfg.StateDir = t.TempDir()
	startCar(t, cfg, memory.NewOutbox(alpr.ID{2}), uplink.Options{Hotlists: late})
	brokertest.Until(t, "a vehicle far behind", has(late, 7, ids(whole[6:])...))

	// With the publisher's folder lost, the version still grows.
	order.Dir = t.TempDir()
	if m := publish(whole); m.Version != 8 {
		t.Errorf("version %d followed 7", m.Version)
	}
}

func numbers(from, to int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := from; i < to; i++ {
			if !yield(fmt.Sprint(i)) {
				return
			}
		}
	}
}

// shots gives one picture.
type shots struct {
	sha  [32]byte
	jpeg []byte
}

func (s shots) PictureByHash(_ context.Context, sha [32]byte) (uplink.Shot, error) {
	if sha != s.sha {
		return uplink.Shot{}, errors.New("no such picture")
	}
	return uplink.Shot{JPEG: s.jpeg}, nil
}

func TestAPictureIsRequestedAndArrivesWhole(t *testing.T) {
	t.Parallel()
	broker, ca := secureFleet(t, car)
	sign := signer(t, "images")
	us := backendBroker(t, broker, ca, "requester")
	jpeg := bytes.Repeat([]byte("pixels of a plate "), 6000)
	pic := shots{sha256.Sum256(jpeg), jpeg}
	now := time.Now().UTC()
	r := downlink.ImageRequest{Agency: "pd", Vehicle: "car-1", SHA256: fmt.Sprintf("%x", pic.sha), Officer: "analyst", Purpose: "case 9", RequestedAt: now, ExpiresAt: now.Add(time.Hour)}
	short, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	if _, err := backend.RequestImage(short, us, sign, r); !errors.Is(err, backend.ErrPending) {
		t.Fatalf("with the vehicle away: %v", err)
	}
	cfg := carConfig(t, broker, ca, car)
	cfg.TrustedKeys = []string{sign.Public(downlink.KindImage).String()}
	startCar(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Pictures: pic})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.RequestedAt = now.Add(time.Second)
	got, err := backend.RequestImage(ctx, us, sign, r)
	if err != nil || !bytes.Equal(got, jpeg) {
		t.Errorf("%d bytes of %d: %v", len(got), len(jpeg), err)
	}
	if _, err := backend.RequestImage(ctx, us, sign, downlink.ImageRequest{Agency: "pd", Vehicle: "car-1", SHA256: r.SHA256, RequestedAt: now, ExpiresAt: now.Add(time.Hour)}); err == nil {
		t.Error("a request without officer and purpose was sent")
	}
}

// TestARefusedRequestIsAnsweredAndCleared: a picture that is not there, and a
// request that nobody waits for any more.
func TestARefusedRequestIsAnsweredAndCleared(t *testing.T) {
	t.Parallel()
	broker, ca := secureFleet(t, car)
	sign := signer(t, "images")
	us := backendBroker(t, broker, ca, "requester")
	sink := sqliteSink(t)
	startConsumer(t, backendBroker(t, broker, ca, "consumer"), sink)
	jpeg := bytes.Repeat([]byte("pixels of a plate "), 6000)
	pic := shots{sha256.Sum256(jpeg), jpeg}
	cfg := carConfig(t, broker, ca, car)
	cfg.TrustedKeys = []string{sign.Public(downlink.KindImage).String()}
	now := time.Now().UTC()
	request := func(sha string, ends time.Time) downlink.ImageRequest {
		return downlink.ImageRequest{Agency: "pd", Vehicle: "car-1", SHA256: sha, Officer: "analyst", Purpose: "case 9", RequestedAt: now, ExpiresAt: ends}
	}
	// Nobody waits for this one: its requester gives up before the vehicle comes.
	brief, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	whole := fmt.Sprintf("%x", pic.sha)
	if _, err := backend.RequestImage(brief, us, sign, request(whole, now.Add(time.Hour))); !errors.Is(err, backend.ErrPending) {
		t.Fatal(err)
	}
	startCar(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{Pictures: pic})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	gone := strings.Repeat("ab", 32)
	if _, err := backend.RequestImage(ctx, us, sign, request(gone, now.Add(time.Hour))); !errors.Is(err, backend.ErrRefused) || !strings.Contains(err.Error(), "no such picture") {
		t.Errorf("a picture that is gone: %v", err)
	}
	brokertest.Until(t, "no request left at the broker", func() bool {
		left, err := backend.Requests(context.Background(), us, car)
		return err == nil && len(left) == 0
	})
	if _, err := backend.Picture(context.Background(), sink, whole, backend.Access{Officer: "o", Purpose: "case 9", At: now}); err != nil {
		t.Errorf("the picture that nobody waited for: %v", err)
	}
}

func TestFleetShowsWhoIsAlive(t *testing.T) {
	t.Parallel()
	two := event.Vehicle{Agency: "pd", Name: "car-2"}
	broker, ca := secureFleet(t, car, two)
	got := memory.NewHotlists(map[string]uint64{"stolen": 4})
	box := memory.NewOutbox(alpr.ID{1})
	box.Add(synthetic.New(1).Read(time.Now()))
	u, _ := startCar(t, carConfig(t, broker, ca, car), box, uplink.Options{Hotlists: got, Version: "1.0"})
	_, stop := startCar(t, carConfig(t, broker, ca, two), memory.NewOutbox(alpr.ID{2}), uplink.Options{})
	brokertest.Until(t, "connected", func() bool { return u.State().IsConnected })
	time.AfterFunc(100*time.Millisecond, stop)
	us := backendBroker(t, broker, ca, "fleet")
	brokertest.Until(t, "one alive, one gone", func() bool {
		lines, err := backend.Fleet(context.Background(), us, "pd")
		return err == nil && len(lines) == 2 &&
			lines[0].Vehicle == car && lines[0].Status.IsOnline && lines[0].Status.Hotlists["stolen"] == 4 && lines[0].Status.Version == "1.0" &&
			lines[1].Vehicle == two && !lines[1].Status.IsOnline && lines[1].Status.Reason == "shutdown"
	})
}

func TestAVehicleCannotSpeakForAnother(t *testing.T) {
	t.Parallel()
	two := event.Vehicle{Agency: "pd", Name: "car-2"}
	broker, ca := secureFleet(t, car, two)
	path := filepath.Join(t.TempDir(), "x.db")
	sink, err := backend.OpenArchive(context.Background(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	metrics, _ := startConsumer(t, backendBroker(t, broker, ca, "consumer"), sink)
	// car-2's certificate, car-1's name.
	cfg := carConfig(t, broker, ca, car)
	cfg.CertFile, cfg.KeyFile = ca.Issue(t, two.String(), time.Now().Add(time.Hour))
	cfg.CheckRights, cfg.ReceiptTimeout = false, time.Hour
	box := memory.NewOutbox(alpr.ID{1})
	box.Add(synthetic.New(1).Hit(time.Now()))
	u, _ := startCar(t, cfg, box, uplink.Options{})
	brokertest.Until(t, "acknowledged by the broker", func() bool { return u.State().Link.Published == 1 })
	// The rightful car follows; once its hit is kept, the other would be too.
	right := memory.NewOutbox(alpr.ID{2})
	right.Add(synthetic.New(2).Hit(time.Now()))
	startCar(t, carConfig(t, broker, ca, two), right, uplink.Options{})
	brokertest.Until(t, "the rightful car's receipt", func() bool { return right.Len() == 0 })
	if metrics.Events() != 1 {
		t.Errorf("%d events kept, want the rightful one", metrics.Events())
	}
	if box.Len() != 1 {
		t.Error("what the broker dropped was let go of: a PUBACK is no proof")
	}
}

func TestDeadLettersAreReplayedAndOldEventsPurged(t *testing.T) {
	t.Parallel()
	archives(t, func(t *testing.T, a backend.Archive, count func(string) int) {
		ctx := context.Background()
		m, now := synthetic.New(1), time.Now()
		expired := m.Read(now.Add(-48 * time.Hour))
		expired.PurgeAt = now.Add(-time.Hour)
		items := numbered(m.ID(now), expired, m.Read(now), m.Hit(now))
		good := take(t, items...)
		// One letter that passes by now, one that never will, and one that never
		// will either but says when it must go.
		letters := []backend.Letter{
			{Topic: car.Topic("read"), Payload: good.Rows[1].JSON, Reason: "an older schema", ReceivedAt: now},
			{Topic: car.Topic("read"), Payload: []byte("{"), Reason: "broken", ReceivedAt: now},
			{Topic: car.Topic("read"), Payload: change(t, good.Rows[0].JSON, func(_, d map[string]any) { delete(d, "plate") }), Reason: "no plate", ReceivedAt: now},
		}
		alarm := func(at time.Time) backend.Row {
			return arrived(t, event.TopicEmergency, event.TypeEmergency, event.Emergency{At: at, IsHeld: true, JPEG: []byte{}}, at)
		}
		b := backend.Batch{Rows: []backend.Row{good.Rows[0], good.Rows[2], alarm(now), alarm(now.Add(-2 * time.Hour))}, Letters: letters, Numbers: []backend.Number{good.Numbers[0], good.Numbers[2]}}
		if _, err := a.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		gaps, err := backend.Gaps(ctx, a)
		if err != nil || len(gaps) != 1 || gaps[0].From != 2 || gaps[0].To != 2 || gaps[0].Vehicle != car {
			t.Errorf("gaps %+v, %v", gaps, err)
		}
		kept, still, err := backend.Replay(ctx, a)
		if err != nil || kept != 1 || still != 2 {
			t.Errorf("replay: %d kept, %d still, %v", kept, still, err)
		}
		if gaps, err := backend.Gaps(ctx, a); err != nil || len(gaps) != 0 {
			t.Errorf("gaps after the replay: %+v, %v", gaps, err)
		}
		n, err := backend.Purge(ctx, a, now, time.Hour)
		if err != nil || n != 2 {
			t.Errorf("%d events purged, %v, want the read past its time and the old emergency", n, err)
		}
		for table, want := range map[string]int{"reads": 1, "hits": 1, "events": 3, "dead_letters": 1} {
			if n := count("SELECT count(*) FROM " + table); n != want {
				t.Errorf("%d left in %s, want %d", n, table, want)
			}
		}
	})
}

func TestADatabaseThatGoesAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	pg := brokertest.StartPostgres(t)
	sink, err := backend.OpenSink(context.Background(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	box := memory.NewOutbox(alpr.ID{1})
	startCar(t, carConfig(t, broker, nil, car), box, uplink.Options{})
	m := synthetic.New(1)
	box.Add(m.Read(time.Now()))
	brokertest.Until(t, "the first kept", func() bool { return box.Len() == 0 })
	pg.Crash(t)
	box.Add(m.Read(time.Now()), m.Hit(time.Now()))
	brokertest.Until(t, "a failed write counted", func() bool {
		page := httptest.NewRecorder()
		metrics.ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		return !strings.Contains(page.Body.String(), "alpr_sink_failures_total 0\n")
	})
	if box.Len() != 2 {
		t.Error("receipted without being kept")
	}
	pg.Start(t)
	brokertest.Until(t, "the rest kept", func() bool { return box.Len() == 0 })
	if metrics.Events() != 3 {
		t.Errorf("%d events kept, want 3", metrics.Events())
	}
}

func TestWhatTheDatabaseCannotHoldBecomesALetter(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	pg := brokertest.StartPostgres(t)
	sink, err := backend.OpenArchive(context.Background(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	metrics, stop := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	box := memory.NewOutbox(alpr.ID{1})
	m := synthetic.New(1)
	poison := m.Hit(time.Now())
	poison.Hit.Entry.Caution = "a \x00 in a note" // JSON allows it, PostgreSQL's jsonb does not
	for range 10 {
		box.Add(m.Hit(time.Now()))
	}
	box.Add(poison)
	startCar(t, carConfig(t, broker, nil, car), box, uplink.Options{})
	brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
	stop()
	letters, err := sink.Letters(context.Background(), 0, 10)
	if err != nil || len(letters) != 1 || !strings.Contains(string(letters[0].Payload), poison.ID.String()) || metrics.Events() != 10 {
		t.Errorf("%d letters, %d events, %v", len(letters), metrics.Events(), err)
	}
}
