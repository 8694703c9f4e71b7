package torture

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// officer has the page open: he logs in whenever the program has started, and
// follows the stream of events.
type officer struct {
	listen string // host:port of the page
	root   *x509.CertPool

	mu   sync.Mutex
	is   session            // the newest
	stop context.CancelFunc // of the stream

	ledger *ledger
}

func newOfficer(t testing.TB, listen, caFile string, l *ledger) *officer {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	o := &officer{listen: listen, root: x509.NewCertPool(), ledger: l}
	o.root.AppendCertsFromPEM(pem)
	if o.is.client, err = o.browser(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.leave)
	return o
}

// browser is a client without a session.
func (o *officer) browser() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	return &http.Client{Jar: jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: o.root, MinVersion: tls.VersionTLS13}, DisableKeepAlives: true,
	}}, nil
}

// session is a logged-in browser.
type session struct {
	client *http.Client
	token  string
}

// enter logs in under a name, with a browser that was never there before.
func (o *officer) enter(ctx context.Context, name string) (session, error) {
	client, err := o.browser()
	if err != nil {
		return session{}, err
	}
	return o.enterAs(ctx, client, name)
}

func (o *officer) enterAs(ctx context.Context, client *http.Client, name string) (session, error) {
	s := session{client: client}
	code, body, err := o.ask(ctx, s, "POST", "/api/login", map[string]string{"name": name, "password": password})
	if err != nil {
		return session{}, err
	}
	var view struct{ Token string }
	if code != http.StatusOK || json.Unmarshal(body, &view) != nil {
		return session{}, fmt.Errorf("log in as %s: %d %s", name, code, body)
	}
	s.token = view.Token
	return s, nil
}

// login logs the officer in and opens his stream of events.
func (o *officer) login(ctx context.Context) error {
	s, err := o.enterAs(ctx, o.session().client, officerName)
	if err != nil {
		return err
	}
	o.leave()
	following, stop := context.WithCancel(context.Background())
	o.mu.Lock()
	o.is, o.stop = s, stop
	o.mu.Unlock()
	open := make(chan error, 1)
	go o.follow(following, s, open)
	select {
	case err := <-open:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave closes the page.
func (o *officer) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stop != nil {
		o.stop()
	}
}

func (o *officer) session() session {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.is
}

// ask sends a request and reads the whole answer.
func (o *officer) ask(ctx context.Context, s session, method, path string, in any) (code int, body []byte, err error) {
	var sent []byte
	switch in := in.(type) {
	case nil:
	case []byte:
		sent = in
	default:
		if sent, err = json.Marshal(in); err != nil {
			return 0, nil, fmt.Errorf("write %s: %w", path, err)
		}
	}
	ctx, stop := context.WithTimeout(ctx, answerWithin)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, "https://"+o.listen+path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", path, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Alpr-Token", s.token)
	answer, err := s.client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", path, err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	return answer.StatusCode, body, err
}

// follow reads the stream and comes back to it, as the page's script does,
// until the officer leaves. open is told of the first opening.
func (o *officer) follow(ctx context.Context, s session, open chan<- error) {
	last := ""
	for ctx.Err() == nil {
		err := o.listenTo(ctx, s, &last, func() {
			select {
			case open <- nil:
			default:
			}
		}, o.ledger)
		if err != nil {
			select {
			case open <- err:
			default:
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (o *officer) listenTo(ctx context.Context, s session, last *string, opened func(), to *ledger) error {
	r, err := http.NewRequestWithContext(ctx, "GET", "https://"+o.listen+"/api/events", nil)
	if err != nil {
		return fmt.Errorf("open the stream: %w", err)
	}
	r.Header.Set("Last-Event-ID", *last)
	answer, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("open the stream: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("open the stream: %s", answer.Status)
	}
	opened()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 16<<20)
	kind := ""
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			*last = id
		}
		if k, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = k
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := to.take(kind, []byte(data), time.Now()); err != nil {
				return err
			}
		}
	}
	return errors.Join(lines.Err(), errors.New("the stream ended"))
}

// checkPage wants the page and the session to answer. The car's own list is on
// record whenever it is looked at: a disk that is full may refuse it.
func (o *officer) checkPage(ctx context.Context, isDiskBad bool) error {
	for _, path := range []string{"/", "/api/session", "/api/entries"} {
		code, body, err := o.ask(ctx, o.session(), "GET", path, nil)
		if err != nil {
			return fmt.Errorf("expected an answer of the page: %w", err)
		}
		if code != http.StatusOK && !(code == http.StatusServiceUnavailable && isDiskBad && path == "/api/entries") {
			return fmt.Errorf("expected the page's %s to answer 200, got %d: %.300s", path, code, body)
		}
	}
	return nil
}
