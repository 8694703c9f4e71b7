package camera

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"gocv.io/x/gocv"
)

// textured is a picture whose every block holds something.
func textured(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			v := uint8(x*y/7) ^ uint8(r.IntN(64))
			m.Set(x, y, color.RGBA{v, uint8(x), uint8(y), 255})
		}
	}
	return m
}

func encoded(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSoundPicturesAreNotCalledDamaged: of every size, colour, sampling and way
// of coding that OpenCV and Go write.
func TestSoundPicturesAreNotCalledDamaged(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {8, 8}, {17, 9}, {16, 33}, {250, 131}} {
		m := textured(size.X, size.Y)
		for _, quality := range []int{1, 50, 95, 100} {
			if isDamagedWithin(encoded(t, m, quality)) {
				t.Errorf("%v at %d by Go", size, quality)
			}
			grey := image.NewGray(m.Bounds())
			copy(grey.Pix, m.Pix)
			if isDamagedWithin(encoded(t, grey, quality)) {
				t.Errorf("%v at %d in grey", size, quality)
			}
			mat, err := gocv.ImageToMatRGB(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, extra := range [][]int{nil, {int(gocv.IMWriteJpegOptimize), 1}, {int(gocv.IMWriteJpegProgressive), 1}, {int(gocv.IMWriteJpegRstInterval), 3},
				{int(gocv.IMWriteJpegProgressive), 1, int(gocv.IMWriteJpegRstInterval), 2}} {
				buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, mat, append([]int{int(gocv.IMWriteJpegQuality), quality}, extra...))
				if err != nil {
					t.Fatal(err)
				}
				if isDamagedWithin(buf.GetBytes()) {
					t.Errorf("%v at %d with %v by OpenCV", size, quality, extra)
				}
				buf.Close()
			}
			mat.Close()
		}
	}
	still, err := os.ReadFile("../demo/still.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if isDamagedWithin(still) {
		t.Error("the demonstration's still")
	}
}

// TestDamageInTheMiddleIsSaid: the end mark is there, and some of what stands
// before it is not what it was.
func TestDamageInTheMiddleIsSaid(t *testing.T) {
	whole := encoded(t, textured(640, 360), 90)
	r := rand.New(rand.NewPCG(3, 4))
	spoil := map[string]func(b []byte, at int) []byte{
		"zeros":     func(b []byte, at int) []byte { clear(b[at : at+512]); return b },
		"junk":      func(b []byte, at int) []byte { return append(append(b[:at:at], junk(r, 512)...), b[at+512:]...) },
		"left out":  func(b []byte, at int) []byte { return append(b[:at:at], b[at+512:]...) },
		"twice":     func(b []byte, at int) []byte { return append(b[:at+512:at+512], b[at:]...) },
		"set to FF": func(b []byte, at int) []byte { copy(b[at:], bytes.Repeat([]byte{0xff}, 512)); return b },
	}
	for kind, whole := range map[string][]byte{"baseline": whole, "progressive": progressive(t, textured(640, 360), 90)} {
		for name, f := range spoil {
			found := 0
			const tries = 100
			for range tries {
				at := 1000 + r.IntN(len(whole)-2000)
				if isDamagedWithin(f(bytes.Clone(whole), at)) {
					found++
				}
			}
			if found < tries*95/100 {
				t.Errorf("%s, %s: found in %d of %d pictures", kind, name, found, tries)
			}
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jpg")
	b := spoil["zeros"](bytes.Clone(whole), len(whole)/2)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadPicture(path); f == nil || !errors.Is(err, ErrDamagedWithin) || f.Width != 640 {
		t.Errorf("%v, %v", f, err)
	}
}

func progressive(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	mat, err := gocv.ImageToMatRGB(m)
	if err != nil {
		t.Fatal(err)
	}
	defer mat.Close()
	buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, mat, []int{int(gocv.IMWriteJpegQuality), quality, int(gocv.IMWriteJpegProgressive), 1})
	if err != nil {
		t.Fatal(err)
	}
	defer buf.Close()
	return bytes.Clone(buf.GetBytes())
}

func junk(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(255)) // no FF: no marker
	}
	return b
}

func FuzzJPEGScan(f *testing.F) {
	f.Add(encoded(f, textured(17, 9), 50))
	f.Add(encoded(f, image.NewGray(image.Rect(0, 0, 9, 1)), 90))
	f.Add(progressive(f, textured(17, 9), 50))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if len(b) > 2 {
			isDamagedWithin(b) // must not panic, nor take long
		}
	})
}

func BenchmarkJPEGScan(b *testing.B) {
	whole := encoded(b, textured(1920, 1080), 90)
	b.Run(strconv.Itoa(len(whole)>>10)+"kB", func(b *testing.B) {
		for b.Loop() {
			if isDamagedWithin(whole) {
				b.Fatal("damaged")
			}
		}
	})
}
