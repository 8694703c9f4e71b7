package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"alpr/internal/regular"
	"alpr/sync/uplink"
)

const (
	brokerWithin = 5 * time.Second
	expiresSoon  = 30 * 24 * time.Hour
	refusalComes = 500 * time.Millisecond
)

// checkBroker goes the way to the broker without logging in: name, port, TLS,
// and whether the certificates of both sides hold and for how long.
func checkBroker(ctx context.Context, c uplink.Config) []finding {
	if c.Broker == "" {
		return []finding{warning("broker", "none is configured: records stay in the car. Set uplink.broker")}
	}
	u, err := url.Parse(c.Broker)
	if err != nil {
		return []finding{failure("broker", "uplink.broker: %v", err)}
	}
	if u.Scheme != "tls" {
		return []finding{dialBroker(ctx, u.Host, nil)}
	}
	found := []finding{checkCertFile("vehicle cert", c.CertFile, c.KeyFile, time.Now())}
	conf, err := brokerTLS(c, u.Hostname())
	if err != nil {
		return append(found, failure("broker", "%v", err))
	}
	return append(found, dialBroker(ctx, u.Host, conf))
}

func brokerTLS(c uplink.Config, host string) (*tls.Config, error) {
	pem, err := regular.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("uplink.ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("uplink.ca_file: %s holds no PEM certificate", c.CAFile)
	}
	cert, err := regular.KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("uplink.cert_file: %w", err)
	}
	if c.ServerName != "" {
		host = c.ServerName
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert}, ServerName: host}, nil
}

func dialBroker(ctx context.Context, addr string, conf *tls.Config) finding {
	const part = "broker"
	ctx, cancel := context.WithTimeout(ctx, brokerWithin)
	defer cancel()
	start := time.Now()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return failure(part, "%v: check uplink.broker, the modem and the firewall; records wait in the car until then", err)
	}
	defer conn.Close()
	took := time.Since(start).Milliseconds()
	if conf == nil {
		return okay(part, "%s answers in %d ms (without TLS)", addr, took)
	}
	t := tls.Client(conn, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		return failure(part, "%s: TLS: %v: check uplink.ca_file, uplink.server_name and the clock", addr, err)
	}
	// In TLS 1.3 a server says only now whether it takes our certificate.
	if err := t.SetReadDeadline(time.Now().Add(refusalComes)); err != nil {
		return failure(part, "%s: %v", addr, err)
	}
	var timeout net.Error
	if _, err := t.Read(make([]byte, 1)); err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
		return failure(part, "%s does not take this vehicle's certificate: %v: is it signed by the broker's authority, and not revoked?", addr, err)
	}
	return expiry(okay(part, "%s answers in %d ms, TLS 1.3", addr, took), t.ConnectionState().PeerCertificates[0], time.Now(),
		"ask who runs the broker to renew it")
}

// checkCertFile reads a certificate with its key and looks at its dates.
func checkCertFile(part, certFile, keyFile string, now time.Time) finding {
	pair, err := regular.KeyPair(certFile, keyFile)
	if err != nil {
		return failure(part, "%v: give a PEM certificate and the key that belongs to it", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return failure(part, "%s: %v", certFile, err)
	}
	return expiry(okay(part, "%s for %s", certFile, leaf.Subject.CommonName), leaf, now, "have a new one issued")
}

// expiry adds to a finding how long the certificate holds.
func expiry(f finding, cert *x509.Certificate, now time.Time, mend string) finding {
	left := cert.NotAfter.Sub(now)
	days := int(left.Hours() / 24)
	switch {
	case now.Before(cert.NotBefore):
		return failure(f.part, "%s, valid only from %s on: is the clock right?", f.text, cert.NotBefore.Format(time.DateOnly))
	case left < 0:
		return failure(f.part, "%s, expired on %s: %s", f.text, cert.NotAfter.Format(time.DateOnly), mend)
	case left < expiresSoon:
		return warning(f.part, "%s, expires in %d days: %s", f.text, days, mend)
	}
	f.text += fmt.Sprintf(", certificate good for %d days", days)
	return f
}
