package uplink_test

import (
	"context"
	"io"
	"log/slog"
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

// BenchmarkPublish compares, beside each other in one run: the MQTT library
// alone, with payloads made before and with payloads made on the way, as every
// publisher of reads must; the uplink with a message for each read, with live
// reads as they come, and with backlog. "events/s" is the figure.
func BenchmarkPublish(b *testing.B) {
	broker := brokertest.StartMosquitto(b, brokertest.Config{})
	b.Run("bare-paho-ready-made", func(b *testing.B) { benchBare(b, broker, false) })
	b.Run("bare-paho", func(b *testing.B) { benchBare(b, broker, true) })
	batch := uplink.DefaultConfig().BatchEvents
	b.Run("uplink-one-each", func(b *testing.B) { benchUplink(b, broker, 0, 1) })
	b.Run("uplink-live", func(b *testing.B) { benchUplink(b, broker, 0, batch) })
	b.Run("uplink-backlog", func(b *testing.B) { benchUplink(b, broker, -time.Hour, batch) })
}

// benchBare publishes at QoS 1 with as many messages on their way as the
// uplink's window holds.
func benchBare(b *testing.B, broker *brokertest.Mosquitto, isEncoding bool) {
	it := synthetic.New(1).Read(time.Now())
	it.Seq = 1
	encode := func() []byte {
		e, err := event.FromItem(car, &it)
		if err != nil {
			b.Fatal(err)
		}
		payload, err := event.Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		return payload
	}
	payload := encode()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker.URL("tcp")).SetClientID("bare").SetProtocolVersion(4).SetOrderMatters(false))
	if tok := client.Connect(); tok.Wait() && tok.Error() != nil {
		b.Fatal(tok.Error())
	}
	defer client.Disconnect(0)
	window := make(chan mqtt.Token, uplink.DefaultConfig().WindowBytes/len(payload))
	done := make(chan error, 1)
	go func() {
		var failed error
		for tok := range window {
			tok.Wait()
			if tok.Error() != nil {
				failed = tok.Error()
			}
		}
		done <- failed
	}()
	b.ResetTimer()
	for range b.N {
		if isEncoding {
			payload = encode()
		}
		window <- client.Publish(car.Topic(event.TopicRead), 1, false, payload)
	}
	close(window)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func benchUplink(b *testing.B, broker *brokertest.Mosquitto, age time.Duration, batch int) {
	m, at := synthetic.New(1), time.Now().Add(age)
	box := memory.NewOutbox(alpr.ID{1})
	items := make([]alpr.OutboxItem, b.N)
	for i := range items {
		items[i] = m.Read(at)
	}
	cfg := config(b, broker.URL("tcp"))
	cfg.LiveWindow, cfg.BacklogRate, cfg.BatchEvents = 10*time.Minute, 0, batch
	u, err := uplink.New(cfg, box, slog.New(slog.NewTextHandler(io.Discard, nil)), uplink.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	brokertest.Until(b, "connected, as the bare client is", func() bool { return u.State().IsConnected })
	b.ResetTimer()
	box.Add(items...)
	for box.Len() > 0 {
		<-time.After(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
