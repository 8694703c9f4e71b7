// Package api answers what a backend team asks of the events that are kept, over
// HTTP: docs/schema/openapi.yaml describes it. Who asks is a client certificate's name or,
// on this machine alone, anybody; every look at events and pictures names an officer
// and a purpose, and is recorded before it is answered.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/docs/schema"
	"alpr/sync/event"
)

// Archive is what is kept.
type Archive interface {
	backend.Archive
}

// Local is who asks without a certificate.
const Local = "local"

// All stands for every agency.
const All = "*"

// Server answers requests. Make it with New.
type Server struct {
	readers map[string]string // who may ask → which agency's vehicles about; All for all
	log     *slog.Logger
	now     func() time.Time
	mux     *http.ServeMux

	mu      sync.Mutex // an archive is one goroutine's at a time
	archive Archive
}

// New makes a Server. readers are the common names of certificates and the agency
// that each may ask about.
func New(archive Archive, readers map[string]string, log *slog.Logger) *Server {
	s := &Server{readers: readers, log: log.With("part", "api"), now: time.Now, mux: http.NewServeMux(), archive: archive}
	s.mux.HandleFunc("GET /v1/events", s.guarded(s.events))
	s.mux.HandleFunc("GET /v1/vehicles", s.guarded(s.vehicles))
	s.mux.HandleFunc("GET /v1/pictures/{sha256}", s.guarded(s.picture))
	s.mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(schema.OpenAPI)
	})
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// failure is an answer that is none: a status and a sentence.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

// asker is who asks, and which agency's vehicles about.
type asker struct{ name, agency string }

type handler func(ctx context.Context, who asker, r *http.Request) (contentType string, body []byte, err error)

// guarded lets those in who may ask, and turns errors into answers.
func (s *Server) guarded(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := s.identify(r)
		var contentType string
		var body []byte
		if err == nil {
			s.mu.Lock()
			contentType, body, err = h(r.Context(), who, r)
			s.mu.Unlock()
		}
		w.Header().Set("Cache-Control", "no-store")
		if err == nil {
			w.Header().Set("Content-Type", contentType)
			w.Write(body)
			return
		}
		f := failure{http.StatusInternalServerError, "the archive does not answer: see the server's log"}
		if !errors.As(err, &f) {
			s.log.Error("answer a request", "path", r.URL.Path, "error", err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": f.text}) // who has gone needs no answer
	}
}

func (s *Server) identify(r *http.Request) (asker, error) {
	name := Local
	if r.TLS != nil {
		if len(r.TLS.VerifiedChains) == 0 {
			return asker{}, failure{http.StatusUnauthorized, "show a client certificate"}
		}
		name = r.TLS.VerifiedChains[0][0].Subject.CommonName
	}
	agency, ok := s.readers[name]
	if !ok {
		return asker{}, failure{http.StatusForbidden, fmt.Sprintf("%q may ask nothing here: start the server with --reader %s=AGENCY", name, name)}
	}
	return asker{name, agency}, nil
}

// look records who looks at what, and why, before it is shown.
func (s *Server) look(ctx context.Context, who asker, r *http.Request, action, subject string) error {
	a := backend.Access{At: s.now().UTC(), Officer: r.Header.Get("Alpr-Officer"), Purpose: r.Header.Get("Alpr-Purpose"), Action: action, Subject: subject}
	if a.Officer == "" || a.Purpose == "" {
		return failure{http.StatusBadRequest, "name who looks in the header Alpr-Officer, and why in Alpr-Purpose"}
	}
	if err := alpr.CheckPurpose(a.Purpose); err != nil {
		return failure{http.StatusBadRequest, err.Error()}
	}
	if who.name != Local {
		a.Officer += " (" + who.name + ")"
	}
	return s.archive.NoteAccess(ctx, a)
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// search reads the query of a request. An asker of one agency finds that one's alone.
func search(who asker, r *http.Request) (q backend.Search, err error) {
	v := r.URL.Query()
	q = backend.Search{Agency: v.Get("agency"), Vehicle: v.Get("vehicle"), Kind: v.Get("kind"), Limit: defaultLimit}
	bad := func(name string, err error) (backend.Search, error) {
		return q, failure{http.StatusBadRequest, fmt.Sprintf("%s: %v", name, err)}
	}
	if who.agency != All {
		if q.Agency != "" && q.Agency != who.agency {
			return q, failure{http.StatusForbidden, fmt.Sprintf("%s may ask about agency %s alone", who.name, who.agency)}
		}
		q.Agency = who.agency
	}
	if text := v.Get("plate"); text != "" {
		if q.Plate, err = alpr.ParsePlate(text); err != nil {
			return bad("plate", err)
		}
	}
	for name, into := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if text := v.Get(name); text != "" {
			if *into, err = time.Parse(time.RFC3339, text); err != nil {
				return bad(name, errors.New("not a time such as 2026-11-28T12:00:00Z"))
			}
		}
	}
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			return bad("limit", fmt.Errorf("not between 1 and %d", maxLimit))
		}
	}
	if q.After, err = backend.ParseCursor(v.Get("cursor")); err != nil {
		return bad("cursor", err)
	}
	return q, nil
}

func (s *Server) events(ctx context.Context, who asker, r *http.Request) (string, []byte, error) {
	q, err := search(who, r)
	if err != nil {
		return "", nil, err
	}
	if err := s.look(ctx, who, r, "search events", r.URL.Query().Encode()); err != nil {
		return "", nil, err
	}
	found, err := s.archive.Find(ctx, q)
	if err != nil {
		return "", nil, err
	}
	answer := struct {
		Events []json.RawMessage `json:"events"`
		Next   string            `json:"next,omitempty"` // cursor; there is more
	}{Events: []json.RawMessage{}}
	for _, f := range found {
		answer.Events = append(answer.Events, f.Event)
	}
	if len(found) == q.Limit {
		answer.Next = found[len(found)-1].String()
	}
	body, err := json.Marshal(answer)
	return "application/json", body, err
}

// vehicleAnswer is one vehicle of the fleet.
type vehicleAnswer struct {
	Agency  string          `json:"agency"`
	Vehicle string          `json:"vehicle"`
	SeenAt  time.Time       `json:"seen_at"`
	Status  json.RawMessage `json:"status,omitempty"`
	Health  json.RawMessage `json:"health,omitempty"`
}

func (s *Server) vehicles(ctx context.Context, who asker, _ *http.Request) (string, []byte, error) {
	agency := who.agency
	if agency == All {
		agency = ""
	}
	states, err := s.archive.States(ctx, agency)
	if err != nil {
		return "", nil, err
	}
	fleet := []vehicleAnswer{}
	for _, v := range states {
		if n := len(fleet); n == 0 || fleet[n-1].Agency != v.Vehicle.Agency || fleet[n-1].Vehicle != v.Vehicle.Name {
			fleet = append(fleet, vehicleAnswer{Agency: v.Vehicle.Agency, Vehicle: v.Vehicle.Name})
		}
		last := &fleet[len(fleet)-1]
		if v.SeenAt.After(last.SeenAt) {
			last.SeenAt = v.SeenAt.UTC()
		}
		switch v.Kind {
		case event.TopicStatus:
			last.Status = v.Data
		case event.TopicHealth:
			last.Health = v.Data
		}
	}
	body, err := json.Marshal(map[string]any{"vehicles": fleet})
	return "application/json", body, err
}

func (s *Server) picture(ctx context.Context, who asker, r *http.Request) (string, []byte, error) {
	if who.agency != All {
		return "", nil, failure{http.StatusForbidden, "pictures are for those who may ask about all agencies"}
	}
	officer := r.Header.Get("Alpr-Officer")
	if officer != "" && who.name != Local {
		officer += " (" + who.name + ")"
	}
	jpeg, err := backend.Picture(ctx, s.archive, r.PathValue("sha256"), backend.Access{At: s.now().UTC(), Officer: officer, Purpose: r.Header.Get("Alpr-Purpose")})
	switch {
	case errors.Is(err, backend.ErrNotKept), errors.Is(err, backend.ErrNotWhole):
		return "", nil, failure{http.StatusNotFound, err.Error()}
	case errors.Is(err, backend.ErrNoReason), errors.Is(err, backend.ErrNotAHash), errors.Is(err, alpr.ErrBadPurpose):
		return "", nil, failure{http.StatusBadRequest, err.Error()}
	}
	return "image/jpeg", jpeg, err
}
