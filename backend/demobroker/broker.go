// Package demobroker is an MQTT broker inside the program, for demonstrations:
// it listens on loopback only, knows no users, and forgets everything at its
// end. A fleet runs Mosquitto or a cluster instead.
package demobroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// ErrNotLoopback reports an address that other machines could reach.
var ErrNotLoopback = errors.New("the demonstration broker listens on this machine only: use 127.0.0.1:PORT")

// Broker is one broker. Make it with New, then call Run.
type Broker struct {
	server   *mqtt.Server
	listener net.Listener
}

// New takes the port, so that Address is known; it serves nobody before Run.
// Port 0 is any free one. What the broker itself has to say goes to log at
// level warning and above.
func New(address string, log *slog.Logger) (*Broker, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("demonstration broker: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("address %q: %w", address, ErrNotLoopback)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("demonstration broker: %w", err)
	}
	server := mqtt.New(&mqtt.Options{Logger: log})
	server.Options.Capabilities.MaximumClientWritesPending = 1 << 16 // a consumer may fall behind by so much
	err = errors.Join(server.AddHook(new(everybody), nil), server.AddListener(listeners.NewNet("demo", l)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("demonstration broker: %w", err), l.Close())
	}
	return &Broker{server: server, listener: l}, nil
}

// Address is the host and port that the broker listens on.
func (b *Broker) Address() string { return b.listener.Addr().String() }

// URL is the address as configurations take it.
func (b *Broker) URL() string { return "tcp://" + b.Address() }

// Run serves until ctx is done, and returns nil then.
func (b *Broker) Run(ctx context.Context) error {
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("demonstration broker: %w", err)
	}
	<-ctx.Done()
	if err := b.server.Close(); err != nil {
		return fmt.Errorf("stop demonstration broker: %w", err)
	}
	return nil
}

// everybody lets everybody on this machine do everything.
type everybody struct{ mqtt.HookBase }

// ID names the hook in the broker's log.
func (*everybody) ID() string { return "everybody" }

// Provides says which questions the hook answers.
func (*everybody) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}

// OnConnectAuthenticate lets every client in.
func (*everybody) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

// OnACLCheck lets every client read and write every topic.
func (*everybody) OnACLCheck(*mqtt.Client, string, bool) bool { return true }
