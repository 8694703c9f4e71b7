package backend_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"alpr/backend"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// TestASharedSubscriptionThatDeliversNothingIsRefused: NATS grants it, and is silent.
func TestASharedSubscriptionThatDeliversNothingIsRefused(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartNATS(t, 1)
	cfg := backend.DefaultConsumeConfig()
	cfg.Broker = backend.Broker{URL: cluster.MQTT(), ClientID: "consumer"}
	c, err := backend.NewConsumer(cfg, sqliteSink(t), backend.NewMetrics(), quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Run(ctx); !errors.Is(err, backend.ErrNoSharing) {
		t.Errorf("the consumer ran: %v", err)
	}
}

// TestAClusterThatLosesANodeLosesNothing: three NATS servers, two consumers, five
// vehicles that know all brokers; one server is killed while they send.
func TestAClusterThatLosesANodeLosesNothing(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartNATS(t, 3)
	sink := sqliteSink(t)
	var all []*backend.Metrics
	for _, id := range []string{"one", "two"} {
		cfg := backend.DefaultConsumeConfig()
		cfg.Source, cfg.Broker, cfg.BatchWait = cluster.URLs(), backend.Broker{URL: cluster.MQTT(), ClientID: id}, 20*time.Millisecond
		m := backend.NewMetrics()
		c, err := backend.NewConsumer(cfg, sink, m, quiet(t))
		if err != nil {
			t.Fatal(err)
		}
		brokertest.Background(t, "consumer "+id, c.Run)
		all = append(all, m)
	}
	var boxes []*memory.Outbox
	want := int64(0)
	add := func(n int) {
		for i, box := range boxes {
			m := synthetic.New(uint64(i)<<32 + uint64(want) + 1)
			for range n {
				box.Add(m.Read(time.Now()), m.Hit(time.Now()))
				want += 2
			}
		}
	}
	for _, name := range []string{"car-1", "car-2", "car.3", "car-4", "car-5"} {
		cfg := uplink.DefaultConfig()
		cfg.Broker, cfg.Agency, cfg.Vehicle, cfg.StateDir = cluster.MQTT(), "pd", name, t.TempDir()
		cfg.ReconnectMin, cfg.ReconnectMax, cfg.HealthEvery, cfg.ReceiptTimeout = 50*time.Millisecond, time.Second, time.Second, 5*time.Second
		boot := synthetic.New(uint64(len(boxes)) + 77).ID(time.Now())
		box := memory.NewOutbox(boot)
		boxes = append(boxes, box)
		startCar(t, cfg, box, uplink.Options{BootID: boot})
	}
	empty := func() bool {
		for _, box := range boxes {
			if box.Len() > 0 {
				return false
			}
		}
		return true
	}
	add(5)
	brokertest.Until(t, "the first receipted", empty)
	add(20)
	cluster.Kill(0)
	add(20)
	brokertest.Until(t, "all receipted with two servers", empty)
	cluster.Start(t, 0)
	add(5)
	brokertest.Until(t, "all receipted with three again", empty)
	var kept int64
	for _, m := range all {
		kept += m.Events()
	}
	if kept != want {
		t.Errorf("%d events kept once, want %d", kept, want)
	}
	if gaps, err := backend.Gaps(context.Background(), sink); err != nil || len(gaps) != 0 {
		t.Errorf("gaps %v, %v", gaps, err)
	}
	got, err := sink.Received(context.Background())
	vehicles := map[event.Vehicle]bool{}
	for _, r := range got {
		vehicles[r.Vehicle] = true
	}
	if err != nil || len(vehicles) != 5 || !vehicles[event.Vehicle{Agency: "pd", Name: "car.3"}] {
		t.Errorf("events of %v, %v", vehicles, err)
	}
}
