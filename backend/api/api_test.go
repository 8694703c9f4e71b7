package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"alpr"
	"alpr/backend"
	"alpr/backend/api"
	"alpr/docs/schema"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/synthetic"
)

// keep writes items of two vehicles of two agencies into an archive.
func keep(t testing.TB, a backend.Archive) (plates []string) {
	t.Helper()
	v, err := backend.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	m, start := synthetic.New(1), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for i := range 6 {
		car := event.Vehicle{Agency: []string{"pd", "so"}[i%2], Name: "car-1"}
		it := m.Read(start.Add(time.Duration(i) * time.Minute))
		if i == 4 {
			it = m.Hit(start.Add(4 * time.Minute))
		}
		it.BootID, it.Seq = alpr.ID{1}, uint64(i+1)
		plates = append(plates, it.Read.Text.Text)
		e, err := event.FromItem(car, &it)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := event.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		in := v.Take(car.Topic(string(it.Kind)), raw, time.Now())
		status, err := event.New(car, event.TypeStatus, m.ID(start), start, event.Status{IsOnline: true, BootID: alpr.ID{1}, Since: start,
			Hotlists: map[string]uint64{}, Depth: event.Depth{Waiting: map[alpr.Kind]int64{}}})
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = event.Encode(status); err != nil {
			t.Fatal(err)
		}
		in.Rows = append(in.Rows, v.Take(car.Topic(event.TopicStatus), raw, time.Now()).Rows...)
		if _, err := a.Write(context.Background(), backend.Batch{Rows: in.Rows, Numbers: in.Numbers}); err != nil || len(in.Letters) > 0 {
			t.Fatal(err, in.Letters)
		}
	}
	return plates
}

// contract checks every answer against the description.
type contract struct {
	t      testing.TB
	router routers.Router
}

func newContract(t testing.TB) contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(schema.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return contract{t, router}
}

// ask sends a request, checks the answer against the description, and returns it.
func (c contract) ask(h http.Handler, target string, headers ...string) (int, []byte) {
	c.t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.t.Fatalf("%s is not described: %v", target, err)
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(),
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		c.t.Errorf("%s: the answer is not as described: %v", target, err)
	}
	return w.Code, w.Body.Bytes()
}

// archives are both databases.
func archives(t *testing.T, f func(t *testing.T, a backend.Archive)) {
	for name, target := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "postgres": brokertest.StartPostgres(t).URL} {
		t.Run(name, func(t *testing.T) {
			a, err := backend.OpenArchive(context.Background(), target)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Close() })
			f(t, a)
		})
	}
}

func TestEventsAreFoundAndTheLookRecorded(t *testing.T) {
	c := newContract(t)
	archives(t, func(t *testing.T, a backend.Archive) {
		plates := keep(t, a)
		c := contract{t, c.router}
		s := api.New(a, map[string]string{api.Local: api.All}, slog.New(slog.DiscardHandler))
		why := []string{"Alpr-Officer", "jdoe", "Alpr-Purpose", "case 12-345"}
		for _, tt := range []struct {
			query string
			want  int
		}{
			{"", 6}, {"agency=pd", 3}, {"vehicle=car-1&agency=so", 3}, {"vehicle=car-2", 0}, {"kind=hit", 1},
			{"plate=" + url.QueryEscape(plates[1][:2]+" "+plates[1][2:]), 1}, {"plate=" + plates[4], 1}, {"plate=" + plates[4] + "&kind=read", 0},
			{"from=2026-11-01T12:02:00Z&to=2026-11-01T12:04:00Z", 2}, {"limit=4", 4},
		} {
			status, body := c.ask(s, "/v1/events?"+tt.query, why...)
			var got struct {
				Events []event.Event
				Next   string
			}
			if err := json.Unmarshal(body, &got); err != nil || status != http.StatusOK || len(got.Events) != tt.want {
				t.Errorf("%s: %d, %d events, %v, want %d", tt.query, status, len(got.Events), err, tt.want)
			}
		}
		seen := map[string]bool{}
		for next, n := "", 0; n == 0 || next != ""; n++ {
			_, body := c.ask(s, "/v1/events?limit=2&cursor="+next, why...)
			var got struct {
				Events []event.Event
				Next   string
			}
			if err := json.Unmarshal(body, &got); err != nil || n > 4 {
				t.Fatal(n, err)
			}
			for _, e := range got.Events {
				seen[e.ID] = true
			}
			next = got.Next
		}
		if len(seen) != 6 {
			t.Errorf("page by page %d events, want 6", len(seen))
		}
		looks, err := a.Accesses(context.Background())
		if err != nil || len(looks) != 14 || looks[1].Officer != "jdoe" || looks[1].Purpose != "case 12-345" || looks[1].Subject != "agency=pd" {
			t.Errorf("%d looks, %v: %+v", len(looks), err, looks)
		}
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	c := newContract(t)
	a, err := backend.OpenArchive(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	keep(t, a)
	jpeg := []byte("pixels of a plate")
	sha := fmt.Sprintf("%x", sha256.Sum256(jpeg))
	s := api.New(a, map[string]string{api.Local: api.All}, slog.New(slog.DiscardHandler))
	why := []string{"Alpr-Officer", "jdoe", "Alpr-Purpose", "case 12-345"}
	for _, tt := range []struct {
		target  string
		headers []string
		status  int
	}{
		{"/v1/events", nil, http.StatusBadRequest},
		{"/v1/events", why[:2], http.StatusBadRequest},
		{"/v1/events", []string{"Alpr-Officer", "jdoe", "Alpr-Purpose", "."}, http.StatusBadRequest},
		{"/v1/events?limit=0", why, http.StatusBadRequest},
		{"/v1/events?limit=5000", why, http.StatusBadRequest},
		{"/v1/events?from=yesterday", why, http.StatusBadRequest},
		{"/v1/events?cursor=x", why, http.StatusBadRequest},
		{"/v1/events?plate=%25", why, http.StatusBadRequest},
		{"/v1/pictures/" + sha, nil, http.StatusBadRequest},
		{"/v1/pictures/" + sha, why, http.StatusNotFound},
		{"/v1/pictures/x", why, http.StatusBadRequest},
		{"/v1/vehicles", nil, http.StatusOK},
	} {
		if status, body := c.ask(s, tt.target, tt.headers...); status != tt.status {
			t.Errorf("%s with %v: %d %s, want %d", tt.target, tt.headers, status, body, tt.status)
		}
	}
	looks, err := a.Accesses(context.Background())
	if err != nil || len(looks) != 1 || looks[0].Subject != sha {
		t.Errorf("looks %+v, %v: what was refused for its form is none", looks, err)
	}
}

// TestACertificateAsksAboutItsOwnAgencyAlone goes through TLS.
func TestACertificateAsksAboutItsOwnAgencyAlone(t *testing.T) {
	a, err := backend.OpenArchive(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	keep(t, a)
	ca := brokertest.NewCA(t)
	pem, err := os.ReadFile(ca.File)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	srv := httptest.NewUnstartedServer(api.New(a, map[string]string{"desk": "pd"}, slog.New(slog.DiscardHandler)))
	srv.TLS = &tls.Config{ClientCAs: roots, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS13}
	srv.StartTLS()
	defer srv.Close()
	ask := func(name, path string) (int, []byte) {
		t.Helper()
		transport := srv.Client().Transport.(*http.Transport).Clone()
		if name != "" {
			cert, key := ca.Issue(t, name, time.Now().Add(time.Hour))
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
		}
		r, err := http.NewRequest("GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Alpr-Officer", "jdoe")
		r.Header.Set("Alpr-Purpose", "case 12-345")
		res, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, body
	}
	var got struct {
		Events, Vehicles []struct{ Source, Agency string }
	}
	for _, path := range []string{"/v1/events", "/v1/vehicles"} {
		status, body := ask("desk", path)
		if err := json.Unmarshal(body, &got); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
	}
	if len(got.Events) != 3 || got.Events[0].Source != "/alpr/pd/car-1" || len(got.Vehicles) != 1 || got.Vehicles[0].Agency != "pd" {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		name, path string
		status     int
	}{
		{"desk", "/v1/events?agency=so", http.StatusForbidden}, {"stranger", "/v1/events", http.StatusForbidden},
		{"", "/v1/events", http.StatusUnauthorized}, {"desk", "/v1/pictures/x", http.StatusForbidden},
	} {
		if status, body := ask(tt.name, tt.path); status != tt.status {
			t.Errorf("%q asks for %s: %d %s, want %d", tt.name, tt.path, status, body, tt.status)
		}
	}
	looks, err := a.Accesses(context.Background())
	if err != nil || len(looks) != 1 || looks[0].Officer != "jdoe (desk)" {
		t.Errorf("looks %+v, %v", looks, err)
	}
}
