package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"alpr"
	"alpr/audit"
	"alpr/internal/cli"
	"alpr/store"
	"alpr/vehicle"
	"alpr/vehicle/report"
	"alpr/vehicle/vehicletest"
)

// office is a vehicle's records in a test: a configuration, and a command line.
type office struct {
	t      *testing.T
	dir    string
	config string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir()}
	o.config = o.write("alpr.yaml", "agency: test\nvehicle: car-1\ncameras: [{location: drive.mp4}]\npolicy: {profile: default}\n")
	return o
}

func (o *office) write(name, text string) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// try runs a command line, officer and purpose given.
func (o *office) try(args ...string) (string, error) {
	o.t.Helper()
	var out bytes.Buffer
	c := newRootCmd()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(context.Background())
	return out.String(), err
}

func (o *office) run(args ...string) string {
	o.t.Helper()
	out, err := o.try(append(args, "--config", o.config, "--officer", "4711", "--purpose", "test")...)
	if err != nil {
		o.t.Fatalf("alpr %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// at works at the store itself.
func (o *office) at(f func(*store.Store)) {
	o.t.Helper()
	cfg, err := vehicle.LoadConfig(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	s, err := store.Open(context.Background(), cfg.StoreOptions(), slog.New(slog.DiscardHandler))
	if err != nil {
		o.t.Fatal(err)
	}
	f(s)
	if err := s.Close(); err != nil {
		o.t.Fatal(err)
	}
}

func TestHotlistCommands(t *testing.T) {
	o := newOffice(t)
	first := o.write("state.csv", "plate,state,reason,caseNumber,expiry,note\nABC123,FL,stolen,31-1,,\nBAD PLATE TOO LONG,FL,stolen,1,,\n"+
		"XYZ789,GA,stolen,31-2,2001-01-01,\n")
	out := o.run("hotlist", "import", first, "--max-bad", "0.5", "--published", "2025-05-02T06:00:00Z")
	vehicletest.MustContain(t, out, "3 rows, 2 entries", "line 3 left out", "state: version")
	vehicletest.MustContain(t, o.run("hotlist", "list"), "state", "2025-05-02T06:00:00Z", "yes", "manual")
	vehicletest.MustContain(t, o.run("hotlist", "show", "state"), "ABC123", "XYZ789", "US-FL")
	vehicletest.MustContain(t, o.run("hotlist", "check", "abc 123"), "alerts: verify plate and state")
	vehicletest.MustContain(t, o.run("hotlist", "check", "XYZ789"), "does not alert: expired")
	vehicletest.MustContain(t, o.run("hotlist", "check", "NONE1"), "on no list")
	vehicletest.MustContain(t, o.run("hotlist", "stats"), "stolen", "1 expired", "MB in memory")

	o.write("state.csv", "plate,state,reason\nNEW111,FL,stolen\n")
	o.run("hotlist", "import", first)
	vehicletest.MustContain(t, o.run("hotlist", "check", "ABC123"), "on no list")
	vehicletest.MustContain(t, o.run("hotlist", "rollback", "state"), "is in use again, 2 entries")
	vehicletest.MustContain(t, o.run("hotlist", "check", "ABC123"), "alerts")
	o.run("hotlist", "remove", "ABC123-US-FL", "--list", "state")
	vehicletest.MustContain(t, o.run("hotlist", "check", "ABC123"), "on no list")

	o.write("broken.csv", "plate,state,reason\n?,FL,stolen\n")
	if out, err := o.try("hotlist", "import", filepath.Join(o.dir, "broken.csv"), "--list", "state", "--config", o.config, "--officer", "1", "--purpose", "test"); err == nil {
		t.Errorf("a broken list was taken: %s", out)
	}
	vehicletest.MustContain(t, o.run("hotlist", "check", "XYZ789"), "list state")
	vehicletest.MustContain(t, o.run("audit", "verify"), "whole:")
}

func TestImportFolderTakesWhatIsGood(t *testing.T) {
	o := newOffice(t)
	usb := filepath.Join(o.dir, "usb")
	if err := os.Mkdir(usb, 0o700); err != nil {
		t.Fatal(err)
	}
	o.write("usb/a.csv", "plate,state,reason\nAAA111,FL,stolen\n")
	o.write("usb/b.csv", "hello\n")
	o.write("usb/c.csv", "MatchPlate,PlateState,Category\nCCC333,GA,Amber\n")
	out, err := o.try("hotlist", "import", usb, "--config", o.config, "--officer", "1", "--purpose", "shift start")
	if err == nil || !strings.Contains(err.Error(), "b.csv") {
		t.Errorf("the bad file is not named: %v", err)
	}
	vehicletest.MustContain(t, out, "a: version", "c: version")
}

func TestCommandsAskWhoAndWhy(t *testing.T) {
	o := newOffice(t)
	for _, args := range [][]string{
		{"lookup", "ABC123"}, {"hotlist", "check", "ABC123"}, {"hotlist", "show", "x"}, {"audit", "export"}, {"contribute", "consent"},
		{"policy", "safelist", "add", "ABC123"},
	} {
		_, err := o.try(append(args, "--config", o.config)...)
		if cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestAddNeedsReasonCaseAndExpiry(t *testing.T) {
	o := newOffice(t)
	who := []string{"--config", o.config, "--officer", "4711", "--purpose", "test"}
	for _, args := range [][]string{
		{"ABC123", "--case", "1", "--expires", "1h"},
		{"ABC123", "--reason", "x", "--expires", "1h"},
		{"ABC123", "--reason", "x", "--case", "1"},
		{"ABC123", "--reason", "x", "--case", "1", "--expires", "soon"},
		{"???", "--reason", "x", "--case", "1", "--expires", "1h"},
	} {
		if out, err := o.try(append(append([]string{"hotlist", "add"}, args...), who...)...); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
	out := o.run("hotlist", "add", "abc 123", "--reason", "robbery", "--case", "31-7", "--expires", "12h")
	id := regexp.MustCompile(`entry (\S+)`).FindStringSubmatch(out)[1]
	vehicletest.MustContain(t, o.run("hotlist", "check", "ABC123"), id, "alerts", "list manual")
	o.run("hotlist", "remove", id)
	vehicletest.MustContain(t, o.run("hotlist", "check", "ABC123"), "on no list")
}

func TestLookupAndPastMatches(t *testing.T) {
	o := newOffice(t)
	o.at(func(s *store.Store) {
		if err := vehicletest.Keep(context.Background(), s, vehicletest.PassRead(t, "PAST111"), nil); err != nil {
			t.Fatal(err)
		}
	})
	vehicletest.MustContain(t, o.run("lookup", "past 111"), "PAST111", "97.0%", "47.61234")
	out := o.run("hotlist", "add", "PAST111", "--reason", "robbery", "--case", "31-7", "--expires", "12h", "--past", "--state", "US-FL")
	vehicletest.MustContain(t, out, "read as PAST111", "1 past reads may be this plate: verify")
	export := o.run("audit", "export", "--text")
	vehicletest.MustContain(t, export, `"action":"lookup"`, `"action":"match past reads"`, `"purpose":"test"`, `"officer":"4711"`)
	if strings.Contains(export, "PAST111") {
		t.Error("the audit log holds the plate in clear")
	}
}

func TestAuditCommands(t *testing.T) {
	o := newOffice(t)
	path := filepath.Join(o.dir, "one.audit")
	o.run("audit", "export", "-o", path)
	vehicletest.MustContain(t, o.run("audit", "verify", path), "whole:")
	o.run("hotlist", "check", "ABC123")
	later := filepath.Join(o.dir, "two.audit")
	o.run("audit", "export", "-o", later)
	vehicletest.MustContain(t, o.run("audit", "verify", later, "--against", path), "whole:")
	if _, err := o.try("audit", "verify", path, "--against", later); err == nil {
		t.Error("a log that lacks records of an earlier export is whole")
	}
	text, err := os.ReadFile(later)
	if err != nil {
		t.Fatal(err)
	}
	edited := o.write("edited.audit", strings.Replace(string(text), `"audit export"`, `"audit sealed"`, 1))
	if _, err := o.try("audit", "verify", edited); err == nil {
		t.Error("an edited log is whole")
	}
	if _, err := o.try("audit", "verify", later, "--key", strings.Repeat("0", 64)); err == nil {
		t.Error("another device's log passes")
	}
}

// What stands in the log in people's own words is sealed, and shown on request.
func TestAuditExportShowsTextOnRequest(t *testing.T) {
	o := newOffice(t)
	o.run("hotlist", "add", "ABC123", "--reason", "seen near ZZZ999", "--case", "31-7", "--expires", "12h")
	if out := o.run("audit", "export"); strings.Contains(out, "ZZZ999") || strings.Contains(out, "4711") {
		t.Errorf("an export without --text shows words: %s", out)
	}
	out := o.run("audit", "export", "--text")
	vehicletest.MustContain(t, out, "seen near ZZZ999", `"officer":"4711"`)
	vehicletest.MustContain(t, o.run("audit", "verify", o.write("open.audit", out)), "whole:")
	invented := o.write("invented.audit", strings.ReplaceAll(out, "ZZZ999", "ZZZ998"))
	if _, err := o.try("audit", "verify", invented); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("invented words pass: %v", err)
	}
}

// A log whose end was cut off is broken for ever: for verify and the doctor.
func TestACutAuditLogIsSaidForEver(t *testing.T) {
	o := newOffice(t)
	for range 8 {
		o.run("hotlist", "check", "ABC123")
	}
	cfg, err := vehicle.LoadConfig(o.config)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", cfg.StoreOptions().Path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM audit WHERE seq > 5"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		o.run("hotlist", "check", "ABC123")
		_, err := o.try("audit", "verify", "--config", o.config)
		if cli.ExitCode(err) == 0 || !strings.Contains(err.Error(), "broken at record 6:") {
			t.Errorf("verify: %v", err)
		}
		found, err := o.try("doctor", "--config", o.config)
		if err == nil || !strings.Contains(found, "FAIL  audit log") || !strings.Contains(found, "broken at record 6:") {
			t.Errorf("doctor: %v %s", err, found)
		}
	}
}

func TestAccountsAreAudited(t *testing.T) {
	o := newOffice(t)
	add := newRootCmd()
	add.SetIn(strings.NewReader("correct horse\n"))
	add.SetArgs([]string{"user", "add", "0815", "--config", o.config})
	if err := add.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	vehicletest.MustContain(t, o.run("user", "list"), "0815")
	o.run("user", "remove", "0815")
	if out := o.run("user", "list"); strings.Contains(out, "0815") {
		t.Errorf("the account is still there: %s", out)
	}
	vehicletest.MustContain(t, o.run("audit", "export", "--text"), `"account added"`, `"officer":"system"`, `"account removed"`, `"subject":"0815"`)
}

func TestReportCommand(t *testing.T) {
	o := newOffice(t)
	o.at(func(s *store.Store) {
		ctx := context.Background()
		r := vehicletest.PassRead(t, "REP0111")
		hit := alpr.Hit{ID: alpr.ID{1}, ReadID: r.ID, At: r.At, Entry: alpr.Entry{Category: "stolen vehicle"}}
		if err := vehicletest.Keep(ctx, s, r, []alpr.Hit{hit}); err != nil {
			t.Fatal(err)
		}
		d := alpr.Disposition{ID: alpr.ID{2}, HitID: hit.ID, At: r.At, Officer: "4711", Verdict: alpr.VerdictMisread, Corrected: "REPO111"}
		if err := s.Recorder().Dispose(ctx, d); err != nil {
			t.Fatal(err)
		}
	})
	out := o.run("report")
	vehicletest.MustContain(t, out, "| Reads recorded | 1 |", "| Hits: stolen vehicle | 1 |", "| Officers found: misread | 1 |", "| Misreads among hits looked at | 100.0 % |")
	var r report.Report
	if err := json.Unmarshal([]byte(o.run("report", "--json")), &r); err != nil || r.Reads != 1 || r.Hits["stolen vehicle"] != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if strings.Contains(out, "REP0111") {
		t.Error("the report holds a plate")
	}

	dir := filepath.Join(o.dir, "batch")
	list := o.run("contribute", "list")
	vehicletest.MustContain(t, list, `"read":"REP0111"`, `"says":"REPO111"`, "1 misreads")
	for _, secret := range []string{"4711", "car-1", "47.612", "122.334", "stolen"} {
		if strings.Contains(list, secret) {
			t.Errorf("%q would be shared", secret)
		}
	}
	if out, err := o.try("contribute", "export", dir, "--config", o.config, "--officer", "1", "--purpose", "test"); err == nil || strings.Contains(out, "REP0111") {
		t.Error("shared without consent")
	}
	o.run("contribute", "consent")
	o.run("contribute", "export", dir)
	crop, err := os.ReadFile(filepath.Join(dir, "0001.jpg"))
	if err != nil || bytes.Contains(crop, []byte("SECRET")) {
		t.Errorf("the crop still holds what its camera wrote: %v", err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(crop)); err != nil {
		t.Error(err)
	}
	vehicletest.MustContain(t, o.run("contribute", "withdraw"), "to be deleted by its receiver: batch")
}

func TestPolicyCommands(t *testing.T) {
	o := newOffice(t)
	vehicletest.MustContain(t, o.run("policy", "show"), "in force", "reads 30d")
	out, err := o.try("policy", "profiles")
	if err != nil {
		t.Fatal(err)
	}
	vehicletest.MustContain(t, out, "us-nh", "reads 3m")
	file := o.write("members.txt", "ABC 123\n\nXYZ789\n")
	o.run("policy", "safelist", "add", "KLM456", "--file", file)
	vehicletest.MustContain(t, o.run("policy", "safelist", "count"), "3 plates")
	o.run("policy", "safelist", "remove", "KLM456")
	vehicletest.MustContain(t, o.run("policy", "safelist", "count"), "2 plates")
	if _, err := o.try("policy", "safelist", "steal", "--config", o.config); cli.ExitCode(err) != cli.ExitUsage {
		t.Errorf("an unknown action: %v", err)
	}
}

// TestWhatOthersWroteIsPrintedSafely: a list's text neither clears the screen
// nor sets its title.
func TestWhatOthersWroteIsPrintedSafely(t *testing.T) {
	o := newOffice(t)
	const owned = "\x1b[2J\x1b]0;owned\a\u009b2J\u202e"
	file := o.write("esc.csv", "plate,state,reason,caution\nABC123,FL,"+owned+"stolen,"+owned+"\n")
	all := o.run("hotlist", "import", file, "--map", o.write("map.yaml", "name: esc\nformat: csv\ncolumns: {plate: [plate], state: [state], reason: [reason], caution: [caution]}\n"))
	for _, args := range [][]string{{"hotlist", "list"}, {"hotlist", "show", "esc"}, {"hotlist", "check", "ABC123"}, {"audit", "export"}} {
		all += o.run(args...)
	}
	if !strings.Contains(all, "[2J") || strings.ContainsAny(all, "\x1b\a\u009b\u202e") {
		t.Errorf("printed %q", all)
	}
	out, err := o.try("hotlist", "list", "--config", o.config, "--officer", "4711", "--purpose", ".")
	if err == nil || !errors.Is(err, alpr.ErrBadPurpose) {
		t.Errorf("a purpose that says nothing: %v, %s", err, out)
	}
}

func TestCommandsTakePlatesAsTheyArePasted(t *testing.T) {
	o := newOffice(t)
	add := func(plate string) (string, error) {
		return o.try("hotlist", "add", plate, "--reason", "x", "--case", "1", "--expires", "1h", "--config", o.config, "--officer", "1", "--purpose", "test")
	}
	if out, err := add("TÜ–AB\u00a0123"); err != nil {
		t.Fatal(out, err)
	}
	vehicletest.MustContain(t, o.run("hotlist", "check", "tu-ab 123"), "TUAB123", "alerts")
	vehicletest.MustContain(t, o.run("hotlist", "show", "manual"), "TÜ–AB\u00a0123")
	list := o.write("state.csv", "plate,state,reason\nABC–1234,FL,stolen\nKÖ\u00a0AB 12,FL,stolen\nAB#12,FL,stolen\n")
	vehicletest.MustContain(t, o.run("hotlist", "import", list, "--max-bad", "0.5"), "3 rows, 2 entries", "line 4 left out", "taken as KOAB12")
	vehicletest.MustContain(t, o.run("hotlist", "check", "ABC1234"), "alerts")
	for _, args := range [][]string{{"hotlist", "check", "AB#12"}, {"lookup", "AB#12"}, {"policy", "safelist", "add", "AB#12"}} {
		out, err := o.try(append(args, "--config", o.config, "--officer", "1", "--purpose", "test")...)
		if err == nil || !strings.Contains(err.Error(), "cannot see") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	if out, err := add("AB#12"); err == nil || !strings.Contains(err.Error(), "cannot see") {
		t.Errorf("added: %v %s", err, out)
	}
}

func TestAYoungListHasAnAge(t *testing.T) {
	o := newOffice(t)
	list := o.write("state.csv", "plate,state,reason\nABC123,FL,stolen\n")
	o.run("hotlist", "import", list, "--published", time.Now().Add(-10*time.Minute).UTC().Format(time.RFC3339))
	vehicletest.MustContain(t, o.run("report"), "| List state: 1 entries, age today | 10 min |")
}

// TestWhatIsNoFileStopsNoCommand: a FIFO in a file's place is refused at once,
// where a plain open would wait for ever.
func TestWhatIsNoFileStopsNoCommand(t *testing.T) {
	o := newOffice(t)
	fifo := filepath.Join(o.dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "check", "--config", fifo},
		{"hotlist", "import", "--config", o.config, "--officer", "1", "--purpose", "p", fifo},
		{"hotlist", "import", "--config", o.config, "--officer", "1", "--purpose", "p", "--map", fifo, o.write("list.csv", "Plate\nABC123\n")},
		{"audit", "verify", fifo},
		{"policy", "safelist", "add", "--config", o.config, "--officer", "1", "--purpose", "p", "--file", fifo},
		{"read", fifo},
	} {
		if out, err := o.try(args...); err == nil {
			t.Errorf("alpr %s: %s", strings.Join(args, " "), out)
		}
	}
}
