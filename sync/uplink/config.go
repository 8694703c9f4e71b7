package uplink

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"alpr/internal/mqttconn"
	"alpr/sync/event"
)

// Config says where the backend is, who this vehicle is, and how it sends.
type Config struct {
	Broker     string `yaml:"broker"`      // "tls://host:8883", or several with commas, tried in order; "tcp://127.0.0.1:1883" only to this machine; empty: no uplink
	Agency     string `yaml:"-"`           // first name of every topic
	Vehicle    string `yaml:"-"`           // second name; with the agency, the certificate's common name
	CAFile     string `yaml:"ca_file"`     // PEM: who signs the broker's certificate
	CertFile   string `yaml:"cert_file"`   // PEM: this vehicle's certificate, read again at each connect
	KeyFile    string `yaml:"key_file"`    // PEM: its key
	ServerName string `yaml:"server_name"` // in the broker's certificate, where it is not the host of Broker

	UseReceipts    bool          `yaml:"receipts"`        // keep items until the backend receipts them
	ReceiptTimeout time.Duration `yaml:"receipt_timeout"` // send again what has no receipt after this
	CheckRights    bool          `yaml:"check_rights"`    // after connecting, make sure that the broker passes on what it acknowledges

	LiveWindow  time.Duration `yaml:"live_window"`  // what was recorded longer ago is backlog
	WindowBytes int           `yaml:"window_bytes"` // most bytes of reads awaiting acknowledgement
	AckTarget   time.Duration `yaml:"ack_target"`   // the window shrinks when acknowledgements take longer
	BatchEvents int           `yaml:"batch_events"` // most events in one message; 1: each travels alone, uncompressed
	BacklogRate int           `yaml:"backlog_rate"` // most bytes a second of backlog, 0: no limit

	KeepAlive    time.Duration `yaml:"keep_alive"`
	AckTimeout   time.Duration `yaml:"ack_timeout"` // give the connection up when nothing is acknowledged for so long
	ReconnectMin time.Duration `yaml:"reconnect_min"`
	ReconnectMax time.Duration `yaml:"reconnect_max"`
	HealthEvery  time.Duration `yaml:"health_every"`

	StateDir    string   `yaml:"state_dir"`    // unfinished downloads, pictures to send, key changes; private to this program
	ReleaseFile string   `yaml:"release_file"` // the sharing policy; empty: everything to the agency's own backend, nothing to others
	TrustedKeys []string `yaml:"trusted_keys"` // "name:scope[,scope]:base64 of an Ed25519 public key"; scopes hotlist, image, policy, receipt, keys

	EmergencyEvery time.Duration `yaml:"emergency_every"` // between positions while the emergency button is held
}

// DefaultConfig is the configuration that documents describe; Broker, Agency,
// Vehicle, the three files and StateDir are left to the owner.
func DefaultConfig() Config {
	return Config{
		UseReceipts: true, ReceiptTimeout: 5 * time.Minute, CheckRights: true,
		LiveWindow: time.Minute, WindowBytes: 256 << 10, AckTarget: 500 * time.Millisecond,
		BatchEvents: 500, BacklogRate: 256 << 10,
		KeepAlive: 20 * time.Second, AckTimeout: 30 * time.Second,
		ReconnectMin: time.Second, ReconnectMax: time.Minute,
		HealthEvery: time.Minute, EmergencyEvery: 2 * time.Second,
	}
}

// ErrBadConfig reports a configuration that cannot work.
var ErrBadConfig = errors.New("bad uplink configuration")

// Validate says which key is wrong, and how.
func (c Config) Validate() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("%w: uplink.%s: %s", ErrBadConfig, key, fmt.Sprintf(format, args...))
	}
	if err := c.validateBroker(bad); err != nil {
		return err
	}
	if err := event.CheckName(c.Agency); err != nil {
		return bad("agency", "%v", err)
	}
	if err := event.CheckName(c.Vehicle); err != nil {
		return bad("vehicle", "%v", err)
	}
	durations := []struct {
		key string
		v   time.Duration
	}{
		{"receipt_timeout", c.ReceiptTimeout}, {"live_window", c.LiveWindow}, {"ack_target", c.AckTarget},
		{"keep_alive", c.KeepAlive}, {"ack_timeout", c.AckTimeout}, {"reconnect_min", c.ReconnectMin},
		{"reconnect_max", c.ReconnectMax}, {"health_every", c.HealthEvery}, {"emergency_every", c.EmergencyEvery},
	}
	for _, d := range durations {
		if d.v <= 0 {
			return bad(d.key, "%s is not a duration above 0 (write it as \"30s\")", d.v)
		}
	}
	switch {
	case c.KeepAlive < time.Second || c.KeepAlive > 18*time.Hour:
		return bad("keep_alive", "%s is not between 1s and 18h", c.KeepAlive)
	case c.ReconnectMax < c.ReconnectMin:
		return bad("reconnect_max", "%s is less than reconnect_min %s", c.ReconnectMax, c.ReconnectMin)
	case c.WindowBytes < 4<<10:
		return bad("window_bytes", "%d is less than 4096", c.WindowBytes)
	case c.BatchEvents < 1 || c.BatchEvents > 5000:
		return bad("batch_events", "%d is not between 1 and 5000", c.BatchEvents)
	case c.BacklogRate < 0:
		return bad("backlog_rate", "%d is negative (0 means no limit)", c.BacklogRate)
	case c.StateDir == "":
		return bad("state_dir", "is empty; name a folder that this program may write to")
	}
	return nil
}

func (c Config) validateBroker(bad func(key, format string, args ...any) error) error {
	if strings.Contains(c.Broker, "@") { // not shown: it may be a password
		return bad("broker", "holds a user or password: leave both out, the vehicle shows its certificate")
	}
	brokers, err := mqttconn.Brokers(c.Broker)
	if err != nil {
		return bad("broker", "%v", err)
	}
	switch brokers[0].Scheme {
	case "tls":
		for _, f := range []struct{ key, v string }{{"ca_file", c.CAFile}, {"cert_file", c.CertFile}, {"key_file", c.KeyFile}} {
			if f.v == "" {
				return bad(f.key, "is empty, and broker %s needs it", c.Broker)
			}
		}
	case "tcp":
		for _, u := range brokers {
			if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
				return bad("broker", "%q would send plates in clear; use tls:// (tcp:// is for this machine only)", u)
			}
		}
	default:
		return bad("broker", "scheme %q is not tls", brokers[0].Scheme)
	}
	return nil
}
