package uplink_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alpr"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// secure is a broker with TLS 1.3, client certificates and an access list that
// gives the car its rights but for what denied names.
func secure(t testing.TB, denied string) (*brokertest.Mosquitto, *brokertest.CA) {
	t.Helper()
	acl := []string{"user watcher", "topic readwrite #", "user " + car.String()}
	for _, level := range event.Upstream() {
		if level == denied {
			acl = append(acl, "topic read "+car.Topic(level))
		} else {
			acl = append(acl, "topic readwrite "+car.Topic(level))
		}
	}
	acl = append(acl, "topic read "+car.Topic("down/#"), "topic read "+event.HotlistTopic(car.Agency, "#"), "topic read "+event.KeysTopic(car.Agency))
	ca := brokertest.NewCA(t)
	return brokertest.StartMosquitto(t, brokertest.Config{CA: ca, ACL: strings.Join(acl, "\n") + "\n"}), ca
}

func secureConfig(t testing.TB, m *brokertest.Mosquitto, ca *brokertest.CA, name string, until time.Time) uplink.Config {
	c := config(t, m.URL("tls"))
	c.AckTimeout = 2 * time.Second
	c.CAFile = ca.File
	c.CertFile, c.KeyFile = ca.Issue(t, name, until)
	return c
}

func TestCertificatesThatDoNotDo(t *testing.T) {
	t.Parallel()
	broker, ca := secure(t, "")
	hour := time.Now().Add(time.Hour)
	tests := []struct {
		name    string
		change  func(c *uplink.Config, o *uplink.Options)
		problem string // part of what State says
	}{
		{"signed by a stranger", func(c *uplink.Config, _ *uplink.Options) {
			c.CertFile, c.KeyFile = brokertest.NewCA(t).Issue(t, car.String(), hour)
		}, "signed by the authority that the broker trusts"},
		{"expired", func(c *uplink.Config, _ *uplink.Options) {
			c.CertFile, c.KeyFile = ca.Issue(t, car.String(), time.Now().Add(-time.Hour))
		}, "expired: renew it"},
		{"broker of a stranger", func(c *uplink.Config, _ *uplink.Options) { c.CAFile = brokertest.NewCA(t).File },
			"not signed by uplink.ca_file"},
		{"our clock is years behind", func(_ *uplink.Config, o *uplink.Options) {
			o.Now = func() time.Time { return time.Now().AddDate(-10, 0, 0) }
		}, "set the clock"},
		{"our clock is years ahead", func(_ *uplink.Config, o *uplink.Options) {
			o.Now = func() time.Time { return time.Now().AddDate(60, 0, 0) }
		}, "set the clock"},
		{"another vehicle's", func(c *uplink.Config, _ *uplink.Options) {
			c.CertFile, c.KeyFile = ca.Issue(t, "pd/car-2", hour)
		}, "to publish to, and to read, "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, opt := secureConfig(t, broker, ca, car.String(), hour), uplink.Options{}
			tt.change(&cfg, &opt)
			box := memory.NewOutbox(alpr.ID{1})
			box.Add(synthetic.New(1).Read(time.Now()))
			u := start(t, cfg, box, opt)
			brokertest.Until(t, "problem named", func() bool { return strings.Contains(u.State().Problem, tt.problem) })
			if u.State().IsConnected || box.Len() != 1 {
				t.Errorf("state %+v, %d items left", u.State(), box.Len())
			}
		})
	}
}

func TestACertificateRenewedOnDiskIsTakenUp(t *testing.T) {
	t.Parallel()
	broker, ca := secure(t, "")
	cfg := secureConfig(t, broker, ca, car.String(), time.Now().Add(-time.Minute))
	u := start(t, cfg, memory.NewOutbox(alpr.ID{1}), uplink.Options{})
	brokertest.Until(t, "expiry noticed", func() bool { return strings.Contains(u.State().Problem, "renew it") })
	cert, key := ca.Issue(t, car.String(), time.Now().Add(time.Hour))
	copyFile(t, key, cfg.KeyFile)
	copyFile(t, cert, cfg.CertFile)
	brokertest.Until(t, "connected", func() bool { return u.State().IsConnected })
}

func TestARightThatIsMissingIsFoundBeforeAnythingIsLost(t *testing.T) {
	t.Parallel()
	for _, level := range []string{event.TopicHit, event.TopicRead, event.TopicAudit} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			broker, ca := secure(t, level)
			box, m := memory.NewOutbox(alpr.ID{1}), synthetic.New(1)
			box.Add(m.Hit(time.Now()), m.Read(time.Now()), m.Audit(time.Now()))
			u := start(t, secureConfig(t, broker, ca, car.String(), time.Now().Add(time.Hour)), box, uplink.Options{})
			brokertest.Until(t, "missing right named", func() bool { return strings.HasSuffix(u.State().Problem, "to read, "+car.Topic(level)) })
			if box.Len() != 3 {
				t.Errorf("%d items left of 3: what the broker drops was let go", box.Len())
			}
		})
	}
}

func TestABrokerThatIsNotThereIsWaitedFor(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	broker.Stop()
	box, m := memory.NewOutbox(alpr.ID{1}), synthetic.New(1)
	u := start(t, config(t, broker.URL("tcp")), box, uplink.Options{})
	brokertest.Until(t, "problem named", func() bool { return strings.Contains(u.State().Problem, "start the broker") })
	box.Add(m.Read(time.Now()))
	broker.Start(t)
	brokertest.Until(t, "outbox empty", func() bool { return box.Len() == 0 })
	if st := u.State(); !st.IsConnected || st.Problem != "" {
		t.Errorf("state %+v", st)
	}
}

// status is the last retained status that a newcomer finds.
func status(t testing.TB, broker *brokertest.Mosquitto, ok func(event.Status) bool) {
	t.Helper()
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicStatus))
	l.wait(t, "status", func(h []received) bool {
		if len(h) == 0 {
			return false
		}
		var st event.Status
		return json.Unmarshal(h[len(h)-1].event.Data, &st) == nil && ok(st)
	})
}

func TestStatusTellsOfLifeAndDeath(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	proxy := brokertest.StartProxy(t, broker.Address())
	cfg := config(t, proxy.URL("tcp"))
	boot := synthetic.New(1).ID(time.Now())
	box := memory.NewOutbox(boot)
	box.Add(synthetic.New(2).Read(time.Now()))
	end := alpr.AuditHead{Log: [32]byte{1}, Seq: 8, Hash: [32]byte{2}, At: time.Now(), Breaks: []alpr.AuditBreak{{At: 6}, {At: 3}}}
	opt := uplink.Options{BootID: boot, Version: "1.2.3", Hotlists: memory.NewHotlists(map[string]uint64{"stolen": 7}),
		Lists:     func() []event.ListInUse { return []event.ListInUse{{Name: "officers", Version: "3", Entries: 2}} },
		AuditHead: func(context.Context) (alpr.AuditHead, error) { return end, nil }}
	start(t, cfg, box, opt)
	status(t, broker, func(st event.Status) bool {
		return st.Audit != nil && st.Audit.Seq == 8 && st.Audit.BrokenAt == 3 && st.IsOnline && len(st.Lists) == 1 && st.Lists[0].Name == "officers" && st.Version == "1.2.3" && st.BootID == boot && st.Hotlists["stolen"] == 7
	})
	proxy.Down()
	status(t, broker, func(st event.Status) bool { return !st.IsOnline && st.Reason == "connection lost" && st.Audit == nil })
	proxy.Up(t)
	status(t, broker, func(st event.Status) bool { return st.IsOnline })
}

// TestAReceiptShowsTheEndOfTheAuditLog: once the backend keeps records, it is told
// how far the log has come, and does not wait for the next health_every.
func TestAReceiptShowsTheEndOfTheAuditLog(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	boot := synthetic.New(1).ID(time.Now())
	box := memory.NewOutbox(boot)
	box.Add(synthetic.New(2).Read(time.Now()))
	cfg := config(t, broker.URL("tcp"))
	cfg.UseReceipts, cfg.HealthEvery = true, time.Hour
	var seq, ahead atomic.Int64
	seq.Store(8)
	start(t, cfg, box, uplink.Options{BootID: boot, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		AuditHead: func(context.Context) (alpr.AuditHead, error) {
			return alpr.AuditHead{Log: [32]byte{1}, Seq: uint64(seq.Load()), Hash: [32]byte{2}, At: time.Now()}, nil
		}})
	status(t, broker, func(st event.Status) bool { return st.Audit != nil && st.Audit.Seq == 8 })
	seq.Store(9)
	ahead.Store(int64(10 * time.Second)) // it is told a few times a minute at most
	receipt(t, broker.URL("tcp"), event.Receipt{Ranges: []event.Range{{BootID: boot, From: 1, To: 1}}})
	status(t, broker, func(st event.Status) bool { return st.Audit != nil && st.Audit.Seq == 9 })
}

func TestAnOrderlyStopSaysSo(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	t.Run("while it runs", func(t *testing.T) {
		start(t, config(t, broker.URL("tcp")), memory.NewOutbox(alpr.ID{1}), uplink.Options{})
		status(t, broker, func(st event.Status) bool { return st.IsOnline })
	})
	status(t, broker, func(st event.Status) bool { return !st.IsOnline && st.Reason == "shutdown" })
}

func TestHealthShowsWhatWaits(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t, brokertest.Config{})
	l := listen(t, broker.URL("tcp"), car.Topic(event.TopicHealth))
	cfg := config(t, broker.URL("tcp"))
	cfg.HealthEvery, cfg.UseReceipts = 50*time.Millisecond, true
	box := memory.NewOutbox(alpr.ID{1})
	box.Add(synthetic.New(1).Read(time.Now()))
	start(t, cfg, box, uplink.Options{Health: func() (map[string]float64, []string) {
		return map[string]float64{"frames_dropped": 4}, []string{"camera rear is gone"}
	}})
	l.wait(t, "health with an unreceipted item", func(h []received) bool {
		if len(h) == 0 {
			return false
		}
		var st event.Health
		return json.Unmarshal(h[len(h)-1].event.Data, &st) == nil && st.Depth.Unreceipted == 1 && st.Link.Published == 1 &&
			st.Gauges["frames_dropped"] == 4 && len(st.Problems) == 1
	})
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := config(t, "tls://broker.example:8883")
	good.CAFile, good.CertFile, good.KeyFile = "ca", "cert", "key"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, change := range map[string]func(*uplink.Config){
		"uplink.broker":         func(c *uplink.Config) { c.Broker = "tcp://broker.example:1883" },
		"uplink.broker: scheme": func(c *uplink.Config) { c.Broker = "ws://broker.example" },
		"uplink.broker: \"\"":   func(c *uplink.Config) { c.Broker = "" },
		"uplink.ca_file":        func(c *uplink.Config) { c.CAFile = "" },
		"uplink.agency":         func(c *uplink.Config) { c.Agency = "a/b" },
		"uplink.vehicle":        func(c *uplink.Config) { c.Vehicle = "all" },
		"uplink.ack_timeout":    func(c *uplink.Config) { c.AckTimeout = 0 },
		"uplink.keep_alive":     func(c *uplink.Config) { c.KeepAlive = time.Millisecond },
		"uplink.reconnect_max":  func(c *uplink.Config) { c.ReconnectMax = time.Nanosecond },
		"uplink.window_bytes":   func(c *uplink.Config) { c.WindowBytes = 1 },
		"uplink.batch_events":   func(c *uplink.Config) { c.BatchEvents = 0 },
		"uplink.backlog_rate":   func(c *uplink.Config) { c.BacklogRate = -1 },
		"uplink.state_dir":      func(c *uplink.Config) { c.StateDir = "" },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
