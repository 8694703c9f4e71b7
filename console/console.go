package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"alpr"
)

// Attribute keys of the console's log lines. No plate is ever logged.
const (
	keyAddr    = "addr"
	keyOfficer = "officer"
	keyErr     = "error"
	keyAction  = "action"
)

const (
	statusEvery   = time.Second
	statusAtLeast = 5 * time.Second // a status goes out at least so often: the page takes silence for a fault
	shutdownIn    = 3 * time.Second
)

// Console serves the officer's page. ShowRead and ShowHit may be called from
// any goroutine, before Run too, and never block.
type Console struct {
	cfg      Config
	deps     Deps
	log      *slog.Logger
	now      func() time.Time
	sessions *sessions
	refused  *refusals
	board    *board
	handler  http.Handler
	spoken   atomic.Pointer[Config] // the configuration in force as far as WithWords goes; the rest is cfg

	mu         sync.Mutex
	status     Status
	lastFix    alpr.Fix // the last that was known: a fix that goes does not turn night into day
	rates      rateMeter
	track      track
	mutedUntil time.Time
	emergency  emergencyView
	auditErr   error                    // of the last attempt
	trouble    string                   // why the page is not open
	missing    []string                 // what could not be loaded at the start, a sentence each
	verdicts   map[alpr.Verdict]int     // on record at the start
	disposed   map[alpr.ID]alpr.Verdict // since then, the last of each hit

	boundAddr  string        // set once Run listens
	listening  chan struct{} // closed then
	listenOnce sync.Once     // Run may be called again after a panic
}

// New checks the configuration, and reads the accounts and the sessions of the
// last start as far as they are sound. It opens no port.
func New(cfg Config, deps Deps, log *slog.Logger) (*Console, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Disposer == nil || deps.Auditor == nil || deps.History == nil || deps.Status == nil {
		return nil, fmt.Errorf("%w: Disposer, Auditor, History and Status must be given", ErrConfig)
	}
	users, err := accountsOf(cfg, log)
	if err != nil {
		return nil, err
	}
	sessions := newSessions(users, cfg)
	if cfg.StateFile != "" {
		sessions.restore(cfg.StateFile, log)
	}
	c := &Console{cfg: cfg, deps: deps, log: log, now: time.Now, sessions: sessions, refused: newRefusals(),
		disposed: map[alpr.ID]alpr.Verdict{}, listening: make(chan struct{})}
	c.spoken.Store(&cfg)
	c.board = newBoard(rand.Text()[:8], c.readsFor, cfg.ListSounds, func() time.Time { return c.now() })
	c.handler = c.routes()
	return c, nil
}

// words is the configuration as far as WithWords goes. Do not change it.
func (c *Console) words() *Config { return c.spoken.Load() }

// SetWords has the page speak as cfg says, from the next request on: a page that
// is open takes it over when it is loaded anew. cfg must be valid. It is safe for
// concurrent use.
func (c *Console) SetWords(cfg Config) {
	next := c.words().WithWords(cfg)
	c.spoken.Store(&next)
}

// readsFor is how long a read on no list stays on the page: never longer than
// it is kept, which the backend may shorten at any time.
func (c *Console) readsFor() time.Duration {
	if c.deps.ReadsKept == nil {
		return c.cfg.ReadsFor
	}
	return min(c.cfg.ReadsFor, c.deps.ReadsKept())
}

func accountsOf(cfg Config, log *slog.Logger) (*accounts, error) {
	if cfg.Demo {
		u := User{Name: demoName, Agency: "DEMO", Full: "Demonstration"}
		err := u.setPassword(demoPassword, 1000)
		return fixedAccounts(map[string]User{demoName: u}), err
	}
	if cfg.UsersFile == "" {
		return nil, fmt.Errorf("%w: users_file: name the accounts file, or nobody can log in", ErrConfig)
	}
	return watchAccounts(cfg.UsersFile, log), nil
}

// ShowRead puts a read on the screen. A revision replaces the one before.
func (c *Console) ShowRead(r alpr.Read) { c.board.showRead(viewRead(r)) }

// ShowAlert brings the hits of a read to the officer, revises them, or takes back
// those that are withdrawn. Hits of several lists on one plate are one card.
func (c *Console) ShowAlert(a alpr.Alert) { c.board.showAlert(a.Read, a.Hits...) }

// ShowHit is ShowAlert for one hit alone. r may come without pictures where they
// are as before.
func (c *Console) ShowHit(r alpr.Read, h alpr.Hit) { c.board.showAlert(r, h) }

// Handler is the whole site, for tests and for a server of the caller's own.
// It answers nothing useful about the past before Run has loaded it.
func (c *Console) Handler() http.Handler { return c.handler }

// Addr is the address that Run listens on; it waits until there is one.
func (c *Console) Addr(ctx context.Context) (string, error) {
	select {
	case <-c.listening:
		return c.boundAddr, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// URL is the address of the page once Run listens; it waits until then.
func (c *Console) URL(ctx context.Context) (string, error) {
	if _, err := c.Addr(ctx); err != nil {
		return "", err
	}
	return c.url(), nil
}

// Run opens the port as soon as that can be done, loads the open hits, serves
// until ctx is done, and returns nil then.
func (c *Console) Run(ctx context.Context) error {
	ln, err := c.open(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	_ = c.deps.Guard.Do("open hits", func() error { c.load(ctx); return nil }) // said and counted there; new alerts must show all the same
	c.boundAddr = ln.Addr().String()
	c.listenOnce.Do(func() { close(c.listening) })
	c.log.Info("console is open", keyAddr, c.url())

	srv := &http.Server{Handler: c.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug)}
	g, ctx := errgroup.WithContext(ctx)
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	g.Go(func() error {
		err := srv.Serve(ln)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve the console: %w", err)
	})
	for part, run := range map[string]func(context.Context){"status of the page": c.reportStatus, "refused logins": c.watchRefusals, "sessions": c.keepSessions, "alarms": c.soundAlarms} {
		g.Go(func() error {
			_ = c.deps.Guard.Keep(ctx, part, func(ctx context.Context) error { run(ctx); return nil }) // said and counted there
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownIn)
		defer cancel()
		if srv.Shutdown(end) != nil {
			srv.Close()
		}
		return nil
	})
	return g.Wait()
}

// keepSessions ends the sessions of accounts that are gone or changed, and keeps
// the others for the next start.
func (c *Console) keepSessions(ctx context.Context) {
	tick := time.NewTicker(accountsEvery)
	defer tick.Stop()
	for {
		c.sessions.endChanged(c.now())
		c.sessions.save(c.now(), false)
		select {
		case <-ctx.Done():
			c.sessions.save(c.now(), true)
			return
		case <-tick.C:
		}
	}
}

func (c *Console) url() string {
	if c.cfg.usesTLS() {
		return "https://" + c.boundAddr
	}
	return "http://" + c.boundAddr
}

// load fetches what was open when the program last ended: a hit that nobody
// looked at is shown again. What cannot be fetched keeps no new hit from being
// shown: the page says what is missing.
func (c *Console) load(ctx context.Context) {
	reads, hits, err := c.deps.History.OpenHits(ctx)
	if err == nil && len(reads) != len(hits) {
		err = fmt.Errorf("%d reads for %d hits", len(reads), len(hits))
	}
	if err != nil {
		c.notLoaded("The open hits from before this start cannot be shown", err)
	}
	for i := range min(len(reads), len(hits)) {
		c.ShowHit(reads[i], hits[i])
	}
	if c.deps.Verdicts == nil {
		return
	}
	n, err := c.deps.Verdicts(ctx)
	if err != nil {
		c.notLoaded("The verdicts from before this start are not counted", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdicts = n
}

func (c *Console) notLoaded(what string, err error) {
	c.log.Error(what, keyErr, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.missing = append(c.missing, fmt.Sprintf("%s: %v.", what, err))
}

// reportStatus asks how the system does while somebody looks, and says so when
// it changes or has been still for a while.
func (c *Console) reportStatus(ctx context.Context) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	var said time.Time
	var last string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.refreshStatus() // without a page, too: the speaker and the shift's map need it
		if !c.board.hasPages() {
			continue
		}
		v := c.statusView()
		key := v.changeKey()
		if now := c.now(); key != last || now.Sub(said) >= statusAtLeast {
			said, last = now, key
			c.board.tellStatus(v)
		}
	}
}

func (c *Console) refreshStatus() {
	s := c.deps.Status()
	if s.At.IsZero() {
		s.At = c.now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = s
	if s.Fix.IsValid() {
		c.lastFix = s.Fix
		c.track.add(s.Fix)
	}
	c.rates.update(s)
}

func (c *Console) statusView() statusView {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := viewStatus(c.status, &c.rates)
	if night, ok := isNight(c.lastFix, c.status.At); ok {
		v.Night = &night
	}
	v.MuteUntil, v.Speaker = c.mutedUntil, c.status.Speaker == LevelOK
	v.ReadsForS = int(c.readsFor().Seconds())
	v.Precision = viewPrecision(c.countVerdicts())
	if c.deps.Emergency != nil {
		e := c.emergency
		v.Emergency = &e
	}
	v.Problems = append(v.Problems, c.missing...)
	if trouble := c.sessions.accounts.Trouble(); trouble != "" {
		v.Problems = append([]string{sentence("Accounts: ", trouble, "")}, v.Problems...)
	}
	if c.auditErr != nil {
		v.Problems = append([]string{"The audit log cannot be written: look-ups and pictures are refused until it can."}, v.Problems...)
	}
	return v
}

// speed is the car's, as the last status had it; 0 where that is not known.
func (c *Console) speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.status.Fix.IsValid() || c.now().Sub(c.status.At) > statusAtLeast {
		return 0
	}
	return c.status.Fix.SpeedMPS
}

// countVerdicts is called with mu held. A hit counts once, with its last verdict.
func (c *Console) countVerdicts() map[alpr.Verdict]int {
	n := map[alpr.Verdict]int{}
	for v, k := range c.verdicts {
		n[v] = k
	}
	for _, d := range c.disposed {
		n[d]++
	}
	return n
}
