package admin

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr/hotlist/importer"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle"
)

// bench is a vehicle's records and a folder for list files.
type bench struct {
	t       *testing.T
	records *vehicle.Records
	dir     string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	profiles, err := retention.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	cfg := vehicle.DefaultConfig()
	cfg.Agency, cfg.Vehicle, cfg.DataDir, cfg.Policy = "test", "car-1", t.TempDir(), profiles["default"]
	r, err := vehicle.OpenRecords(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bench{t, r, t.TempDir()}
}

// file writes a list file as of a time.
func (b *bench) file(name, text string, at time.Time) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) who() store.Access { return store.Access{Officer: "4711", Purpose: "morning list"} }

func (b *bench) take(in Import, path string) (string, error) {
	b.t.Helper()
	if in.MaxBad == 0 {
		in.MaxBad = importer.DefaultMaxBad
	}
	var out bytes.Buffer
	err := in.Files(b.t.Context(), b.records, b.who(), []string{path}, &out)
	return out.String(), err
}

// alerts says what a plate would alert now.
func (b *bench) alerts(plate string) bool {
	b.t.Helper()
	var out bytes.Buffer
	if err := Check(b.t.Context(), b.records, b.who(), plate, time.Now(), &out); err != nil {
		b.t.Fatal(err)
	}
	return strings.Contains(out.String(), "  alerts")
}

const plates = "plate,state,reason\n"

func TestAListDoesNotGoBackInTime(t *testing.T) {
	b := newBench(t)
	now := time.Now().Truncate(time.Second)
	if _, err := b.take(Import{}, b.file("state.csv", plates+"NEW1234,TX,stolen\n", now.Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	old := b.file("state.csv.old", plates+"REC0VRD,TX,stolen\n", now.Add(-8*24*time.Hour))
	if _, err := b.take(Import{}, old); !errors.Is(err, ErrOlder) || b.alerts("REC0VRD") || !b.alerts("NEW1234") {
		t.Errorf("a list of last week: %v", err)
	}
	if _, err := b.take(Import{Published: now.Add(-8 * 24 * time.Hour).UTC().Format(time.RFC3339)}, old); !errors.Is(err, ErrOlder) {
		t.Errorf("the same, with the time said: %v", err)
	}
	if _, err := b.take(Import{List: "other"}, old); err != nil {
		t.Errorf("as a list of its own: %v", err)
	}
	if _, err := b.take(Import{IsForced: true}, old); err != nil || b.alerts("NEW1234") {
		t.Errorf("forced: %v", err)
	}
}

func TestTheAgeOfAListNeverGetsYoungerByACopy(t *testing.T) {
	b := newBench(t)
	june := time.Now().Add(-180 * 24 * time.Hour).Truncate(time.Second)
	published := func() time.Time {
		for _, l := range b.records.Matcher.Index().Lists() {
			if l.Name == "state" {
				return l.PublishedAt
			}
		}
		return time.Time{}
	}
	text := plates + "ABC1234,TX,stolen\n"
	if _, err := b.take(Import{}, b.file("state.csv", text, june)); err != nil {
		t.Fatal(err)
	}
	out, err := b.take(Import{}, b.file("state.csv", text, time.Now()))
	if err != nil || !published().Equal(june) || !strings.Contains(out, "first imported") {
		t.Errorf("a copy is of %s, the first of %s: %v\n%s", published(), june, err, out)
	}
	said := time.Now().Add(-time.Hour).Truncate(time.Second)
	if _, err := b.take(Import{Published: said.UTC().Format(time.RFC3339)}, b.file("state.csv", text, june)); err != nil || !published().Equal(said) {
		t.Errorf("what the source itself says of its list: %s, want %s: %v", published(), said, err)
	}
	if _, err := b.take(Import{}, b.file("state.csv", plates+"XYZ9876,TX,stolen\n", time.Now().Add(48*time.Hour))); err != nil || published().After(time.Now()) {
		t.Errorf("a file of the day after tomorrow is published %s: %v", published(), err)
	}
	if _, err := b.take(Import{Published: time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, b.file("state.csv", text, june)); err == nil {
		t.Error("a publication that is still to come was taken")
	}
}

func TestAListMayBecomeEmpty(t *testing.T) {
	b := newBench(t)
	now := time.Now()
	if _, err := b.take(Import{}, b.file("amber.csv", "LIC,LIS,NIC,MKE\nCHD4821,TX,A1,AA\n", now.Add(-time.Hour))); err != nil || !b.alerts("CHD4821") {
		t.Fatalf("%v", err)
	}
	heading := b.file("amber.csv", "LIC,LIS,NIC,MKE\n", now.Add(-time.Minute))
	if _, err := b.take(Import{}, heading); !errors.Is(err, importer.ErrEmptyList) || !b.alerts("CHD4821") {
		t.Errorf("a heading alone: %v", err)
	}
	if _, err := b.take(Import{MayBeEmpty: true}, heading); err != nil || b.alerts("CHD4821") {
		t.Errorf("a heading alone, meant: %v", err)
	}
	if _, err := b.take(Import{IsForced: true}, b.file("amber.csv", "LIC,LIS,NIC,MKE\nCHD4821,TX,A1,AA\n", now.Add(-time.Hour))); err != nil || !b.alerts("CHD4821") {
		t.Fatalf("%v", err)
	}
	if _, err := b.take(Import{}, b.file("amber.csv", "LIC,LIS,NIC,MKE\nCHD4821,TX,A1,XV\n", now)); err != nil || b.alerts("CHD4821") {
		t.Errorf("the last entry cancelled: %v", err)
	}
	if err := b.records.Lists.Load(t.Context()); err != nil || b.alerts("CHD4821") {
		t.Errorf("after another load: %v", err)
	}
}

func TestLintSaysWhatWouldBeTakenAndChangesNothing(t *testing.T) {
	b := newBench(t)
	in := Import{MaxBad: importer.DefaultMaxBad}
	var out bytes.Buffer
	good := b.file("county.csv", "plate,state,reason,clerk\nABC1234,CH,stolen,x\n", time.Now())
	if err := in.Lint(t.Context(), good, &out); err != nil {
		t.Errorf("a list that would be taken: %v", err)
	}
	for _, part := range []string{"format flock", `parted by ","`, "not used: clerk", "ABC1234", "1 rows, 1 entries", "line 2: state \"CH\"", "list county"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not said:\n%s", part, out.String())
		}
	}
	out.Reset()
	bad := b.file("bad.csv", "plate,state,reason\nABC1234,TX,stolen\nAB#1,TX,stolen\n", time.Now())
	if err := in.Lint(t.Context(), bad, &out); !errors.Is(err, importer.ErrTooManyBad) || !strings.Contains(out.String(), "ABC1234") || !strings.Contains(out.String(), "line 3 left out") {
		t.Errorf("a list that would be refused: %v\n%s", err, out.String())
	}
	if infos, err := b.records.Store.Lists().All(t.Context()); err != nil || len(infos) != 0 {
		t.Errorf("lists are %v, %v", infos, err)
	}
}

func TestAListIsDropped(t *testing.T) {
	b := newBench(t)
	if _, err := b.take(Import{}, b.file("state (1).csv", plates+"ABC1234,TX,stolen\n", time.Now())); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := DropList(t.Context(), b.records, b.who(), "state (1)", &out); err != nil {
		t.Fatal(err)
	}
	if err := b.records.Lists.Load(t.Context()); err != nil || b.alerts("ABC1234") {
		t.Errorf("it still alerts: %v", err)
	}
	if err := DropList(t.Context(), b.records, b.who(), "state (1)", &out); !errors.Is(err, store.ErrNotKept) {
		t.Errorf("dropped twice: %v", err)
	}
}
