package uplink

import (
	"context"
	"crypto/rand"
	"fmt"

	"alpr/sync/event"
)

// randReader reads from the operating system's random source.
type randReader struct{}

func (randReader) Read(p []byte) (int, error) { return rand.Read(p) }

// tick measures the outbox, renews the retained status and sends a health
// event. Neither is waited for: the next tick says the same, newer.
func (s *session) tick(ctx context.Context) error {
	u, now := s.u, s.now()
	d, err := u.outbox.Depth(ctx)
	if err != nil {
		return fmt.Errorf("measure outbox: %w", err)
	}
	depth := event.DepthOf(d, now)
	u.update(func(st *State) {
		st.Depth = depth
		st.Link.ConnectedS = now.Sub(st.Since).Seconds()
	})
	st := u.State()
	status, err := u.statusPayload(ctx, true, "", st.Since)
	if err != nil {
		return err
	}
	h := event.Health{At: now.UTC(), Depth: depth, Link: st.Link, Gauges: map[string]float64{}, Problems: []string{}}
	if u.opt.Health != nil {
		var gauges map[string]float64
		var problems []string
		_ = u.opt.Guard.Do("health", func() error { gauges, problems = u.opt.Health(); return nil }) // said and counted there
		for k, v := range gauges {
			h.Gauges[k] = v
		}
		h.Problems = append(h.Problems, problems...)
	}
	if st.Problem != "" {
		h.Problems = append(h.Problems, st.Problem)
	}
	health, err := u.encode(event.TypeHealth, h)
	if err != nil {
		return err
	}
	s.link.client.Publish(u.vehicle.Topic(event.TopicStatus), 1, true, status)
	s.link.client.Publish(u.vehicle.Topic(event.TopicHealth), 1, false, health)
	return nil
}
