package console

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Why a login or a request is turned away.
var (
	errBadLogin   = errors.New("name or password is wrong")
	errTooMany    = errors.New("too many wrong passwords")
	errNoSession  = errors.New("log in first")
	errLocked     = errors.New("the console is locked: unlock it with your password")
	errBadToken   = errors.New("this page is out of date: reload it")
	errNoAccounts = errors.New("no account exists: add one with `alpr user add`")
)

const (
	freeTries    = 3 // wrong passwords before waiting begins
	maxWait      = 5 * time.Minute
	maxSessions  = 32
	movingMPS    = 2.0 // faster than walking: the car is being driven
	demoName     = "demo"
	demoPassword = "demo"
)

// session is one officer at one browser.
type session struct {
	user     User
	token    string // in the cookie
	csrf     string // in the header of every changing request
	started  time.Time
	touched  time.Time
	isLocked bool
	viewed   map[string]bool // pictures of hits already in the audit log for this session
}

// sessions knows who is logged in. All times come from the caller.
type sessions struct {
	users     map[string]User
	lockAfter time.Duration
	lasts     time.Duration

	mu    sync.Mutex
	live  map[string]*session
	tries map[string]attempts
	hash  sync.Mutex // one password hash at a time: a guesser must not starve the cameras of the processor
}

type attempts struct {
	wrong int
	until time.Time // no further try before
}

func newSessions(users map[string]User, cfg Config) *sessions {
	return &sessions{users: users, lockAfter: cfg.LockAfter, lasts: cfg.SessionFor,
		live: map[string]*session{}, tries: map[string]attempts{}}
}

// login opens a session. After a few wrong passwords for one name each further
// try must wait twice as long as the one before.
func (s *sessions) login(name, password string, now time.Time) (*session, error) {
	u, err := s.verify(name, password, now)
	if err != nil {
		return nil, err
	}
	ses := &session{user: u, token: rand.Text(), csrf: rand.Text(), started: now, touched: now, viewed: map[string]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOld(now)
	s.live[ses.token] = ses
	return ses, nil
}

func (s *sessions) verify(name, password string, now time.Time) (User, error) {
	if len(s.users) == 0 {
		return User{}, errNoAccounts
	}
	if wait := s.waitFor(name, now); wait > 0 {
		return User{}, fmt.Errorf("%w: try again in %d s", errTooMany, int(wait.Seconds())+1)
	}
	u, known := s.users[name]
	if !known { // hash all the same: the time taken must not tell which names exist
		u.hash = passwordHash{rounds: hashRounds, salt: make([]byte, saltLen), key: make([]byte, keyLen)}
	}
	s.hash.Lock()
	ok := len(password) <= maxPassword && u.hash.matches(password) && known
	s.hash.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		delete(s.tries, name)
		return u, nil
	}
	s.countWrong(name, now)
	return User{}, errBadLogin
}

func (s *sessions) waitFor(name string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries[name].until.Sub(now)
}

// countWrong is called with mu held.
func (s *sessions) countWrong(name string, now time.Time) {
	if len(s.tries) > 1000 { // names made up by a guesser
		clear(s.tries)
	}
	t := s.tries[name]
	t.wrong++
	if over := t.wrong - freeTries; over >= 0 {
		t.until = now.Add(min(time.Second<<min(over, 20), maxWait))
	}
	s.tries[name] = t
}

// dropOld is called with mu held. It ends sessions that are over, and the
// oldest where there are too many.
func (s *sessions) dropOld(now time.Time) {
	var oldest *session
	for _, ses := range s.live {
		if now.Sub(ses.started) > s.lasts {
			delete(s.live, ses.token)
		} else if oldest == nil || ses.started.Before(oldest.started) {
			oldest = ses
		}
	}
	if len(s.live) >= maxSessions && oldest != nil {
		delete(s.live, oldest.token)
	}
}

// who says whose session the cookie names, and whether it is locked.
type who struct {
	User
	token    string
	csrf     string
	isLocked bool
}

// find returns the session of a cookie. The speed of the car keeps it open:
// who drives does not touch the screen.
func (s *sessions) find(token string, now time.Time, speedMPS float64) (who, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses, ok := s.live[token]
	if !ok || now.Sub(ses.started) > s.lasts {
		delete(s.live, token)
		return who{}, errNoSession
	}
	if speedMPS > movingMPS && !ses.isLocked {
		ses.touched = now
	}
	if s.lockAfter > 0 && now.Sub(ses.touched) > s.lockAfter {
		ses.isLocked = true
	}
	return who{User: ses.user, token: token, csrf: ses.csrf, isLocked: ses.isLocked}, nil
}

// touch notes that the officer did something.
func (s *sessions) touch(token string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses, ok := s.live[token]; ok && !ses.isLocked {
		ses.touched = now
	}
}

func (s *sessions) lock(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses, ok := s.live[token]; ok {
		ses.isLocked = true
	}
}

// unlock opens a locked session for the officer whose it is.
func (s *sessions) unlock(token, password string, now time.Time) error {
	s.mu.Lock()
	ses, ok := s.live[token]
	s.mu.Unlock()
	if !ok {
		return errNoSession
	}
	if _, err := s.verify(ses.user.Name, password, now); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ses.isLocked, ses.touched = false, now
	return nil
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, token)
}

// firstView says whether this picture is new to the session.
func (s *sessions) firstView(token, picture string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses, ok := s.live[token]
	if !ok || ses.viewed[picture] {
		return false
	}
	ses.viewed[picture] = true
	return true
}

func (w who) holds(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(w.csrf), []byte(csrf)) == 1
}
