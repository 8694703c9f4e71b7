package uplink

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr/internal/mqttconn"
	"alpr/sync/event"
)

// link is one connection: a paho client that neither reconnects nor stores.
type link struct {
	client mqtt.Client
	lost   chan struct{} // closed when the connection is gone
	cause  error         // why, once lost is closed
	once   sync.Once
}

// identity is who this vehicle is to the brokers.
func (u *Uplink) identity() mqttconn.Identity {
	c := u.cfg
	return mqttconn.Identity{
		CA: mqttconn.File{Setting: "uplink.ca_file", Path: c.CAFile}, Cert: mqttconn.File{Setting: "uplink.cert_file", Path: c.CertFile},
		Key: mqttconn.File{Setting: "uplink.key_file", Path: c.KeyFile}, ServerName: c.ServerName, Now: u.opt.Now,
	}
}

// dial connects, or says why not. The will is what the broker publishes should
// this connection break. The broker keeps the session between connections, so
// that receipts wait there for a vehicle that is out of reach; what we publish
// is kept by the outbox alone. onMessage is called from several goroutines.
func (u *Uplink) dial(ctx context.Context, will []byte, onMessage mqtt.MessageHandler) (*link, error) {
	o, err := mqttconn.Options(u.cfg.Broker, u.vehicle.String(), u.identity())
	if err != nil {
		return nil, err
	}
	l := &link{lost: make(chan struct{})}
	o.SetCleanSession(false).SetDefaultPublishHandler(onMessage).
		SetKeepAlive(u.cfg.KeepAlive).SetPingTimeout(u.cfg.KeepAlive/2).SetWriteTimeout(u.cfg.AckTimeout).
		SetOrderMatters(false).SetMaxResumePubInFlight(1).
		SetBinaryWill(u.vehicle.Topic(event.TopicStatus), will, 1, true).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			l.once.Do(func() {
				l.cause = err
				close(l.lost)
			})
		})
	l.client = mqtt.NewClient(o)
	tok := l.client.Connect()
	select {
	case <-tok.Done():
	case <-ctx.Done():
		l.client.Disconnect(0)
		return nil, ctx.Err()
	}
	if err := tok.Error(); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u.cfg.Broker, err)
	}
	return l, nil
}

// err is why the connection is gone.
func (l *link) err() error {
	if l.cause == nil {
		return errors.New("connection lost")
	}
	return fmt.Errorf("connection lost: %w", l.cause)
}

// wait is for the few publishes and subscribes outside the lanes.
func (l *link) wait(ctx context.Context, tok mqtt.Token) error {
	t := time.NewTimer(mqttconn.Timeout)
	defer t.Stop()
	select {
	case <-tok.Done():
		return tok.Error()
	case <-l.lost:
		return l.err()
	case <-t.C:
		return fmt.Errorf("no answer from the broker in %s", mqttconn.Timeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// explain puts err in one line that says how to mend it.
func explain(err error, now time.Time) string {
	var (
		invalid  x509.CertificateInvalidError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		dns      *net.DNSError
	)
	text := err.Error()
	mend := ""
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		mend = fmt.Sprintf("the broker's certificate is not valid at this computer's time, %s: set the clock, or renew the certificate", now.UTC().Format(time.RFC3339))
	case errors.As(err, &unknown):
		mend = "the broker's certificate is not signed by uplink.ca_file: check both"
	case errors.As(err, &hostname):
		mend = "the broker's certificate is for another name: set uplink.server_name"
	case strings.Contains(text, "tls: expired certificate") || strings.Contains(text, "certificate has expired"):
		mend = fmt.Sprintf("the broker finds uplink.cert_file expired: renew it (this computer's time is %s)", now.UTC().Format(time.RFC3339))
	case strings.Contains(text, "tls: ") && strings.Contains(text, "remote error"):
		mend = "the broker refuses uplink.cert_file: have it signed by the authority that the broker trusts"
	case strings.Contains(text, "not Authorized") || strings.Contains(text, "bad user name or password"):
		mend = "the broker does not know this vehicle: add it there"
	case errors.As(err, &dns):
		mend = "the name in uplink.broker cannot be resolved: no network, or a wrong name"
	case errors.Is(err, syscall.ECONNREFUSED):
		mend = "nothing listens there: start the broker, or correct uplink.broker"
	}
	if mend == "" {
		return text
	}
	return mend + " (" + text + ")"
}
