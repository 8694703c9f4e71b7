package vehicle

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/console"
)

// TestACameraThatShowsNothingIsTold: page, backend and monitoring are told why,
// the log once, until it is over.
func TestACameraThatShowsNothingIsTold(t *testing.T) {
	pictures, _ := standstill(t)
	now := time.Now()
	v := vehicleWith(t, carOf(t, pictures, ""), Options{
		Sources: []Source{stateOf{state: camera.State{IsOpen: true, Frames: 9, LastFrame: now.Add(time.Hour)}}},
	})
	var logged bytes.Buffer
	v.log = slog.New(slog.NewTextHandler(&logged, nil))
	if v.lasting()["pictures"] == nil {
		t.Error("nobody judges the pictures while the car runs")
	}
	w, seq := new(pictureWatch), uint64(0)
	show := func(seconds int, pixel func(i int) byte) {
		for range seconds {
			f := alpr.Frame{Width: 64, Height: 64, Pix: make([]byte, 3*64*64)}
			for i := range f.Pix {
				f.Pix[i] = pixel(i / 3)
			}
			seq++
			f.Seq, f.Pix[seq%64] = seq, byte(seq)
			v.cameras[0].newest.Store(&f)
			now = now.Add(time.Second)
			v.judgePicture(w, v.cameras[0], now)
		}
	}
	bars := func(i int) byte { return byte(40 + 160*(i/8%2)) }
	for _, tt := range []struct {
		name    string
		seconds int
		pixel   func(int) byte
		want    string // of the sentence
		fault   string
	}{
		{"a street", 20, bars, "", ""},
		{"a cap", 15, func(int) byte { return 1 }, "is the lens cap on", "black"},
		{"the cap, on and on", 600, func(int) byte { return 1 }, "is the lens cap on", "black"},
		{"the street again", 15, bars, "", ""},
	} {
		show(tt.seconds, tt.pixel)
		_, told := v.health()
		page, measured := v.status().Cameras[0], v.measures().Cameras[0]
		if measured.Fault != tt.fault || !measured.IsUp || (page.Level == console.LevelOK) != (tt.want == "") || !strings.Contains(page.Detail, tt.want) {
			t.Errorf("%s: the page says %+v, monitoring %+v", tt.name, page.PartStatus, measured)
		}
		if strings.Contains(strings.Join(told, "\n"), "camera front: ") != (tt.want != "") {
			t.Errorf("%s: the backend is told %q", tt.name, told)
		}
	}
	if n := strings.Count(logged.String(), "\n"); n != 2 {
		t.Errorf("the log tells it %d times, want its begin and its end:\n%s", n, &logged)
	}
}
