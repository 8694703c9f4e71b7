package uplink

import (
	"context"
	"fmt"
	"time"

	"alpr/sync/event"
)

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
		if d.Unreceipted == 0 {
			st.Unreceipted = ""
		}
		st.Depth = depth
		st.Link.ConnectedS = now.Sub(st.Since).Seconds()
	})
	st := u.State()
	head := u.auditHead(ctx) // before the status, which may tell of a later one
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
	for _, problem := range []string{st.Problem, st.Unreceipted} {
		if problem != "" {
			h.Problems = append(h.Problems, problem)
		}
	}
	health, err := u.encode(event.TypeHealth, h)
	if err != nil {
		return err
	}
	s.publishStatus(status, head)
	s.link.client.Publish(u.vehicle.Topic(event.TopicHealth), 1, false, health)
	return nil
}

// headEvery bounds how often receipts renew the status.
const headEvery = 5 * time.Second

// headShown is the end of the audit log that the status last told.
type headShown struct {
	at         time.Time
	seq        uint64
	hasReceipt bool // one came since
}

// publishStatus renews the retained status; head is what it tells at least.
func (s *session) publishStatus(status []byte, head *event.AuditHead) {
	s.link.client.Publish(s.u.vehicle.Topic(event.TopicStatus), 1, true, status)
	s.head = headShown{at: s.now()}
	if head != nil {
		s.head.seq = head.Seq
	}
}

// showHead renews the status after a receipt where the audit log has gone on. The
// vehicle lets go of records then: the backend is to know where the log ended, so
// that a store cut back is seen, and not only at the next health_every.
func (s *session) showHead(ctx context.Context) error {
	if !s.head.hasReceipt || s.now().Sub(s.head.at) < headEvery {
		return nil
	}
	s.head.hasReceipt = false
	head := s.u.auditHead(ctx)
	if head == nil || head.Seq == s.head.seq {
		return nil
	}
	status, err := s.u.statusPayload(ctx, true, "", s.u.State().Since)
	if err != nil {
		return err
	}
	s.publishStatus(status, head)
	return nil
}
