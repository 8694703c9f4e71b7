package uplink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/internal/contain"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/synctest/memory"
)

// frame is a vehicle's rules as a backend may tighten them.
type frame struct{ t *testing.T }

func (f *frame) Tighten(_ context.Context, class alpr.RetentionClass, keep time.Duration) error {
	if keep < 0 {
		f.t.Errorf("%s is to be kept for %s", class, keep)
	}
	return nil
}

func (f *frame) Forbid(_ context.Context, category string) error {
	if category == "" {
		return errors.New("no category")
	}
	return nil
}

// kept is a picture of every hash.
type kept struct{}

func (kept) PictureByHash(context.Context, [32]byte) (Shot, error) {
	return Shot{JPEG: []byte("a picture")}, nil
}

// FuzzCommand has a backend with the right keys say anything on any topic, and
// anybody anything unsigned: the vehicle must obey or refuse it, without a panic.
func FuzzCommand(f *testing.F) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	key := downlink.Key{Name: "k", Scopes: downlink.Kinds(), Public: private.Public().(ed25519.PublicKey)}
	dir := f.TempDir()
	sha := downlink.Hash([]byte("a picture"))
	for i, text := range []string{
		`{"agency":"pd","list":"stolen","version":2,"published_at":"2031-01-01T00:00:00Z","full":{"sha256":"` + sha + `","size":9,"pieces":["` + sha + `"]},"remove_now":["1","2"]}`,
		`{"agency":"pd","list":"../x","version":18446744073709551615,"deltas":[{"base":1}]}`,
		`{"agency":"pd","version":1,"add":[{"name":"n","scopes":["image"],"public":"AA=="}],"revoke":["k"]}`,
		`{"agency":"pd","vehicle":"car-1","version":1,"retention_s":{"read":60},"forbid":["Wanted person"]}`,
		`{"agency":"pd","vehicle":"car-1","version":1,"retention_s":{"read":9223372036854775807,"":-1},"forbid":["",null]}`,
		`{"agency":"pd","vehicle":"car-1","sha256":"` + sha + `","requested_at":"2031-01-01T00:00:00Z","have":[0,-1,1099511627776]}`,
		`{"agency":"pd","vehicle":"car-1","sha256":"` + sha + `","requested_at":"9999-12-31T23:59:59Z"}`,
		`null`, `[]`, `{"agency":null}`,
	} {
		f.Add(uint8(i), uint8(i), true, []byte(text))
		f.Add(uint8(i), uint8(i), false, []byte(text))
	}
	f.Fuzz(func(t *testing.T, on, kind uint8, isSigned bool, text []byte) {
		cfg := DefaultConfig()
		cfg.Broker, cfg.Agency, cfg.Vehicle, cfg.StateDir = "tcp://127.0.0.1:1", "pd", "car-1", filepath.Join(dir, "state")
		cfg.TrustedKeys = []string{key.String()}
		if err := os.RemoveAll(cfg.StateDir); err != nil {
			t.Fatal(err)
		}
		guard := contain.New(slog.New(slog.DiscardHandler))
		u, err := New(cfg, memory.NewOutbox(alpr.ID{1}), slog.New(slog.DiscardHandler), Options{
			Guard: guard, Hotlists: memory.NewHotlists(nil), Pictures: kept{}, Policy: &frame{t},
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &session{u: u, manifests: make(chan downlink.Manifest, 2), announced: announced{latest: map[string]uint64{}, news: make(chan struct{})}}
		topics := []string{event.HotlistTopic("pd", "stolen"), event.KeysTopic("pd"), u.vehicle.PolicyTopic(), u.vehicle.ImageRequestTopic(sha), "alpr/x"}
		kinds := downlink.Kinds()
		if isSigned && json.Valid(text) {
			if text, err = downlink.Sign(kinds[int(kind)%len(kinds)], json.RawMessage(text), "k", private); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // retained: it comes again
			_ = s.handleOne(t.Context(), s.u.commandOf(topics[int(on)%len(topics)], text)) // taken or refused, both are fine
		}
		if n := guard.State(); n.Count != 0 {
			t.Errorf("%d panics: %s", n.Count, n.Last)
		}
	})
}

// FuzzAlbum opens a list of pictures to send that holds anything, and works it
// off: each place in a picture that it names must be one.
func FuzzAlbum(f *testing.F) {
	f.Add([]byte(`{"waiting":[{"sha256":"aa","reason":"request","have":[0],"next":24576}],"answered":{"aa":"2031-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"waiting":[null,{"next":-5}],"answered":null}`))
	f.Add([]byte(`{"waiting":[{"sha256":"\u202e","next":9223372036854775807}]}`))
	f.Add([]byte(`[]`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, "pictures.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := openUploads(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.plan(strings.Repeat("a", 64)); err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			e, ok := a.first()
			if !ok {
				return
			}
			if e.Next < 0 || n > len(text) {
				t.Fatalf("picture %d goes on at %d", n, e.Next)
			}
			if err := a.done(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
