package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr/internal/regular"
	"alpr/sync/event"
)

// connectTimeout bounds one attempt: TCP, TLS and CONNACK together.
const connectTimeout = 30 * time.Second

// link is one connection: a paho client that neither reconnects nor stores.
type link struct {
	client mqtt.Client
	lost   chan struct{} // closed when the connection is gone
	cause  error         // why, once lost is closed
	once   sync.Once
}

func (u *Uplink) tlsConfig() (*tls.Config, error) {
	if !strings.HasPrefix(u.cfg.Broker, "tls:") {
		return nil, nil
	}
	pem, err := regular.ReadFile(u.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read uplink.ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read uplink.ca_file %s: no PEM certificate in it", u.cfg.CAFile)
	}
	cert, err := regular.KeyPair(u.cfg.CertFile, u.cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load uplink.cert_file %s with key_file %s: %w", u.cfg.CertFile, u.cfg.KeyFile, err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert},
		ServerName: u.cfg.ServerName, Time: u.opt.Now,
	}, nil
}

// dial connects, or says why not. The will is what the broker publishes should
// this connection break. The broker keeps the session between connections, so
// that receipts wait there for a vehicle that is out of reach; what we publish
// is kept by the outbox alone. onMessage is called from several goroutines.
func (u *Uplink) dial(ctx context.Context, will []byte, onMessage mqtt.MessageHandler) (*link, error) {
	tlsConfig, err := u.tlsConfig()
	if err != nil {
		return nil, err
	}
	l := &link{lost: make(chan struct{})}
	o := mqtt.NewClientOptions().AddBroker(strings.Replace(u.cfg.Broker, "tls://", "ssl://", 1)).
		SetClientID(u.vehicle.String()).SetProtocolVersion(4).SetCleanSession(false).SetDefaultPublishHandler(onMessage).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(connectTimeout).
		SetKeepAlive(u.cfg.KeepAlive).SetPingTimeout(u.cfg.KeepAlive/2).SetWriteTimeout(u.cfg.AckTimeout).
		SetOrderMatters(false).SetMaxResumePubInFlight(1).
		SetBinaryWill(u.vehicle.Topic(event.TopicStatus), will, 1, true).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			l.once.Do(func() {
				l.cause = err
				close(l.lost)
			})
		})
	if tlsConfig != nil {
		o.SetTLSConfig(tlsConfig)
	}
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
	t := time.NewTimer(connectTimeout)
	defer t.Stop()
	select {
	case <-tok.Done():
		return tok.Error()
	case <-l.lost:
		return l.err()
	case <-t.C:
		return fmt.Errorf("no answer from the broker in %s", connectTimeout)
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
