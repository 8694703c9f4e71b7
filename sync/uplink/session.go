package uplink

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// session is one connection. Its fields belong to the goroutine of run; other
// goroutines speak to it through its channels.
type session struct {
	u    *Uplink
	link *link
	now  func() time.Time

	hits, live, backlog *lane
	win                 *window
	pace                pace
	batcher             *event.Batcher // made for the first batch

	inFlight  map[int64]*inFlightMessage // by key of the items: published or acknowledged, not yet marked
	nOpen     int                        // messages awaiting acknowledgement
	nHits     int                        // of these, hits
	pending   chan *inFlightMessage      // published, in order, for the waiter
	acks      chan *inFlightMessage
	acked     []int64 // keys to mark
	markAt    time.Time
	lastAckAt time.Time // of the last acknowledgement, or of the first publish after none was awaited

	receipts  chan []byte
	commands  chan command
	manifests chan downlink.Manifest
	announced announced

	resendTimeout time.Duration // how long an item may be without receipt before it is sent again
	hasResent     bool          // something was sent again since the last receipt
	restBefore    time.Time     // the backend wants what was sent before this and has no receipt
	refusal       string        // what was last said of a receipt that was refused
	head          headShown
}

// inFlightMessage is one message on its way, and the items it tells of.
type inFlightMessage struct {
	keys    []int64
	toks    []mqtt.Token
	bytes   int
	at      time.Time
	isHit   bool
	shared  []event.Range // numbers that go to further receivers as well
	isAcked bool          // by the broker, all of toks
	err     error
}

// session runs one connection to its end. wasUp says whether it came to life.
func (u *Uplink) session(ctx context.Context) (wasUp bool, err error) {
	will, err := u.statusPayload(ctx, false, willReason, time.Time{})
	if err != nil {
		return false, err
	}
	s := newSession(u)
	inner, stop := context.WithCancel(ctx)
	defer stop()
	onMessage := func(_ mqtt.Client, m mqtt.Message) {
		_ = u.opt.Guard.Do("message to "+m.Topic(), func() error { s.onMessage(inner, m); return nil }) // said and counted there
	}
	if s.link, err = u.dial(ctx, will, onMessage); err != nil {
		return false, err
	}
	defer s.link.client.Disconnect(100)
	if err := s.handshake(ctx); err != nil {
		return false, err
	}
	var helpers sync.WaitGroup
	for name, f := range map[string]func(context.Context){
		"acknowledgements": s.waitForAcks, "commands": s.handle, "downloads": s.download, "pictures": s.sendPictures, "emergency": s.streamEmergency,
	} {
		helpers.Go(func() {
			_ = u.opt.Guard.Keep(inner, name, func(ctx context.Context) error { f(ctx); return nil }) // said and counted there
		})
	}
	defer stop() // also where run breaks: the helpers end
	err = s.run(ctx)
	stop()
	helpers.Wait()
	if ctx.Err() != nil {
		s.announceShutdown()
	}
	return true, err
}

func newSession(u *Uplink) *session {
	s := &session{
		u: u, now: u.opt.Now,
		win: newWindow(u.cfg.WindowBytes, u.cfg.AckTarget), pace: pace{rate: u.cfg.BacklogRate},
		resendTimeout: u.outstanding.resendTimeout(u.cfg.ReceiptTimeout), inFlight: map[int64]*inFlightMessage{}, pending: make(chan *inFlightMessage, 2*maxOpen), acks: make(chan *inFlightMessage, maxOpen),
		receipts: make(chan []byte, 64), commands: make(chan command, 64), manifests: make(chan downlink.Manifest, 64),
	}
	s.announced = announced{latest: map[string]uint64{}, news: make(chan struct{})}
	s.hits, s.live, s.backlog = newLanes(u.cfg.LiveWindow, u.cfg.BatchEvents)
	return s
}

// handshake makes sure of our rights, subscribes, and says that we are here.
func (s *session) handshake(ctx context.Context) error {
	if err := s.checkRightsWhenDue(ctx); err != nil {
		return err
	}
	if err := s.subscribe(ctx); err != nil {
		return err
	}
	now := s.now()
	s.u.update(func(st *State) { st.IsConnected, st.Since, st.Problem = true, now, "" })
	s.u.log.Info("linked to the backend", "broker", s.u.cfg.Broker, "vehicle", s.u.vehicle.String())
	return s.tick(ctx)
}

// run is the event loop: publish what there is room for, mark what was
// acknowledged, wait for something to happen.
func (s *session) run(ctx context.Context) error {
	health := time.NewTicker(s.u.cfg.HealthEvery)
	defer health.Stop()
	look := time.NewTicker(time.Second) // for backlog that has come of age, and acknowledgements overdue
	defer look.Stop()
	resend := time.NewTicker(max(time.Second, s.u.cfg.ReceiptTimeout/8))
	defer resend.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := s.fill(ctx); err != nil {
			return err
		}
		if err := s.mark(ctx, false); err != nil {
			return err
		}
		timer.Reset(s.sleepFor())
		select {
		case <-ctx.Done():
			return s.drain()
		case <-s.link.lost:
			return s.link.err()
		case f := <-s.acks:
			if err := s.onAck(f); err != nil {
				return err
			}
		case r := <-s.receipts:
			if err := s.onReceipt(ctx, r); err != nil {
				return err
			}
		case <-s.u.outbox.Changed():
			s.hits.isDry, s.live.isDry = false, false
		case <-resend.C:
			s.resendUnreceipted()
		case <-look.C:
			s.hits.isDry, s.live.isDry, s.backlog.isDry = false, false, false
			if err := s.showHead(ctx); err != nil {
				return err
			}
			if s.u.hitTimer.isDue(s.u.cfg.ReceiptTimeout, s.now()) {
				s.hits.rewind()
			}
			if len(s.inFlight) > len(s.acked) && s.now().Sub(s.lastAckAt) > s.u.cfg.AckTimeout {
				return fmt.Errorf("broker acknowledged nothing for %s", s.u.cfg.AckTimeout)
			}
		case <-health.C:
			if err := s.tick(ctx); err != nil {
				return err
			}
		case <-timer.C:
		}
	}
}

// sleepFor is how long the loop may sleep when nothing happens.
func (s *session) sleepFor() time.Duration {
	d := time.Second
	if len(s.acked) > 0 {
		d = min(d, max(time.Millisecond, s.markAt.Sub(s.now())))
	}
	if len(s.backlog.queue) > 0 && s.win.hasRoom() && !s.isBackendBehind() {
		d = min(d, max(time.Millisecond, s.pace.wait(s.now())))
	}
	return d
}

// fill publishes as much as the windows allow: hits, then live reads, then
// backlog.
func (s *session) fill(ctx context.Context) error {
	for s.nHits < hitsAtOnce {
		ok, err := s.ready(ctx, s.hits)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := s.publishOne(ctx, s.hits.pop(), true); err != nil {
			return err
		}
	}
	for s.win.hasRoom() && s.nOpen < maxOpen {
		ok, err := s.ready(ctx, s.live)
		if err != nil {
			return err
		}
		if !ok {
			return s.fillBacklog(ctx)
		}
		if len(s.live.queue) >= liveBurst {
			err = s.publishBatch(ctx, s.live)
		} else {
			err = s.publishOne(ctx, s.live.pop(), false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fillBacklog sends one batch, when there is room and it is time. One only, so
// that the loop looks for hits again before the next.
func (s *session) fillBacklog(ctx context.Context) error {
	if s.pace.wait(s.now()) > 0 || s.isBackendBehind() {
		return nil
	}
	ok, err := s.ready(ctx, s.backlog)
	if err != nil || !ok {
		return err
	}
	return s.publishBatch(ctx, s.backlog)
}

// isBackendBehind says that the backend has enough to do: the backlog waits, live
// reads and hits do not.
func (s *session) isBackendBehind() bool {
	return s.u.cfg.UseReceipts && s.u.outstanding.items >= maxUnreceipted*s.u.cfg.BatchEvents
}

// ready says whether the lane has an item to publish, and peeks when it has none.
func (s *session) ready(ctx context.Context, l *lane) (bool, error) {
	for len(l.queue) == 0 && !l.isDry {
		now := s.now()
		var sentBefore time.Time
		if s.u.cfg.UseReceipts {
			sentBefore = now.Add(-s.resendTimeout)
			if l == s.hits { // few, and the most urgent
				sentBefore = now.Add(-s.u.hitTimer.timeout(s.u.cfg.ReceiptTimeout))
			}
			if s.restBefore.After(sentBefore) {
				sentBefore = s.restBefore
			}
		}
		items, err := s.u.outbox.Peek(ctx, l.query(now, sentBefore))
		if err != nil {
			return false, fmt.Errorf("read outbox: %w", err)
		}
		l.took(items, func(key int64) bool { return s.inFlight[key] != nil }, now)
	}
	return len(l.queue) > 0, nil
}

// resendUnreceipted lets the lanes start at the oldest item. While the backend
// receipts nothing, the time to the next attempt doubles: it may be down for
// hours, with everything waiting for it at the broker already.
func (s *session) resendUnreceipted() {
	if s.hasResent {
		s.resendTimeout, s.hasResent = min(2*s.resendTimeout, maxResendTimeout), false
	}
	s.u.outstanding.giveUp(s.resendTimeout, s.now())
	s.rewind()
}

func (s *session) rewind() {
	for _, l := range []*lane{s.hits, s.live, s.backlog} {
		l.rewind()
	}
}

// mark tells the outbox what the broker has acknowledged.
func (s *session) mark(ctx context.Context, isNow bool) error {
	n := len(s.acked)
	if n == 0 || !isNow && n < markAtOnce && n < len(s.inFlight) && s.now().Before(s.markAt) {
		return nil
	}
	var err error
	if s.u.cfg.UseReceipts {
		err = s.u.outbox.Sent(ctx, s.acked, s.now())
	} else {
		err = s.u.outbox.Delivered(ctx, s.acked)
	}
	if err != nil {
		return fmt.Errorf("mark %d items as sent: %w", n, err)
	}
	for _, k := range s.acked {
		delete(s.inFlight, k)
	}
	s.acked = s.acked[:0]
	return nil
}

func (s *session) onAck(f *inFlightMessage) error {
	now := s.now()
	if f.err != nil {
		return fmt.Errorf("publish: %w", f.err)
	}
	s.lastAckAt = now
	if len(s.acked) == 0 {
		s.markAt = now.Add(markEvery)
	}
	s.nOpen--
	s.acked, f.isAcked = append(s.acked, f.keys...), true
	if f.isHit {
		s.nHits--
	} else {
		s.win.acked(f.bytes, now.Sub(f.at), now)
	}
	s.u.update(func(st *State) {
		st.Link.Published += int64(len(f.keys))
		st.Link.AckLatencyS = s.win.latency.Seconds()
	})
	return nil
}

// onReceipt lets go of what the backend keeps. What the broker has
// acknowledged is marked first; what is still on its way to another receiver
// is not let go of yet: it will be sent, and receipted, again.
func (s *session) onReceipt(ctx context.Context, raw []byte) error {
	if !s.u.cfg.UseReceipts {
		return nil
	}
	r, err := s.u.openReceipt(raw)
	s.sayRefusal(err)
	if err != nil {
		return nil
	}
	s.head.hasReceipt = true
	if len(r.Ranges) > 0 {
		s.u.receiptedAt = s.now()
	}
	for _, x := range r.Ranges {
		s.u.outstanding.receipted(x, s.now())
		s.u.hitTimer.receipted(x)
	}
	s.resendTimeout, s.hasResent = s.u.outstanding.resendTimeout(s.u.cfg.ReceiptTimeout), false
	if err := s.mark(ctx, true); err != nil {
		return err
	}
	for _, x := range s.openRanges(r.Ranges) {
		if err := s.u.outbox.Receipt(ctx, x.BootID, x.From, x.To); err != nil {
			return fmt.Errorf("note receipt: %w", err)
		}
		s.u.update(func(st *State) { st.Link.Receipted += int64(x.To - x.From + 1) })
	}
	if r.WantsRest {
		s.askedForRest(r.RestBefore)
	}
	return nil
}

// askedForRest lets what was sent before a time, and has no receipt, be sent
// again. A backend that names no time, or one to come, means all that was sent.
func (s *session) askedForRest(before time.Time) {
	if now := s.now(); before.IsZero() || before.After(now) {
		before = now
	}
	if before.After(s.restBefore) {
		s.restBefore = before
	}
	s.rewind()
}

// sayRefusal shows why receipts are refused, until one is taken. Each reason is
// logged once.
func (s *session) sayRefusal(why error) {
	problem := ""
	if why != nil {
		problem = "receipts are refused, items stay in the outbox: " + why.Error()
	}
	if problem != "" && problem != s.refusal {
		s.u.log.Warn("refuse a receipt", "error", why)
		s.refusal = problem
	}
	s.u.update(func(st *State) { st.Problem = problem })
}

// waitForAcks turns tokens into acknowledgements, in the order of publishing:
// the order in which a broker acknowledges.
func (s *session) waitForAcks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-s.pending:
			for _, tok := range f.toks {
				select {
				case <-tok.Done():
					f.err = errors.Join(f.err, tok.Error())
				case <-s.link.lost:
					return
				case <-ctx.Done():
					return
				}
			}
			select {
			case s.acks <- f:
			case <-ctx.Done():
				return
			}
		}
	}
}

// drain marks what has been acknowledged, and takes the receipts that are here,
// by the time the program stops.
func (s *session) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for {
		select {
		case r := <-s.receipts:
			if err := s.onReceipt(ctx, r); err != nil {
				return err
			}
		default:
			return s.mark(ctx, true)
		}
	}
}

// announceShutdown replaces the retained status, so that the last will is not needed.
func (s *session) announceShutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	payload, err := s.u.statusPayload(ctx, false, "shutdown", s.now())
	if err == nil {
		err = s.link.wait(ctx, s.link.client.Publish(s.u.vehicle.Topic(event.TopicStatus), 1, true, payload))
	}
	if err != nil {
		s.u.log.Debug("say announceShutdown to the broker", "error", err)
	}
}

// willReason is why the broker says that a vehicle is offline.
const willReason = "connection lost"

// auditHead is the end of the audit log; one that cannot be read is no reason to
// be silent about the rest.
func (u *Uplink) auditHead(ctx context.Context) *event.AuditHead {
	if u.opt.AuditHead == nil {
		return nil
	}
	head, err := u.opt.AuditHead(ctx)
	if err != nil {
		u.log.Warn("the end of the audit log cannot be read", "error", err)
		return nil
	}
	return event.AuditHeadOf(head)
}

func (u *Uplink) statusPayload(ctx context.Context, isOnline bool, reason string, since time.Time) ([]byte, error) {
	st := event.Status{
		IsOnline: isOnline, Reason: reason, Version: u.opt.Version, BootID: u.opt.BootID, LastSeq: u.sentSeq.Load(),
		Since: since.UTC(), Hotlists: u.hotlistVersions(ctx), Depth: u.State().Depth,
	}
	if st.Depth.Waiting == nil {
		st.Depth.Waiting = map[alpr.Kind]int64{}
	}
	if u.opt.Lists != nil {
		st.Lists = u.opt.Lists()
	}
	if reason != willReason { // a will speaks later, of a log that has gone on
		st.Audit = u.auditHead(ctx)
	}
	return u.encode(event.TypeStatus, st)
}

// encode is the payload of an event that is not in the outbox.
func (u *Uplink) encode(typ string, data any) ([]byte, error) {
	id, err := alpr.NewID(u.opt.Now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	e, err := event.New(u.vehicle, typ, id, u.opt.Now(), data)
	if err != nil {
		return nil, err
	}
	return json.Marshal(e)
}
