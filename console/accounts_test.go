package console

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr"
)

// withAccounts makes a console with an accounts file of 4711 and 4712, whose
// passwords are their names twice.
func withAccounts(t *testing.T) (c *Console, rec *tape, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "users")
	for _, name := range []string{"4711", "4712"} {
		if err := SaveUser(path, quickUser(t, name, name+name)); err != nil {
			t.Fatal(err)
		}
	}
	c, rec = onAccounts(t, path, filepath.Join(dir, "state.json"))
	return c, rec, path
}

func onAccounts(t *testing.T, users, state string) (*Console, *tape) {
	t.Helper()
	return start(t, func(cfg *Config) { cfg.Demo, cfg.UsersFile, cfg.StateFile = false, users, state })
}

// try is a login of a browser with these cookies.
func try(t testing.TB, c *Console, remote, name, password string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	t.Helper()
	p := &page{t: t, c: c}
	r := p.request("POST", "/api/login", map[string]string{"name": name, "password": password})
	if remote != "" {
		r.RemoteAddr = remote
	}
	for _, k := range cookies {
		r.AddCookie(k)
	}
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	return w
}

func officer(t *testing.T, c *Console, name string) *page {
	t.Helper()
	w := try(t, c, "", name, name+name)
	if w.Code != http.StatusOK {
		t.Fatalf("login of %s: %d %s", name, w.Code, w.Body)
	}
	p := &page{t: t, c: c, cookie: w.Result().Cookies()[0]}
	var s sessionView
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	p.token = s.Token
	return p
}

// TestARemovedAccountIsOutAtOnce: its session, its stream, its look-ups, and
// nobody else's.
func TestARemovedAccountIsOutAtOnce(t *testing.T) {
	changed := quickUser(t, "4711", "another password")
	moved := quickUser(t, "4711", "47114711")
	moved.Agency = "B"
	for name, change := range map[string]func(path string) error{
		"removed":      func(path string) error { return RemoveUser(path, "4711") },
		"new password": func(path string) error { return SaveUser(path, changed) },
		"new agency":   func(path string) error { return SaveUser(path, moved) },
	} {
		t.Run(name, func(t *testing.T) {
			c, _, path := withAccounts(t)
			out, stays := officer(t, c, "4711"), officer(t, c, "4712")
			stream, _ := watch(t, c, out, "")
			stream(eventSnapshot)
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if w := out.do("POST", "/api/lookup", map[string]string{"plate": "A1", "purpose": "abc"}); w.Code != http.StatusUnauthorized {
				t.Errorf("a look-up of the account: %d %s", w.Code, w.Body)
			}
			stream(eventEnded)
			if w := try(t, c, "", "4711", "47114711"); name == "removed" && w.Code != http.StatusUnauthorized {
				t.Errorf("logs in anew: %d", w.Code)
			}
			if w := stays.do("GET", "/api/session", nil); w.Code != http.StatusOK {
				t.Errorf("the other officer is out, too: %d", w.Code)
			}
		})
	}
}

// TestAQuietStreamEndsWithItsAccount: nobody asks anything and no event comes;
// the page ends by itself within the two seconds that are promised.
func TestAQuietStreamEndsWithItsAccount(t *testing.T) {
	c, _, path := withAccounts(t)
	stream, _ := watch(t, c, officer(t, c, "4711"), "")
	stream(eventStatus)
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() { defer close(kept); c.keepSessions(ctx) }()
	defer func() { stop(); <-kept }() // it writes into the test's folder
	if err := RemoveUser(path, "4711"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	stream(eventEnded)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("ended after %s", took)
	}
}

// TestADamagedAccountsFileKeepsTheLastGoodOne, and says so on the page.
func TestADamagedAccountsFileKeepsTheLastGoodOne(t *testing.T) {
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	for name, test := range map[string]struct {
		damage func(path string) error
		isIn   bool // the officer of before
		says   string
	}{
		"cut off":               {write("4711:pbkdf2-sha512$10$AAAA"), true, "line 1"},
		"junk":                  {write("\x00\x01\x02"), true, "line 1"},
		"gone":                  {os.Remove, true, "no such file"},
		"writable by others":    {func(p string) error { return os.Chmod(p, 0o666) }, true, "let themselves in"},
		"readable by others":    {func(p string) error { return os.Chmod(p, 0o644) }, true, "chmod 600"},
		"a pipe in its place":   {func(p string) error { os.Remove(p); return syscall.Mkfifo(p, 0o600) }, true, "is no file"},
		"a folder in its place": {func(p string) error { os.Remove(p); return os.Mkdir(p, 0o700) }, true, "is no file"},
		"emptied on purpose":    {write("# nobody\n"), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, path := withAccounts(t)
			p := officer(t, c, "4711")
			if err := test.damage(path); err != nil {
				t.Fatal(err)
			}
			code := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[test.isIn]
			if w := p.do("GET", "/api/session", nil); w.Code != code {
				t.Errorf("the session: %d, want %d", w.Code, code)
			}
			if w := try(t, c, "", "4712", "47124712"); w.Code != code {
				t.Errorf("a login: %d, want %d", w.Code, code)
			}
			said := strings.Join(c.statusView().Problems, "\n")
			if !strings.Contains(said, test.says) || test.says != "" && !strings.Contains(said, "Accounts: ") {
				t.Errorf("the page says %q", said)
			}
			if name == "a pipe in its place" || name == "a folder in its place" {
				os.Remove(path)
			}
			if err := os.Chmod(path, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			if err := SaveUser(path, quickUser(t, "4713", "47134713")); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestNoAccountsFileKeepsTheConsoleFromStarting: alerts are worth more than the
// login, and what is sound of the file counts.
func TestNoAccountsFileKeepsTheConsoleFromStarting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users")
	c, _ := onAccounts(t, path, "")
	if w := try(t, c, "", "4711", "47114711"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "alpr user add") {
		t.Errorf("no file: %d %s", w.Code, w.Body)
	}
	if err := SaveUser(path, quickUser(t, "4711", "47114711")); err != nil {
		t.Fatal(err)
	}
	if w := try(t, c, "", "4711", "47114711"); w.Code != http.StatusOK {
		t.Errorf("the first account, added while the program runs: %d %s", w.Code, w.Body)
	}
	good := FormatUser(quickUser(t, "4712", "47124712"))
	if err := os.WriteFile(path, []byte("4711:damaged\n"+good+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ = onAccounts(t, path, "")
	if w := try(t, c, "", "4712", "47124712"); w.Code != http.StatusOK {
		t.Errorf("a sound account beside a damaged one: %d %s", w.Code, w.Body)
	}
	if said := strings.Join(c.statusView().Problems, "\n"); !strings.Contains(said, "line 1") {
		t.Errorf("the page says %q", said)
	}
	if err := RemoveUser(path, "4711"); err != nil {
		t.Errorf("the damaged account cannot be removed: %v", err)
	}
	if w := try(t, c, "", "4712", "47124712"); w.Code != http.StatusOK || c.sessions.accounts.Trouble() != "" {
		t.Errorf("after the mend: %d, %q", w.Code, c.sessions.accounts.Trouble())
	}
}

// TestSessionsOutliveARestart: nobody is logged out because the program starts
// anew, but for those whose account was taken in the meantime.
func TestSessionsOutliveARestart(t *testing.T) {
	c, _, path := withAccounts(t)
	state := c.cfg.StateFile
	stays, out, locked := officer(t, c, "4711"), officer(t, c, "4712"), officer(t, c, "4711")
	locked.do("POST", "/api/lock", "{}")
	c.sessions.save(time.Now(), true)
	if text, err := os.ReadFile(state); err != nil || strings.Contains(string(text), stays.cookie.Value) {
		t.Errorf("the file holds a token, or is none: %v", err)
	}
	if err := RemoveUser(path, "4712"); err != nil {
		t.Fatal(err)
	}
	c, rec := onAccounts(t, path, state)
	for _, p := range []*page{stays, out, locked} {
		p.c = c
	}
	if w := stays.do("POST", "/api/lookup", map[string]string{"plate": "A1", "purpose": "abc"}); w.Code != http.StatusOK {
		t.Errorf("after the restart: %d %s", w.Code, w.Body)
	}
	if w := out.do("GET", "/api/session", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("the removed officer: %d", w.Code)
	}
	if w := locked.do("POST", "/api/lookup", map[string]string{"plate": "A1", "purpose": "abc"}); w.Code != http.StatusLocked {
		t.Errorf("the locked page: %d", w.Code)
	}
	if !slices.Contains(rec.actions(), string(alpr.ActionLookup)) {
		t.Error("the look-up is not on record")
	}

	for name, text := range map[string]string{"cut off": `{"key":"AAAA`, "no key": `{"sessions":[]}`, "empty": ""} {
		if err := os.WriteFile(state, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, _ = onAccounts(t, path, state)
		if w := try(t, c, "", "4711", "47114711"); w.Code != http.StatusOK {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	os.Remove(state)
	if err := syscall.Mkfifo(state, 0o600); err != nil {
		t.Fatal(err)
	}
	onAccounts(t, path, state) // it waits for nobody to write
}

func FuzzState(f *testing.F) {
	f.Add(`{"key":"AAAAAAAAAAAAAAAAAAAAAAAA","sessions":[{"id":"a","officer":"demo","account":"x"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := newSessions(fixedAccounts(map[string]User{"4711": quickUser(t, "4711", "x")}), testConfig())
		s.restore(path, slog.New(slog.DiscardHandler))
		if len(s.live) > 0 {
			t.Errorf("%q lets somebody in", text)
		}
		if _, err := s.login(t.Context(), visitor{}, "4711", "x", time.Now()); err != nil {
			t.Error(err)
		}
	})
}
