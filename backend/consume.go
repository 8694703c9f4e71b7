package backend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

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

// Options is the paho options for this broker, without a client id's session.
func (b Broker) options() (*mqtt.ClientOptions, error) {
	o := mqtt.NewClientOptions().AddBroker(strings.Replace(b.URL, "tls://", "ssl://", 1)).
		SetClientID(b.ClientID).SetProtocolVersion(4).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectTimeout(30 * time.Second).SetKeepAlive(20 * time.Second).SetPingTimeout(10 * time.Second).SetWriteTimeout(30 * time.Second)
	if !strings.HasPrefix(b.URL, "tls:") {
		return o, nil
	}
	pem, err := os.ReadFile(b.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the broker's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the broker's authority %s: no PEM certificate in it", b.CAFile)
	}
	cert, err := tls.LoadX509KeyPair(b.CertFile, b.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load certificate %s with key %s: %w", b.CertFile, b.KeyFile, err)
	}
	return o.SetTLSConfig(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert}, ServerName: b.ServerName}), nil
}

// ConsumeConfig is how a consumer works.
type ConsumeConfig struct {
	Broker      Broker
	Group       string        // of the shared subscription: its consumers divide the messages
	BatchEvents int           // a transaction is closed when it has so many events
	BatchWait   time.Duration // or is so old
	HasReceipts bool          // tell vehicles what is kept
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
	now     func() time.Time
}

// NewConsumer makes a Consumer. It connects to nothing. metrics may be read
// while it runs.
func NewConsumer(cfg ConsumeConfig, sink Sink, metrics *Metrics, log *slog.Logger) (*Consumer, error) {
	if err := event.CheckName(cfg.Group); err != nil {
		return nil, fmt.Errorf("consumer group: %w", err)
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
	return &Consumer{cfg: cfg, sink: sink, valid: v, metrics: metrics, log: log.With("part", "consumer"), now: time.Now}, nil
}

// Run consumes until ctx is done, and returns nil then. A broker or a sink that
// is gone for a while is said once and waited for; nothing is acknowledged
// meanwhile.
func (c *Consumer) Run(ctx context.Context) error {
	pause, said := time.Second, ""
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
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
	return nil
}

// taken is a message that has been looked at.
type taken struct {
	msg mqtt.Message
	in  Intake
}

// session is one connection: messages → validation in parallel → one writer.
func (c *Consumer) session(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	messages := make(chan mqtt.Message, 1<<16) // as many as MQTT can leave unacknowledged: the library is never held up
	looked := make(chan taken, 256)
	lost := make(chan error, 1)
	client, err := c.connect(ctx, messages, lost)
	if err != nil {
		return err
	}
	defer client.Disconnect(250)
	c.log.Info("consuming", "broker", c.cfg.Broker.URL, "group", c.cfg.Group)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Add(1)
		group.Go(func() error {
			defer workers.Done()
			return c.validate(ctx, messages, looked)
		})
	}
	group.Go(func() error { return c.write(ctx, client, looked) })
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

func (c *Consumer) connect(ctx context.Context, messages chan<- mqtt.Message, lost chan<- error) (mqtt.Client, error) {
	o, err := c.cfg.Broker.options()
	if err != nil {
		return nil, err
	}
	// The session outlives the connection: what we have not acknowledged comes again.
	o.SetCleanSession(false).SetAutoAckDisabled(true).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { messages <- m }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case lost <- err:
			default:
			}
		})
	client := mqtt.NewClient(o)
	filter := "$share/" + c.cfg.Group + "/" + event.Root + "/+/+/+"
	for _, step := range []func() mqtt.Token{client.Connect, func() mqtt.Token { return client.Subscribe(filter, 1, nil) }} {
		tok := step()
		select {
		case <-tok.Done():
		case <-ctx.Done():
			client.Disconnect(0)
			return nil, ctx.Err()
		}
		if err := tok.Error(); err != nil {
			client.Disconnect(0)
			return nil, fmt.Errorf("connect and subscribe to %s: %w", filter, err)
		}
		if sub, ok := tok.(*mqtt.SubscribeToken); ok && sub.Result()[filter] == 0x80 {
			client.Disconnect(0)
			return nil, fmt.Errorf("the broker does not let %s read %s", c.cfg.Broker.ClientID, filter)
		}
	}
	return client, nil
}

func (c *Consumer) validate(ctx context.Context, messages <-chan mqtt.Message, looked chan<- taken) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-messages:
			t := taken{msg: m}
			if !isAgencyWide(m.Topic()) {
				t.in = c.valid.Take(m.Topic(), m.Payload(), c.now().UTC())
			}
			select {
			case looked <- t:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// isAgencyWide tells our own announcements to all vehicles of an agency from
// what vehicles publish.
func isAgencyWide(topic string) bool {
	parts := strings.SplitN(topic, "/", 5)
	return len(parts) > 3 && parts[3] == event.Everyone
}

// write collects messages into batches and keeps them.
func (c *Consumer) write(ctx context.Context, client mqtt.Client, looked <-chan taken) error {
	var (
		batch Batch
		open  []mqtt.Message
		timer = time.NewTimer(time.Hour)
		due   <-chan time.Time
	)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case t := <-looked:
			if len(open) == 0 {
				timer.Reset(c.cfg.BatchWait)
				due = timer.C
			}
			open = append(open, t.msg)
			batch.add(t.in)
			if len(batch.Rows) < c.cfg.BatchEvents && len(open) < 1<<14 {
				continue
			}
		case <-due:
		}
		if err := c.keep(ctx, batch); err != nil {
			return err
		}
		for _, m := range open {
			m.Ack()
		}
		c.metrics.messages.Add(int64(len(open)))
		c.sendReceipts(client, batch)
		batch, open, due = Batch{}, nil, nil
	}
}

func (b *Batch) add(in Intake) {
	b.Rows = append(b.Rows, in.Rows...)
	b.Letters = append(b.Letters, in.Letters...)
	b.Numbers = append(b.Numbers, in.Numbers...)
}

// keep writes until the sink has the batch. A sink that fails is waited for.
func (c *Consumer) keep(ctx context.Context, b Batch) error {
	pause, said := 100*time.Millisecond, false
	for {
		start := c.now()
		kept, err := c.sink.Write(ctx, b)
		if err == nil {
			c.metrics.noteBatch(b, kept, c.now().Sub(start), c.now())
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
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 10*time.Second)
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

// sendReceipts tells each vehicle what of it is kept. A receipt that is lost is
// made good by the vehicle: it sends again.
func (c *Consumer) sendReceipts(client mqtt.Client, b Batch) {
	if !c.cfg.HasReceipts {
		return
	}
	for v, ranges := range b.Ranges() {
		for len(ranges) > 0 {
			n := min(len(ranges), event.MaxReceiptRanges)
			payload, err := json.Marshal(event.Receipt{Ranges: ranges[:n]})
			if err != nil {
				c.log.Error("encode receipt", "vehicle", v.String(), "error", err)
				return
			}
			client.Publish(v.ReceiptTopic(), 1, false, payload)
			ranges = ranges[n:]
		}
	}
}
