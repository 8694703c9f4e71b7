package console

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func quickUser(t testing.TB, name, password string) User {
	t.Helper()
	u := User{Name: name, Agency: "A", Full: "Officer " + name}
	if err := u.setPassword(password, 10); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestWrongPasswordsMustWaitLongerAndLonger(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := newSessions(fixedAccounts(map[string]User{"4711": quickUser(t, "4711", "right one")}), testConfig())
	for range freeTries {
		if _, err := s.login(t.Context(), visitor{}, "4711", "wrong", now); !errors.Is(err, errBadLogin) {
			t.Fatal(err)
		}
	}
	if _, err := s.login(t.Context(), visitor{}, "4711", "right one", now); !errors.Is(err, errTooMany) {
		t.Errorf("at once after %d wrong ones: %v", freeTries, err)
	}
	now = now.Add(1100 * time.Millisecond)
	if _, err := s.login(t.Context(), visitor{}, "4711", "wrong", now); !errors.Is(err, errBadLogin) {
		t.Error(err)
	}
	if w := s.throttle.wait(visitor{}.keys("4711", true), now); w != 2*time.Second {
		t.Errorf("the next must wait %s, want 2s", w)
	}
	now = now.Add(2 * time.Second)
	if _, err := s.login(t.Context(), visitor{}, "4711", "right one", now); err != nil {
		t.Errorf("the right password after the wait: %v", err)
	}
	if _, err := s.login(t.Context(), visitor{}, "nobody", "x", now); !errors.Is(err, errBadLogin) {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := newSessions(fixedAccounts(nil), testConfig()).login(t.Context(), visitor{}, "a", "b", now); !errors.Is(err, errNoAccounts) {
		t.Errorf("no accounts: %v", err)
	}
}

func TestSessionLocksWhileTheCarStands(t *testing.T) {
	cfg := testConfig()
	s := newSessions(fixedAccounts(map[string]User{"4711": quickUser(t, "4711", "right one")}), cfg)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ses, err := s.login(t.Context(), visitor{}, "4711", "right one", now)
	if err != nil {
		t.Fatal(err)
	}
	isLocked := func(speed float64) bool {
		t.Helper()
		w, err := s.find(ses.token, now, speed)
		if err != nil {
			t.Fatal(err)
		}
		return w.isLocked
	}
	now = now.Add(cfg.LockAfter + time.Second)
	if isLocked(14) {
		t.Error("locked while the officer drives")
	}
	now = now.Add(cfg.LockAfter)
	if isLocked(0) {
		t.Error("locked too early after the drive")
	}
	now = now.Add(2 * time.Second)
	if !isLocked(0) {
		t.Error("not locked after a standing car's time without a touch")
	}
	s.touch(ses.token, now)
	if !isLocked(14) {
		t.Error("a touch or a push of the car opened it")
	}
	if err := s.unlock(t.Context(), ses.token, "wrong", now); !errors.Is(err, errWrong) {
		t.Errorf("unlock with a wrong password: %v", err)
	}
	if err := s.unlock(t.Context(), ses.token, "right one", now); err != nil || isLocked(0) {
		t.Errorf("unlock: %v", err)
	}
	now = now.Add(cfg.SessionFor)
	if _, err := s.find(ses.token, now, 0); !errors.Is(err, errNoSession) {
		t.Errorf("after the shift: %v", err)
	}
}

func TestUsersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	if _, err := LoadUsers(path); err == nil || !strings.Contains(err.Error(), "alpr user add") {
		t.Errorf("no file: %v", err)
	}
	a, b := quickUser(t, "4711", "right one"), quickUser(t, "4712", "other one")
	for _, u := range []User{a, b} {
		if err := SaveUser(path, u); err != nil {
			t.Fatal(err)
		}
	}
	changed := quickUser(t, "4711", "new one")
	if err := SaveUser(path, changed); err != nil {
		t.Fatal(err)
	}
	users, err := LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(users) != 2 || !users["4711"].hash.matches("new one") || users["4711"].hash.matches("right one") || users["4712"].Full != "Officer 4712" {
		t.Errorf("got %+v", users)
	}
	if err := RemoveUser(path, "4711"); err != nil {
		t.Fatal(err)
	}
	if err := RemoveUser(path, "4711"); err == nil {
		t.Error("removed twice")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadUsers(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
}

func TestNewUserRefuses(t *testing.T) {
	for _, tt := range []struct{ name, full, password string }{
		{"", "x", "long enough"}, {"UPPER", "x", "long enough"}, {"a:b", "x", "long enough"}, {"a", "x:y", "long enough"}, {"a", "x", "short"},
	} {
		if _, err := NewUser(tt.name, "", tt.full, tt.password); err == nil {
			t.Errorf("took %+v", tt)
		}
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add(FormatUser(quickUser(f, "4711", "right one")))
	f.Add("# comment\n\n4711:x:y:z")
	f.Add("a:pbkdf2-sha512$1$AAAA$AAAA:b:c")
	f.Fuzz(func(t *testing.T, text string) {
		users, err := ParseUsers(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range users { // what is read is what is written
			again, err := ParseUsers(strings.NewReader(FormatUser(u)))
			if err != nil || FormatUser(again[u.Name]) != FormatUser(u) {
				t.Errorf("%q became %q, %v", FormatUser(u), FormatUser(again[u.Name]), err)
			}
		}
	})
}

func TestConfigNamesTheKey(t *testing.T) {
	tests := []struct {
		key    string
		change func(*Config)
	}{
		{"listen", func(c *Config) { c.Listen = "8088" }},
		{"listen", func(c *Config) { c.Demo, c.Listen = false, "0.0.0.0:8088" }},
		{"demo", func(c *Config) { c.Listen, c.TLSCert, c.TLSKey = "0.0.0.0:8088", "a", "b" }},
		{"demo", func(c *Config) { c.UsersFile = "users" }},
		{"tls_cert", func(c *Config) { c.TLSCert = "a" }},
		{"lock_after", func(c *Config) { c.LockAfter = -1 }},
		{"session_for", func(c *Config) { c.SessionFor = 0 }},
		{"entry_for", func(c *Config) { c.EntryFor = 0 }},
		{"reads_for", func(c *Config) { c.ReadsFor = 0 }},
		{"actions", func(c *Config) { c.Actions = nil }},
		{"purposes", func(c *Config) { c.Purposes = []string{""} }},
		{"categories", func(c *Config) { c.Categories = nil }},
	}
	for _, tt := range tests {
		cfg := testConfig()
		tt.change(&cfg)
		if err := cfg.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s: %v", tt.key, err)
		}
	}
	if err := testConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkLoginHash(b *testing.B) {
	u := User{Name: "4711"}
	if err := u.setPassword("right one", hashRounds); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		u.hash.matches("right one")
	}
}

func BenchmarkShowRead(b *testing.B) {
	c, _ := start(b, nil)
	r := readOf(1, "O25S")
	for b.Loop() {
		c.ShowRead(r)
	}
}
