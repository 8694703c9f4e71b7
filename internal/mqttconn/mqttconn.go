// Package mqttconn is what every MQTT client of this project sets up alike: the
// addresses of the brokers, TLS 1.3 with a certificate of ours, and a connection
// that neither reconnects nor stores by itself.
package mqttconn

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"alpr/internal/regular"
)

// Timeout bounds one attempt to connect to one broker: TCP, TLS and CONNACK together.
const Timeout = 30 * time.Second

// File is a file and the setting that names it, for errors.
type File struct{ Setting, Path string }

// Identity is who we are to a broker, and whom we take for it.
type Identity struct {
	CA, Cert, Key File             // PEM; read again at each call of TLS
	ServerName    string           // in the broker's certificate, where it is not the host of its address
	Now           func() time.Time // the clock that certificates are checked by; nil: the system's
}

// TLS reads the files. It takes no TLS older than 1.3.
func (i Identity) TLS() (*tls.Config, error) {
	pem, err := regular.ReadFile(i.CA.Path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", i.CA.Setting, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read %s %s: no PEM certificate in it", i.CA.Setting, i.CA.Path)
	}
	cert, err := regular.KeyPair(i.Cert.Path, i.Key.Path)
	if err != nil {
		return nil, fmt.Errorf("load %s %s with %s %s: %w", i.Cert.Setting, i.Cert.Path, i.Key.Setting, i.Key.Path, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert}, ServerName: i.ServerName, Time: i.Now}, nil
}

// Brokers takes a list of addresses apart: "tls://a:8883, tls://b:8883". All
// have the same scheme.
func Brokers(list string) ([]*url.URL, error) {
	var out []*url.URL
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%q is not an address such as \"tls://broker.example:8883\"", text)
		}
		if len(out) > 0 && u.Scheme != out[0].Scheme {
			return nil, fmt.Errorf("%q: all brokers are tls://, or all tcp://", list)
		}
		out = append(out, u)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q is not an address such as \"tls://broker.example:8883\"", list)
	}
	return out, nil
}

// Options is how a client connects to the first of the brokers that answers,
// tried in their order at each connect. identity is asked for where they are
// tls://. The client speaks MQTT 3.1.1.
func Options(brokers, clientID string, identity Identity) (*mqtt.ClientOptions, error) {
	list, err := Brokers(brokers)
	if err != nil {
		return nil, err
	}
	o := mqtt.NewClientOptions().SetClientID(clientID).SetProtocolVersion(4).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(Timeout)
	for _, u := range list {
		o.AddBroker(strings.Replace(u.String(), "tls://", "ssl://", 1))
	}
	if list[0].Scheme != "tls" {
		return o, nil
	}
	conf, err := identity.TLS()
	if err != nil {
		return nil, err
	}
	return o.SetTLSConfig(conf), nil
}

// Denied is the filters of a subscription that the broker refused.
func Denied(tok mqtt.Token) []string {
	var denied []string
	if sub, ok := tok.(*mqtt.SubscribeToken); ok {
		for filter, code := range sub.Result() {
			if code == refused {
				denied = append(denied, filter)
			}
		}
	}
	return denied
}

// refused is the return code of a SUBACK for a filter that the client may not
// read (MQTT 3.1.1, section 3.9.3).
const refused = 0x80
