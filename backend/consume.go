package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"alpr/internal/backoff"
	"alpr/internal/contain"
	"alpr/internal/mqttconn"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// Broker says where the broker is and who we are to it.
type Broker struct {
	URL        string // "tls://host:8883", or "tcp://127.0.0.1:1883"
	CAFile     string // PEM, for tls
	CertFile   string // PEM, for tls
	KeyFile    string // PEM, for tls
	ServerName string // where it is not the host of URL
	ClientID   string // unique, and the same after a restart
}

// options is the paho options for this broker, without a client id's session.
func (b Broker) options() (*mqtt.ClientOptions, error) {
	o, err := mqttconn.Options(b.URL, b.ClientID, mqttconn.Identity{
		CA: mqttconn.File{Setting: "the broker's authority", Path: b.CAFile}, Cert: mqttconn.File{Setting: "certificate", Path: b.CertFile},
		Key: mqttconn.File{Setting: "key", Path: b.KeyFile}, ServerName: b.ServerName,
	})
	if err != nil {
		return nil, err
	}
	return o.SetKeepAlive(20 * time.Second).SetPingTimeout(10 * time.Second).SetWriteTimeout(30 * time.Second), nil
}

// ConsumeConfig is how a consumer works.
type ConsumeConfig struct {
	Broker      Broker
	Group       string        // of the shared subscription: its consumers divide the messages
	Receiver    string        // keep what vehicles share with this receiver; empty: we are the agency's own backend
	BatchEvents int           // a transaction is closed when it has so many events
	BatchWait   time.Duration // or is so old
	HasReceipts bool          // tell vehicles what is kept; only the agency's own backend may
	Signer      *Signer       // of receipts; nil: they are not signed
}

// DefaultConsumeConfig is the configuration that documents describe.
func DefaultConsumeConfig() ConsumeConfig {
	return ConsumeConfig{Group: "alpr", BatchEvents: 2000, BatchWait: 100 * time.Millisecond, HasReceipts: true}
}

// Consumer takes what vehicles publish, and keeps it in a sink.
type Consumer struct {
	cfg     ConsumeConfig
	sink    Sink
	valid   *Validator
	metrics *Metrics
	log     *slog.Logger
	guard   *contain.Guard
	now     func() time.Time
}

// NewConsumer makes a Consumer. It connects to nothing. metrics may be read
// while it runs.
func NewConsumer(cfg ConsumeConfig, sink Sink, metrics *Metrics, log *slog.Logger) (*Consumer, error) {
	if err := event.CheckName(cfg.Group); err != nil {
		return nil, fmt.Errorf("consumer group: %w", err)
	}
	if cfg.Receiver != "" {
		if err := event.CheckName(cfg.Receiver); err != nil {
			return nil, fmt.Errorf("receiver: %w", err)
		}
		cfg.HasReceipts = false
	}
	if cfg.Broker.ClientID == "" || cfg.BatchEvents < 1 || cfg.BatchWait <= 0 {
		return nil, errors.New("a consumer needs a client id, a batch size and a batch wait")
	}
	if _, err := cfg.Broker.options(); err != nil {
		return nil, err
	}
	v, err := NewValidator()
	if err != nil {
		return nil, err
	}
	log = log.With("part", "consumer")
	c := &Consumer{cfg: cfg, sink: sink, valid: v, metrics: metrics, log: log, guard: contain.New(log), now: time.Now}
	metrics.guard = c.guard
	return c, nil
}

// Run consumes until ctx is done, and returns nil then. A broker or a sink that
// is gone for a while is said once and waited for; nothing is acknowledged
// meanwhile.
func (c *Consumer) Run(ctx context.Context) error {
	pause, said := backoff.Pause{First: time.Second, Last: 30 * time.Second, HasJitter: true}, ""
	for ctx.Err() == nil {
		start := c.now()
		err := c.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if err.Error() != said {
			c.log.Warn("no link to the broker; trying again", "broker", c.cfg.Broker.URL, "problem", err)
			said = err.Error()
		}
		if c.now().Sub(start) > time.Minute {
			pause.Reset()
		}
		pause.Wait(ctx)
	}
	return nil
}

// lane is one connection to the broker and what it brings: hits have their own,
// so that they never queue behind backlog, in the broker or here.
type lane struct {
	name     string
	levels   []string
	client   mqtt.Client
	isKnown  bool              // the broker has kept what came since the last connection
	messages chan mqtt.Message // holds as many as MQTT can leave unacknowledged: the library is never held up
	looked   chan taken
}

// taken is a message that has been looked at.
type taken struct {
	msg mqtt.Message
	in  Intake
}

func newLane(name string, levels ...string) *lane {
	return &lane{name: name, levels: levels, messages: make(chan mqtt.Message, 1<<16), looked: make(chan taken, 256)}
}

// session lasts as long as both connections: messages → validation in parallel
// → one writer.
func (c *Consumer) session(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	urgent := newLane("-urgent", event.TopicHit, event.TopicDisposition, event.TopicEmergency)
	bulk := newLane("", event.TopicRead, event.TopicAudit, event.TopicHealth, event.TopicStatus, event.TopicImage)
	lost := make(chan error, 1)
	for _, l := range []*lane{urgent, bulk} {
		if err := c.connect(ctx, l, lost); err != nil {
			return err
		}
		defer l.client.Disconnect(250)
	}
	c.log.Info("consuming", "broker", c.cfg.Broker.URL, "group", c.cfg.Group)
	group.Go(func() error { return c.validate(ctx, urgent) })
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error { return c.validate(ctx, bulk) })
	}
	group.Go(func() error { return c.write(ctx, urgent, bulk) })
	group.Go(func() error {
		select {
		case err := <-lost:
			return fmt.Errorf("connection lost: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return group.Wait()
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
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { l.messages <- m }).
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

func (c *Consumer) validate(ctx context.Context, l *lane) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-l.messages:
			t := taken{msg: m, in: c.valid.Look(c.guard, m.Topic(), m.Payload(), c.now().UTC())}
			select {
			case l.looked <- t:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// write collects messages into batches and keeps them. A hit closes the batch:
// it waits for the transaction under way, and for nothing else.
func (c *Consumer) write(ctx context.Context, urgent, bulk *lane) error {
	w := &writer{c: c, client: urgent.client, timer: time.NewTimer(time.Hour)}
	if !urgent.isKnown || !bulk.isKnown {
		w.asked = map[event.Vehicle]bool{}
	}
	defer w.timer.Stop()
	for {
		select {
		case t := <-urgent.looked:
			if err := w.flushWith(ctx, t, urgent.looked); err != nil {
				return err
			}
			continue
		default:
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case t := <-urgent.looked:
			err = w.flushWith(ctx, t, urgent.looked)
		case t := <-bulk.looked:
			w.add(t)
			if w.isFull() {
				err = w.flush(ctx)
			}
		case <-w.due:
			err = w.flush(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// writer is the batch that is being collected.
type writer struct {
	c      *Consumer
	client mqtt.Client            // for receipts
	asked  map[event.Vehicle]bool // for what the broker did not keep for us; nil where it kept all
	batch  Batch
	open   []mqtt.Message
	timer  *time.Timer
	due    <-chan time.Time
}

func (w *writer) add(t taken) {
	if len(w.open) == 0 {
		w.timer.Reset(w.c.cfg.BatchWait)
		w.due = w.timer.C
	}
	w.open = append(w.open, t.msg)
	w.batch.add(t.in)
}

func (w *writer) isFull() bool {
	return len(w.batch.Rows) >= w.c.cfg.BatchEvents || len(w.open) >= 1<<14
}

// flushWith keeps the batch with t and what is there beside it.
func (w *writer) flushWith(ctx context.Context, t taken, more <-chan taken) error {
	w.add(t)
	for !w.isFull() {
		select {
		case t := <-more:
			w.add(t)
			continue
		default:
		}
		break
	}
	return w.flush(ctx)
}

// flush keeps the batch; then the broker, then the vehicles are answered.
func (w *writer) flush(ctx context.Context) error {
	w.due = nil
	if len(w.open) == 0 {
		return nil
	}
	if err := w.c.keep(ctx, w.batch); err != nil {
		return err
	}
	for _, m := range w.open {
		m.Ack()
	}
	w.c.metrics.messages.Add(int64(len(w.open)))
	if w.c.cfg.HasReceipts {
		w.answer()
	}
	w.batch, w.open = Batch{}, nil
	return nil
}

func (b *Batch) add(in Intake) {
	b.Rows = append(b.Rows, in.Rows...)
	b.Letters = append(b.Letters, in.Letters...)
	b.Numbers = append(b.Numbers, in.Numbers...)
}

// keep writes until the sink has the batch. A sink that fails is waited for.
func (c *Consumer) keep(ctx context.Context, b Batch) error {
	pause, said := backoff.Pause{First: 100 * time.Millisecond, Last: 10 * time.Second}, false
	for {
		start := c.now()
		var kept Kept
		err := c.guard.Do("batch", func() (err error) {
			kept, err = c.sink.Write(ctx, b)
			return err
		})
		if errors.Is(err, contain.ErrPanic) { // a row at which the program breaks must not keep the others from the record
			err = fmt.Errorf("%w: %w", ErrBadData, err)
		}
		if err == nil {
			c.metrics.noteBatch(b, kept, c.now().Sub(start), c.now())
			for _, a := range kept.Alarms {
				c.log.Error("a vehicle's audit log is not what it was", "vehicle", a.Vehicle.String(), "kind", a.Kind, "text", a.Text)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrBadData) && len(b.Rows) > 0 {
			return c.keepOneByOne(ctx, b, err)
		}
		c.metrics.failures.Add(1)
		if !said {
			c.log.Error("the sink does not take a batch; trying again", "events", len(b.Rows), "problem", err)
			said = true
		}
		if !pause.Wait(ctx) {
			return ctx.Err()
		}
	}
}

// keepOneByOne finds the rows that the sink will never take, and makes letters
// of them.
func (c *Consumer) keepOneByOne(ctx context.Context, b Batch, why error) error {
	if len(b.Rows) == 1 {
		r := b.Rows[0]
		l := Letter{Topic: r.Vehicle.Topic(r.kind()), Payload: r.JSON, Reason: why.Error(), ReceivedAt: r.ReceivedAt}
		return c.keep(ctx, Batch{Letters: append(b.Letters, l), Numbers: b.Numbers})
	}
	half := len(b.Rows) / 2
	if err := c.keep(ctx, Batch{Rows: b.Rows[:half], Letters: b.Letters}); err != nil {
		return err
	}
	return c.keep(ctx, Batch{Rows: b.Rows[half:], Numbers: b.Numbers})
}

// answer tells each vehicle what of it is kept, and asks each once for what the
// broker did not keep for us. An answer that is lost is made good by the
// vehicle: it sends again.
func (w *writer) answer() {
	for v, ranges := range w.batch.Ranges() {
		for part := range slices.Chunk(ranges, event.MaxReceiptRanges) {
			w.send(v, event.Receipt{Ranges: part})
		}
	}
	for i := range w.batch.Rows {
		w.askForRest(&w.batch.Rows[i])
	}
}

// underway is how long what a vehicle sent before its status may be on its way
// here beside it: by another connection, or through another consumer.
const underway = 10 * time.Second

// askForRest asks a vehicle for what it sent and the broker did not keep for us:
// once for all of it where the broker did not know us, and whenever its status
// tells of items without a receipt. What went before the status came by the same
// way: what of it has no receipt by now was lost, to a broker that was killed or
// whose queue was full.
func (w *writer) askForRest(r *Row) {
	if w.asked != nil && !w.asked[r.Vehicle] {
		w.asked[r.Vehicle] = true
		w.send(r.Vehicle, event.Receipt{Ranges: []event.Range{}, WantsRest: true})
		return
	}
	if r.Event.Type != event.TypeStatus {
		return
	}
	var st event.Status
	if err := json.Unmarshal(r.Event.Data, &st); err != nil || !st.IsOnline || st.Depth.Unreceipted == 0 {
		return
	}
	w.send(r.Vehicle, event.Receipt{Ranges: []event.Range{}, WantsRest: true, RestBefore: r.Event.Time.Add(-underway)})
}

func (w *writer) send(v event.Vehicle, r event.Receipt) {
	var payload []byte
	var err error
	if s := w.c.cfg.Signer; s != nil {
		payload, err = downlink.Sign(downlink.KindReceipt, r, s.Name, s.Private)
	} else {
		payload, err = json.Marshal(r)
	}
	if err != nil {
		w.c.log.Error("encode receipt", "vehicle", v.String(), "error", err)
		return
	}
	w.client.Publish(v.ReceiptTopic(), 1, false, payload)
}
