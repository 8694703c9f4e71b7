package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr/internal/mqttconn"
	"alpr/sync/event"
)

// lane is one connection to the broker and what it brings: hits have their own,
// so that they never queue behind backlog, in the broker or here.
type lane struct {
	name     string
	levels   []string
	isUrgent bool
	closers  []func() // of a stream
	client   mqtt.Client
	isKnown  bool         // the broker has kept what came since the last connection
	messages chan message // holds as many as MQTT can leave unacknowledged: the library is never held up
	valid    chan taken
}

// message is one message of a broker, which is kept there until Ack.
type message interface {
	Topic() string
	Payload() []byte
	Ack()
}

// taken is a message that has been looked at.
type taken struct {
	msg message
	in  Intake
}

func newLane(name string, levels ...string) *lane {
	return &lane{name: name, levels: levels, isUrgent: name != "", messages: make(chan message, 1<<16), valid: make(chan taken, 256)}
}

// close ends the lane's connections.
func (l *lane) close() {
	for _, f := range l.closers {
		f()
	}
	l.client.Disconnect(250)
}

func (c *Consumer) connect(ctx context.Context, l *lane, lost chan<- error) error {
	b := c.cfg.Broker
	b.ClientID += l.name
	o, err := b.options()
	if err != nil {
		return err
	}
	// The session outlives the connection: what we have not acknowledged comes again.
	o.SetCleanSession(false).SetAutoAckDisabled(true).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			if l.isUrgent {
				c.hits.came()
			}
			l.messages <- m
		}).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case lost <- err:
			default:
			}
		})
	if c.cfg.Source != "" { // the broker is for answers alone
		o.SetCleanSession(true)
	}
	l.client = mqtt.NewClient(o)
	connected := l.client.Connect()
	if err := await(ctx, connected); err != nil {
		l.client.Disconnect(0)
		return fmt.Errorf("connect as %s: %w", b.ClientID, err)
	}
	if c.cfg.Source != "" {
		return c.pull(ctx, l)
	}
	l.isKnown = connected.(*mqtt.ConnectToken).SessionPresent()
	if err := c.checkSharing(ctx, l, b.ClientID); err != nil {
		l.client.Disconnect(0)
		return err
	}
	filters := map[string]byte{}
	for _, topic := range c.topics(l) {
		filters["$share/"+c.cfg.Group+"/"+topic] = 1
	}
	if err := await(ctx, l.client.SubscribeMultiple(filters, nil)); err != nil {
		l.client.Disconnect(0)
		return fmt.Errorf("subscribe as %s: %w", b.ClientID, err)
	}
	return nil
}

// topics are what the lane reads, of all vehicles.
func (c *Consumer) topics(l *lane) (out []string) {
	all := event.Vehicle{Agency: "+", Name: "+"}
	for _, level := range l.levels {
		topic := all.Topic(level)
		if c.cfg.Receiver != "" {
			topic = all.ShareTopic(c.cfg.Receiver, level)
		}
		out = append(out, topic)
	}
	return out
}

// await waits for the broker's word. A subscription that it denies is an error.
func await(ctx context.Context, tok mqtt.Token) error {
	select {
	case <-tok.Done():
		return errors.Join(tok.Error(), denied(tok))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ErrNoSharing reports a broker that grants shared subscriptions and delivers
// nothing to them: a consumer would hear silence.
var ErrNoSharing = errors.New("the broker grants a shared subscription and delivers nothing to it: " +
	"read from the cluster's streams with --source nats://…, or use a broker with MQTT 5's shared subscriptions")

// probeWait is how long a probe may take through the broker and back.
const probeWait = 10 * time.Second

// checkSharing makes sure, once, that the broker delivers to a shared subscription.
// It compares with a plain one: where neither delivers, the consumer lacks the right
// to probe, and goes on.
func (c *Consumer) checkSharing(ctx context.Context, l *lane, clientID string) error {
	if c.isSharing || c.cfg.Receiver != "" {
		return nil
	}
	base := event.ProbeTopic(clientID)
	got := make(chan string, 8)
	handler := func(_ mqtt.Client, m mqtt.Message) {
		m.Ack()
		select {
		case got <- m.Topic():
		default:
		}
	}
	shared := "$share/" + c.cfg.Group + "-probe/" + base + "/shared"
	filters := map[string]byte{base + "/plain": 1, shared: 1}
	for filter := range filters {
		tok := l.client.Subscribe(filter, 1, handler)
		if err := await(ctx, tok); err != nil {
			c.log.Warn("shared subscriptions cannot be probed: let this consumer read and write "+event.ProbeTopic("#"), "error", err)
			return nil
		}
	}
	defer l.client.Unsubscribe(base+"/plain", shared)
	for _, kind := range []string{"/plain", "/shared"} {
		if err := await(ctx, l.client.Publish(base+kind, 1, false, "probe")); err != nil {
			return fmt.Errorf("publish probe: %w", err)
		}
	}
	return c.awaitProbes(ctx, base, got)
}

func (c *Consumer) awaitProbes(ctx context.Context, base string, got <-chan string) error {
	isPlain := false
	timeout := time.NewTimer(probeWait)
	defer timeout.Stop()
	for {
		select {
		case topic := <-got:
			if topic == base+"/shared" {
				c.isSharing = true
				return nil
			}
			isPlain = true
		case <-timeout.C:
			if isPlain {
				return ErrNoSharing
			}
			c.log.Warn("shared subscriptions cannot be probed: let this consumer read and write " + event.ProbeTopic("#"))
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// denied is an error where the broker refused a subscription.
func denied(tok mqtt.Token) error {
	var errs []error
	for _, filter := range mqttconn.Denied(tok) {
		errs = append(errs, fmt.Errorf("the broker does not let us read %s", filter))
	}
	return errors.Join(errs...)
}

// validate looks at messages. One that holds nothing to keep, a vehicle's probe,
// is acknowledged at once and waits for no transaction.
func (c *Consumer) validate(ctx context.Context, l *lane) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-l.messages:
			t := taken{msg: m, in: c.valid.Look(c.guard, m.Topic(), m.Payload(), c.now().UTC())}
			if t.in.isEmpty() {
				m.Ack()
				c.metrics.messages.Add(1)
				if l.isUrgent {
					c.hits.kept(1)
				}
				continue
			}
			select {
			case l.valid <- t:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}
