package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"alpr/internal/backoff"
	"alpr/internal/contain"
	"alpr/internal/mqttconn"
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
	o, err := mqttconn.Options(b.URL, b.ClientID, b.identity())
	if err != nil {
		return nil, err
	}
	return o.SetKeepAlive(20 * time.Second).SetPingTimeout(10 * time.Second).SetWriteTimeout(30 * time.Second), nil
}

func (b Broker) identity() mqttconn.Identity {
	return mqttconn.Identity{
		CA: mqttconn.File{Setting: "the broker's authority", Path: b.CAFile}, Cert: mqttconn.File{Setting: "certificate", Path: b.CertFile},
		Key: mqttconn.File{Setting: "key", Path: b.KeyFile}, ServerName: b.ServerName,
	}
}

// ConsumeConfig is how a consumer works.
type ConsumeConfig struct {
	Broker      Broker
	Source      string        // "nats://a:4222,nats://b:4222": read from JetStream there, and answer by Broker; empty: read by Broker
	Replicas    int           // of the streams that Source makes where they are missing
	Group       string        // of the shared subscription: its consumers divide the messages
	Receiver    string        // keep what vehicles share with this receiver; empty: we are the agency's own backend
	BatchEvents int           // a transaction is closed when it has so many events
	BatchWait   time.Duration // or is so old
	HasReceipts bool          // tell vehicles what is kept; only the agency's own backend may
	Signer      *Signer       // of receipts; nil: they are not signed
}

// DefaultConsumeConfig is the configuration that documents describe.
func DefaultConsumeConfig() ConsumeConfig {
	return ConsumeConfig{Group: "alpr", Replicas: 3, BatchEvents: 2000, BatchWait: 100 * time.Millisecond, HasReceipts: true}
}

// Consumer takes what vehicles publish, and keeps it in a sink.
type Consumer struct {
	cfg     ConsumeConfig
	sink    Sink // of the bulk
	urgent  Sink // of hits
	valid   *Validator
	metrics *Metrics
	log     *slog.Logger
	guard   *contain.Guard
	now     func() time.Time
	hits    hitsInHand

	isSharing bool // the broker delivers to shared subscriptions
}

// NewConsumer makes a Consumer. It connects to nothing. metrics may be read
// while it runs. Hits are kept through a connection of their own where the sink
// can open one.
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
	bulk, urgent := twins(sink)
	c := &Consumer{cfg: cfg, sink: bulk, urgent: urgent, valid: v, metrics: metrics, log: log, guard: contain.New(log), now: time.Now}
	metrics.guard = c.guard
	return c, nil
}

// Run consumes until ctx is done, and returns nil then. A broker or a sink that
// is gone for a while is said once and waited for; nothing is acknowledged
// meanwhile.
func (c *Consumer) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, closeTwin(c.urgent)) }()
	pause, said := backoff.Pause{First: time.Second, Last: 30 * time.Second, HasJitter: true}, ""
	for ctx.Err() == nil {
		start := c.now()
		err := c.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, ErrNoSharing) {
			return err
		}
		if err.Error() != said {
			c.log.Warn("no link to the broker; trying again", "broker", c.cfg.Broker.URL, "error", err)
			said = err.Error()
		}
		if c.now().Sub(start) > time.Minute {
			pause.Reset()
		}
		pause.Wait(ctx)
	}
	return nil
}

// session lasts as long as both connections: on each of them messages →
// validation → one writer. Hits share nothing with the bulk but the processor.
func (c *Consumer) session(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	urgent := newLane("-urgent", event.TopicHit, event.TopicDisposition, event.TopicEmergency)
	bulk := newLane("", event.TopicRead, event.TopicAudit, event.TopicHealth, event.TopicStatus, event.TopicImage)
	lost := make(chan error, 1)
	for _, l := range []*lane{urgent, bulk} {
		if err := c.connect(ctx, l, lost); err != nil {
			return err
		}
		defer l.close()
	}
	c.log.Info("consuming", "broker", c.cfg.Broker.URL, "group", c.cfg.Group)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error { return c.validate(ctx, urgent) })
		group.Go(func() error { return c.validate(ctx, bulk) })
	}
	// Each vehicle is asked once, when the bulk's lane hears of it.
	isKnown := urgent.isKnown && bulk.isKnown
	group.Go(func() error { return c.newWriter(urgent, c.urgent, true).run(ctx) })
	group.Go(func() error { return c.newWriter(bulk, c.sink, isKnown).run(ctx) })
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
