package console

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// running starts the console and ends it with the test, which wants no error.
func running(t *testing.T, c *Console) (context.Context, func()) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	return ctx, func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	}
}

func waitTrouble(t *testing.T, ctx context.Context, c *Console, want string) {
	t.Helper()
	for !strings.Contains(c.Trouble(), want) || c.Trouble() == "" {
		select {
		case <-ctx.Done():
			t.Fatalf("says %q, want %q", c.Trouble(), want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestThePageComesOnceItsPortIsFree: a port that another program holds ends
// nothing; the page is there as soon as it can be.
func TestThePageComesOnceItsPortIsFree(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := other.Addr().String()
	c, _ := start(t, func(cfg *Config) {
		cfg.Listen, cfg.Demo, cfg.UsersFile = addr, false, filepath.Join(t.TempDir(), "users")
	})
	ctx, end := running(t, c)
	defer end()
	waitTrouble(t, ctx, c, "another program")
	other.Close()
	if got, err := c.Addr(ctx); err != nil || got != addr || c.Trouble() != "" {
		t.Fatalf("opens %s, %v, %q", got, err, c.Trouble())
	}
	answersOn(t, http.DefaultClient, "http://"+addr)
}

func TestTheDemonstrationSaysThatItsPortIsTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, _ := start(t, func(cfg *Config) { cfg.Listen = other.Addr().String() })
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "console.listen") {
		t.Errorf("ends with %v", err)
	}
}

// TestThePageComesOnceItsCertificateIsThere: a certificate that is gone when the
// program starts keeps nothing else from running.
func TestThePageComesOnceItsCertificateIsThere(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	c, _ := start(t, func(cfg *Config) {
		cfg.Listen, cfg.Demo, cfg.UsersFile, cfg.TLSCert, cfg.TLSKey = "127.0.0.1:0", false, filepath.Join(dir, "users"), cert, key
	})
	ctx, end := running(t, c)
	defer end()
	waitTrouble(t, ctx, c, "tls_cert")
	trusted := writePair(t, cert, key)
	url, err := c.URL(ctx)
	if err != nil || !strings.HasPrefix(url, "https://") {
		t.Fatalf("%s, %v", url, err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	answersOn(t, client, url)
}

// writePair writes the certificate of net/http/httptest and its key.
func writePair(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return pool
}

func answersOn(t *testing.T, client *http.Client, url string) {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if page, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || len(page) == 0 {
		t.Errorf("%d, %d bytes, %v", res.StatusCode, len(page), err)
	}
}

// TestThePageSaysWhyNobodyCanLogIn: before anybody has, and until it is mended.
func TestThePageSaysWhyNobodyCanLogIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	if err := SaveUser(path, quickUser(t, "4711", "47114711")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o622); err != nil { // everybody could let himself in
		t.Fatal(err)
	}
	c, _ := onAccounts(t, path, "")
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, (&page{t: t, c: c}).request("GET", "/api/session", nil))
		return w
	}
	if w := ask(); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "nobody can log in") || !strings.Contains(w.Body.String(), "chmod 600") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := try(t, c, "", "4711", "47114711"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "chmod 600") {
		t.Errorf("log-in: %d %s", w.Code, w.Body)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if w := ask(); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "log in first") {
		t.Errorf("mended: %d %s", w.Code, w.Body)
	}
}
