package console

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"

	"alpr"
)

//go:embed web
var webFiles embed.FS

const (
	cookieName = "alpr_session"
	csrfHeader = "X-Alpr-Token"
	maxBody    = 16 << 10
)

// The page runs its own script and style, talks to its own server, and shows
// pictures from there; nothing else, whatever a hotlist row may hold.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// problem is an answer that is not a success: what the page shows the officer.
type problem struct {
	code int
	err  error
}

func (p problem) Error() string { return p.err.Error() }
func (p problem) Unwrap() error { return p.err }

func bad(format string, args ...any) error {
	return problem{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	c.routeFiles(mux)
	mux.HandleFunc("GET /api/words", c.handle(c.sayWords))
	mux.HandleFunc("GET /api/watch", c.handle(c.watch))
	mux.HandleFunc("POST /api/login", c.handle(c.login))
	mux.HandleFunc("GET /api/session", c.handle(c.withSession(c.getSession)))
	mux.HandleFunc("POST /api/logout", c.handle(c.withSession(c.logout)))
	mux.HandleFunc("POST /api/lock", c.handle(c.withSession(c.lock)))
	mux.HandleFunc("POST /api/unlock", c.handle(c.withSession(c.unlock)))
	mux.HandleFunc("POST /api/touch", c.handle(c.withOfficer(c.touch)))
	mux.HandleFunc("GET /api/events", c.handle(c.withSession(c.stream)))
	mux.HandleFunc("POST /api/hits/{id}/disposition", c.handle(c.withOfficer(c.dispose)))
	mux.HandleFunc("POST /api/hits/{id}/seen", c.handle(c.withOfficer(c.acknowledge)))
	mux.HandleFunc("POST /api/hits/{id}/undo", c.handle(c.withOfficer(c.undo)))
	mux.HandleFunc("POST /api/hits/{id}/quiet", c.handle(c.withOfficer(c.quieten)))
	mux.HandleFunc("POST /api/mute", c.handle(c.withOfficer(c.mute)))
	mux.HandleFunc("POST /api/listed", c.handle(c.withOfficer(c.listed)))
	mux.HandleFunc("GET /api/shift", c.handle(c.withOfficer(c.shift)))
	mux.HandleFunc("GET /api/hits/{id}/{which}", c.handle(c.withOfficer(c.hitPicture)))
	mux.HandleFunc("POST /api/reads/{id}/picture", c.handle(c.withOfficer(c.readPicture)))
	mux.HandleFunc("POST /api/lookup", c.handle(c.withOfficer(c.lookup)))
	mux.HandleFunc("GET /api/entries", c.handle(c.withOfficer(c.listEntries)))
	mux.HandleFunc("POST /api/entries", c.handle(c.withOfficer(c.addEntry)))
	mux.HandleFunc("POST /api/entries/remove", c.handle(c.withOfficer(c.removeEntry)))
	mux.HandleFunc("POST /api/emergency", c.handle(c.withOfficer(c.setEmergency)))
	mux.HandleFunc("/api/", c.handle(func(http.ResponseWriter, *http.Request) error {
		return problem{http.StatusNotFound, errors.New("there is nothing here")}
	}))
	return c.guard(http.NewCrossOriginProtection().Handler(mux))
}

// guard answers only to the console's own names, which is what stops a foreign
// site from reaching it through a name of its own (DNS rebinding), and sets the
// headers that every answer carries.
func (c *Console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A connection that is closed on what was not read is reset, and may take the
		// answer with it.
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		defer func() { _, _ = io.Copy(io.Discard, r.Body) }()
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if c.cfg.usesTLS() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !c.knowsHost(r.Host) {
			http.Error(w, "The console is not known under this name: open it by its address, or add the name to console.hosts.",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Console) knowsHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	listen, _, _ := net.SplitHostPort(c.cfg.Listen)
	switch {
	case isLoopback(host), slices.Contains(c.cfg.Hosts, host):
		return true
	case c.cfg.usesTLS() && net.ParseIP(host) != nil: // an address cannot be rebound
		return true
	}
	return listen != "" && host == listen
}

// routeFiles serves the page. Each file is named by its hash to the browser's
// cache, so that an update is seen at once and an unchanged file is not sent twice.
func (c *Console) routeFiles(mux *http.ServeMux) {
	root, err := fs.Sub(webFiles, "web")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	names, err := fs.Glob(root, "*")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			panic(err)
		}
		at := "GET /" + name
		if name == "index.html" {
			at = "GET /{$}"
		}
		mux.HandleFunc(at, fileHandler(name, data))
	}
}

func fileHandler(name string, data []byte) http.HandlerFunc {
	sum := sha256.Sum256(data)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	kind := mime.TypeByExtension(path.Ext(name))
	if path.Ext(name) == ".js" {
		kind = "text/javascript; charset=utf-8" // some systems' tables say otherwise
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Write(data)
	}
}

// handle turns an error into an answer that the page can show.
func (c *Console) handle(do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := c.deps.Guard.Do("request "+r.Pattern, func() error { return do(w, r) })
		if err == nil {
			return
		}
		var p problem
		if !errors.As(err, &p) {
			p = problem{http.StatusInternalServerError, err}
			c.log.Error("request", keyAction, r.Pattern, keyErr, err)
		}
		_ = reply(w, p.code, map[string]string{"error": p.err.Error()})
	}
}

func reply(w http.ResponseWriter, code int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, err := w.Write(append(mustJSON(v), '\n'))
	if err != nil {
		return nil // the page is gone: nobody is left to tell
	}
	return nil
}

func done(w http.ResponseWriter) error { return reply(w, http.StatusOK, struct{}{}) }

// decode reads a JSON body and nothing else: a form of a foreign page, which
// needs no permission to be sent, is not one.
func decode(r *http.Request, v any) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return problem{http.StatusUnsupportedMediaType, errors.New("send application/json")}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bad("the request cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("the request cannot be read: something follows its end")
	}
	return nil
}

type sessionHandler func(http.ResponseWriter, *http.Request, who) error

// withSession lets in who has logged in, locked or not. What changes something
// must carry the session's token.
func (c *Console) withSession(do sessionHandler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		me, err := c.whoIs(r)
		if err != nil {
			return c.notIn(r, err)
		}
		if r.Method != http.MethodGet && !me.holds(r.Header.Get(csrfHeader)) {
			return problem{http.StatusForbidden, errBadToken}
		}
		return do(w, r, me)
	}
}

// notIn is the answer to who has not logged in. Where nobody can, a page that was
// just opened must say so, and how to mend it: an officer before a log-in that
// takes no password would look for the fault in the wrong place.
func (c *Console) notIn(r *http.Request, err error) error {
	if _, noCookie := r.Cookie(cookieName); noCookie != nil {
		if nobody := c.sessions.accounts.nobody(); nobody != nil {
			return problem{http.StatusServiceUnavailable, nobody}
		}
	}
	return problem{http.StatusUnauthorized, err}
}

// withOfficer lets in who has logged in and is not locked out.
func (c *Console) withOfficer(do sessionHandler) func(http.ResponseWriter, *http.Request) error {
	return c.withSession(func(w http.ResponseWriter, r *http.Request, me who) error {
		if me.isLocked {
			return problem{http.StatusLocked, errLocked}
		}
		if me.Role == RoleTechnician && !technicianMay(r.Pattern) {
			return problem{http.StatusForbidden, errRole}
		}
		if r.Method != http.MethodGet {
			c.sessions.touch(me.token, c.now())
		}
		return do(w, r, me)
	})
}

var errRole = errors.New("a technician sees how the system does, and no plates")

// technicianMay lists what a technician's page asks for.
func technicianMay(pattern string) bool {
	return pattern == "POST /api/touch" || pattern == "POST /api/mute"
}

func (c *Console) whoIs(r *http.Request) (who, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return who{}, errNoSession
	}
	return c.sessions.find(cookie.Value, c.now(), c.speed())
}

// audit writes one interaction. The caller refuses what could not be written.
func (c *Console) audit(ctx context.Context, me who, rec alpr.AuditRecord) error {
	rec.At, rec.Officer, rec.Agency = c.now(), me.Name, me.Agency
	if rec.Agency == "" {
		rec.Agency = c.cfg.Agency
	}
	err := c.deps.Auditor.Audit(ctx, rec)
	c.mu.Lock()
	c.auditErr = err
	c.mu.Unlock()
	if err != nil {
		c.log.Error("write the audit log", keyAction, rec.Action, keyErr, err)
		return problem{http.StatusServiceUnavailable, fmt.Errorf("the audit log cannot be written, so this was refused: %w", err)}
	}
	return nil
}
