package backend

import (
	"context"
	"errors"
	"fmt"

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
	client   mqtt.Client
	isKnown  bool              // the broker has kept what came since the last connection
	messages chan mqtt.Message // holds as many as MQTT can leave unacknowledged: the library is never held up
	valid    chan taken
}

// taken is a message that has been looked at.
type taken struct {
	msg mqtt.Message
	in  Intake
}

func newLane(name string, levels ...string) *lane {
	return &lane{name: name, levels: levels, isUrgent: name != "", messages: make(chan mqtt.Message, 1<<16), valid: make(chan taken, 256)}
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
	l.client = mqtt.NewClient(o)
	filters, all := map[string]byte{}, event.Vehicle{Agency: "+", Name: "+"}
	for _, level := range l.levels {
		topic := all.Topic(level)
		if c.cfg.Receiver != "" {
			topic = all.ShareTopic(c.cfg.Receiver, level)
		}
		filters["$share/"+c.cfg.Group+"/"+topic] = 1
	}
	subscribe := func() mqtt.Token { return l.client.SubscribeMultiple(filters, nil) }
	for _, step := range []func() mqtt.Token{l.client.Connect, subscribe} {
		tok := step()
		select {
		case <-tok.Done():
		case <-ctx.Done():
			l.client.Disconnect(0)
			return ctx.Err()
		}
		if err := errors.Join(tok.Error(), denied(tok)); err != nil {
			l.client.Disconnect(0)
			return fmt.Errorf("connect and subscribe as %s: %w", b.ClientID, err)
		}
		if connected, ok := tok.(*mqtt.ConnectToken); ok {
			l.isKnown = connected.SessionPresent()
		}
	}
	return nil
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
