package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/backend"
	"alpr/sync/event"
)

// command runs a command line.
func command(t testing.TB, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, &o, &e)
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
		{"--help", exitDone, ""},
		{"gaps --sink sqlite:" + filepath.Join(dir, "new.db"), exitDone, ""},
		{"gaps", exitUsage, "sink"},
		{"gaps --sink ndjson:-", exitFailed, "postgres://… or sqlite:FILE"},
		{"gaps --sink " + nowhere, exitFailed, "connect to PostgreSQL"},
		{"forget-everything", exitUsage, "unknown command"},
		{"gaps --flag", exitUsage, "unknown flag"},
		{"picture --sink sqlite:x --officer o --purpose p", exitUsage, "accepts 1 arg"},
		{"keygen a/b " + filepath.Join(dir, "key"), exitUsage, "a name is"},
		{"acl --vehicle car-1", exitUsage, "agency/vehicle"},
		{"consume --sign-key " + filepath.Join(dir, "none"), exitFailed, "read key"},
		{"fleet --broker tcp://127.0.0.1:1", exitFailed, "connect to tcp://127.0.0.1:1"},
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
	if got, err := os.ReadFile(file); code != exitDone || err != nil || !bytes.Equal(got, jpeg) || !strings.Contains(out, file) {
		t.Errorf("exit code %d, %q %q, saved %q, %v", code, out, errs, got, err)
	}
	code, out, _ = command(t, "accesses", "--sink", sink)
	var got backend.Access
	if err := json.Unmarshal([]byte(out), &got); code != exitDone || err != nil || got.Officer != "analyst" || got.Purpose != "case 9" || got.Subject != sha {
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
