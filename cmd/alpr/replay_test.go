package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/internal/usage"
	"alpr/models/modelstest"
	"alpr/vehicle/replay"
)

var update = flag.Bool("update", false, "write the golden files anew")

// drawPlate draws a plate that the fixture networks find and read as text: ten
// columns, magenta as far as the blue of a character lets them be.
func drawPlate(img *image.RGBA, at image.Point, text string) {
	for slot := range alpr.Slots {
		symbol := alpr.Pad
		if slot < len(text) {
			symbol = alpr.SymbolIndex(text[slot])
		}
		c := color.RGBA{255, 0, uint8(symbol * 255 / alpr.Pad), 255}
		for x := range 8 {
			for y := range 32 {
				img.Set(at.X+8*slot+x, at.Y+y, c)
			}
		}
	}
}

// writeDrive writes a folder of sixty pictures, a tenth of a second apart: a
// car goes by, hidden for a moment, and a second one comes.
func writeDrive(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 60 {
		img := image.NewRGBA(image.Rect(0, 0, 320, 256))
		for p := range img.Pix {
			img.Pix[p] = 100
		}
		if i < 15 && i != 7 && i != 8 {
			drawPlate(img, image.Pt(20+8*i, 36), "UVWXYZ")
		}
		if i >= 10 && i < 24 {
			drawPlate(img, image.Pt(204-8*(i-10), 156), "ZYXXYZZ")
		}
		writePNG(t, filepath.Join(dir, fmt.Sprintf("frame_%03d.png", i)), img)
	}
	return dir
}

// writeNMEA writes the log of six seconds going north.
func writeNMEA(t *testing.T) string {
	t.Helper()
	var log strings.Builder
	for sec := range 7 {
		body := fmt.Sprintf("GPRMC,1200%02d.00,A,28%07.4f,N,08230.0000,W,19.44,000.0,010626,,,A", sec, float64(sec)*0.0054)
		var sum byte
		for i := range len(body) {
			sum ^= body[i]
		}
		fmt.Fprintf(&log, "$%s*%02X\r\n", body, sum)
	}
	path := filepath.Join(t.TempDir(), "drive.nmea")
	if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func replayCmd(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return alprCmd(t, append(append([]string{"replay"}, args...),
		"--models", filepath.Join(modelstest.Root(t), "models", "testdata"), "--onnxruntime", modelstest.Library(t))...)
}

// TestReplayGolden runs a drive through everything, video to hit, and compares
// every byte with what was checked by eye.
func TestReplayGolden(t *testing.T) {
	drive, log := writeDrive(t), writeNMEA(t)
	list := filepath.Join(t.TempDir(), "wanted.csv")
	if err := os.WriteFile(list, []byte("plate,reason,caseNumber,state,expiry,note\nZYXXYZZ,stolen vehicle,C-1,FL,,\nQQQ111,stolen vehicle,C-2,FL,,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	named := filepath.Join(filepath.Dir(drive), "drive") // the camera's name, which is in the lines
	if err := os.Rename(drive, named); err != nil {
		t.Fatal(err)
	}
	out, errs, err := replayCmd(t, named, "--nmea", log, "--hotlist", list)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	golden := filepath.Join("testdata", "replay.golden.jsonl")
	if *update {
		if err := os.WriteFile(golden, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal([]byte(out), want) {
		t.Errorf("the reads changed; where that is meant, run this test with -update and look at the difference\ngot:\n%s\nwant:\n%s", out, want)
	}
	again, _, err := replayCmd(t, named, "--nmea", log, "--hotlist", list)
	if err != nil || again != out {
		t.Errorf("a second run gives other lines (%v):\n%s", err, again)
	}
}

func TestReplayFinalAndPictures(t *testing.T) {
	pictures := filepath.Join(t.TempDir(), "pictures")
	out, errs, err := replayCmd(t, writeDrive(t), "--final", "--start", "2026-06-01T12:00:00Z", "--pictures", pictures)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for line := range strings.Lines(out) {
		var l replay.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, l.Text)
		if l.Preview || l.Position != nil || l.TimeSource != alpr.TimeFile || l.FirstAt.Before(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("line %s", line)
		}
		for _, kind := range []string{"crop", "context"} {
			jpeg, err := os.ReadFile(filepath.Join(pictures, fmt.Sprintf("%s-%s.jpg", l.ID, kind)))
			if err != nil || !bytes.HasPrefix(jpeg, []byte{0xff, 0xd8}) {
				t.Errorf("%s of %s: %v", kind, l.ID, err)
			}
		}
	}
	if strings.Join(texts, " ") != "UVWXYZ ZYXXYZZ" {
		t.Errorf("read %v", texts)
	}
	if !strings.Contains(errs, "60 frames in") || !strings.Contains(errs, "2 passes") {
		t.Errorf("summary:\n%s", errs)
	}
}

func TestReplayBadInput(t *testing.T) {
	drive := writeDrive(t)
	empty := filepath.Join(t.TempDir(), "empty.nmea")
	if err := os.WriteFile(empty, []byte("no log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		args    []string
		says    string
		isUsage bool
	}{
		{name: "no such video", args: []string{filepath.Join(drive, "none.mp4")}, says: "none.mp4"},
		{name: "no such log", args: []string{drive, "--nmea", "none.nmea"}, says: "open NMEA log"},
		{name: "log without positions", args: []string{drive, "--nmea", empty}, says: "no valid position"},
		{name: "no such hotlist", args: []string{drive, "--hotlist", "none.csv"}, says: "open hotlist"},
		{name: "bad start", args: []string{drive, "--start", "noon"}, says: "--start", isUsage: true},
		{name: "bad date", args: []string{drive, "--hotlist", empty, "--hotlist-date", "x"}, says: "--hotlist-date", isUsage: true},
		{name: "a live camera", args: []string{"/dev/video0"}, says: "alpr run", isUsage: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := replayCmd(t, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v", err)
			}
			var wrong *usage.Error
			if errors.As(err, &wrong) != tt.isUsage {
				t.Errorf("usage error: %v", err)
			}
		})
	}
}
