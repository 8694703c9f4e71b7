package uplink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr"
	"alpr/internal/atomicfile"
	"alpr/internal/mqttconn"
	"alpr/internal/regular"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/sharing"
)

// HotlistReceiver keeps the vehicle's lists. It is called from several
// goroutines.
type HotlistReceiver interface {
	// HotlistVersions is the version in use of each list that came this way.
	HotlistVersions(ctx context.Context) (map[string]uint64, error)
	// ApplyHotlist takes an update in one atomic step, or returns an error and
	// leaves everything as it was.
	ApplyHotlist(ctx context.Context, u downlink.Update) error
}

// PolicyTightener applies what the backend asks for. It returns an error, and
// changes nothing, where its own rule is as tight or tighter.
type PolicyTightener interface {
	Tighten(ctx context.Context, class alpr.RetentionClass, keep time.Duration) error
	Forbid(ctx context.Context, category string) error
}

// command is a message from outside that waits to be looked at. What its topic
// carries is decided once, when it comes.
type command struct {
	kind    commandKind
	topic   string
	payload []byte
}

// commandKind says what a topic from outside carries.
type commandKind int

const (
	noCommand commandKind = iota // nothing may come by this topic
	keysCommand
	policyCommand
	imageCommand
	hotlistCommand
)

// files that hold the last statement of a kind.
const (
	keysFile   = "keys.statement"
	policyFile = "policy.statement"
)

// subscribe asks for receipts and statements. A broker that refuses them is no
// link: lists would grow stale unseen.
func (s *session) subscribe(ctx context.Context) error {
	u := s.u
	// Keys first: what follows may be signed with a key that they bring.
	steps := []map[string]byte{
		{event.KeysTopic(u.cfg.Agency): 1},
		{u.vehicle.ReceiptTopic(): 1, event.HotlistTopic(u.cfg.Agency, "+"): 1, u.vehicle.ImageRequestTopic("+"): 1, u.vehicle.PolicyTopic(): 1},
	}
	for _, filters := range steps {
		tok := s.link.client.SubscribeMultiple(filters, nil)
		if err := s.link.wait(ctx, tok); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		if denied := mqttconn.Denied(tok); len(denied) > 0 {
			return fmt.Errorf("%w: give this vehicle the right to read %s", ErrNoRights, strings.Join(denied, ", "))
		}
	}
	return nil
}

// onMessage sorts what comes from outside. It runs on the MQTT library's
// goroutines, and may be held up by a slow session without harm.
func (s *session) onMessage(ctx context.Context, m mqtt.Message) {
	if m.Topic() == s.u.vehicle.ReceiptTopic() {
		select {
		case s.receipts <- m.Payload():
		case <-ctx.Done():
		}
		return
	}
	c := s.u.commandOf(m.Topic(), m.Payload())
	if c.kind == noCommand || len(c.payload) == 0 {
		return // a retained statement was cleared, or an earlier connection's subscription is answered
	}
	select {
	case s.commands <- c:
	case <-ctx.Done():
	}
}

// handle looks at statements one after the other until the session ends. What was
// signed with an unknown key is looked at again when the keys have changed: the
// change may have been overtaken on its way.
func (s *session) handle(ctx context.Context) {
	unknown := map[string]command{} // by topic
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-s.commands:
			err := s.handleOne(ctx, c)
			if c.kind == keysCommand && err == nil {
				for topic, again := range unknown {
					delete(unknown, topic)
					if err := s.handleOne(ctx, again); err != nil {
						s.u.refuse(ctx, topic, err)
					}
				}
			}
			if errors.Is(err, downlink.ErrUnknownKey) && len(unknown) < 64 {
				unknown[c.topic] = c
			}
			if err != nil && ctx.Err() == nil {
				s.u.refuse(ctx, c.topic, err)
			}
		}
	}
}

// refuse says, in log and audit, that something from outside was not done. A
// statement that is merely not new is everyday: retained statements come again
// with each connection.
func (u *Uplink) refuse(ctx context.Context, topic string, why error) {
	if errors.Is(why, downlink.ErrOlder) {
		u.log.Debug("pass over a statement that is not new", "topic", topic, "error", why)
		return
	}
	u.log.Warn("refuse what came from outside", "topic", topic, "error", why)
	u.audit(ctx, "system", "downlink", alpr.ActionRefuse, topic, map[string]string{"reason": why.Error()})
}

func (s *session) handleOne(ctx context.Context, c command) error {
	return s.u.opt.Guard.Do("command to "+c.topic, func() error { return s.handleContained(ctx, c) })
}

func (s *session) handleContained(ctx context.Context, c command) error {
	u := s.u
	switch c.kind {
	case keysCommand:
		return u.rotateKeys(ctx, c.payload)
	case policyCommand:
		return u.tighten(ctx, c.payload)
	case imageCommand:
		return s.requestPicture(ctx, c.payload)
	case hotlistCommand:
		return s.announce(ctx, c.payload)
	}
	return errors.New("nothing may come by this topic")
}

// commandOf says what came by a topic.
func (u *Uplink) commandOf(topic string, payload []byte) command {
	c := command{topic: topic, payload: payload}
	list, isList := strings.CutPrefix(topic, event.HotlistTopic(u.cfg.Agency, ""))
	switch {
	case topic == event.KeysTopic(u.cfg.Agency):
		c.kind = keysCommand
	case topic == u.vehicle.PolicyTopic():
		c.kind = policyCommand
	case strings.HasPrefix(topic, u.vehicle.ImageRequestTopic("")):
		c.kind = imageCommand
	case isList && !strings.Contains(list, "/"):
		c.kind = hotlistCommand
	}
	return c
}

// open checks a statement with the keys trusted now.
func (u *Uplink) open(raw []byte, kind downlink.Kind, v any) (key string, err error) {
	u.ringMu.Lock()
	defer u.ringMu.Unlock()
	return u.ring.Open(raw, kind, v)
}

func (u *Uplink) openReceipt(raw []byte) (event.Receipt, error) {
	u.ringMu.Lock()
	defer u.ringMu.Unlock()
	return u.ring.Receipt(raw)
}

func (u *Uplink) rotateKeys(ctx context.Context, raw []byte) error {
	u.ringMu.Lock()
	c, err := u.ring.Rotate(raw, u.cfg.Agency)
	names := u.ring.Names()
	u.ringMu.Unlock()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(u.cfg.StateDir, keysFile), raw, 0o600); err != nil {
		return err
	}
	detail := map[string]string{"version": fmt.Sprint(c.Version), "trusted": strings.Join(names, " ")}
	u.log.Info("signing keys changed", "version", c.Version, "trusted", names)
	u.audit(ctx, "system", "downlink", alpr.ActionRotateKeys, "keys", detail)
	return nil
}

// loadRing trusts the configuration's keys, then the last change of them.
func (u *Uplink) loadRing() error {
	var keys []downlink.Key
	for _, text := range u.cfg.TrustedKeys {
		k, err := downlink.ParseKey(text)
		if err != nil {
			return fmt.Errorf("%w: uplink.trusted_keys: %w", ErrBadConfig, err)
		}
		keys = append(keys, k)
	}
	ring, err := downlink.NewRing(keys)
	if err != nil {
		return fmt.Errorf("%w: uplink.trusted_keys: %w", ErrBadConfig, err)
	}
	u.ring = ring
	path := filepath.Join(u.cfg.StateDir, keysFile)
	raw, err := regular.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last change of keys: %w", err)
	}
	if _, err := ring.Rotate(raw, u.cfg.Agency); err != nil {
		u.log.Warn("the last change of keys does not fit the configured keys; using those", "file", path, "error", err)
	}
	return nil
}

func (u *Uplink) tighten(ctx context.Context, raw []byte) error {
	if u.opt.Policy == nil {
		return errors.New("this vehicle takes no policy from outside")
	}
	var p downlink.PolicyChange
	key, err := u.open(raw, downlink.KindPolicy, &p)
	if err != nil {
		return err
	}
	if err := p.Check(u.vehicle); err != nil {
		return err
	}
	path := filepath.Join(u.cfg.StateDir, policyFile)
	var last downlink.PolicyChange
	if old, err := regular.ReadFile(path); err == nil {
		if _, err := u.open(old, downlink.KindPolicy, &last); err == nil && p.Version <= last.Version {
			return fmt.Errorf("%w: policy version %d, in use %d", downlink.ErrOlder, p.Version, last.Version)
		}
	}
	var refused []error
	for class, seconds := range p.RetentionS {
		if err := u.opt.Policy.Tighten(ctx, alpr.RetentionClass(class), time.Duration(seconds)*time.Second); err != nil {
			refused = append(refused, err)
		}
	}
	for _, c := range p.Forbid {
		if err := u.opt.Policy.Forbid(ctx, c); err != nil {
			refused = append(refused, err)
		}
	}
	if err := atomicfile.Write(path, raw, 0o600); err != nil {
		return err
	}
	detail := map[string]string{"version": fmt.Sprint(p.Version), "key": key}
	if err := errors.Join(refused...); err != nil {
		detail["refused"] = err.Error()
		u.log.Warn("part of the backend's policy is not tighter than ours, and was refused", "error", err)
	}
	u.audit(ctx, "system", "downlink", alpr.ActionTightenPolicy, "policy", detail)
	return nil
}

// requestPicture puts a picture that was asked for on the list of those to send,
// or says why it is not sent. Only who may ask gets an answer.
func (s *session) requestPicture(ctx context.Context, raw []byte) error {
	var r downlink.ImageRequest
	key, err := s.u.open(raw, downlink.KindImage, &r)
	if err != nil {
		return err
	}
	err = r.Check(s.u.vehicle, s.u.opt.Now())
	if errors.Is(err, downlink.ErrNotForUs) {
		return err
	}
	if !downlink.IsHash(r.SHA256) {
		return fmt.Errorf("%w: %q is not a SHA-256 in hexadecimal", downlink.ErrBadStatement, r.SHA256)
	}
	if err == nil {
		err = s.u.takeRequest(ctx, r, key)
	}
	if err != nil {
		s.refusePicture(ctx, r.SHA256, r.RequestedAt, err)
	}
	return err
}

// refusePicture tells the agency that a picture that was asked for is not sent.
func (s *session) refusePicture(ctx context.Context, sha string, requestedAt time.Time, why error) {
	payload, err := s.u.encode(event.TypeRefusal, event.Refusal{SHA256: sha, RequestedAt: requestedAt.UTC(), Reason: why.Error()})
	if err == nil {
		err = s.publishTo(ctx, []string{sharing.Agency}, event.TopicImage, payload)
	}
	if err != nil && ctx.Err() == nil {
		s.u.log.Warn("answer a request for a picture", "sha256", sha, "error", err)
	}
}

func (u *Uplink) takeRequest(ctx context.Context, r downlink.ImageRequest, key string) error {
	shot, err := u.shot(ctx, r.SHA256)
	if err != nil {
		return err
	}
	if len(u.sharing.To(shot.subject(u.isEmergency()))) == 0 {
		return fmt.Errorf("the sharing policy keeps picture %s on the vehicle", r.SHA256)
	}
	isNew, err := u.pictures.request(r, u.opt.Now())
	if err != nil || !isNew {
		return err
	}
	u.audit(ctx, r.Officer, r.Purpose, alpr.ActionRequestPicture, r.SHA256, map[string]string{"key": key})
	return nil
}

// subject is what the sharing policy is asked about a picture.
func (s Shot) subject(isEmergency bool) sharing.Subject {
	return sharing.Subject{What: sharing.Image, At: s.Read.At, Fix: s.Read.Fix, Hit: s.Hit, IsEmergency: isEmergency}
}
