package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"alpr/internal/cli"
	"alpr/models/modelstest"
	"alpr/vehicle/stills"
)

// alprCmd runs the program's command line with the fixture networks, which take
// magenta for plates and blue for characters (see models/testdata/make.py).
func alprCmd(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root := newRootCmd()
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	if args[0] == "read" {
		args = append(args, "--models", filepath.Join(modelstest.Root(t), "models", "testdata"),
			"--onnxruntime", modelstest.Library(t))
	}
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

// writeScene writes a picture with magenta rectangles of 80x32 for plates.
func writeScene(t *testing.T, path string, plates ...image.Point) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 320, 256))
	for y := range 256 {
		for x := range 320 {
			c := color.RGBA{100, 100, 100, 255}
			for _, p := range plates {
				if image.Pt(x, y).In(image.Rect(p.X, p.Y, p.X+80, p.Y+32)) {
					c = color.RGBA{255, 0, 255, 255}
				}
			}
			img.Set(x, y, c)
		}
	}
	writePNG(t, path, img)
}

// writeCrop writes a picture whose every column says the same character.
func writeCrop(t *testing.T, path string, blue uint8) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 160, 64))
	for y := range 64 {
		for x := range 160 {
			img.Set(x, y, color.RGBA{0, 0, blue, 255})
		}
	}
	writePNG(t, path, img)
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, text string) []map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = r[i]
		}
		list = append(list, row)
	}
	return list
}

func TestReadCSV(t *testing.T) {
	dir := t.TempDir()
	writeScene(t, filepath.Join(dir, "two.png"), image.Pt(40, 40), image.Pt(180, 160))
	writeScene(t, filepath.Join(dir, "none.png"))
	out, _, err := alprCmd(t, "read", "--csv", dir)
	if err != nil {
		t.Fatal(err)
	}
	if header := strings.SplitN(out, "\n", 2)[0]; header != "image,plate_text,confidence,x,y,w,h,rank,ms,region" {
		t.Errorf("header %q", header)
	}
	boxes := map[string]int{}
	for _, r := range rows(t, out) {
		if took, err := strconv.ParseFloat(r["ms"], 64); err != nil || took <= 0 {
			t.Errorf("ms %q", r["ms"])
		}
		switch filepath.Base(r["image"]) {
		case "none.png":
			for _, column := range []string{"plate_text", "confidence", "x", "y", "w", "h", "rank", "region"} {
				if r[column] != "" {
					t.Errorf("a picture without plates has %s %q", column, r[column])
				}
			}
			boxes["none"]++
		case "two.png":
			boxes[r["x"]+","+r["y"]]++
		}
	}
	if len(boxes) != 3 || boxes["none"] != 1 {
		t.Errorf("rows by box: %v; want two plates and one row without", boxes)
	}
}

func TestReadCropsListsCandidatesInOrder(t *testing.T) {
	dir := t.TempDir()
	writeCrop(t, filepath.Join(dir, "a.png"), 74) // between A (71) and B (78)
	out, _, err := alprCmd(t, "read", "--csv", "--crops", "--candidates", "4", "--min-confidence", "0", dir)
	if err != nil {
		t.Fatal(err)
	}
	list := rows(t, out)
	if len(list) != 4 {
		t.Fatalf("%d rows, want 4:\n%s", len(list), out)
	}
	last := 2.0
	for i, r := range list {
		p, err := strconv.ParseFloat(r["confidence"], 64)
		if err != nil || p > last {
			t.Errorf("row %d has confidence %q after %g", i, r["confidence"], last)
		}
		last = p
		if r["rank"] != strconv.Itoa(i+1) || r["x"] != "" || len(r["plate_text"]) != 10 {
			t.Errorf("row %d: %v", i, r)
		}
	}
	if list[0]["plate_text"] != "AAAAAAAAAA" {
		t.Errorf("best text %q", list[0]["plate_text"])
	}
}

func TestReadJSON(t *testing.T) {
	dir := t.TempDir()
	writeScene(t, filepath.Join(dir, "one.png"), image.Pt(40, 40))
	writeScene(t, filepath.Join(dir, "zero.png"))
	out, _, err := alprCmd(t, "read", "--json", "--min-confidence", "0", dir)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(lines), out)
	}
	var plate, none stills.Line
	if err := errors.Join(json.Unmarshal([]byte(lines[0]), &plate), json.Unmarshal([]byte(lines[1]), &none)); err != nil {
		t.Fatal(err)
	}
	if plate.Text == nil || len(plate.Corners) != 4 || plate.Box == nil || plate.Score < 0.5 || len(plate.Candidates) == 0 {
		t.Errorf("plate line %s", lines[0])
	}
	if none.Text != nil || none.Box != nil || none.MS <= 0 {
		t.Errorf("line of a picture without plates: %s", lines[1])
	}
	if plate.ByPicture == nil || plate.ByPicture.Text == "" {
		t.Errorf("what the picture alone says is missing: %s", lines[0])
	}
	out, _, err = alprCmd(t, "read", "--json", "--picture-only", "--min-confidence", "0", filepath.Join(dir, "one.png"))
	if err != nil {
		t.Fatal(err)
	}
	var alone stills.Line
	if err := json.Unmarshal([]byte(out), &alone); err != nil {
		t.Fatal(err)
	}
	if alone.ByPicture != nil || alone.Format != nil || *alone.Text != plate.ByPicture.Text || alone.Confidence != plate.ByPicture.P {
		t.Errorf("the picture alone: %s, want text and confidence of %v", out, *plate.ByPicture)
	}
}

func TestReadTableAndTotals(t *testing.T) {
	dir := t.TempDir()
	writeCrop(t, filepath.Join(dir, "a.png"), 71)
	out, errs, err := alprCmd(t, "read", "--crops", filepath.Join(dir, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PICTURE", "AAAAAAAAAA", "whole picture"} {
		if !strings.Contains(out, want) {
			t.Errorf("table lacks %q:\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "1 pictures, 1 plates, 1 of them read") {
		t.Errorf("totals: %s", errs)
	}
}

func TestMinConfidenceWithholdsTheText(t *testing.T) {
	dir := t.TempDir()
	writeCrop(t, filepath.Join(dir, "a.png"), 74)
	out, _, err := alprCmd(t, "read", "--csv", "--crops", "--min-confidence", "0.9", dir)
	if err != nil {
		t.Fatal(err)
	}
	if list := rows(t, out); len(list) != 1 || list[0]["plate_text"] != "" || list[0]["confidence"] >= "0.9" {
		t.Errorf("rows %v", list)
	}
}

// TestWithheldTextKeepsItsConfidence reads a frame twice: the column says how
// sure the text is, whether the text is shown or not, and never how sure it is
// that there is a plate.
func TestWithheldTextKeepsItsConfidence(t *testing.T) {
	frame := filepath.Join(writeDrive(t), "frame_012.png")
	confidences := func(least string) (list []string) {
		out, _, err := alprCmd(t, "read", "--csv", "--candidates", "1", "--min-confidence", least, frame)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows(t, out) {
			if (r["plate_text"] == "") != (least == "1") {
				t.Errorf("from %s on: text %q", least, r["plate_text"])
			}
			list = append(list, r["confidence"])
		}
		return list
	}
	shown, withheld := confidences("0"), confidences("1")
	if len(shown) != 2 || !slices.Equal(shown, withheld) {
		t.Errorf("shown with %v, withheld with %v", shown, withheld)
	}
}

func TestReadGoesOnAfterABadFile(t *testing.T) {
	dir := t.TempDir()
	writeScene(t, filepath.Join(dir, "good.png"), image.Pt(40, 40))
	if err := os.WriteFile(filepath.Join(dir, "bad.png"), []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, err := alprCmd(t, "read", "--csv", filepath.Join(dir, "missing.jpg"), dir)
	if err == nil || cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(err.Error(), "2 of the files") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(out, "good.png") {
		t.Errorf("the good picture was not read:\n%s", out)
	}
	for _, want := range []string{"missing.jpg", "check the path", "bad.png", "not a picture"} {
		if !strings.Contains(errs, want) {
			t.Errorf("errors lack %q:\n%s", want, errs)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"read"},
		{"read", "--no-such-flag", "x"},
		{"read", "--csv", "--json", "x.jpg"},
		{"read", "--min-confidence", "2", "x.jpg"},
		{"read", "--threads", "0", "x.jpg"},
		{"read", "--every", "0", "x.mp4"},
		{"read", "--sure-from", "-1", "x.jpg"},
		{"read", "--candidates", "0", "x.jpg"},
		{"reed"},
		{"version", "extra"},
	} {
		_, _, err := alprCmd(t, args...)
		if err == nil || cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("alpr %s: code %d, %v", strings.Join(args, " "), cli.ExitCode(err), err)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	root := newRootCmd()
	for _, c := range root.Commands() {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", c.Name(), c.Short)
		}
		if c.RunE == nil && c.Run == nil && !c.HasSubCommands() {
			t.Errorf("%s does nothing", c.Name())
		}
	}
}
