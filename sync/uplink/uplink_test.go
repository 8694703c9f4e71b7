package uplink_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

const deadline = 2 * time.Minute // for a machine that is busy with something else

var car = event.Vehicle{Agency: "pd", Name: "car-1"}

func config(t testing.TB, broker string) uplink.Config {
	c := uplink.DefaultConfig()
	c.Broker, c.Agency, c.Vehicle, c.StateDir = broker, car.Agency, car.Name, t.TempDir()
	c.ReconnectMin, c.ReconnectMax = 20*time.Millisecond, 200*time.Millisecond
	c.UseReceipts = false
	return c
}

func start(t testing.TB, cfg uplink.Config, box uplink.Outbox, opt uplink.Options) *uplink.Uplink {
	t.Helper()
	u, err := uplink.New(cfg, box, slog.New(slog.NewTextHandler(t.Output(), nil)), opt)
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Background(t, "uplink", u.Run)
	return u
}

// listeners numbers the clients of this file.
var listeners atomic.Int64

// listener collects what arrives at the broker.
type listener struct {
	client mqtt.Client
	mu     sync.Mutex
	events []received
	signal chan struct{}
}

type received struct {
	topic    string
	event    event.Event
	retained bool
	batch    int  // events in the message
	plain    bool // one event, as it is
}

func listen(t testing.TB, address string, filters ...string) *listener {
	t.Helper()
	l := &listener{signal: make(chan struct{}, 1)}
	o := mqtt.NewClientOptions().AddBroker(address).SetClientID(fmt.Sprintf("listener-%d", listeners.Add(1))).SetProtocolVersion(4).SetOrderMatters(true)
	l.client = mqtt.NewClient(o)
	if tok := l.client.Connect(); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	t.Cleanup(func() { l.client.Disconnect(0) })
	for _, f := range filters {
		if tok := l.client.Subscribe(f, 1, l.take); tok.Wait() && tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
	return l
}

func (l *listener) take(_ mqtt.Client, m mqtt.Message) {
	raws, err := event.Split(m.Payload())
	if err != nil {
		return
	}
	l.mu.Lock()
	for _, raw := range raws {
		if e, err := event.Decode(raw); err == nil && e.Type != event.TypeProbe {
			l.events = append(l.events, received{m.Topic(), e, m.Retained(), len(raws), m.Payload()[0] == '{'})
		}
	}
	l.mu.Unlock()
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// wait returns once what was received satisfies ok.
func (l *listener) wait(t testing.TB, what string, ok func([]received) bool) []received {
	t.Helper()
	timeout := time.After(deadline)
	for {
		l.mu.Lock()
		events := append([]received(nil), l.events...)
		l.mu.Unlock()
		if ok(events) {
			return events
		}
		select {
		case <-l.signal:
		case <-timeout:
			t.Fatalf("no %s in %s; received %d events", what, deadline, len(events))
		}
	}
}

func ofType(events []received, typ string) []received {
	var out []received
	for _, e := range events {
		if e.event.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func TestItemsReachTheBrokerAndLeaveTheOutbox(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), event.Root+"/#")
	now, m := time.Now(), synthetic.New(1)
	box := memory.NewOutbox(m.ID(now))
	hit := m.Hit(now)
	items := []alpr.OutboxItem{m.Read(now), m.Read(now.Add(-time.Hour)), hit, m.Disposition(now, hit), m.Audit(now), m.Expired(now, m.ID(now), 3, 9)}
	box.Add(items...)
	start(t, config(t, broker.URL("tcp")), box, uplink.Options{})
	want := map[string]string{
		"read": event.TypeRead, "hit": event.TypeHit, "disposition": event.TypeDisposition, "audit": event.TypeAudit,
	}
	events := l.wait(t, "event of every kind", func(h []received) bool {
		return len(ofType(h, event.TypeRead)) == 2 && len(ofType(h, event.TypeHit)) == 1 && len(ofType(h, event.TypeDisposition)) == 1 &&
			len(ofType(h, event.TypeAudit)) == 1 && len(ofType(h, event.TypeExpired)) == 1 && len(ofType(h, event.TypeStatus)) > 0
	})
	for level, typ := range want {
		for _, e := range ofType(events, typ) {
			if e.topic != car.Topic(level) {
				t.Errorf("%s came on topic %s", typ, e.topic)
			}
		}
	}
	brokertest.Until(t, "outbox empty", func() bool { return box.Len() == 0 })
	var got event.Hit
	if err := json.Unmarshal(ofType(events, event.TypeHit)[0].event.Data, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != hit.ID || got.Read.ID != hit.Read.ID || got.Advice != "verify plate and state" {
		t.Errorf("hit arrived as %+v", got)
	}
}

// receipt sends a receipt as a backend does, through the broker.
func receipt(t testing.TB, address string, r event.Receipt) {
	t.Helper()
	payload, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, address)
	if tok := l.client.Publish(car.ReceiptTopic(), 1, false, payload); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
}

// TestReceiptsThatWaitedAtTheBrokerCount: what was sent before the connection
// broke is receipted while the vehicle is out of reach.
func TestReceiptsThatWaitedAtTheBrokerCount(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	proxy := brokertest.StartProxy(t, broker.Address())
	m := synthetic.New(1)
	boot := m.ID(time.Now())
	box := memory.NewOutbox(boot)
	for range 5 {
		box.Add(m.Read(time.Now()), m.Hit(time.Now()))
	}
	cfg := config(t, proxy.URL("tcp"))
	cfg.UseReceipts, cfg.ReceiptTimeout = true, time.Hour
	u := start(t, cfg, box, uplink.Options{BootID: boot})
	brokertest.Until(t, "all acknowledged by the broker", func() bool { return u.State().Link.Published == 10 })
	proxy.Down()
	brokertest.Until(t, "the break noticed", func() bool { return !u.State().IsConnected })
	receipt(t, broker.URL("tcp"), event.Receipt{Ranges: []event.Range{{BootID: boot, From: 1, To: 10}}})
	proxy.Up(t)
	brokertest.Until(t, "everything let go", func() bool { return box.Len() == 0 })
	if st := u.State().Link; st.Resent != 0 {
		t.Errorf("%d items were sent again", st.Resent)
	}
}
