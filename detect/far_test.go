package detect

import (
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocv.io/x/gocv"

	"alpr"
	"alpr/internal/picture"
	"alpr/models"
	"alpr/models/modelstest"
)

// TestFarPlatesInWideFrames shows a rendered scene small within frames of
// common sizes, so that its plates are a few dozen pixels wide, and expects the
// shipped network to find them: a resize of the whole frame would lose them.
func TestFarPlatesInWideFrames(t *testing.T) {
	dir := filepath.Join(modelstest.Root(t), "cmd", "alpr", "testdata", "scenes")
	small, plates := loadScene(t, dir, "two_cars_1080p.jpg")
	defer small.Close()
	set := modelstest.OpenTrained(t, models.Auto)
	d, err := New(set.Detector, set.Corners, Options{IsStill: true})
	if err != nil {
		t.Fatal(err)
	}
	const plateWidth = 60 // pixels in the frame, of the scene's 150 and 160
	for _, size := range []image.Point{{1280, 720}, {1920, 1080}, {2560, 1440}, {3840, 2160}} {
		for _, at := range []image.Point{{0, size.Y / 3}, {size.X / 2, size.Y / 2}, {size.X - 620, size.Y - 360}} {
			k := float64(plateWidth) / 150
			frame := embed(t, small, size, at, k)
			found, err := d.Detect(frame)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range plates {
				b := alpr.Box{
					X: p.X*float32(k) + float32(at.X), Y: p.Y*float32(k) + float32(at.Y),
					W: p.W * float32(k), H: p.H * float32(k),
				}
				if best := bestIoU(found, b); best < 0.3 {
					t.Errorf("%v: a plate of %.0fx%.0f at (%.0f,%.0f) is overlapped by %.2f at best", size, b.W, b.H, b.X, b.Y, best)
				}
			}
		}
	}
}

func loadScene(t *testing.T, dir, name string) (gocv.Mat, []alpr.Box) {
	t.Helper()
	labels, err := os.ReadFile(filepath.Join(dir, "labels.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var boxes []alpr.Box
	for line := range strings.Lines(string(labels)) {
		var l struct {
			Image  string
			Plates []struct{ Box [4]float32 }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Plates {
			if l.Image == name {
				boxes = append(boxes, alpr.Box{X: p.Box[0], Y: p.Box[1], W: p.Box[2], H: p.Box[3]})
			}
		}
	}
	m := gocv.IMRead(filepath.Join(dir, name), gocv.IMReadColor)
	if m.Empty() || len(boxes) == 0 {
		t.Fatalf("no scene %s in %s", name, dir)
	}
	return m, boxes
}

// embed puts the scene, scaled by k, into a grey frame.
func embed(t *testing.T, scene gocv.Mat, size, at image.Point, k float64) *alpr.Frame {
	t.Helper()
	f := &alpr.Frame{Camera: "far", Width: size.X, Height: size.Y, Pix: make([]byte, 3*size.X*size.Y)}
	for i := range f.Pix {
		f.Pix[i] = 120
	}
	canvas, err := picture.Wrap(f)
	if err != nil {
		t.Fatal(err)
	}
	defer canvas.Close()
	w, h := int(float64(scene.Cols())*k), int(float64(scene.Rows())*k)
	part := canvas.Region(image.Rect(at.X, at.Y, at.X+w, at.Y+h).Intersect(image.Rect(0, 0, size.X, size.Y)))
	defer part.Close()
	scaled := gocv.NewMat()
	defer scaled.Close()
	if err := gocv.Resize(scene, &scaled, image.Pt(w, h), 0, 0, gocv.InterpolationArea); err != nil {
		t.Fatal(err)
	}
	cut := scaled.Region(image.Rect(0, 0, part.Cols(), part.Rows()))
	defer cut.Close()
	if err := cut.CopyTo(&part); err != nil {
		t.Fatal(err)
	}
	return f
}
