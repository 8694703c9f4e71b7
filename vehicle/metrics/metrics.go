// Package metrics serves what a fleet's monitoring asks of one vehicle, in
// Prometheus' text format, on this computer alone. No plate and no position is
// in it.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Snapshot is how the vehicle does at one instant. Counts are since the start
// of the program.
type Snapshot struct {
	Version, Processor, Model string

	Cameras []Camera
	Lists   []List
	Stages  []Stage

	FramesSearched, Plates, Reads, Alerts, Hits, Withdrawn, StageErrors, Lost uint64

	Unrecorded     int     // reads that wait in memory for the disk
	Waiting        int     // items that wait for the backend
	Quarantined    int     // items that the backend refused
	OldestUnsent   float64 // seconds
	IsConnected    bool    // to the backend's broker
	HasFix         bool
	FreeBytes      int64
	IsAuditWhole   bool
	RecordsOnStore int64
}

// Camera is one camera: what it sent, and what was not looked at in time.
type Camera struct {
	Name            string
	Frames, Dropped uint64
	IsUp            bool
	Fault           string // of what it shows, a word; "": none
}

// List is one hotlist in use. Age is in seconds, negative where nobody knows.
type List struct {
	Name    string
	Entries int
	Age     float64
	IsStale bool
}

// Stage is how long one stage of the pipeline takes, in seconds.
type Stage struct {
	Name          string
	Count         uint64
	P50, P99, Max float64
}

// Server answers at /metrics. New starts nothing.
type Server struct {
	listen  string
	handler http.Handler
}

// ErrReachable is an address that others could ask: what a vehicle does is its
// agency's own.
var ErrReachable = errors.New("metrics are for this computer alone: listen on 127.0.0.1 or [::1], and let the fleet's agent forward them")

// CheckListen says whether metrics may be served at an address. "" is off.
func CheckListen(addr string) error {
	if addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("metrics.listen %s: %w", addr, ErrReachable)
	}
	return nil
}

// New prepares to serve what snapshot returns, asked at each scrape.
func New(listen string, snapshot func() Snapshot) *Server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(snapshot), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return &Server{listen: listen, handler: mux}
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("serve metrics: %w: set metrics.listen to a free port", err)
	}
	return s.serve(ctx, l)
}

func (s *Server) serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); ctx.Err() == nil {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
