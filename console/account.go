package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"time"

	"alpr"
)

// sessionView is what the page needs to know about who uses it.
type sessionView struct {
	Officer    string   `json:"officer"`
	Full       string   `json:"full"`
	Agency     string   `json:"agency"`
	Token      string   `json:"token"`
	IsLocked   bool     `json:"is_locked"`
	IsDemo     bool     `json:"is_demo"`
	Lead       string   `json:"lead"`
	Actions    []string `json:"actions"`
	Purposes   []string `json:"purposes"`
	Categories []string `json:"categories"`
	EntryHours int      `json:"entry_hours"`
	ShiftHours int      `json:"shift_hours"` // until the session ends
	Role       Role     `json:"role"`
	MayAdd     bool     `json:"may_add"` // list a plate
	ReadsForS  int      `json:"reads_for_s"`
	HasEntries bool     `json:"has_entries"`
	Regions    []string `json:"regions"` // US states, for the manual entry
}

func (c *Console) viewSession(me who) sessionView {
	return sessionView{Officer: me.Name, Full: me.Full, Agency: me.Agency, Token: me.csrf, IsLocked: me.isLocked,
		IsDemo: c.cfg.Demo, Lead: leadOnly, Actions: c.words().Actions, Purposes: c.words().Purposes, Categories: c.words().Categories,
		EntryHours: int(c.cfg.EntryFor.Hours()), ShiftHours: c.shiftHours(me), Role: me.Role, MayAdd: c.mayAdd(me), ReadsForS: int(c.readsFor().Seconds()), HasEntries: c.deps.Entries != nil,
		Regions: regionCodes()}
}

// shiftHours are the full hours until the session ends, and at least one.
func (c *Console) shiftHours(me who) int {
	left := c.cfg.SessionFor - c.now().Sub(me.started)
	return min(max(1, int(math.Ceil(left.Hours()))), max(1, int(c.cfg.EntryFor.Hours())))
}

func (c *Console) mayAdd(me who) bool {
	return me.Role == RoleSupervisor || me.Role != RoleTechnician && c.cfg.AddEntries == RoleOfficer
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Name, Password string }
	if err := decode(r, &in); err != nil {
		return err
	}
	v := visitor{addr: visitorAddr(r.RemoteAddr)}
	if cookie, err := r.Cookie(deviceCookieName(in.Name)); err == nil {
		v.device = c.sessions.device(in.Name, cookie.Value)
	}
	me, err := c.sessions.login(r.Context(), v, in.Name, in.Password, c.now())
	if err != nil {
		// A name that no account has may be a password typed in the wrong place: it is not written down.
		name := "unknown"
		if u, ok := c.sessions.accounts.get(in.Name); ok {
			name = u.Name
		}
		c.refuse(r, alpr.ActionLoginRefused, name, err)
		return problem{loginCode(err), err}
	}
	c.writeRefusals(r.Context(), me.Name, false) // the guesses stand before what came of them
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionLogin}); err != nil {
		// An officer is not kept from alerts by a full disk: the console says
		// what is wrong, and refuses whatever needs the log.
		c.log.Warn("login without audit", keyOfficer, me.Name)
	}
	http.SetCookie(w, c.cookie(cookieName, me.token, "/", c.cfg.SessionFor))
	if v.device == "" {
		v.device = rand.Text()
	}
	http.SetCookie(w, c.cookie(deviceCookieName(me.Name), c.sessions.deviceCookie(me.User, v.device), "/api/", deviceFor))
	return reply(w, http.StatusOK, c.viewSession(me))
}

// deviceFor is how long a browser is known to an account after a login.
const deviceFor = 180 * 24 * time.Hour

// deviceCookieName is the cookie by which a browser is known to one account.
func deviceCookieName(officer string) string {
	sum := sha256.Sum256([]byte(officer))
	return "alpr_device_" + hex.EncodeToString(sum[:6])
}

func (c *Console) cookie(name, value, path string, lasts time.Duration) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: path, HttpOnly: true,
		Secure: c.cfg.usesTLS(), SameSite: http.SameSiteStrictMode, MaxAge: int(lasts.Seconds())}
}

func loginCode(err error) int {
	switch {
	case errors.Is(err, errTooMany), errors.Is(err, errBusy):
		return http.StatusTooManyRequests
	case errors.Is(err, errWrong): // his session goes on
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

func (c *Console) getSession(w http.ResponseWriter, _ *http.Request, me who) error {
	return reply(w, http.StatusOK, c.viewSession(me))
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request, me who) error {
	c.sessions.end(me.token)
	gone := c.cookie(cookieName, "", "/", 0)
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionLogout}); err != nil {
		c.log.Warn("logout without audit", keyOfficer, me.Name)
	}
	return done(w)
}

func (c *Console) lock(w http.ResponseWriter, r *http.Request, me who) error {
	c.sessions.lock(me.token)
	if !me.isLocked {
		_ = c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionLock}) // locked it is, written down or not
	}
	return done(w)
}

func (c *Console) unlock(w http.ResponseWriter, r *http.Request, me who) error {
	var in struct{ Password string }
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := c.sessions.unlock(r.Context(), me.token, in.Password, c.now()); err != nil {
		c.refuse(r, alpr.ActionUnlockRefused, me.Name, err)
		return problem{loginCode(err), err}
	}
	c.writeRefusals(r.Context(), me.Name, false)
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionUnlock}); err != nil {
		c.log.Warn("unlock without audit", keyOfficer, me.Name) // as with a login: alerts come first
	}
	me.isLocked = false
	return reply(w, http.StatusOK, c.viewSession(me))
}

// touch only keeps the session open: withOfficer has noted it.
func (c *Console) touch(w http.ResponseWriter, _ *http.Request, _ who) error { return done(w) }
