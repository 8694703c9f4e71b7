package vehicle

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/console"
	"alpr/hotlist"
	"alpr/internal/host"
	"alpr/store"
	"alpr/vehicle/vehicletest"
)

// TestTheStatusSaysWhatIs: lists age by their own limits, reads are counted, and
// nothing is called checked that nothing checks.
func TestTheStatusSaysWhatIs(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	hour, week := time.Hour, 7*24*time.Hour
	cfg.Hotlist.Lists = map[string]hotlist.ListPolicy{"amber": {MaxAge: &hour}, "county": {MaxAge: &week}}
	v := demoVehicle(t, cfg)
	for name, age := range map[string]time.Duration{"amber": 2 * time.Hour, "county": 48 * time.Hour, "state": 2 * time.Hour} {
		use(t, v, name, "1", time.Now().Add(-age), listed("ABC123"))
	}
	if err := vehicletest.Keep(t.Context(), v.store, vehicletest.PassRead(t, "REC111"), nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { _ = v.countReads(ctx) }()
	for v.readsOnRecord.Load() == 0 && t.Context().Err() == nil {
		<-time.After(time.Millisecond)
	}
	stop()
	s := v.status()
	if s.Store.Reads != 1 {
		t.Errorf("%d reads on record, 1 was recorded", s.Store.Reads)
	}
	for _, l := range s.Lists {
		if l.IsStale != (l.Name == "amber") {
			t.Errorf("list %s of %s is stale: %v", l.Name, time.Since(l.PublishedAt), l.IsStale)
		}
	}
	if isOK := s.Clock.Level == console.LevelOK; isOK != host.IsClockSynchronised() {
		t.Errorf("no receiver, synchronised: %v, and the page says %+v", host.IsClockSynchronised(), s.Clock)
	}
}

// stateOf is a source of which only the state is asked.
type stateOf struct {
	Source
	state camera.State
}

func (s stateOf) Name() string        { return "front" }
func (s stateOf) State() camera.State { return s.state }

// TestASlowCameraIsNotDown: five seconds without a picture are a camera's pace, or
// its end.
func TestASlowCameraIsNotDown(t *testing.T) {
	now := time.Now()
	for pace, want := range map[time.Duration]console.Level{5 * time.Second: console.LevelOK, time.Second / 10: console.LevelDown} {
		s := cameraStatus(newTap(stateOf{state: camera.State{IsOpen: true, Frames: 9, LastFrame: now.Add(-5 * time.Second), Pace: pace}}), 0, now)
		if s.Level != want {
			t.Errorf("a picture every %s, the last five seconds ago: %+v, want %v", pace, s.PartStatus, want)
		}
	}
}

// TestFixedPositionIsTheLocator has a camera that does not move.
func TestFixedPositionIsTheLocator(t *testing.T) {
	v := &Vehicle{cfg: Config{GPS: GPSConfig{Fixed: FixedConfig{Lat: 27.5, Lon: -82.5, AltM: 12}}}, log: slog.New(slog.DiscardHandler)}
	if err := v.addLocator(nil); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if f := v.locator.At(now); f.Lat != 27.5 || f.Lon != -82.5 || f.Quality != alpr.FixedPosition {
		t.Errorf("position %+v", f)
	}
	if s := v.gpsStatus(now); s.Level != console.LevelOK {
		t.Errorf("status %+v", s)
	}
}

// TestACutAuditLogIsOnThePageForEver: also after more was recorded.
func TestACutAuditLogIsOnThePageForEver(t *testing.T) {
	cfg := newSoundCar(t).cfg
	cfg.Path = filepath.Join(t.TempDir(), "alpr.db")
	for start := range 3 {
		s, err := store.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if err := s.AuditLog().Audit(t.Context(), alpr.AuditRecord{Officer: "o1", Action: alpr.ActionLogin}); err != nil {
				t.Fatal(err)
			}
		}
		page := auditStatus(s.AuditLog())
		if isBroken := page.Level == console.LevelDegraded && strings.Contains(page.Detail, "broken at record 6:"); isBroken != (start > 0) {
			t.Errorf("start %d: %+v", start, page)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			cut(t, cfg.Path, "DELETE FROM audit WHERE seq > 5")
		}
	}
}

func cut(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
