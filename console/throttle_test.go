package console

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestGuessesKeepNoOfficerOut: sixty guesses at names that nobody has wait in
// nobody's way, and guesses at an officer's own name do not lock his right
// password out where he has logged in before.
func TestGuessesKeepNoOfficerOut(t *testing.T) {
	c, _, _ := withAccounts(t)
	const own, stranger = "127.0.0.1:1234", "192.0.2.7:1234" // all browsers of one computer count as one address
	first := try(t, c, own, "4711", "47114711")
	known := first.Result().Cookies()
	if first.Code != http.StatusOK || len(known) != 2 {
		t.Fatalf("login: %d, cookies %v", first.Code, known)
	}
	var guesses sync.WaitGroup
	for i := range 60 {
		guesses.Go(func() {
			if w := try(t, c, own, fmt.Sprint("guess", i), "x"); w.Code != http.StatusUnauthorized && w.Code != http.StatusTooManyRequests {
				t.Errorf("a guess: %d", w.Code)
			}
		})
	}
	began := time.Now()
	if w := try(t, c, own, "4712", "47124712"); w.Code != http.StatusOK { // never seen here before
		t.Errorf("an officer beside sixty guesses: %d %s", w.Code, w.Body)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("he waited %s", took)
	}
	guesses.Wait()

	locked := false
	for range 10 {
		locked = try(t, c, stranger, "4711", "wrong").Code == http.StatusTooManyRequests
	}
	if !locked {
		t.Error("guesses at one name need not wait")
	}
	if w := try(t, c, own, "4711", "47114711"); w.Code != http.StatusTooManyRequests {
		t.Errorf("a browser that is not known: %d", w.Code)
	}
	if w := try(t, c, own, "4711", "47114711", known...); w.Code != http.StatusOK {
		t.Errorf("the right password at a known browser: %d %s", w.Code, w.Body)
	}
	for name, forged := range map[string]string{"of another account": known[1].Value, "made up": "abc.def", "without proof": "abc"} {
		k := &http.Cookie{Name: deviceCookieName("4712"), Value: forged}
		for range freeTries {
			try(t, c, own, "4712", "wrong", k)
		}
		if w := try(t, c, own, "4712", "47124712", k); w.Code != http.StatusTooManyRequests {
			t.Errorf("a device cookie %s: %d", name, w.Code)
		}
	}
	for range freeTries { // a known browser is no free pass for its thief
		try(t, c, own, "4711", "wrong", known...)
	}
	if w := try(t, c, own, "4711", "47114711", known...); w.Code != http.StatusTooManyRequests {
		t.Errorf("after wrong ones at the known browser itself: %d", w.Code)
	}
}

// TestUnlockIsNotLockedOut: guesses elsewhere do not keep an officer from his
// locked page, and a wrong password there does not end his session.
func TestUnlockIsNotLockedOut(t *testing.T) {
	c, _, _ := withAccounts(t)
	p := officer(t, c, "4711")
	for range 10 {
		try(t, c, "192.0.2.7:1234", "4711", "wrong")
	}
	p.do("POST", "/api/lock", "{}")
	if w := p.do("POST", "/api/unlock", map[string]string{"password": "wrong"}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "the password is wrong") {
		t.Errorf("a wrong password: %d %s", w.Code, w.Body)
	}
	if w := p.do("GET", "/api/session", nil); w.Code != http.StatusOK {
		t.Errorf("the session ended with it: %d", w.Code)
	}
	if w := p.do("POST", "/api/unlock", map[string]string{"password": "47114711"}); w.Code != http.StatusOK {
		t.Errorf("the right one: %d %s", w.Code, w.Body)
	}
}

func TestAnAddressMustWait(t *testing.T) {
	c, _, _ := withAccounts(t)
	for i := range freeAddrTries {
		try(t, c, fmt.Sprintf("[2001:db8::%x]:1", i), fmt.Sprint("guess", i), "x") // one host has the whole /64
	}
	if w := try(t, c, "[2001:db8::ffff]:1", "4711", "47114711"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the guesser's next: %d", w.Code)
	}
	for _, remote := range []string{"[2001:db8:0:1::1]:1", "192.0.2.1:1", "127.0.0.1:1"} {
		if w := try(t, c, remote, "4711", "47114711"); w.Code != http.StatusOK {
			t.Errorf("from %s: %d %s", remote, w.Code, w.Body)
		}
	}
}

func TestMadeUpNamesPushNoCountOut(t *testing.T) {
	var tr throttle
	now := time.Now()
	for range freeTries {
		tr.countWrong(visitor{}.keys("4711", true), now)
	}
	for i := range 3 * maxAttempts {
		tr.countWrong(visitor{}.keys(fmt.Sprint("guess", i), false), now)
	}
	if tr.wait(visitor{}.keys("4711", true), now) <= 0 {
		t.Error("made-up names have freed the account from waiting")
	}
	if n := len(tr.tries[byUnknown]); n > maxAttempts {
		t.Errorf("%d made-up names are remembered", n)
	}
	if tr.wait(visitor{}.keys("4711", true), now.Add(forgetAfter)) > 0 {
		t.Error("it waits for ever")
	}
}

// TestKnownBrowsersAreHashedFirst fills the queue with strangers.
func TestKnownBrowsersAreHashedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q hashQueue
		var mu sync.Mutex
		var order []string
		hash := func(name string, v visitor) {
			go func() {
				_, err := q.hash(t.Context(), v, func() bool {
					time.Sleep(time.Second)
					return true
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					name += " refused"
				}
				order = append(order, name)
			}()
			synctest.Wait()
		}
		for i := range placesUnknown + 2 {
			hash(fmt.Sprint("stranger ", i), visitor{addr: fmt.Sprint("192.0.2.", i)})
		}
		hash("officer", visitor{device: "d"})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, _ = q.hash(ctx, visitor{device: "gone"}, func() bool { t.Error("hashed for nobody"); return true })
		}()
		synctest.Wait()
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		want := fmt.Sprintf("stranger %d refused", placesUnknown+1)
		if len(order) != placesUnknown+3 || order[0] != want || order[1] != "stranger 0" || order[2] != "officer" {
			t.Errorf("in the order %q", order)
		}
		if q.isBusy {
			t.Error("the queue never rests")
		}
	})
}

func TestOneComputerTakesNotAllPlaces(t *testing.T) {
	q := hashQueue{isBusy: true}
	for i := range placesUnknown {
		_, err := q.enter(visitor{addr: "192.0.2.7"})
		if isRefused := errors.Is(err, errBusy); isRefused != (i >= placesOfAddr) {
			t.Errorf("place %d: %v", i, err)
		}
	}
	if _, err := q.enter(visitor{addr: "192.0.2.8"}); err != nil {
		t.Error(err)
	}
}

// TestLoginsEndNobodyElsesSession: an officer who logs in again and again ends
// his own.
func TestLoginsEndNobodyElsesSession(t *testing.T) {
	c, _, _ := withAccounts(t)
	other := officer(t, c, "4712")
	var last *page
	for range maxSessions + 1 {
		last = officer(t, c, "4711")
	}
	for _, p := range []*page{other, last} {
		if w := p.do("GET", "/api/session", nil); w.Code != http.StatusOK {
			t.Errorf("a session is over: %d", w.Code)
		}
	}
	if n := len(c.sessions.live); n != maxOwn+1 {
		t.Errorf("%d sessions", n)
	}
}

// pageOverTLS runs a console with a certificate of its own.
func pageOverTLS(t *testing.T) (c *Console, url string, roots *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, text := range map[string][]byte{cert: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	c, _ = start(t, func(cfg *Config) { cfg.TLSCert, cfg.TLSKey = cert, keyFile })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if url, err = c.URL(ctx); err != nil {
		t.Fatal(err)
	}
	return c, url, roots
}

func TestThePageOverTLS(t *testing.T) {
	_, url, roots := pageOverTLS(t)
	if !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Errorf("the page is said to be at %s", url)
	}
	get := func(newest uint16) (*http.Response, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: newest}}}
		res, err := client.Get(url)
		if err == nil {
			res.Body.Close()
		}
		client.CloseIdleConnections()
		return res, err
	}
	res, err := get(tls.VersionTLS13)
	if err != nil {
		t.Fatal(err)
	}
	if h := res.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(h, "max-age=") {
		t.Errorf("HSTS is %q", h)
	}
	if _, err := get(tls.VersionTLS12); err == nil {
		t.Error("the page takes TLS 1.2")
	}
	plain, _ := start(t, nil)
	if h := logIn(t, plain).do("GET", "/", nil).Header().Get("Strict-Transport-Security"); h != "" {
		t.Errorf("without TLS, HSTS is %q", h)
	}
}
