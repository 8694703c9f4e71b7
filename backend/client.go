package backend

import (
	"context"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// answerTimeout is how long the broker may take to answer one request.
const answerTimeout = 30 * time.Second

// quietFor is how long nothing may arrive before retained messages count as
// all received.
const quietFor = 700 * time.Millisecond

// client is a short connection for one task.
type client struct{ mqtt.Client }

func dial(ctx context.Context, b Broker) (*client, error) {
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	c := &client{mqtt.NewClient(o.SetCleanSession(true))}
	if err := c.wait(ctx, c.Connect()); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", b.URL, err)
	}
	return c, nil
}

func (c *client) close() { c.Disconnect(250) }

func (c *client) wait(ctx context.Context, tok mqtt.Token) error {
	t := time.NewTimer(answerTimeout)
	defer t.Stop()
	select {
	case <-tok.Done():
		return tok.Error()
	case <-t.C:
		return fmt.Errorf("no answer from the broker in %s", answerTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retain publishes a retained message; an empty payload clears the topic.
func (c *client) retain(ctx context.Context, topic string, payload []byte) error {
	if err := c.wait(ctx, c.Publish(topic, 1, true, payload)); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

// retainAtOnce is how many retained messages are on their way together.
const retainAtOnce = 32

// retainAll publishes retained messages; nil payloads clear the topics.
func (c *client) retainAll(ctx context.Context, topics []string, payloads [][]byte) error {
	var open []mqtt.Token
	for i, topic := range topics {
		var payload []byte
		if payloads != nil {
			payload = payloads[i]
		}
		if len(open) == retainAtOnce {
			if err := c.wait(ctx, open[0]); err != nil {
				return fmt.Errorf("publish to %s: %w", topics[i-retainAtOnce], err)
			}
			open = open[1:]
		}
		open = append(open, c.Publish(topic, 1, true, payload))
	}
	for _, tok := range open {
		if err := c.wait(ctx, tok); err != nil {
			return fmt.Errorf("publish to %s and %d more: %w", topics[0], len(topics)-1, err)
		}
	}
	return nil
}

// listen subscribes, and hands messages over until the client is closed.
func (c *client) listen(ctx context.Context, filter string) (<-chan mqtt.Message, error) {
	out := make(chan mqtt.Message, 1<<12)
	tok := c.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case out <- m:
		case <-ctx.Done():
		}
	})
	if err := c.wait(ctx, tok); err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", filter, err)
	}
	if err := denied(tok); err != nil {
		return nil, err
	}
	return out, nil
}

// retained collects what is retained under a filter: by topic.
func (c *client) retained(ctx context.Context, filter string) (map[string][]byte, error) {
	in, err := c.listen(ctx, filter)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	quiet := time.NewTimer(quietFor)
	defer quiet.Stop()
	for {
		select {
		case m := <-in:
			if m.Retained() {
				out[m.Topic()] = m.Payload()
			}
			if m.Topic() == filter {
				quiet.Reset(0) // no wildcard: there is no more
			} else {
				quiet.Reset(quietFor)
			}
		case <-quiet.C:
			return out, c.wait(ctx, c.Unsubscribe(filter))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
