package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"

	"alpr"
	"alpr/console"
)

// shared is the one browser of all tests: each has pages of its own in it.
var shared *browser

func TestMain(m *testing.M) {
	ctx, stop := context.WithCancel(context.Background())
	program := "chromium"
	if p := os.Getenv("ALPR_BROWSER"); p != "" {
		program = p
	}
	var err error
	if shared, err = openBrowser(ctx, program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	shared.stop()
	stop()
	os.Exit(code)
}

// car is a console with its records, which may be started anew.
type car struct {
	t    testing.TB
	cfg  console.Config
	rec  *records
	con  *console.Console
	url  string
	stop func()
}

func newCar(t testing.TB, change func(*console.Config)) *car {
	t.Helper()
	c := &car{t: t, rec: &records{}, cfg: console.DefaultConfig()}
	dir := t.TempDir()
	c.cfg.Listen, c.cfg.LockAfter = "127.0.0.1:0", 0
	c.cfg.UsersFile, c.cfg.StateFile = filepath.Join(dir, "users"), filepath.Join(dir, "console.json")
	c.account(officer, "")
	if change != nil {
		change(&c.cfg)
	}
	c.start()
	t.Cleanup(func() { c.stop() })
	return c
}

// The officer of the tests, and his password.
const (
	officer  = "4711"
	password = "night shift"
)

func (c *car) account(name string, role console.Role) {
	c.t.Helper()
	u, err := console.NewUser(name, "PD", "Officer Smith", password)
	if err == nil {
		u.Role = role
		err = console.SaveUser(c.cfg.UsersFile, u)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *car) start() {
	c.t.Helper()
	con, err := console.New(c.cfg, c.rec.deps(), slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- con.Run(ctx) }()
	c.stop = func() { cancel(); <-ended }
	addr, err := con.Addr(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	c.con, c.cfg.Listen, c.url = con, addr, "http://"+addr
}

// restart ends the program and starts it anew, as an update does; meanwhile is
// done in between.
func (c *car) restart(meanwhile func()) {
	c.t.Helper()
	c.stop()
	if meanwhile != nil {
		meanwhile()
	}
	c.start()
}

// read makes a read that is on record.
func (c *car) read(text, region, picture string) alpr.Read {
	c.t.Helper()
	r, err := c.rec.read(text, region, picture, 0.97, -1)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// alert raises a hit of a priority on a plate.
func (c *car) alert(text string, p alpr.Priority, change func(*alpr.Hit)) (alpr.Read, alpr.Hit) {
	c.t.Helper()
	r := c.read(text, "US-FL", "blue")
	h := alertFor(r)
	h.Kind, h.Differs, h.P = alpr.MatchExact, nil, 0.97
	h.Entry.Plate, h.Entry.PlateGiven, h.Entry.Priority = text, text, p
	if change != nil {
		change(&h)
	}
	c.con.ShowRead(r)
	c.con.ShowHit(r, h)
	c.rec.mu.Lock()
	c.rec.open = append(c.rec.open, openOf{r, h})
	c.rec.mu.Unlock()
	return r, h
}

// screen is an officer's page under test.
type screen struct {
	*tab
	t testing.TB
}

// sit opens a page in a browser of its own.
func (c *car) sit(width, height int) *screen {
	c.t.Helper()
	p, err := shared.open(width, height, width < 720)
	if err != nil {
		c.t.Fatal(err)
	}
	s := &screen{p, c.t}
	c.t.Cleanup(func() {
		p.mu.Lock()
		for _, e := range p.errors {
			c.t.Errorf("the page reported: %.400s", e)
		}
		p.mu.Unlock()
		p.close()
	})
	s.run(fmt.Sprintf(`location.href = %q`, c.url))
	s.until(`document.querySelector('#gate-name')`)
	return s
}

// logIn opens a page and logs in.
func (c *car) logIn(width, height int) *screen {
	c.t.Helper()
	s := c.sit(width, height)
	s.enter(officer, password)
	s.until(`!document.querySelector('#app').hidden && document.querySelectorAll('#parts li').length`)
	return s
}

func (s *screen) enter(name, password string) {
	s.t.Helper()
	s.run(fmt.Sprintf(`(() => { const n = document.querySelector('#gate-name'); if (n) n.value = %q;
		document.querySelector('#gate-password').value = %q; document.querySelector('#gate form').requestSubmit(); })()`, name, password))
}

func (s *screen) run(script string) {
	s.t.Helper()
	if err := s.eval(script, nil); err != nil {
		s.t.Fatal(err)
	}
}

func ask[T any](s *screen, script string) (v T) {
	s.t.Helper()
	if err := s.eval(script, &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// until waits for something to become true in the page, over reloads too.
func (s *screen) until(cond string) {
	s.t.Helper()
	if err := s.waitFor(cond, 20*time.Second); err != nil {
		if path := os.Getenv("ALPR_SHOTS"); path != "" {
			_ = s.picture(filepath.Join(path, "failed.png"))
		}
		s.t.Fatalf("%v; the page: %.600s", err, ask[string](s, `document.body.innerText`))
	}
}

// click touches what a script finds, with the mouse.
func (s *screen) click(find string) {
	s.t.Helper()
	for _, kind := range []input.MouseType{input.MousePressed, input.MouseReleased} {
		if err := s.mouse(kind, find); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *screen) press(kind input.MouseType, find string) {
	s.t.Helper()
	if err := s.mouse(kind, find); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) typeKeys(text string) {
	s.t.Helper()
	if err := s.keys(text); err != nil {
		s.t.Fatal(err)
	}
}

// button finds a button that can be seen by its words.
func button(words string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('button')].find((b) => b.offsetParent && b.textContent.includes(%q))`, words)
}

const (
	stageReady = `!document.querySelector('#stage').hidden && document.querySelector('#stage .verdicts button') && !document.querySelector('#stage .verdicts button').disabled`
	shown      = `document.querySelector('#stage').hidden === false && document.querySelector('#stage').textContent`
)

// see fails where the page does not show every text.
func (s *screen) see(where string, texts ...string) {
	s.t.Helper()
	got := ask[string](s, fmt.Sprintf(`document.querySelector(%q).innerText`, where))
	for _, want := range texts {
		if !strings.Contains(got, want) {
			s.t.Errorf("%s does not say %q: %.500s", where, want, got)
		}
	}
}
