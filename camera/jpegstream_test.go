package camera

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"image"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
)

// withThumbnail is a JPEG with another, small one in a segment of its own, as
// cameras keep them in Exif.
func withThumbnail(t testing.TB, jpeg, small []byte) []byte {
	t.Helper()
	n := len(small) + 2
	if n > 1<<16-1 {
		t.Fatalf("a thumbnail of %d bytes", n)
	}
	return slices.Concat(jpeg[:2], []byte{0xff, 0xe1, byte(n >> 8), byte(n)}, small, jpeg[2:])
}

// TestPicturesAreCutOutOfAStream: however a camera writes what is between two
// pictures, each comes whole, and one that breaks off costs none but itself.
func TestPicturesAreCutOutOfAStream(t *testing.T) {
	small := encoded(t, textured(16, 16), 60)
	whole := [][]byte{encoded(t, textured(96, 64), 90), withThumbnail(t, encoded(t, textured(80, 64), 90), small)}
	broken := whole[0][:len(whole[0])/2]
	stream := slices.Concat([]byte("--b\r\nContent-Type: image/jpeg\r\nContent-Length: 7\r\n\r\n"), whole[0],
		[]byte("\n--b\n\n"), broken, []byte("--b\r\n\r\n"), whole[1], whole[0])
	in := bufio.NewReader(bytes.NewReader(stream))
	var got [][]byte
	for {
		text, err := nextJPEG(in)
		if err != nil && !errors.Is(err, errBadPicture) {
			break
		}
		if err == nil {
			got = append(got, text)
		}
	}
	for i, want := range [][]byte{whole[0], whole[1], whole[0]} {
		if !slices.ContainsFunc(got, func(g []byte) bool { return bytes.Equal(g, want) }) {
			t.Errorf("picture %d is not among the %d that came", i, len(got))
		}
	}
}

func FuzzNextJPEG(f *testing.F) {
	f.Add(encoded(f, textured(16, 16), 60))
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x02\xff\xff\xd9"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bufio.NewReader(bytes.NewReader(stream))
		for {
			text, err := nextJPEG(in)
			if err == nil && (!bytes.HasPrefix(text, []byte{0xff, 0xd8}) || !bytes.HasSuffix(text, []byte{0xff, 0xd9}) || len(text) > len(stream)) {
				t.Fatalf("cut out %q", text)
			}
			if err != nil && !errors.Is(err, errBadPicture) {
				return
			}
		}
	})
}

// TestMotionJPEGSaysWhatIsWrong: what is no stream of pictures is left to FFmpeg,
// and no error holds the password.
func TestMotionJPEGSaysWhatIsWrong(t *testing.T) {
	serve := func(status int, kind, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return strings.Replace(server.URL, "://", "://admin:Zq9plain@", 1) + "/main"
	}
	const multipart = "multipart/x-mixed-replace; boundary=frame"
	for name, tt := range map[string]struct{ location, want string }{
		"another kind":   {serve(200, "video/mp4", "x"), ""},
		"a login":        {serve(401, multipart, "no"), ""},
		"RTSP":           {"rtsp://127.0.0.1:1/main", ""},
		"garbage":        {serve(200, multipart, "--frame\r\n\r\nnoise"), "no picture"},
		"a broken one":   {serve(200, multipart, "--frame\r\n\r\n\xff\xd8\xffnoise"), "no picture"},
		"of few pixels":  {serve(200, multipart, string(encoded(t, image.NewGray(image.Rect(0, 0, 2, 600)), 90))), "2×600"},
		"nothing listen": {"http://admin:Zq9plain@127.0.0.1:1/main", "refused"},
	} {
		v, err := openMotionJPEG(t.Context(), tt.location)
		if v != nil || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v, want %q", name, v, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "Zq9plain") {
			t.Errorf("%s: the password is shown: %v", name, err)
		}
	}
}

// TestMotionJPEGKeepsPixels: what comes through the stream is what a still shows.
func TestMotionJPEGKeepsPixels(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	n := 0
	run(ctx, motionJPEG(t, image.Pt(320, 240)).URL+"/front.mjpg", func(f *alpr.Frame) {
		if n++; f.Width != 320 || f.Height != 240 || len(f.Pix) != 3*320*240 || f.Pix[0] != 0 || f.Seq != uint64(n) {
			t.Errorf("frame %d is %dx%d, %d bytes, seq %d", n, f.Width, f.Height, len(f.Pix), f.Seq)
		}
		if n == 3 {
			stop()
		}
	})
	if n != 3 {
		t.Errorf("%d frames", n)
	}
}
