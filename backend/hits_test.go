package backend_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
)

// stuckSink is a database whose transactions of reads hang until they are let go.
type stuckSink struct {
	letGo chan struct{}
	mu    *sync.Mutex
	kept  map[string]int // by type of event
	begun map[string]int
}

func newStuckSink() *stuckSink {
	return &stuckSink{letGo: make(chan struct{}), mu: &sync.Mutex{}, kept: map[string]int{}, begun: map[string]int{}}
}

func (s *stuckSink) Twin() backend.Sink { return s }
func (s *stuckSink) Close() error       { return nil }

func (s *stuckSink) Write(ctx context.Context, b backend.Batch) (backend.Kept, error) {
	s.note(s.begun, b)
	for _, r := range b.Rows {
		if r.Event.Type == event.TypeRead {
			select {
			case <-s.letGo:
			case <-ctx.Done():
				return backend.Kept{}, ctx.Err()
			}
			break
		}
	}
	s.note(s.kept, b)
	return backend.Kept{Events: len(b.Rows)}, nil
}

func (s *stuckSink) note(counts map[string]int, b backend.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range b.Rows {
		counts[r.Event.Type]++
	}
}

func (s *stuckSink) count(counts map[string]int, typ string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return counts[typ]
}

// publisher is a client that publishes as a vehicle does.
func publisher(t testing.TB, address string) func(level string, payload []byte) {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(address).SetClientID(fmt.Sprintf("publisher-%d", time.Now().UnixNano())))
	if tok := client.Connect(); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	t.Cleanup(func() { client.Disconnect(0) })
	return func(level string, payload []byte) {
		t.Helper()
		if tok := client.Publish(car.Topic(level), 1, false, payload); tok.Wait() && tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
}

// probePayload is what receivers pass over.
func probePayload(t testing.TB) []byte {
	t.Helper()
	e, err := event.New(car, event.TypeProbe, synthetic.New(9).ID(time.Now()), time.Now(), event.Probe{Nonce: "x"})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := event.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// TestAHitWaitsForNoTransactionOfTheBulk: the bulk's transaction hangs; hits are
// kept, and a vehicle's probe is acknowledged, beside it.
func TestAHitWaitsForNoTransactionOfTheBulk(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	sink := newStuckSink()
	metrics, _ := startConsumer(t, backendBroker(t, broker, nil, "c"), sink)
	publish, m, now := publisher(t, broker.URL("tcp")), synthetic.New(1), time.Now()
	brokertest.Until(t, "consumer subscribed", func() bool {
		publish(event.TopicRead, probePayload(t))
		return metrics.Messages() > 0
	})
	items := numbered(alpr.ID{1}, m.Read(now), m.Hit(now), m.Hit(now))
	publish(event.TopicRead, encode(t, items[0]))
	brokertest.Until(t, "the bulk stuck", func() bool { return sink.count(sink.begun, event.TypeRead) == 1 })
	before := metrics.Messages()
	publish(event.TopicRead, probePayload(t))
	brokertest.Until(t, "the probe acknowledged", func() bool { return metrics.Messages() > before })
	for _, it := range items[1:] {
		publish(event.TopicHit, encode(t, it))
	}
	brokertest.Until(t, "both hits kept", func() bool { return sink.count(sink.kept, event.TypeHit) == 2 })
	if n := sink.count(sink.kept, event.TypeRead); n != 0 {
		t.Fatalf("%d reads were kept: the bulk did not hang", n)
	}
	close(sink.letGo)
	brokertest.Until(t, "the read kept", func() bool { return sink.count(sink.kept, event.TypeRead) == 1 })
}

// TestReceiptsOfTheBulkAreCollected: hundreds of transactions, a few receipts.
func TestReceiptsOfTheBulkAreCollected(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	cfg := backend.DefaultConsumeConfig()
	cfg.Broker, cfg.BatchEvents = backend.Broker{URL: broker.URL("tcp"), ClientID: "c"}, 1
	metrics := backend.NewMetrics()
	sink := newStuckSink()
	close(sink.letGo)
	c, err := backend.NewConsumer(cfg, sink, metrics, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Background(t, "consumer", c.Run)
	publish, m, now := publisher(t, broker.URL("tcp")), synthetic.New(1), time.Now()
	brokertest.Until(t, "consumer subscribed", func() bool {
		publish(event.TopicRead, probePayload(t))
		return metrics.Messages() > 0
	})
	var mu sync.Mutex
	receipts, numbers := 0, map[uint64]bool{}
	listener := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker.URL("tcp")).SetClientID("listener"))
	if tok := listener.Connect(); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer listener.Disconnect(0)
	listener.Subscribe(car.ReceiptTopic(), 1, func(_ mqtt.Client, msg mqtt.Message) {
		r, err := event.DecodeReceipt(msg.Payload())
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(r.Ranges) > 0 {
			receipts++
		}
		for _, x := range r.Ranges {
			for n := x.From; n <= x.To; n++ {
				numbers[n] = true
			}
		}
	}).Wait()
	const n = 300
	var reads []alpr.OutboxItem
	for range n {
		reads = append(reads, m.Read(now))
	}
	start := time.Now()
	for _, it := range numbered(alpr.ID{1}, reads...) {
		publish(event.TopicRead, encode(t, it))
	}
	brokertest.Until(t, "every number receipted", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(numbers) == n
	})
	mu.Lock()
	defer mu.Unlock()
	if most := int(time.Since(start)/time.Second) + 3; receipts > most {
		t.Errorf("%d receipts for %d transactions in %s, want up to %d", receipts, n, time.Since(start), most)
	}
}

// retainedTopics are the topics under a filter that hold a retained message.
func retainedTopics(t testing.TB, address, filter string) []string {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(address).SetClientID("retained").SetOrderMatters(true))
	if tok := client.Connect(); tok.Wait() && tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer client.Disconnect(0)
	var mu sync.Mutex
	var topics []string
	done := make(chan struct{}, 1)
	client.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		topics = append(topics, m.Topic())
	}).Wait()
	client.Subscribe("end", 1, func(mqtt.Client, mqtt.Message) { done <- struct{}{} }).Wait()
	client.Publish("end", 1, false, "x").Wait()
	<-done
	mu.Lock()
	defer mu.Unlock()
	return topics
}
