package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Why a login or a request is turned away.
var (
	errBadLogin   = errors.New("name or password is wrong")
	errWrong      = errors.New("the password is wrong")
	errTooMany    = errors.New("too many wrong passwords")
	errNoSession  = errors.New("log in first")
	errLocked     = errors.New("the console is locked: unlock it with your password")
	errBadToken   = errors.New("this page is out of date: reload it")
	errNoAccounts = errors.New("nobody can log in")
)

const (
	maxSessions  = 64
	maxOwn       = 8   // of one officer
	movingMPS    = 2.0 // faster than walking: the car is being driven
	demoName     = "demo"
	demoPassword = "demo"
)

// session is one officer at one browser.
type session struct {
	id       string // of its token
	user     User
	started  time.Time
	touched  time.Time
	isLocked bool
	viewed   map[string]bool // pictures of hits already in the audit log for this session
	ended    chan struct{}   // closed with the session
}

// sessions knows who is logged in. All times come from the caller.
type sessions struct {
	accounts  *accounts
	lockAfter time.Duration
	lasts     time.Duration
	throttle  throttle
	hashes    hashQueue

	mu    sync.Mutex
	key   []byte              // of tokens and device cookies
	live  map[string]*session // by id
	state stateFile
}

func newSessions(users *accounts, cfg Config) *sessions {
	return &sessions{accounts: users, lockAfter: cfg.LockAfter, lasts: cfg.SessionFor,
		key: []byte(rand.Text()), live: map[string]*session{}}
}

// restore takes over the sessions of the last start, and keeps them in the file
// from now on.
func (s *sessions) restore(path string, log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = stateFile{path: path, log: log}
	kept, ok := s.state.load()
	if !ok {
		s.state.isDirty = true
		return
	}
	s.key = kept.Key
	for _, k := range kept.Sessions {
		u, isThere := s.accounts.get(k.Officer)
		if isThere && k.Account == accountStamp(u) {
			s.live[k.ID] = &session{id: k.ID, user: u, started: k.Started, touched: k.Touched, isLocked: k.IsLocked,
				viewed: map[string]bool{}, ended: make(chan struct{})}
		}
	}
}

// save keeps the sessions where something about them has changed.
func (s *sessions) save(now time.Time, isLast bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.path == "" || !s.state.isDirty && (len(s.live) == 0 || !isLast && now.Sub(s.state.written) < stateEvery) {
		return
	}
	kept := keptState{Key: s.key}
	for _, ses := range s.live {
		kept.Sessions = append(kept.Sessions, keptSession{ID: ses.id, Officer: ses.user.Name, Account: accountStamp(ses.user),
			Started: ses.started, Touched: ses.touched, IsLocked: ses.isLocked})
	}
	s.state.write(kept, now)
}

// accountStamp changes when an account's password, agency or role does.
func accountStamp(u User) string {
	sum := sha256.Sum256([]byte(FormatUser(User{Name: u.Name, Agency: u.Agency, Role: u.Role, hash: u.hash})))
	return hex.EncodeToString(sum[:])
}

func sessionID(token string) string {
	sum := sha256.Sum256([]byte("session " + token))
	return hex.EncodeToString(sum[:])
}

// mac is a secret that only this console can make of parts.
func (s *sessions) mac(parts ...string) string {
	s.mu.Lock()
	h := hmac.New(sha256.New, s.key)
	s.mu.Unlock()
	h.Write([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h.Sum(nil))
}

// deviceCookie names a browser to an account that it has logged in to: a random
// text and its proof. A changed password ends it.
func (s *sessions) deviceCookie(u User, nonce string) string {
	return nonce + "." + s.mac("device", u.Name, nonce, accountStamp(u))
}

// device is what a device cookie names, "" where it is not this account's.
func (s *sessions) device(name, cookie string) string {
	u, ok := s.accounts.get(name)
	nonce, _, hasProof := strings.Cut(cookie, ".")
	if !ok || !hasProof || subtle.ConstantTimeCompare([]byte(s.deviceCookie(u, nonce)), []byte(cookie)) != 1 {
		return ""
	}
	return nonce
}

// knowsDevice says whether one of the cookies names this browser to an account.
func (s *sessions) knowsDevice(cookies []*http.Cookie) bool {
	for _, u := range s.accounts.all() {
		for _, c := range cookies {
			if c.Name == deviceCookieName(u.Name) && s.device(u.Name, c.Value) != "" {
				return true
			}
		}
	}
	return false
}

// login opens a session, and returns its token. After a few wrong passwords
// from browsers that an account is not known on each further try from such a
// browser must wait twice as long as the one before.
func (s *sessions) login(ctx context.Context, v visitor, name, password string, now time.Time) (me who, err error) {
	u, err := s.verify(ctx, v, name, password, now)
	if err != nil {
		return who{}, err
	}
	token := rand.Text()
	ses := &session{id: sessionID(token), user: u, started: now, touched: now, viewed: map[string]bool{}, ended: make(chan struct{})}
	s.mu.Lock()
	s.dropOld(u.Name, now)
	s.live[ses.id] = ses
	s.state.isDirty = true
	opened := *ses
	s.mu.Unlock()
	return s.who(&opened, token), nil
}

func (s *sessions) verify(ctx context.Context, v visitor, name, password string, now time.Time) (User, error) {
	if err := s.accounts.nobody(); err != nil {
		return User{}, err
	}
	u, isAccount := s.accounts.get(name)
	keys := v.keys(name, isAccount)
	if wait := s.throttle.wait(keys, now); wait > 0 {
		return User{}, tooMany(wait)
	}
	if !isAccount || len(password) > maxPassword {
		if err := s.hashes.decoy(ctx); err != nil {
			return User{}, err
		}
		s.throttle.countWrong(keys, now)
		return User{}, errBadLogin
	}
	ok, err := s.hashes.hash(ctx, v, func() bool { return u.hash.matches(password) })
	if err != nil {
		return User{}, err
	}
	if now, isThere := s.accounts.get(name); !isThere || accountStamp(now) != accountStamp(u) {
		ok = false // removed while it was hashed
	}
	if !ok {
		s.throttle.countWrong(keys, now)
		return User{}, errBadLogin
	}
	s.throttle.forgive(keys)
	return u, nil
}

// dropOld is called with mu held. It ends sessions that are over, and makes room
// for one more: an officer's own oldest goes first, then the oldest of whoever
// has most. Nobody's logins end another's session while he has fewer.
func (s *sessions) dropOld(officer string, now time.Time) {
	count := map[string]int{}
	for _, ses := range s.live {
		if now.Sub(ses.started) > s.lasts {
			s.endLocked(ses)
			continue
		}
		count[ses.user.Name]++
	}
	if count[officer] >= maxOwn {
		s.endOldestOf(officer)
		return
	}
	if len(s.live) < maxSessions {
		return
	}
	most := officer
	for name, n := range count {
		if n > count[most] {
			most = name
		}
	}
	s.endOldestOf(most)
}

func (s *sessions) endOldestOf(officer string) {
	var oldest *session
	for _, ses := range s.live {
		if ses.user.Name == officer && (oldest == nil || ses.started.Before(oldest.started)) {
			oldest = ses
		}
	}
	if oldest != nil {
		s.endLocked(oldest)
	}
}

// endLocked is called with mu held.
func (s *sessions) endLocked(ses *session) {
	if _, ok := s.live[ses.id]; ok {
		delete(s.live, ses.id)
		close(ses.ended)
		s.state.isDirty = true
	}
}

// endChanged ends the sessions of accounts that are gone, or whose password or
// agency is another, and returns how many.
func (s *sessions) endChanged(now time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.live {
		if !s.isValid(ses, now) {
			s.endLocked(ses)
			n++
		}
	}
	return n
}

// isValid says whether a session still is its account's.
func (s *sessions) isValid(ses *session, now time.Time) bool {
	u, ok := s.accounts.get(ses.user.Name)
	if !ok || accountStamp(u) != accountStamp(ses.user) || now.Sub(ses.started) > s.lasts {
		return false
	}
	ses.user = u // the full name may be another
	return true
}

// who says whose session the cookie names, and whether it is locked.
type who struct {
	User
	token    string
	csrf     string
	isLocked bool
	started  time.Time
	ended    <-chan struct{} // closed with the session
}

func (s *sessions) who(ses *session, token string) who {
	return who{User: ses.user, token: token, csrf: s.mac("csrf", token), isLocked: ses.isLocked, started: ses.started, ended: ses.ended}
}

// find returns the session of a cookie. The speed of the car keeps it open:
// who drives does not touch the screen.
func (s *sessions) find(token string, now time.Time, speedMPS float64) (who, error) {
	s.mu.Lock()
	ses, ok := s.live[sessionID(token)]
	if ok && !s.isValid(ses, now) {
		s.endLocked(ses)
		ok = false
	}
	if !ok {
		s.mu.Unlock()
		return who{}, errNoSession
	}
	if speedMPS > movingMPS && !ses.isLocked {
		ses.touched = now
	}
	if s.lockAfter > 0 && now.Sub(ses.touched) > s.lockAfter && !ses.isLocked {
		ses.isLocked, s.state.isDirty = true, true
	}
	found := *ses
	s.mu.Unlock()
	return s.who(&found, token), nil
}

// touch notes that the officer did something.
func (s *sessions) touch(token string, now time.Time) {
	s.change(token, func(ses *session) {
		if !ses.isLocked {
			ses.touched = now
		}
	})
}

func (s *sessions) lock(token string) {
	s.change(token, func(ses *session) { ses.isLocked, s.state.isDirty = true, true })
}

func (s *sessions) end(token string) { s.change(token, s.endLocked) }

func (s *sessions) change(token string, f func(*session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses, ok := s.live[sessionID(token)]; ok {
		f(ses)
	}
}

// unlock opens a locked session for the officer whose it is. The session is a
// known browser: wrong passwords elsewhere do not keep him out.
func (s *sessions) unlock(ctx context.Context, token, password string, now time.Time) error {
	var id, officer string
	s.change(token, func(ses *session) { id, officer = ses.id, ses.user.Name })
	if id == "" {
		return errNoSession
	}
	_, err := s.verify(ctx, visitor{device: id}, officer, password, now)
	if errors.Is(err, errBadLogin) {
		return errWrong
	}
	if err != nil {
		return err
	}
	s.change(token, func(ses *session) { ses.isLocked, ses.touched, s.state.isDirty = false, now, true })
	return nil
}

// firstView says whether this picture is new to the session.
func (s *sessions) firstView(token, picture string) (isFirst bool) {
	s.change(token, func(ses *session) {
		isFirst = !ses.viewed[picture]
		ses.viewed[picture] = true
	})
	return isFirst
}

func (w who) holds(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(w.csrf), []byte(csrf)) == 1
}
