package torture

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The faults of people: at the page, with lists, with rules.

const (
	colleague     = "4712" // a second officer
	accountWithin = 10 * time.Second
	floodStreams  = 20
	floodGuesses  = 16
)

// mustNotFail wants an answer that is none of the server's faults. A disk that
// is full is one: what cannot be written down is refused.
func (g *rig) mustNotFail(ctx context.Context, s session, method, path string, in any) ([]byte, error) {
	code, body, err := g.officer.ask(ctx, s, method, path, in)
	switch {
	case err != nil:
		return nil, fmt.Errorf("expected an answer to %s %s %.200q: %w", method, path, fmt.Sprint(in), err)
	case code >= 500 && (code != http.StatusServiceUnavailable || !g.isDiskBad):
		return nil, fmt.Errorf("expected 200 or a refusal that says why for %s %s %.200q, got %d %.300s", method, path, fmt.Sprint(in), code, body)
	case code >= 300:
		return nil, nil
	}
	return body, nil
}

// hostileEntries puts every hostile text on the car's own list, as a plate and
// in other fields, starts the program anew, and takes the entries off again.
func hostileEntries(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	for _, text := range hostileTexts() {
		entry := map[string]any{"Plate": text, "State": "", "Reason": "torture", "Category": "Stolen vehicle", "Case": "1", "Hours": 1, "Priority": 2}
		if field := anyOf(r, []string{"", "Reason", "Case", "Caution", "Make", "Colour", "State", "Category"}); field != "" {
			entry["Plate"], entry[field] = fmt.Sprintf("TORT%d", r.IntN(10)), text
			if r.IntN(2) == 0 {
				entry["Plate"] = text
			}
		}
		if _, err := g.mustNotFail(ctx, g.officer.session(), "POST", "/api/entries", entry); err != nil {
			return nil, err
		}
	}
	g.car.kill()
	if err := g.car.start(ctx); err != nil {
		return nil, err
	}
	return nil, g.removeEntries(ctx)
}

func (g *rig) removeEntries(ctx context.Context) error {
	body, err := g.mustNotFail(ctx, g.officer.session(), "GET", "/api/entries", nil)
	if err != nil || body == nil {
		return err
	}
	var list struct{ Entries []struct{ ID string } }
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("expected the list of entries, got %.300s: %w", body, err)
	}
	for _, e := range list.Entries {
		if _, err := g.mustNotFail(ctx, g.officer.session(), "POST", "/api/entries/remove", map[string]string{"ID": e.ID, "Reason": "torture is over"}); err != nil {
			return err
		}
	}
	return nil
}

func hostileLookups(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	for _, text := range hostileTexts() {
		in := map[string]string{"Plate": text, "Purpose": "Stolen vehicle", "Case": anyOf(r, []string{"", text})}
		if r.IntN(3) == 0 {
			in["Plate"], in["Purpose"] = "ABC123", text
		}
		if _, err := g.mustNotFail(ctx, g.officer.session(), "POST", "/api/lookup", in); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// hostileDispositions answers the newest alert with nonsense.
func hostileDispositions(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	id := g.ledger.newest().id.String()
	for _, text := range hostileTexts() {
		in := map[string]string{"Read": anyOf(r, []string{text, ""}), "Verdict": anyOf(r, []string{"misread", "confirmed", text}), "Corrected": text, "Note": text, "Action": anyOf(r, []string{"", text})}
		if _, err := g.mustNotFail(ctx, g.officer.session(), "POST", "/api/hits/"+id+"/disposition", in); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// wrongPasswords guesses names and the officer's own password; he must still
// come in where he was known.
func wrongPasswords(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	var all sync.WaitGroup
	errs := make([]error, floodGuesses)
	names := hostileTexts()
	for i := range floodGuesses {
		name := anyOf(r, names)
		if i%4 == 0 {
			name = officerName
		}
		all.Go(func() {
			client, err := g.officer.browser()
			if err == nil {
				_, err = g.mustNotFail(ctx, session{client: client}, "POST", "/api/login", map[string]string{"Name": name, "Password": "wrong " + name})
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, answerWithin)
	defer stop()
	if err := g.officer.login(ctx); err != nil {
		return nil, fmt.Errorf("expected the officer to come in with the right password where he was logged in before, after others guessed: %w", err)
	}
	return nil, nil
}

// brokenRequests is what no browser sends.
func brokenRequests(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	deep := strings.Repeat("[", 8000)
	for _, b := range []struct {
		method, path string
		body         []byte
	}{
		{"POST", "/api/login", []byte(deep)}, {"POST", "/api/login", make([]byte, 20<<10)}, {"POST", "/api/login", noise(r, 500)}, {"POST", "/api/entries", []byte(`{"Hours":1e99}`)},
		{"POST", "/api/lookup", []byte(`{"Plate":"A"}{"Plate":"B"}`)}, {"DELETE", "/api/entries", nil}, {"GET", "/api/hits/../../etc/passwd", nil}, {"GET", "/api/hits/" + strings.Repeat("0", 4000) + "/crop", nil},
		{"POST", "/api/hits/x/seen", []byte("null")}, {"POST", "/api/emergency", []byte(`"on"`)}, {"PUT", "/", []byte("x")}, {"GET", "/api/events/..%2f..%2f", nil},
	} {
		if _, err := g.mustNotFail(ctx, g.officer.session(), b.method, b.path, b.body); err != nil {
			return nil, err
		}
	}
	for range 5 {
		if err := g.shout(ctx, noise(r, 2000)); err != nil {
			return nil, err
		}
	}
	return nil, g.shout(ctx, []byte("GET / HTTP/1.1\r\nHost: localhost\r\n"+strings.Repeat("X-Long: "+strings.Repeat("a", 1000)+"\r\n", 2000)))
}

// shout sends bytes that are no request, and waits for whatever comes or for the
// connection to end.
func (g *rig) shout(ctx context.Context, what []byte) error {
	d := tls.Dialer{Config: &tls.Config{RootCAs: g.officer.root, MinVersion: tls.VersionTLS13}}
	conn, err := d.DialContext(ctx, "tcp", g.officer.listen)
	if err != nil {
		return fmt.Errorf("expected the page to take a connection: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return fmt.Errorf("set a deadline: %w", err)
	}
	_, _ = conn.Write(what) // refused half-way or not
	_, _ = io.ReadAll(conn)
	return nil
}

// manyStreams is a colleague with more pages open than anybody needs.
func manyStreams(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	s, err := g.officer.enter(ctx, colleague)
	if err != nil {
		return nil, fmt.Errorf("expected a second officer to come in: %w", err)
	}
	open, closeAll := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range floodStreams {
		all.Go(func() {
			last := ""
			_ = g.officer.listenTo(open, s, &last, func() {}, newLedger()) // refused or not
		})
	}
	end := func(context.Context) error { closeAll(); all.Wait(); return nil }
	if err := errors.Join(pause(ctx, 500*time.Millisecond), g.officer.login(ctx)); err != nil {
		return end, fmt.Errorf("expected the officer's page to open beside %d streams of a colleague: %w", floodStreams, err)
	}
	return end, nil
}

// accountRemoved takes the colleague's account away while he is logged in: his
// session ends, and he cannot come back.
func accountRemoved(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	s, err := g.officer.enter(ctx, colleague)
	if err != nil {
		return nil, fmt.Errorf("expected a second officer to come in: %w", err)
	}
	if err := g.car.must(ctx, "user", "remove", colleague); err != nil {
		return nil, err
	}
	give := func(ctx context.Context) error {
		if err := g.car.must(ctx, "user", "add", colleague); err != nil {
			return err
		}
		return g.within(ctx, accountWithin, "the new account to come in", func(ctx context.Context) bool {
			_, err := g.officer.enter(ctx, colleague)
			return err == nil
		})
	}
	return give, g.within(ctx, accountWithin, "the session of a removed account to end, and no other to begin", func(ctx context.Context) bool {
		code, _, err := g.officer.ask(ctx, s, "GET", "/api/session", nil)
		if err != nil || code != http.StatusUnauthorized {
			return false
		}
		_, err = g.officer.enter(ctx, colleague)
		return err != nil
	})
}

// hostileFile imports what is no list, or one full of traps. The program may
// refuse it and must not fall over it.
func hostileFile(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	path := filepath.Join(g.car.dir, anyOf(r, []string{"hostile.csv", "hostile.csv.gz", "hostile.txt", "hostile.csv.zst"}))
	if err := os.WriteFile(path, []byte(hostileList(r)), 0o600); err != nil {
		return nil, fmt.Errorf("write a list: %w", err)
	}
	_, err := g.car.alpr(ctx, "hotlist", "import", path, "--officer", officerName, "--purpose", "torture")
	return nil, err
}

// hostileFromAgency publishes such a file to all cars, if the backend takes it.
func hostileFromAgency(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	path := filepath.Join(g.agency.dir, "hostile.csv")
	if err := os.WriteFile(path, []byte(hostileList(r)), 0o600); err != nil {
		return nil, fmt.Errorf("write a list: %w", err)
	}
	_, err := g.agency.publish(ctx, path, "hostile")
	return nil, err
}

// listFromAgency publishes a sound list, which a car that is connected takes.
func listFromAgency(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	path := filepath.Join(g.agency.dir, "daily.csv")
	text := fmt.Sprintf("plate,state,reason,category\nNEW%04d,FL,stolen,stolen vehicle\n", r.IntN(10000))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write a list: %w", err)
	}
	got, err := g.agency.publish(ctx, path, "daily")
	if err == nil && got.code != 0 {
		err = fmt.Errorf("expected a list to be published, got exit code %d: %s", got.code, got.errs)
	}
	return nil, err
}

func sameList(ctx context.Context, g *rig, _ *rand.Rand) (undo, error) {
	return nil, g.car.importList(ctx)
}

// retentionShortened starts the program under a stricter policy. What was shown
// is younger than any of the rules.
func retentionShortened(ctx context.Context, g *rig, r *rand.Rand) (undo, error) {
	g.car.retention = ", retention: {reads: " + anyOf(r, []string{"3h", "6h", "1d"}) + "}"
	if err := g.car.configure(); err != nil {
		return nil, err
	}
	if err := g.car.terminate(ctx); err != nil {
		return nil, err
	}
	return func(context.Context) error {
		g.car.retention = ""
		return g.car.configure()
	}, g.car.start(ctx)
}
