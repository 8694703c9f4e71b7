package backend_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

func sqliteSink(t testing.TB) backend.Archive {
	t.Helper()
	a, err := backend.OpenArchive(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// TestAFullBrokerLosesNothing: a broker whose queue is full acknowledges and
// drops. What has no receipt is sent again until it has.
func TestAFullBrokerLosesNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{Extra: []string{"max_queued_messages 5", "max_inflight_messages 5"}})
	sink := sqliteSink(t)
	_, stop := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	cfg := carConfig(t, broker, nil, car)
	cfg.ReceiptTimeout = 500 * time.Millisecond
	cfg.BatchEvents = 1 // a message each: batches would fit the queue
	box := memory.NewOutbox(alpr.ID{1})
	u, _ := startCar(t, cfg, box, uplink.Options{})
	m := synthetic.New(1)
	box.Add(m.Read(time.Now()))
	brokertest.Until(t, "the first kept", func() bool { return box.Len() == 0 })
	stop()
	const n = 100
	for range n {
		box.Add(m.Read(time.Now()))
	}
	brokertest.Until(t, "all acknowledged by the broker", func() bool { return u.State().Link.Published >= n+1 })
	if box.Len() != n {
		t.Fatalf("%d of %d left without a receipt", box.Len(), n)
	}
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
	if metrics.Events() != n {
		t.Errorf("%d events kept, want %d", metrics.Events(), n)
	}
	if u.State().Link.Resent == 0 {
		t.Error("nothing was sent again: the broker was not full")
	}
}

// TestAKilledBrokerLosesNothing: a broker that is killed forgets what it
// acknowledged since it last saved, but knows its consumer. The vehicle's next
// status says that items have no receipt, and the consumer asks for them.
func TestAKilledBrokerLosesNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{Extra: []string{"autosave_interval 1800"}})
	sink := sqliteSink(t)
	_, stop := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	cfg := carConfig(t, broker, nil, car)
	cfg.ReceiptTimeout = time.Hour // so that only the consumer's asking helps
	box := memory.NewOutbox(alpr.ID{1})
	clock := &clock{}
	startCar(t, cfg, box, uplink.Options{Now: clock.now})
	m := synthetic.New(1)
	box.Add(m.Read(time.Now()))
	brokertest.Until(t, "the first kept", func() bool { return box.Len() == 0 })
	stop()
	broker.Save(t)
	const n = 20
	for range n {
		box.Add(m.Read(time.Now()))
	}
	brokertest.Until(t, "all acknowledged by the broker", func() bool {
		d, err := box.Depth(context.Background())
		return err == nil && d.Unreceipted == n
	})
	broker.Kill()
	broker.Start(t)
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	clock.add(time.Minute) // for the vehicle's next status
	brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
	if metrics.Events() != n {
		t.Errorf("%d events kept, want %d", metrics.Events(), n)
	}
}

// clock is a clock that can be put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) add(d time.Duration) { c.ahead.Add(int64(d)) }

// TestABrokersLimitOfSizeIsSaid: the broker acknowledges, and drops, what is over
// its limit. Small events come in, and the vehicle says what does not.
func TestABrokersLimitOfSizeIsSaid(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{Extra: []string{"message_size_limit 3000"}})
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sqliteSink(t))
	cfg := carConfig(t, broker, nil, car)
	cfg.ReceiptTimeout = time.Second
	m, now := synthetic.New(1), time.Now()
	box := memory.NewOutbox(alpr.ID{1})
	for range 20 { // a batch of them is over the limit
		box.Add(m.Read(now.Add(-time.Hour)))
	}
	u, _ := startCar(t, cfg, box, uplink.Options{})
	brokertest.Until(t, "all of a batch, each by itself", func() bool { return box.Len() == 0 })
	if metrics.Events() != 20 {
		t.Errorf("%d events kept of 20", metrics.Events())
	}
	huge := m.Hit(time.Now())
	huge.Hit.Entry.Caution = strings.Repeat("armed and dangerous ", 200)
	box.Add(huge)
	brokertest.Until(t, "what gets no receipt is said, and why", func() bool {
		return strings.Contains(u.State().Unreceipted, "message_size_limit")
	})
	if box.Len() != 1 {
		t.Errorf("%d items left, want the one that the broker drops", box.Len())
	}
}

func TestTheSameMessageTwiceIsKeptOnce(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sqliteSink(t))
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker.URL("tcp")).SetClientID("twice"))
	if tok := client.Connect(); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer client.Disconnect(0)
	receipts := make(chan event.Receipt, 100)
	client.Subscribe(car.ReceiptTopic(), 1, func(_ mqtt.Client, m mqtt.Message) {
		if r, err := event.DecodeReceipt(m.Payload()); err == nil {
			receipts <- r
		}
	}).Wait()
	probe, err := event.New(car, event.TypeProbe, synthetic.New(9).ID(time.Now()), time.Now(), event.Probe{Nonce: "x"})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := event.Encode(probe)
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Until(t, "consumer subscribed", func() bool {
		client.Publish(car.Topic(event.TopicRead), 1, false, payload).Wait()
		return metrics.Messages() > 0
	})
	for _, it := range everyKind(synthetic.New(1), time.Now()) {
		payload := encode(t, it)
		for range 3 {
			client.Publish(car.Topic(event.LevelOf(it.Kind)), 1, false, payload).Wait()
		}
	}
	brokertest.Until(t, "all came", func() bool { return metrics.Events()+metrics.Duplicates() == 18 })
	if metrics.Events() != 6 {
		t.Errorf("%d kept of 6 events that came three times", metrics.Events())
	}
	// The second and third are receipted as well: the first receipt may be lost.
	seen := map[uint64]bool{}
	brokertest.Until(t, "every number receipted", func() bool {
		for len(receipts) > 0 {
			for _, x := range (<-receipts).Ranges {
				for n := x.From; n <= x.To; n++ {
					seen[n] = true
				}
			}
		}
		return len(seen) == 6
	})
}

// TestAClockThatIsYearsWrongHoldsNothingUp: recorded in 1980, before the first
// fix; sent by a clock that has jumped to the present; and the other way round.
func TestAClockThatIsYearsWrongHoldsNothingUp(t *testing.T) {
	t.Parallel()
	right := time.Now()
	wrong := time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ recorded, sent time.Time }{
		"recorded in 1980, sent now": {wrong, right},
		"recorded now, sent in 1980": {right, wrong},
		"both in 1980":               {wrong, wrong},
		"recorded in 2080, sent now": {right.AddDate(54, 0, 0), right},
	} {
		t.Run(name, func(t *testing.T) {
			broker := brokertest.StartMosquitto(t, brokertest.Config{})
			metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sqliteSink(t))
			m := synthetic.New(1)
			box := memory.NewOutbox(alpr.ID{1})
			for range 10 {
				read := m.Read(c.recorded)
				read.PurgeAt = time.Time{} // the store's own clock decides on that
				box.Add(read, m.Hit(c.recorded))
			}
			offset := time.Until(c.sent)
			startCar(t, carConfig(t, broker, nil, car), box, uplink.Options{Now: func() time.Time { return time.Now().Add(offset) }})
			brokertest.Until(t, "everything receipted", func() bool { return box.Len() == 0 })
			if metrics.Events() != 20 {
				t.Errorf("%d kept, want 20 (%d letters)", metrics.Events(), metrics.Letters())
			}
		})
	}
}
