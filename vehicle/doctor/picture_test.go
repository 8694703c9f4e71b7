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

	"log/slog"

	"alpr"
	"alpr/camera"
)

// scene is the still of the demonstration, as the camera gives it.
func scene(t *testing.T) *alpr.Frame {
	t.Helper()
	src, err := camera.New(camera.Config{Location: "../../demo/still.jpg"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var f *alpr.Frame
	if err := src.Run(context.Background(), func(next *alpr.Frame) { f = next }); err != nil || f == nil {
		t.Fatalf("no picture: %v", err)
	}
	return f
}

// with is the scene with each pixel's grey changed.
func with(f *alpr.Frame, change func(byte) byte) *alpr.Frame {
	g := *f
	g.Pix = slices.Clone(f.Pix)
	for i, p := range g.Pix {
		g.Pix[i] = change(p)
	}
	return &g
}

// smeared is the scene through a lens out of focus: each pixel is the mean of
// the n on either side of it in its row.
func smeared(f *alpr.Frame, n int) *alpr.Frame {
	g := *f
	g.Pix = slices.Clone(f.Pix)
	for y := range f.Height {
		for x := range f.Width {
			for c := range 3 {
				sum, count := 0, 0
				for k := max(0, x-n); k <= min(f.Width-1, x+n); k++ {
					sum += int(f.Pix[3*(y*f.Width+k)+c])
					count++
				}
				g.Pix[3*(y*f.Width+x)+c] = byte(sum / count)
			}
		}
	}
	return &g
}

func TestPicturesAreJudged(t *testing.T) {
	f := scene(t)
	for name, c := range map[string]struct {
		picture *alpr.Frame
		want    string
	}{
		"as it is":         {f, ""},
		"at night":         {with(f, func(p byte) byte { return p / 8 }), ""},
		"black":            {with(f, func(byte) byte { return 2 }), "is the lens cap on"},
		"covered":          {with(f, func(p byte) byte { return 120 + p/128 }), "covered, fogged"},
		"the sun in it":    {with(f, func(p byte) byte { return byte(min(int(p)*6, 255)) }), "blown out"},
		"nearly black":     {with(f, func(p byte) byte { return p / 14 }), "nearly black"},
		"out of focus":     {smeared(f, 20), "focus the lens"},
		"a little unsharp": {smeared(f, 1), ""},
	} {
		l := inspect(c.picture)
		if got := l.verdict(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q (%+v)", name, got, c.want, l)
		}
	}
}

func TestAKeptPictureIsTheCameras(t *testing.T) {
	f := scene(t)
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
