package console

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"alpr/internal/regular"
)

const (
	// firstOpening and lastOpening bound the time between attempts to open the
	// port of the page.
	firstOpening = time.Second
	lastOpening  = 10 * time.Second
)

// open opens the port. Where it is taken, or the certificate cannot be read, that
// is said and tried again until it works: alerts go on meanwhile, and the page
// comes as soon as it can. The demonstration, before which somebody sits, ends
// with the error. An error of ctx means that there is no port.
func (c *Console) open(ctx context.Context) (net.Listener, error) {
	pause := firstOpening
	for {
		ln, err := c.tryOpen()
		if err == nil {
			c.setTrouble("")
			return ln, nil
		}
		if c.cfg.Demo {
			return nil, err
		}
		if c.setTrouble(err.Error()) {
			c.log.Error("there is NO officer's page until this is mended; alerts are recorded and sent all the same", keyErr, err, "retry_after", pause)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-t.C:
		}
		pause = min(2*pause, lastOpening)
	}
}

func (c *Console) tryOpen() (net.Listener, error) {
	var cfg *tls.Config
	if c.cfg.usesTLS() {
		pair, err := regular.KeyPair(c.cfg.TLSCert, c.cfg.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("%w: read tls_cert and tls_key: %w", ErrConfig, err)
		}
		cfg = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	}
	ln, err := net.Listen("tcp", c.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("open the console on %s: %w: is another program using the port? "+
			"Stop it, or set console.listen to another port", c.cfg.Listen, err)
	}
	if cfg != nil {
		ln = tls.NewListener(ln, cfg)
	}
	return ln, nil
}

// setTrouble keeps why the page is not open, and says whether that is new.
func (c *Console) setTrouble(text string) (isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isNew = c.trouble != text
	c.trouble = text
	return isNew
}

// Trouble is why the page is not open, a sentence for those who cannot see it;
// "" where it is, or is not wanted yet. It may be asked at any time.
func (c *Console) Trouble() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble
}
