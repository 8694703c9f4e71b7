package brokertest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Proxy stands between a client and a server, and does to their connection
// what networks do.
type Proxy struct {
	proxy *toxiproxy.Proxy
	port  int
}

// StartProxy forwards a free port of loopback to upstream, until the test ends.
func StartProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // the proxy's parts log to standard error by themselves
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := &Proxy{port: FreePort(t)}
	p.proxy = toxiproxy.NewProxy(server, "link", fmt.Sprintf("127.0.0.1:%d", p.port), upstream)
	p.Up(t)
	t.Cleanup(p.Down)
	return p
}

// URL is the address of this side, with a scheme.
func (p *Proxy) URL(scheme string) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, p.port) }

// Down cuts every connection and refuses new ones.
func (p *Proxy) Down() { p.proxy.Stop() }

// Up takes connections again.
func (p *Proxy) Up(t testing.TB) {
	t.Helper()
	if err := p.proxy.Start(); err != nil {
		t.Fatalf("start proxy: %v", err)
	}
}

// HalfOpen lets nothing through in either direction, while both sides believe
// the connection to stand; the returned function ends it.
func (p *Proxy) HalfOpen(t testing.TB) (end func()) {
	t.Helper()
	up := p.toxic(t, `{"name":"hole-up","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`)
	down := p.toxic(t, `{"name":"hole-down","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`)
	return func() { up(); down() }
}

// Slow limits the way up to so many kilobytes a second, and delays everything.
func (p *Proxy) Slow(t testing.TB, kbps, delayMS int) (end func()) {
	t.Helper()
	rate := p.toxic(t, fmt.Sprintf(`{"name":"rate","type":"bandwidth","stream":"upstream","attributes":{"rate":%d}}`, kbps))
	delay := p.toxic(t, fmt.Sprintf(`{"name":"delay","type":"latency","stream":"downstream","attributes":{"latency":%d}}`, delayMS))
	return func() { rate(); delay() }
}

// CutAfter resets each connection after so many bytes on the way up.
func (p *Proxy) CutAfter(t testing.TB, bytes int) (end func()) {
	t.Helper()
	return p.toxic(t, fmt.Sprintf(`{"name":"cut","type":"limit_data","stream":"upstream","attributes":{"bytes":%d}}`, bytes))
}

func (p *Proxy) toxic(t testing.TB, json string) (remove func()) {
	t.Helper()
	w, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(json))
	if err != nil {
		t.Fatalf("add %s: %v", json, err)
	}
	return func() {
		if err := p.proxy.Toxics.RemoveToxic(context.Background(), w.Name); err != nil {
			t.Errorf("remove %s: %v", w.Name, err)
		}
	}
}
