package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/backend/api"
	"alpr/internal/regular"
	"alpr/internal/usage"
)

// serveFlags is how the API is served.
type serveFlags struct {
	listen, cert, key, clientCA string
	readers                     map[string]string
}

func newServeCommand() *cobra.Command {
	var s serveFlags
	cmd := newArchiveCommand("serve", "Answer questions about what is kept, over HTTP",
		`Serve answers by HTTPS what docs/schema/openapi.yaml describes: events by vehicle, time and plate, the fleet's state,
pictures. Who asks shows a client certificate; --reader names its common name and the agency that it may ask about. Every
look at events and pictures names an officer and a purpose, and is recorded before it is answered ("accesses").
Without --cert it serves this machine alone, and without asking who asks.`,
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			conf, err := s.tls()
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", s.listen)
			if err != nil {
				return usage.Errorf("serve: %w", err)
			}
			if conf != nil {
				l = tls.NewListener(l, conf)
			}
			log := newLog(cmd)
			log.Info(fmt.Sprintf("serving at %s", l.Addr()))
			return serveHTTP(ctx, l, api.New(a, s.readers, log))
		})
	cmd.Example = "  alpr-backend serve --sink postgres://alpr@db/alpr --listen :8443 --cert api.pem --key api.key --client-ca ca.pem --reader desk=pd --reader chief=*"
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "127.0.0.1:8443", "address to serve at")
	f.StringVar(&s.cert, "cert", "", "our certificate, PEM")
	f.StringVar(&s.key, "key", "", "its key, PEM")
	f.StringVar(&s.clientCA, "client-ca", "", "PEM: who signs the certificates of those who ask")
	f.StringToStringVar(&s.readers, "reader", nil, "common name of a certificate=agency that it may ask about, * for all; more than once")
	return cmd
}

// tls is nil where this machine alone is served.
func (s *serveFlags) tls() (*tls.Config, error) {
	if s.cert == "" {
		host, _, err := net.SplitHostPort(s.listen)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, usage.Errorf("--listen %s would show plates to the network in clear: give --cert, --key and --client-ca", s.listen)
		}
		s.readers = map[string]string{api.Local: api.All}
		return nil, nil
	}
	if len(s.readers) == 0 {
		return nil, usage.Errorf("nobody may ask: name who with --reader NAME=AGENCY")
	}
	pair, err := regular.KeyPair(s.cert, s.key)
	if err != nil {
		return nil, fmt.Errorf("load certificate %s with key %s: %w", s.cert, s.key, err)
	}
	pem, err := regular.ReadFile(s.clientCA)
	if err != nil {
		return nil, fmt.Errorf("read --client-ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read --client-ca %s: no PEM certificate in it", s.clientCA)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}, nil
}

func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 5 * time.Minute, MaxHeaderBytes: 64 << 10}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // Serve reports it
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
