package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"alpr"
)

// pictureOf is a picture of the given size in the format of the name's ending,
// made by ffmpeg.
func pictureOf(t testing.TB, ending, size string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x."+ending)
	args = append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=" + size, "-frames:v", "1"}, append(args, "-y", path)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pictures are one of each format that is taken, 66x34 pixels.
func pictures(t testing.TB) map[string][]byte {
	const size = "66x34"
	return map[string][]byte{
		"jpg":      pictureOf(t, "jpg", size),
		"png":      pictureOf(t, "png", size),
		"png16":    pictureOf(t, "png", size, "-pix_fmt", "rgb48be"),
		"pnga":     pictureOf(t, "png", size, "-pix_fmt", "rgba"),
		"gray":     pictureOf(t, "png", size, "-pix_fmt", "gray"),
		"bmp":      pictureOf(t, "bmp", size),
		"tif":      pictureOf(t, "tif", size),
		"tifraw":   pictureOf(t, "tif", size, "-compression_algo", "raw"),
		"ppm":      pictureOf(t, "ppm", size),
		"pgm":      pictureOf(t, "pgm", size),
		"webp":     pictureOf(t, "webp", size),
		"webploss": pictureOf(t, "webp", size, "-lossless", "1"),
	}
}

func TestPictureFiles(t *testing.T) {
	p := pictures(t)
	t.Run("headers say what is decoded", func(t *testing.T) { headersSayWhatIsDecoded(t, p) })
	t.Run("a file that ends early is never taken as whole", func(t *testing.T) { cutPicturesAreSaid(t, p) })
	t.Run("what is too large is not decoded", func(t *testing.T) { tooLargeIsNotDecoded(t, p) })
}

func headersSayWhatIsDecoded(t *testing.T, p map[string][]byte) {
	for name, b := range p {
		h, err := readHeader(b)
		if err != nil || h != (header{66, 34, true}) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
		path := filepath.Join(t.TempDir(), "x.png")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := ReadPicture(path); err != nil || f.Width != 66 || f.Height != 34 || len(f.Pix) != 3*66*34 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func cutPicturesAreSaid(t *testing.T, p map[string][]byte) {
	dir := t.TempDir()
	for name, b := range p {
		seen := 0
		for _, share := range []int{2, 5, 10, 30, 60, 90, 98} {
			path := filepath.Join(dir, "x.png")
			if err := os.WriteFile(path, b[:len(b)*share/100], 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := ReadPicture(path)
			if err == nil || !errors.Is(err, ErrCutShort) && !errors.Is(err, ErrDamaged) || errors.Is(err, ErrCutShort) != (f != nil) {
				t.Errorf("%s, %d %% of it: %v", name, share, err)
			}
			if f != nil {
				seen++
			}
		}
		if name == "jpg" && seen == 0 {
			t.Errorf("%s: nothing was ever made of what is there", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "x.png"), append(bytes.Clone(p["jpg"]), "trailing garbage"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPicture(filepath.Join(dir, "x.png")); err != nil {
		t.Errorf("something after its end: %v", err)
	}
}

// hugePNG says that it is of the given size; there is nothing in it.
func hugePNG(width, height uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), width), height)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
	return append(b, "\x00\x00\x00\x00IEND\xae\x42\x60\x82"...)
}

func tooLargeIsNotDecoded(t *testing.T, p map[string][]byte) {
	set := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	sof := bytes.Index(p["jpg"], []byte{0xff, 0xc0})
	for name, b := range map[string][]byte{
		"32000 pixels square":     hugePNG(32000, 32000),
		"2^31-1 pixels square":    hugePNG(1<<31-1, 1<<31-1),
		"one line of 2^31-1":      hugePNG(1<<31-1, 1),
		"one column of 100000":    hugePNG(1, 100_000),
		"a JPEG of 65535 square":  set(p["jpg"], sof+5, 0xff, 0xff, 0xff, 0xff),
		"a second frame header":   append([]byte("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00"), p["jpg"][2:]...),
		"a bitmap of 2^31-1":      set(p["bmp"], 18, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f),
		"a bitmap from the top":   set(p["bmp"], 18, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff),
		"a pixmap of 99999":       []byte("P6\n# x\n99999 99999\n255\n"),
		"a bitmap of 99999":       []byte("P4 99999 99999 "),
		"a graymap in words":      []byte("P2\n70000\n2\n255\n1 2"),
		"a WebP canvas of 2^24":   []byte("RIFF\x00\x01\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"),
		"a lossless WebP of 2^14": append([]byte("RIFF\x00\x01\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f\xff\xff\xff\x0f"), make([]byte, 9)...),
		"a TIFF of 2^16 by 2^16":  []byte("II*\x00\x08\x00\x00\x00\x02\x00\x00\x01\x04\x00\x01\x00\x00\x00\x00\x00\x01\x00\x01\x01\x04\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00"),
		"a TIFF of huge tiles":    []byte("MM\x00*\x00\x00\x00\x08\x00\x04\x01\x00\x00\x03\x00\x00\x00\x01\x00\x10\x00\x00\x01\x01\x00\x03\x00\x00\x00\x01\x00\x10\x00\x00\x01\x42\x00\x04\x00\x00\x00\x01\x00\x10\x00\x00\x01\x43\x00\x04\x00\x00\x00\x01\x00\x10\x00\x00\x00\x00\x00\x00"),
	} {
		path := filepath.Join(t.TempDir(), "x.png")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := ReadPicture(path); !errors.Is(err, ErrTooLarge) || !errors.Is(err, ErrDamaged) || f != nil {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
	for name, b := range map[string][]byte{
		"a GIF": []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), "OpenEXR": []byte("\x76\x2f\x31\x01"), "Radiance": []byte("#?RADIANCE\n"),
		"a JPEG without a frame": []byte("\xff\xd8\xff\xd9"), "no TIFF directory": []byte("II*\x00\xff\xff\xff\xff"), "no numbers": []byte("P6 x"),
	} {
		if _, err := readHeader(b); !errors.Is(err, errHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVideoTooLargeIsRefused before its first frame is decoded.
func TestVideoTooLargeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.avi")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=16000x8000", "-frames:v", "1", "-c:v", "mjpeg", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	if frames, err := collect(t, Config{Location: path}); !errors.Is(err, ErrTooLarge) || len(frames) != 0 {
		t.Errorf("%v, %d frames", err, len(frames))
	}
}

// TestTurnedAsFFmpegTurns: a recording stands as ffmpeg shows it, whichever way
// its container says it was held.
func TestTurnedAsFFmpegTurns(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).Output()
		if err != nil {
			t.Fatalf("ffmpeg %v: %v", args, err)
		}
		return out
	}
	plain := filepath.Join(dir, "plain.mp4")
	run("-f", "lavfi", "-i", "testsrc=size=320x180:rate=10", "-frames:v", "3", "-c:v", "libx264", "-pix_fmt", "yuv420p", plain)
	for _, degrees := range []string{"0", "90", "180", "270", "-90"} {
		path := filepath.Join(dir, "turned"+degrees+".mp4")
		run("-i", plain, "-c", "copy", "-metadata:s:v", "rotate="+degrees, path)
		want := run("-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
		frames, err := collect(t, Config{Location: path})
		if err != nil || len(frames) != 3 || len(frames[0].Pix) != len(want) {
			t.Fatalf("%s degrees: %v, %d frames", degrees, err, len(frames))
		}
		if isQuarter := degrees == "90" || degrees == "270" || degrees == "-90"; isQuarter != (frames[0].Height > frames[0].Width) {
			t.Errorf("%s degrees: %dx%d", degrees, frames[0].Width, frames[0].Height)
		}
		sum := 0
		for i, v := range frames[0].Pix {
			sum += max(int(v), int(want[i])) - min(int(v), int(want[i]))
		}
		if mean := float64(sum) / float64(len(want)); mean > 4 {
			t.Errorf("%s degrees: pixels differ from ffmpeg's by %.1f", degrees, mean)
		}
	}
}

// bursting is a recording whose decoder breaks at some frames.
type bursting struct {
	fakeCapture
	n, from, to, last int
}

func (b *bursting) next() (alpr.Frame, float64, bool) {
	if b.n++; b.n >= b.from && b.n <= b.to {
		panic("burst")
	}
	return alpr.Frame{Width: 1, Height: 1, Pix: make([]byte, 3)}, float64(b.n * 100), b.n <= b.last
}

func TestDecoderThatBreaksCostsAFrame(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, last, want int }{
		"one":   {3, 3, 10, 9},
		"some":  {3, 5, 10, 7},
		"first": {1, 1, 10, 9},
		"all":   {1, 1 << 30, 10, 0},
	} {
		s, err := New(Config{Location: "x.mp4"}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		s.open = func(Config) (capture, error) { return &bursting{from: tt.from, to: tt.to, last: tt.last}, nil }
		got := 0
		err = s.Run(t.Context(), func(*alpr.Frame) { got++ })
		if got != tt.want || (err != nil) != (tt.want == 0) {
			t.Errorf("%s: %d frames, %v", name, got, err)
		}
	}
}

// FuzzReadHeader: no decoder may make of a file more pixels than its header was
// taken to say.
func FuzzReadHeader(f *testing.F) {
	for _, b := range pictures(f) {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add(hugePNG(32000, 32000))
	var small bytes.Buffer
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 1, 1)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(small.Bytes())
	cmyk := image.NewPaletted(image.Rect(0, 0, 3, 3), color.Palette{color.Black, color.Transparent})
	if err := png.Encode(&small, cmyk); err != nil {
		f.Fatal(err)
	}
	f.Add(small.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHeader(b)
		if cfg, format, known := image.DecodeConfig(bytes.NewReader(b)); known == nil && format != "gif" && err == nil && (cfg.Width > h.width || cfg.Height > h.height) {
			t.Fatalf("%s of %dx%d taken for %dx%d", format, cfg.Width, cfg.Height, h.width, h.height)
		}
		if err != nil || h.width*h.height > 1<<20 {
			return
		}
		frame, err := decodePicture("x", b)
		if err != nil {
			return
		}
		if side := max(h.width, h.height); frame.Width > side || frame.Height > side || frame.Width*frame.Height > h.width*h.height {
			t.Fatalf("decoded %dx%d, taken for %dx%d", frame.Width, frame.Height, h.width, h.height)
		}
		if len(frame.Pix) != 3*frame.Width*frame.Height || strings.Contains(frame.Camera, "/") {
			t.Fatalf("%d bytes for %dx%d", len(frame.Pix), frame.Width, frame.Height)
		}
	})
}
