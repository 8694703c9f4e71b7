package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/backend/demobroker"
	"alpr/internal/cli"
	"alpr/sync/event"
	"alpr/sync/synctest/brokertest"
	"alpr/sync/synctest/memory"
	"alpr/sync/synctest/synthetic"
	"alpr/sync/uplink"
)

// command runs a command line.
func command(t testing.TB, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = cli.Run(t.Context(), newRootCommand(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestExitCodesTellMistakesFromFailures(t *testing.T) {
	dir := t.TempDir()
	nowhere := "postgres://127.0.0.1:1/x"
	for _, tt := range []struct {
		args string
		code int
		says string // part of standard error
	}{
		{"--help", cli.ExitDone, ""},
		{"gaps --sink sqlite:" + filepath.Join(dir, "new.db"), cli.ExitDone, ""},
		{"audit --sink sqlite:" + filepath.Join(dir, "new.db"), cli.ExitDone, ""},
		{"gaps", cli.ExitUsage, "sink"},
		{"gaps --sink ndjson:-", cli.ExitFailed, "postgres://… or sqlite:FILE"},
		{"gaps --sink " + nowhere, cli.ExitFailed, "connect to PostgreSQL"},
		{"forget-everything", cli.ExitUsage, "unknown command"},
		{"gaps --flag", cli.ExitUsage, "unknown flag"},
		{"picture --sink sqlite:x --officer o --purpose p", cli.ExitUsage, "accepts 1 arg"},
		{"keygen a/b " + filepath.Join(dir, "key"), cli.ExitUsage, "a name is"},
		{"acl --vehicle car-1", cli.ExitUsage, "agency/vehicle"},
		{"consume --sign-key " + filepath.Join(dir, "none"), cli.ExitFailed, "read key"},
		{"fleet --broker tcp://127.0.0.1:1", cli.ExitFailed, "connect to tcp://127.0.0.1:1"},
	} {
		code, _, errs := command(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errs, tt.says) {
			t.Errorf("%s: exit code %d, %q; want %d and %q", tt.args, code, errs, tt.code, tt.says)
		}
	}
}

func TestAKeptPictureIsSavedAndTheLookRecorded(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	sink := "sqlite:" + filepath.Join(dir, "events.db")
	jpeg := []byte("pixels of a plate")
	sha := fmt.Sprintf("%x", sha256.Sum256(jpeg))
	keepPicture(t, sink, event.Image{ReadID: alpr.ID{1}, SHA256: sha, Size: len(jpeg), JPEG: jpeg, Reason: "policy"}, now)

	file := filepath.Join(dir, "plate.jpg")
	code, out, errs := command(t, "picture", sha, "--sink", sink, "--officer", "analyst", "--purpose", "case 9", "-o", file)
	if got, err := os.ReadFile(file); code != cli.ExitDone || err != nil || !bytes.Equal(got, jpeg) || !strings.Contains(out, file) {
		t.Errorf("exit code %d, %q %q, saved %q, %v", code, out, errs, got, err)
	}
	code, out, _ = command(t, "accesses", "--sink", sink)
	var got backend.Access
	if err := json.Unmarshal([]byte(out), &got); code != cli.ExitDone || err != nil || got.Officer != "analyst" || got.Purpose != "case 9" || got.Subject != sha {
		t.Errorf("exit code %d, access %+v, %v", code, got, err)
	}
}

func keepPicture(t testing.TB, sink string, img event.Image, now time.Time) {
	t.Helper()
	ctx, car := context.Background(), event.Vehicle{Agency: "pd", Name: "car-1"}
	e, err := event.New(car, event.TypeImage, alpr.ID{2}, now, img)
	if err != nil {
		t.Fatal(err)
	}
	a, err := backend.OpenArchive(ctx, sink)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Write(ctx, backend.Batch{Rows: []backend.Row{{Vehicle: car, Event: e, ID: alpr.ID{2}, Revision: 1, ReceivedAt: now}}}); err != nil {
		t.Fatal(err)
	}
}

// fakeCar is what a vehicle does with what it is told.
type fakeCar struct {
	*memory.Hotlists
	keep atomic.Int64 // reads, nanoseconds
	shot uplink.Shot
}

func (c *fakeCar) Tighten(_ context.Context, _ alpr.RetentionClass, keep time.Duration) error {
	c.keep.Store(int64(keep))
	return nil
}

func (c *fakeCar) Forbid(context.Context, string) error { return nil }

func (c *fakeCar) PictureByHash(context.Context, [32]byte) (uplink.Shot, error) { return c.shot, nil }

// TestTheAgencysCommandsReachAVehicle follows docs/agency/backend.md from the first
// key to a saved picture, with a consumer running beside.
func TestTheAgencysCommandsReachAVehicle(t *testing.T) {
	b, err := demobroker.New("127.0.0.1:0", silent())
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Background(t, "broker", b.Run)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	do := func(args ...string) string {
		t.Helper()
		code, out, errs := command(t, args...)
		if code != cli.ExitDone {
			t.Fatalf("%v: exit code %d: %s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	atBroker := func(args ...string) string { t.Helper(); return do(append(args, "--broker", b.URL())...) }
	root := do("keygen", "root", file("root.key"), "--scope", "keys")
	receipts := do("keygen", "receipts", file("receipts.key"), "--scope", "receipt")
	daily := do("keygen", "daily", file("daily.key"))
	sink := "sqlite:" + file("events.db")
	brokertest.Background(t, "consume", func(ctx context.Context) error {
		if code := cli.Run(ctx, newRootCommand(), []string{"consume", "--quiet", "--sink", sink, "--sign-key", file("receipts.key"), "--broker", b.URL()}, io.Discard, t.Output()); code != cli.ExitDone {
			return fmt.Errorf("exit code %d", code)
		}
		return nil
	})

	m, now, jpeg := synthetic.New(1), time.Now(), bytes.Repeat([]byte("pixels of a plate "), 3000)
	sha := fmt.Sprintf("%x", sha256.Sum256(jpeg))
	hit := m.Hit(now)
	car := &fakeCar{Hotlists: memory.NewHotlists(nil), shot: uplink.Shot{JPEG: jpeg, Read: *hit.Read, Hit: hit.Hit}}
	box := memory.NewOutbox(m.ID(now))
	cfg := uplink.DefaultConfig()
	cfg.Broker, cfg.Agency, cfg.Vehicle, cfg.StateDir = b.URL(), "pd", "car-1", t.TempDir()
	cfg.HealthEvery, cfg.TrustedKeys = time.Second, []string{root, receipts}
	u, err := uplink.New(cfg, box, silent(), uplink.Options{Version: "1.0", Hotlists: car, Pictures: car, Policy: car})
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Background(t, "uplink", u.Run)
	box.Add(hit)
	brokertest.Until(t, "a signed receipt", func() bool { return box.Len() == 0 })

	atBroker("publish-keys", "--agency", "pd", "--add", daily, "--version", "1", "--sign-key", file("root.key"))
	list := "plate,state,reason,caseNumber\nABC123,FL,stolen,12-1\nKXM204,GA,stolen,12-2\n"
	if err := os.WriteFile(file("stolen.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	atBroker("publish-hotlist", file("stolen.csv"), "--agency", "pd", "--list", "stolen", "--state", file("lists"), "--sign-key", file("daily.key"))
	brokertest.Until(t, "the list", func() bool { version, ids := car.List("stolen"); return version == 1 && len(ids) == 2 })
	atBroker("publish-policy", "--vehicle", "pd/car-1", "--retention", "read=72h", "--version", "1", "--sign-key", file("daily.key"))
	brokertest.Until(t, "the policy", func() bool { return car.keep.Load() == int64(72*time.Hour) })
	brokertest.Until(t, "the fleet's table to show the list", func() bool {
		out := atBroker("fleet")
		return strings.Contains(out, "pd/car-1") && strings.Contains(out, "online") && strings.Contains(out, "stolen:1")
	})
	atBroker("request-image", sha, "--agency", "pd", "--vehicle", "car-1", "--officer", "analyst", "--purpose", "case 12-1",
		"--sign-key", file("daily.key"), "-o", file("asked.jpg"))
	brokertest.Until(t, "the picture kept by the consumer", func() bool {
		code, _, _ := command(t, "picture", sha, "--sink", sink, "--officer", "analyst", "--purpose", "case 12-1", "-o", file("kept.jpg"))
		return code == cli.ExitDone
	})
	for _, name := range []string{"asked.jpg", "kept.jpg"} {
		if got, err := os.ReadFile(file(name)); err != nil || !bytes.Equal(got, jpeg) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(jpeg), err)
		}
	}
	if out := do("gaps", "--sink", sink); out != "" {
		t.Errorf("gaps: %s", out)
	}
}

func TestAuditNamesWhatIsWrongAndFails(t *testing.T) {
	sink := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	a, err := backend.OpenArchive(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for boot, seq := range []uint64{7, 3} {
		st := event.Status{IsOnline: true, BootID: alpr.ID{byte(boot + 1)}, Since: now, Hotlists: map[string]uint64{}, Depth: event.Depth{Waiting: map[alpr.Kind]int64{}},
			Audit: &event.AuditHead{Log: strings.Repeat("a", 64), Seq: seq, Hash: strings.Repeat(fmt.Sprint(seq), 64), At: now}}
		v := event.Vehicle{Agency: "pd", Name: "car-1"}
		e, err := event.New(v, event.TypeStatus, synthetic.New(uint64(boot)).ID(now), now, st)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write(t.Context(), backend.Batch{Rows: []backend.Row{{Vehicle: v, Event: e, ReceivedAt: now}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, errs := command(t, "audit", "--sink", sink)
	if code != cli.ExitFailed || !strings.Contains(out, "pd/car-1") || !strings.Contains(out, "7777") || !strings.Contains(out, "set back the log ends with record 3 and had 7") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if code, out, _ := command(t, "audit", "--sink", sink, "--json"); code != cli.ExitFailed || !strings.Contains(out, `"kind":"set back"`) {
		t.Errorf("as JSON: exit code %d, %q", code, out)
	}
	if code, out, _ := command(t, "audit", "--sink", sink, "--since", "1ns"); code != cli.ExitDone {
		t.Errorf("nothing of late: exit code %d, %q", code, out)
	}
}

func TestFleetShowsABrokenAuditLog(t *testing.T) {
	var out strings.Builder
	line := func(name string, h *event.AuditHead) backend.FleetLine {
		return backend.FleetLine{Vehicle: event.Vehicle{Agency: "pd", Name: name}, Status: event.Status{IsOnline: true, Audit: h}}
	}
	lines := []backend.FleetLine{line("old", nil), line("sound", &event.AuditHead{Seq: 12}), line("cut", &event.AuditHead{Seq: 12, BrokenAt: 6})}
	if err := printFleet(&out, lines, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AUDIT LOG", "12 records", "BROKEN at 6"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		var out, errs bytes.Buffer
		if code := cli.Run(t.Context(), newRootCommand(), args, &out, &errs); code != cli.ExitDone || !strings.HasPrefix(out.String(), "alpr-backend ") || !strings.Contains(out.String(), version) {
			t.Errorf("%v: exit code %d: %q %q", args, code, out.String(), errs.String())
		}
	}
}
