package console

import (
	"errors"
	"net/http"

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
	ReadsForS  int      `json:"reads_for_s"`
	HasEntries bool     `json:"has_entries"`
	Regions    []string `json:"regions"` // US states, for the manual entry
}

func (c *Console) viewSession(me who) sessionView {
	return sessionView{Officer: me.Name, Full: me.Full, Agency: me.Agency, Token: me.csrf, IsLocked: me.isLocked,
		IsDemo: c.cfg.Demo, Lead: leadOnly, Actions: c.cfg.Actions, Purposes: c.cfg.Purposes, Categories: c.cfg.Categories,
		EntryHours: int(c.cfg.EntryFor.Hours()), ReadsForS: int(c.readsFor().Seconds()), HasEntries: c.deps.Entries != nil,
		Regions: regionCodes()}
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Name, Password string }
	if err := decode(r, &in); err != nil {
		return err
	}
	ses, err := c.sessions.login(in.Name, in.Password, c.now())
	if err != nil {
		// A name that no account has may be a password typed in the wrong place: it is not written down.
		name := "unknown"
		if u, ok := c.sessions.users[in.Name]; ok {
			name = u.Name
		}
		c.refuse(r, alpr.ActionLoginRefused, name, err)
		return problem{loginCode(err), err}
	}
	c.writeRefusals(r.Context(), ses.user.Name, false) // the guesses stand before what came of them
	me := who{User: ses.user, token: ses.token, csrf: ses.csrf}
	if err := c.audit(r.Context(), me, alpr.AuditRecord{Action: alpr.ActionLogin}); err != nil {
		// An officer is not kept from alerts by a full disk: the console says
		// what is wrong, and refuses whatever needs the log.
		c.log.Warn("login without audit", keyOfficer, me.Name)
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: ses.token, Path: "/", HttpOnly: true,
		Secure: c.cfg.usesTLS(), SameSite: http.SameSiteStrictMode, MaxAge: int(c.cfg.SessionFor.Seconds())})
	return reply(w, http.StatusOK, c.viewSession(me))
}

func loginCode(err error) int {
	if errors.Is(err, errTooMany) {
		return http.StatusTooManyRequests
	}
	return http.StatusUnauthorized
}

func (c *Console) getSession(w http.ResponseWriter, _ *http.Request, me who) error {
	return reply(w, http.StatusOK, c.viewSession(me))
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request, me who) error {
	c.sessions.end(me.token)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true,
		Secure: c.cfg.usesTLS(), SameSite: http.SameSiteStrictMode})
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
	if err := c.sessions.unlock(me.token, in.Password, c.now()); err != nil {
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
