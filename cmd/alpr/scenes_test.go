package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"alpr"
	"alpr/camera"
	"alpr/detect"
	"alpr/models"
	"alpr/models/modelstest"
	"alpr/ocr"
)

const scenesDir = "testdata/scenes"

// sceneLabel is a line of the scenes' labels.
type sceneLabel struct {
	Image  string `json:"image"`
	Plates []struct {
		Box    [4]float32 `json:"box"`
		Text   string     `json:"text"`
		Region string     `json:"region"`
	} `json:"plates"`
}

func scenes(tb testing.TB) []sceneLabel {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(scenesDir, "labels.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	var list []sceneLabel
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		var l sceneLabel
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			tb.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// TestTrainedNetworksReadRenderedScenes runs the whole way from file to text
// with the networks that are shipped, in both precisions.
func TestTrainedNetworksReadRenderedScenes(t *testing.T) {
	for _, precision := range []string{"fp32", "int8"} {
		t.Run(precision, func(t *testing.T) {
			root := newRootCmd()
			var out, errs bytes.Buffer
			root.SetOut(&out)
			root.SetErr(&errs)
			root.SetArgs([]string{
				"read", "--csv", "--precision", precision, scenesDir,
				"--models", filepath.Join(modelstest.Root(t), "models"), "--onnxruntime", modelstest.Library(t),
			})
			if err := root.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			reads := map[string][]map[string]string{}
			for _, r := range rows(t, out.String()) {
				if r["rank"] == "1" {
					reads[filepath.Base(r["image"])] = append(reads[filepath.Base(r["image"])], r)
				}
			}
			for _, scene := range scenes(t) {
				checkScene(t, scene, reads[scene.Image])
			}
		})
	}
}

func checkScene(t *testing.T, scene sceneLabel, reads []map[string]string) {
	t.Helper()
	for _, want := range scene.Plates {
		box := alpr.Box{X: want.Box[0], Y: want.Box[1], W: want.Box[2], H: want.Box[3]}
		var got map[string]string
		for _, r := range reads {
			if rowBox(t, r).IoU(box) >= 0.5 {
				got = r
			}
		}
		if got == nil {
			t.Errorf("%s: %s was not found", scene.Image, want.Text)
			continue
		}
		if got["plate_text"] != want.Text {
			t.Errorf("%s: read %s (%s), want %s", scene.Image, got["plate_text"], got["confidence"], want.Text)
		}
		if got["region"] != "" && got["region"] != want.Region {
			t.Errorf("%s: %s is said to be of %s", scene.Image, want.Text, got["region"])
		}
	}
	for _, r := range reads {
		sure, err := strconv.ParseFloat(r["confidence"], 64)
		if err != nil {
			t.Fatal(err)
		}
		if len(scene.Plates) == 0 && sure > 0.5 {
			t.Errorf("%s: read %s (%g) where no plate is", scene.Image, r["plate_text"], sure)
		}
	}
}

func rowBox(t *testing.T, r map[string]string) alpr.Box {
	t.Helper()
	var v [4]float32
	for i, name := range []string{"x", "y", "w", "h"} {
		f, err := strconv.ParseFloat(r[name], 32)
		if err != nil {
			t.Fatal(err)
		}
		v[i] = float32(f)
	}
	return alpr.Box{X: v[0], Y: v[1], W: v[2], H: v[3]}
}

// BenchmarkPicture times what alpr read times, for each scene: finding and
// reading, with the networks that are shipped, on one core.
func BenchmarkPicture(b *testing.B) {
	camera.SetThreads(1)
	set := modelstest.OpenTrained(b, models.Auto)
	detector, err := detect.New(set.Detector, set.Corners, detect.Options{IsStill: true})
	if err != nil {
		b.Fatal(err)
	}
	reader, err := ocr.New(set.Reader, set.SecondReader, ocr.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, scene := range scenes(b) {
		frame, err := camera.ReadPicture(filepath.Join(scenesDir, scene.Image))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(scene.Image, func(b *testing.B) {
			var plates []alpr.Plate
			b.ReportAllocs()
			for b.Loop() {
				if plates, err = detector.Detect(frame); err != nil {
					b.Fatal(err)
				}
				if _, err = reader.Read(frame, plates); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(plates)), "plates")
		})
	}
}
