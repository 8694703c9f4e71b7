package vehicle

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr/vehicle/vehicletest"
)

// TestAChangedConfigurationIsTakenOver: what is safe is in force at once, what is
// not is named, and a file that cannot be used changes nothing.
func TestAChangedConfigurationIsTakenOver(t *testing.T) {
	pictures, _ := standstill(t)
	cfg := carOf(t, pictures, "")
	v := demoVehicle(t, cfg)
	page := loggedIn(t, v)
	use(t, v, "state", "1", time.Now().Add(-time.Minute), listed("ABC123"))
	read := vehicletest.PassRead(t, "ABC123") // one and the same: no cool-down
	alerts := func() bool { return len(v.matcher.Match(read)) > 0 }
	if !alerts() {
		t.Fatal("the listed plate does not alert to begin with")
	}
	next := cfg
	next.Log.Level, next.Cameras = slog.LevelDebug, append(slices.Clone(cfg.Cameras), CameraConfig{Location: "rear.mp4"})
	next.Console.Units, next.Console.EntryFor = "km/h", time.Hour
	next.Hotlist.ForbidCategories = []string{listed("ABC123").Category}
	broken := next
	broken.Hotlist.ForbidCategories, broken.Hotlist.CoolDown = nil, -1
	loads := []func() (Config, error){
		func() (Config, error) { return next, nil },
		func() (Config, error) { return broken, nil },
		func() (Config, error) { return Config{}, errors.New("no such file") },
		func() (Config, error) { return cfg, nil },
	}
	ask := make(chan os.Signal)
	level := new(slog.LevelVar)
	v.reload = &Reload{Ask: ask, Level: level, Load: func() (Config, error) {
		load := loads[0]
		loads = loads[1:]
		return load()
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- v.reloads(ctx) }()
	for i, want := range []struct {
		alerts  bool
		level   slog.Level
		problem string // of the one before
	}{
		{false, slog.LevelDebug, "start alpr anew for cameras, console.entry_for"},
		{false, slog.LevelDebug, "NOT in force"},
		{false, slog.LevelDebug, "no such file"},
		{true, slog.LevelInfo, ""},
	} {
		ask <- syscall.SIGHUP
		awaitReload(t, v, want.problem)
		said := page.send("GET", "/api/words", nil).Body.String()
		if isMetric := strings.Contains(said, "km/h"); isMetric == want.alerts {
			t.Errorf("reload %d: the page says %.200s", i+1, said)
		}
		if alerts() != want.alerts || level.Level() != want.level {
			t.Errorf("reload %d: alerts %v at level %s, want %+v", i+1, alerts(), level.Level(), want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// awaitReload waits until the page's problems hold a text, or where it is empty,
// none about the configuration.
func awaitReload(t *testing.T, v *Vehicle, want string) {
	t.Helper()
	for t.Context().Err() == nil {
		about := slices.DeleteFunc(v.problems(), func(p string) bool { return !strings.Contains(p, "configuration") })
		if want == "" && len(about) == 0 || want != "" && strings.Contains(strings.Join(about, "\n"), want) {
			return
		}
	}
	t.Fatalf("no problem says %q", want)
}

func TestChangedKeys(t *testing.T) {
	a := DefaultConfig()
	b := a
	b.GPS.Fixed.Lat, b.Console.Language, b.Hotlist.Thresholds.High, b.Cameras = 1, "es", 0.5, []CameraConfig{{}}
	if got, want := changedKeys(a, b), []string{"cameras", "console.language", "gps.fixed.lat", "hotlist.thresholds.high"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
