package uplink

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/internal/mqttconn"
	"alpr/sync/event"
)

// ErrNoRights reports a broker that would drop what it acknowledges.
var ErrNoRights = errors.New("the broker acknowledges but does not pass on")

// rightsHold is how long rights that were found in order are not looked at again,
// where receipts guard what is sent: hundreds of vehicles that lost the same
// broker must not come back with a probe and a subscription for each topic.
const rightsHold = time.Hour

func (s *session) checkRightsWhenDue(ctx context.Context) error {
	u, now := s.u, s.now()
	isFresh := u.cfg.UseReceipts && !u.rightsAt.IsZero() && now.Sub(u.rightsAt).Abs() < rightsHold
	if !u.cfg.CheckRights || isFresh {
		return nil
	}
	err := s.checkRights(ctx)
	u.rightsAt = time.Time{}
	if err == nil {
		u.rightsAt = now
	}
	return err
}

// checkRights makes sure that what we publish is passed on. An MQTT 3.1.1
// broker acknowledges a message that its access list then drops, so each topic
// is tried: we subscribe to it ourselves, publish a probe, and wait for it to
// come back. Receivers pass over probes.
func (s *session) checkRights(ctx context.Context) error {
	u, c := s.u, s.link.client
	nonce, err := alpr.NewID(s.now(), rand.Reader)
	if err != nil {
		return err
	}
	back := make(chan string, 64)
	filters := map[string]byte{}
	for _, level := range event.Upstream() {
		filters[u.vehicle.Topic(level)] = 1
	}
	tok := c.SubscribeMultiple(filters, func(_ mqtt.Client, m mqtt.Message) {
		if isProbe(m.Payload(), nonce.String()) {
			select {
			case back <- m.Topic():
			case <-s.link.lost:
			}
		}
	})
	if err := s.link.wait(ctx, tok); err != nil {
		return fmt.Errorf("subscribe to our own topics: %w", err)
	}
	if denied := mqttconn.Denied(tok); len(denied) > 0 {
		return fmt.Errorf("%w: it does not let this vehicle read its own topics, so that rights cannot be checked: allow it, or set uplink.check_rights to false (%s)",
			ErrNoRights, strings.Join(denied, ", "))
	}
	payload, err := u.encode(event.TypeProbe, event.Probe{Nonce: nonce.String()})
	if err != nil {
		return err
	}
	var toks []mqtt.Token
	for topic := range filters {
		toks = append(toks, c.Publish(topic, 1, false, payload))
	}
	for _, tok := range toks {
		if err := s.link.wait(ctx, tok); err != nil {
			return fmt.Errorf("publish probe: %w", err)
		}
	}
	if err := s.awaitProbes(ctx, filters, back); err != nil {
		return err
	}
	topics := make([]string, 0, len(filters))
	for _, level := range event.Upstream() {
		topics = append(topics, u.vehicle.Topic(level))
	}
	return s.link.wait(ctx, c.Unsubscribe(topics...))
}

func (s *session) awaitProbes(ctx context.Context, missing map[string]byte, back <-chan string) error {
	timeout := time.NewTimer(s.u.cfg.AckTimeout)
	defer timeout.Stop()
	for len(missing) > 0 {
		select {
		case topic := <-back:
			delete(missing, topic)
		case <-s.link.lost:
			return s.link.err()
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			var topics []string
			for t := range missing {
				topics = append(topics, t)
			}
			return fmt.Errorf("%w: give this vehicle the right to publish to, and to read, %s", ErrNoRights, strings.Join(topics, ", "))
		}
	}
	return nil
}

func isProbe(payload []byte, nonce string) bool {
	e, err := event.Decode(payload)
	if err != nil || e.Type != event.TypeProbe {
		return false
	}
	var p event.Probe
	return json.Unmarshal(e.Data, &p) == nil && p.Nonce == nonce
}
