package brokertest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// NATS is a cluster of NATS servers with JetStream and an MQTT gateway each.
type NATS struct {
	options []*server.Options
	servers []*server.Server
}

// StartNATS starts a cluster of n servers on loopback, and stops it when the test ends.
func StartNATS(t testing.TB, n int) *NATS {
	t.Helper()
	c := &NATS{servers: make([]*server.Server, n)}
	var routes []*url.URL
	for range n {
		o := &server.Options{Host: "127.0.0.1", Port: FreePort(t), JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
		o.ServerName = fmt.Sprintf("node-%d", len(c.options)+1)
		o.MQTT = server.MQTTOpts{Host: "127.0.0.1", Port: FreePort(t), AckWait: 30 * time.Second, MaxAckPending: 1000}
		o.Cluster = server.ClusterOpts{Name: "alpr", Host: "127.0.0.1", Port: FreePort(t)}
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", o.Cluster.Port)})
		c.options = append(c.options, o)
	}
	for i := range c.options {
		c.options[i].Routes = routes
		if n == 1 {
			c.options[i].Routes, c.options[i].Cluster = nil, server.ClusterOpts{}
		}
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.Kill(i)
		}
	})
	for i := range c.servers {
		c.Start(t, i)
	}
	Until(t, "JetStream", func() bool {
		for _, s := range c.servers {
			if !s.ReadyForConnections(time.Second) || n > 1 && !s.JetStreamIsCurrent() {
				return false
			}
		}
		return n == 1 || c.hasLeader()
	})
	return c
}

func (c *NATS) hasLeader() bool {
	for _, s := range c.servers {
		if s != nil && s.JetStreamIsLeader() {
			return true
		}
	}
	return false
}

// Start starts a server, which must not be running.
func (c *NATS) Start(t testing.TB, i int) {
	t.Helper()
	s, err := server.NewServer(c.options[i].Clone())
	if err != nil {
		t.Fatal(err)
	}
	c.servers[i] = s
	s.Start()
}

// Kill ends a server. One that does not run stays so.
func (c *NATS) Kill(i int) {
	if c.servers[i] == nil {
		return
	}
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
	c.servers[i] = nil
}

// URLs are the addresses of all servers, for clients of NATS.
func (c *NATS) URLs() string {
	return c.join("nats", func(o *server.Options) int { return o.Port })
}

// MQTT are the addresses of all gateways.
func (c *NATS) MQTT() string {
	return c.join("tcp", func(o *server.Options) int { return o.MQTT.Port })
}

func (c *NATS) join(scheme string, port func(*server.Options) int) string {
	var out []string
	for _, o := range c.options {
		out = append(out, fmt.Sprintf("%s://127.0.0.1:%d", scheme, port(o)))
	}
	return strings.Join(out, ",")
}
