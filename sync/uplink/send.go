package uplink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"alpr"
	"alpr/sync/event"
	"alpr/sync/sharing"
)

// errTooLarge is why an event is quarantined that no broker would take.
var errTooLarge = fmt.Errorf("event is larger than %d bytes", maxEvent)

// envelope is an encoded item and where it goes.
type envelope struct {
	topic   string
	payload []byte   // for the agency
	full    []byte   // for further receivers: the same, where nothing is withheld from the agency
	shares  []string // topics of further receivers
}

// pack encodes an item and asks the sharing policy where it may go. What may
// go nowhere is replaced by a note that a number of the count was withheld.
// An item at which the program breaks is an error, for which it is set aside.
func (s *session) pack(it *alpr.OutboxItem) (p envelope, err error) {
	err = s.u.opt.Guard.Do("send "+string(it.Kind)+" "+it.ID.String(), func() (err error) {
		p, err = s.packContained(it)
		return err
	})
	return p, err
}

func (s *session) packContained(it *alpr.OutboxItem) (envelope, error) {
	u := s.u
	level := event.LevelOf(it.Kind)
	e, err := event.FromItem(u.vehicle, it)
	if err != nil {
		return envelope{}, err
	}
	to := u.sharing.To(sharing.SubjectOf(it, u.isEmergency()))
	p := envelope{topic: u.vehicle.Topic(level)}
	for _, r := range to {
		if r != sharing.Agency {
			p.shares = append(p.shares, u.vehicle.ShareTopic(r, level))
		}
	}
	full, err := event.Encode(e)
	if err != nil {
		return envelope{}, err
	}
	if len(full) > maxEvent {
		return envelope{}, errTooLarge
	}
	p.payload, p.full = full, full
	if !slices.Contains(to, sharing.Agency) {
		e, err = event.Withheld(u.vehicle, it)
		if err != nil {
			return envelope{}, err
		}
		p.payload, err = event.Encode(e)
		u.update(func(st *State) { st.Link.Withheld++ })
		if err != nil {
			return envelope{}, err
		}
	}
	return p, nil
}

// publishOne sends an item as a message of its own.
func (s *session) publishOne(ctx context.Context, it alpr.OutboxItem, isHit bool) error {
	if it.Kind == alpr.KindHit {
		if err := s.u.planPictures(&it); err != nil {
			s.u.log.Error("plan the pictures of a hit", "hit", it.ID.String(), "error", err)
		}
	}
	p, err := s.pack(&it)
	if err != nil {
		return s.quarantine(ctx, it.Key, err)
	}
	f := &inFlightMessage{keys: []int64{it.Key}, bytes: len(p.payload), isHit: isHit}
	s.share(ctx, &it, p, f)
	s.publish(f, p.topic, p.payload)
	s.note(&it)
	s.sayUnreceipted(it.Key, len(p.payload))
	if isHit {
		s.u.outstanding.items++ // its receipt, always quick, tells nothing of the others'
		s.u.hitTimer.sent(&it)
	} else {
		s.u.outstanding.sent(1, &it, s.now())
	}
	return nil
}

// publishBatch sends as many of a lane's items as fit one message. One that
// belongs to another topic than the first waits for the next.
func (s *session) publishBatch(ctx context.Context, l *lane) error {
	var (
		f      = &inFlightMessage{}
		events [][]byte
		topic  string
		last   alpr.OutboxItem
		plain  int
		budget = min(batchPlain, 8*s.win.size) // compression gains at least that
	)
	for len(events) < s.u.cfg.BatchEvents && plain < budget {
		ok, err := s.ready(ctx, l)
		if err != nil {
			return err
		}
		if !ok || topic != "" && s.u.vehicle.Topic(event.LevelOf(l.queue[0].Kind)) != topic {
			break
		}
		if len(events) > 0 && s.u.resends.isStubborn(l.queue[0].Key) {
			break // it travels alone: the broker may take no message of a batch's size
		}
		it := l.pop()
		p, err := s.pack(&it)
		if err != nil {
			if err := s.quarantine(ctx, it.Key, err); err != nil {
				return err
			}
			continue
		}
		s.share(ctx, &it, p, f)
		topic, last = p.topic, it
		events, plain = append(events, p.payload), plain+len(p.payload)
		f.keys = append(f.keys, it.Key)
		s.note(&it)
		if s.u.resends.isStubborn(it.Key) {
			break
		}
	}
	if len(events) == 0 {
		return nil
	}
	payload := events[0]
	if len(events) > 1 {
		if s.batcher == nil {
			b, err := event.NewBatcher()
			if err != nil {
				return err
			}
			s.batcher = b
		}
		payload = s.batcher.Encode(events)
	}
	f.bytes = len(payload)
	s.sayUnreceipted(last.Key, len(payload))
	s.u.outstanding.sent(len(events), &last, s.now())
	if l == s.backlog {
		s.pace.sent(len(payload), s.now())
		s.u.update(func(st *State) { st.Link.BacklogBytes += int64(len(payload)) })
	}
	s.publish(f, topic, payload)
	return nil
}

// share sends an item to the receivers beside the agency. The message is done only
// when all of them have it.
func (s *session) share(ctx context.Context, it *alpr.OutboxItem, p envelope, f *inFlightMessage) {
	if len(p.shares) == 0 {
		return
	}
	for _, topic := range p.shares {
		f.toks = append(f.toks, s.link.client.Publish(topic, 1, false, p.full))
		if it.SentAt.IsZero() {
			s.u.audit(ctx, "system", "release policy", alpr.ActionRelease, it.ID.String(), map[string]string{"topic": topic, "kind": string(it.Kind)})
		}
	}
	f.shared = append(f.shared, event.Range{BootID: it.BootID, From: it.Seq, To: it.Seq})
}

// publish publishes, and hands the message to the waiter.
func (s *session) publish(f *inFlightMessage, topic string, payload []byte) {
	if len(s.inFlight) == len(s.acked) {
		s.lastAckAt = s.now()
	}
	f.at = s.now()
	f.toks = append(f.toks, s.link.client.Publish(topic, 1, false, payload))
	for _, k := range f.keys {
		s.inFlight[k] = f
	}
	s.nOpen++
	if f.isHit {
		s.nHits++
	} else {
		s.win.sent(f.bytes)
	}
	s.pending <- f
}

func (s *session) note(it *alpr.OutboxItem) {
	if it.BootID == s.u.opt.BootID {
		s.u.sentSeq.Store(max(s.u.sentSeq.Load(), it.Seq))
	}
	if !it.SentAt.IsZero() {
		s.hasResent = true
		s.u.update(func(st *State) { st.Link.Resent++ })
		s.u.resends.note(it.Key)
	}
}

// quarantine sets an item aside that can never be sent, so that it holds up
// nothing and a person can look at it.
func (s *session) quarantine(ctx context.Context, key int64, why error) error {
	s.u.log.Error("item cannot be sent; set aside in the outbox", "key", key, "error", why)
	if err := s.u.outbox.Quarantine(ctx, key, why.Error()); err != nil {
		return errors.Join(why, fmt.Errorf("quarantine item %d: %w", key, err))
	}
	return nil
}

// openRanges is ranges without the numbers still on their way to a further
// receiver, and without those of this boot that nobody can have received yet.
func (s *session) openRanges(ranges []event.Range) []event.Range {
	if n := s.u.sentSeq.Load(); n < math.MaxUint64 {
		ranges = without(ranges, event.Range{BootID: s.u.opt.BootID, From: n + 1, To: math.MaxUint64})
	}
	for _, f := range s.inFlight {
		for _, held := range f.shared {
			if !f.isAcked {
				ranges = without(ranges, held)
			}
		}
	}
	return ranges
}

func without(ranges []event.Range, x event.Range) []event.Range {
	out := make([]event.Range, 0, len(ranges)+1)
	for _, r := range ranges {
		if r.BootID != x.BootID || x.To < r.From || x.From > r.To {
			out = append(out, r)
			continue
		}
		if r.From < x.From {
			out = append(out, event.Range{BootID: r.BootID, From: r.From, To: x.From - 1})
		}
		if r.To > x.To { // so x.To + 1 does not overflow
			out = append(out, event.Range{BootID: r.BootID, From: x.To + 1, To: r.To})
		}
	}
	return out
}
