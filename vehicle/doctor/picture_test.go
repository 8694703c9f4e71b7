package doctor

import (
	"context"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr/vehicle/vehicletest"
)

func TestAKeptPictureIsTheCameras(t *testing.T) {
	f := vehicletest.Scene(t)
	path, err := savePicture(filepath.Join(t.TempDir(), "new"), "../front", f)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(path) != "front.jpg" {
		t.Errorf("kept as %s", path)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	img, err := jpeg.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != f.Width || b.Dy() != f.Height {
		t.Errorf("%v, want %dx%d", b, f.Width, f.Height)
	}
	r, g, b, _ := img.At(f.Width/2, f.Height/2).RGBA()
	at := 3 * (f.Height/2*f.Width + f.Width/2)
	for i, got := range []uint32{b >> 8, g >> 8, r >> 8} {
		if d := int(got) - int(f.Pix[at+i]); d < -24 || d > 24 {
			t.Errorf("channel %d of the middle is %d, want %d", i, got, f.Pix[at+i])
		}
	}
}

func TestFindingsForPrograms(t *testing.T) {
	var out strings.Builder
	if err := newPrinter(&out, true)(failure("gps", "no \"fix\" <yet>")); err != nil {
		t.Fatal(err)
	}
	if want := `{"grade":"fail","part":"gps","text":"no \"fix\" <yet>"}` + "\n"; out.String() != want {
		t.Errorf("got %s want %s", out.String(), want)
	}
}

// TestWatchTellsChanges: numbers that move are no news, a grade that does is.
func TestWatchTellsChanges(t *testing.T) {
	var told []string
	looks := [][]finding{
		{okay("gps", "9 satellites"), okay("disk", "5 GB")},
		{okay("gps", "8 satellites"), okay("disk", "5 GB")},
		{failure("gps", "silent"), okay("disk", "4 GB")},
		{failure("gps", "silent still"), okay("disk", "4 GB")},
		{okay("gps", "7 satellites"), warning("disk", "1 GB")},
	}
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	err := watch(ctx, time.Millisecond, func(print printer) error {
		for _, f := range looks[n] {
			if err := print(f); err != nil {
				return err
			}
		}
		if n++; n == len(looks) {
			stop()
		}
		return nil
	}, func(f finding) error { told = append(told, f.text); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"9 satellites", "5 GB", "silent", "7 satellites", "1 GB"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
