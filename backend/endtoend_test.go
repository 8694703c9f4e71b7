package backend_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr/backend"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

func quiet(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// secureFleet is a Mosquitto with TLS 1.3, client certificates and an access
// list for the given vehicles and the user "backend".
func secureFleet(t testing.TB, vehicles ...event.Vehicle) (*brokertest.Mosquitto, *brokertest.CA) {
	t.Helper()
	acl, err := backend.MosquittoACL(backend.Rights{Vehicles: vehicles, Consumers: []string{"backend"}, Admins: []string{"backend"}, Receivers: []string{"sheriff"}})
	if err != nil {
		t.Fatal(err)
	}
	ca := brokertest.NewCA(t)
	return brokertest.StartMosquitto(t, brokertest.Config{CA: ca, ACL: acl}), ca
}

func backendBroker(t testing.TB, m *brokertest.Mosquitto, ca *brokertest.CA, id string) backend.Broker {
	b := backend.Broker{URL: m.URL("tcp"), ClientID: id}
	if ca != nil {
		b.URL, b.CAFile = m.URL("tls"), ca.File
		b.CertFile, b.KeyFile = ca.Issue(t, "backend", time.Now().Add(time.Hour))
	}
	return b
}

func carConfig(t testing.TB, m *brokertest.Mosquitto, ca *brokertest.CA, v event.Vehicle) uplink.Config {
	c := uplink.DefaultConfig()
	c.Broker, c.Agency, c.Vehicle, c.StateDir = m.URL("tcp"), v.Agency, v.Name, t.TempDir()
	c.ReconnectMin, c.ReconnectMax = 20*time.Millisecond, 500*time.Millisecond
	c.BacklogRate = 0
	c.HealthEvery = time.Second // by its status a new consumer learns of a vehicle, and asks for what came before
	if ca != nil {
		c.Broker, c.CAFile = m.URL("tls"), ca.File
		c.CertFile, c.KeyFile = ca.Issue(t, v.String(), time.Now().Add(time.Hour))
	}
	return c
}

func startCar(t testing.TB, cfg uplink.Config, box uplink.Outbox, opt uplink.Options) (*uplink.Uplink, func()) {
	t.Helper()
	u, err := uplink.New(cfg, box, quiet(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	return u, brokertest.Background(t, "uplink", u.Run)
}

func startConsumer(t testing.TB, b backend.Broker, sink backend.Sink) (*backend.Metrics, func()) {
	t.Helper()
	return startSigningConsumer(t, b, sink, nil)
}

func startSigningConsumer(t testing.TB, b backend.Broker, sink backend.Sink, s *backend.Signer) (*backend.Metrics, func()) {
	t.Helper()
	cfg := backend.DefaultConsumeConfig()
	cfg.Broker, cfg.BatchWait, cfg.Signer = b, 20*time.Millisecond, s
	metrics := backend.NewMetrics()
	c, err := backend.NewConsumer(cfg, sink, metrics, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	return metrics, brokertest.Background(t, "consumer", c.Run)
}

func TestReadsGoFromCarToPostgresAndReceiptsComeBack(t *testing.T) {
	t.Parallel()
	broker, ca := secureFleet(t, car)
	pg := brokertest.StartPostgres(t)
	sink, err := backend.OpenSink(context.Background(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	metrics, _ := startConsumer(t, backendBroker(t, broker, ca, "consumer-1"), sink)

	now, m := time.Now(), synthetic.New(4)
	boot := m.ID(now)
	box := memory.NewOutbox(boot)
	for i := range 1000 { // a backlog
		box.Add(m.Read(now.Add(-time.Hour + time.Duration(i)*time.Second)))
	}
	for range 20 {
		box.Add(m.Hit(now), m.Read(now))
	}
	u, _ := startCar(t, carConfig(t, broker, ca, car), box, uplink.Options{BootID: boot})
	brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
	if got := metrics.Events(); got != 1040 {
		t.Errorf("%d events kept, want 1040 (%d letters)", got, metrics.Letters())
	}
	if st := u.State(); !st.IsConnected || st.Link.Receipted < 1040 {
		t.Errorf("state: %+v", st)
	}
	page := httptest.NewRecorder()
	metrics.ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		"\nalpr_events_total 1040\n", "\nalpr_duplicates_total ", "\nalpr_dead_letters_total 0\n", "\nalpr_sink_failures_total 0\n",
		"\nalpr_lag_seconds{kind=\"hit\"} ", "\nalpr_lag_seconds{kind=\"read\"} ", "\nalpr_last_kept_timestamp_seconds ",
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("metrics lack %q:\n%s", want, page.Body)
		}
	}
}

// TestWhatCameBeforeTheFirstConsumerFollowsSoon: a broker acknowledges, and
// drops, what nobody has subscribed to yet.
func TestWhatCameBeforeTheFirstConsumerFollowsSoon(t *testing.T) {
	t.Parallel()
	broker, ca := secureFleet(t, car)
	sign := signer(t, "receipts")
	cfg := carConfig(t, broker, ca, car)
	cfg.ReceiptTimeout = time.Hour // so that only the consumer's asking helps
	cfg.TrustedKeys = []string{sign.Public(downlink.KindReceipt).String()}
	m, now := synthetic.New(6), time.Now()
	boot := m.ID(now)
	box := memory.NewOutbox(boot)
	box.Add(m.Read(now), m.Hit(now), m.Read(now.Add(-time.Hour)))
	u, _ := startCar(t, cfg, box, uplink.Options{BootID: boot})
	brokertest.Until(t, "all acknowledged by the broker", func() bool { return u.State().Link.Published == 3 })
	us := backendBroker(t, broker, ca, "consumer")
	sink := sqliteSink(t)
	_, stop := startSigningConsumer(t, us, sink, &sign)
	brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
	resent := u.State().Link.Resent
	if resent != 3 {
		t.Errorf("%d sent again, want 3", resent)
	}
	// A consumer that the broker knows needs nothing again.
	stop()
	box.Add(m.Read(time.Now()))
	brokertest.Until(t, "acknowledged by the broker", func() bool { return u.State().Link.Published == 7 })
	metrics, _ := startSigningConsumer(t, us, sink, &sign)
	brokertest.Until(t, "that one receipted", func() bool { return box.Len() == 0 })
	if got := u.State().Link.Resent; got != resent || metrics.Events() != 1 {
		t.Errorf("%d sent again, %d events kept", got-resent, metrics.Events())
	}
}

func TestAnotherReceiverKeepsWhatTheOwnerReleases(t *testing.T) {
	t.Parallel()
	broker, ca := secureFleet(t, car)
	us, theirs := sqliteSink(t), sqliteSink(t)
	startConsumer(t, backendBroker(t, broker, ca, "consumer"), us)
	cfg := backend.DefaultConsumeConfig()
	cfg.Broker, cfg.Receiver = backendBroker(t, broker, ca, "sheriff"), "sheriff"
	cfg.Broker.CertFile, cfg.Broker.KeyFile = ca.Issue(t, "sheriff", time.Now().Add(time.Hour))
	metrics := backend.NewMetrics()
	c, err := backend.NewConsumer(cfg, theirs, metrics, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Background(t, "the sheriff's consumer", c.Run)
	vehicle := carConfig(t, broker, ca, car)
	vehicle.ReceiptTimeout = time.Second // the sheriff's consumer may come after the agency's
	vehicle.ReleaseFile = filepath.Join(t.TempDir(), "release.yaml")
	rules := "receivers: [{name: agency, release: [{what: [hit, read]}]}, {name: sheriff, release: [{what: [hit]}]}]"
	if err := os.WriteFile(vehicle.ReleaseFile, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	m, now := synthetic.New(7), time.Now()
	box := memory.NewOutbox(m.ID(now))
	startCar(t, vehicle, box, uplink.Options{})
	brokertest.Until(t, "a hit at the sheriff's", func() bool {
		box.Add(m.Hit(time.Now()), m.Read(time.Now()))
		return metrics.Events() > 0
	})
	brokertest.Until(t, "everything receipted by the agency", func() bool { return box.Len() == 0 })
	got, err := theirs.Received(context.Background())
	if err != nil || len(got) == 0 || slices.ContainsFunc(got, func(r backend.VehicleRange) bool { return r.From%2 == 0 || r.From != r.To }) {
		t.Errorf("the sheriff has %+v, %v: want hits alone, which have odd numbers", got, err)
	}
	if gaps, err := backend.Gaps(context.Background(), us); err != nil || len(gaps) != 0 {
		t.Errorf("the agency lacks %+v, %v", gaps, err)
	}
}

func TestConsumersShareTheWork(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	path := filepath.Join(t.TempDir(), "shared.db")
	var metrics []*backend.Metrics
	for _, id := range []string{"one", "two", "three"} {
		sink, err := backend.OpenSink(context.Background(), "sqlite:"+path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sink.Close() })
		m, _ := startConsumer(t, backendBroker(t, broker, nil, id), sink)
		metrics = append(metrics, m)
	}
	now, m := time.Now(), synthetic.New(5)
	box := memory.NewOutbox(m.ID(now))
	startCar(t, carConfig(t, broker, nil, car), box, uplink.Options{})
	var added int64
	brokertest.Until(t, "each consumer got something", func() bool {
		for range 20 {
			box.Add(m.Read(time.Now()))
		}
		added += 20
		return !slices.ContainsFunc(metrics, func(m *backend.Metrics) bool { return m.Events() == 0 })
	})
	brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
	var total int64
	for _, m := range metrics {
		total += m.Events()
	}
	if total != added {
		t.Errorf("%d events kept, want %d", total, added)
	}
}
