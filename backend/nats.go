package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A cluster of NATS servers takes what vehicles publish through its MQTT gateway.
// It grants shared subscriptions and delivers nothing to them, so a consumer reads
// from streams instead: one of hits, one of the bulk, of which all consumers of a
// group pull. Vehicles notice no difference.

const (
	streamAge  = 72 * time.Hour  // what no consumer has taken for so long the vehicles send again
	ackWait    = 2 * time.Minute // a message that is not acknowledged by then goes to another consumer
	maxPending = 1 << 15         // messages in a consumer's hands
)

// pull reads the lane's stream. The stream and the group's place in it are made
// where they are missing.
func (c *Consumer) pull(ctx context.Context, l *lane) error {
	b := c.cfg.Broker
	options := []nats.Option{nats.Name(b.ClientID + l.name), nats.MaxReconnects(-1), nats.Timeout(answerTimeout)}
	if b.CAFile != "" {
		conf, err := b.identity().TLS()
		if err != nil {
			return err
		}
		options = append(options, nats.Secure(conf))
	}
	conn, err := nats.Connect(c.cfg.Source, options...)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.cfg.Source, err)
	}
	l.closers = append(l.closers, conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.cfg.Source, err)
	}
	consumer, isKnown, err := c.stream(ctx, js, l)
	if err != nil {
		return err
	}
	l.isKnown = isKnown
	running, err := consumer.Consume(func(m jetstream.Msg) {
		if l.isUrgent {
			c.hits.came()
		}
		l.messages <- natsMessage{m}
	}, jetstream.PullMaxMessages(4*c.cfg.BatchEvents))
	if err != nil {
		return fmt.Errorf("pull from the stream of %s: %w", c.streamName(l), err)
	}
	l.closers = append([]func(){running.Stop}, l.closers...)
	return nil
}

func (c *Consumer) streamName(l *lane) string {
	name := "ALPR_BULK"
	if l.isUrgent {
		name = "ALPR_HITS"
	}
	if c.cfg.Receiver != "" {
		name += "_" + strings.ReplaceAll(c.cfg.Receiver, ".", "_")
	}
	return name
}

// stream is the group's place in the lane's stream. isKnown says that there was one:
// then the stream has kept what came since.
func (c *Consumer) stream(ctx context.Context, js jetstream.JetStream, l *lane) (_ jetstream.Consumer, isKnown bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answerTimeout)
	defer cancel()
	name, group := c.streamName(l), strings.ReplaceAll(c.cfg.Group, ".", "_")
	stream, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		var subjects []string
		for _, topic := range c.topics(l) {
			subjects = append(subjects, subjectOf(topic))
		}
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: subjects, MaxAge: streamAge, Storage: jetstream.FileStorage, Replicas: c.cfg.Replicas})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(ctx, name)
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("find or make the stream %s: %w", name, err)
	}
	consumer, err := stream.Consumer(ctx, group)
	if err == nil {
		return consumer, true, nil
	}
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: group, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: ackWait, MaxAckPending: maxPending, DeliverPolicy: jetstream.DeliverAllPolicy})
	}
	if err != nil {
		return nil, false, fmt.Errorf("find or make the place of group %s in the stream %s: %w", group, name, err)
	}
	return consumer, false, nil
}

// natsMessage is a message of a stream.
type natsMessage struct{ m jetstream.Msg }

// Topic is the MQTT topic that it was published to.
func (n natsMessage) Topic() string { return topicOf(n.m.Subject()) }

// Payload is its bytes.
func (n natsMessage) Payload() []byte { return n.m.Data() }

// Ack lets the stream go on. One that is lost comes again, and is known by its id.
func (n natsMessage) Ack() { _ = n.m.Ack() }

// subjectOf is the subject that the gateway makes of a topic: levels are parted by
// ".", and a "." in a level is written "//".
func subjectOf(topic string) string {
	topic = strings.ReplaceAll(topic, ".", "\x00")
	topic = strings.ReplaceAll(topic, "/", ".")
	return strings.NewReplacer("\x00", "//", "+", "*", "#", ">").Replace(topic)
}

// topicOf is the way back.
func topicOf(subject string) string {
	subject = strings.ReplaceAll(subject, "//", "\x00")
	return strings.ReplaceAll(strings.ReplaceAll(subject, ".", "/"), "\x00", ".")
}
