package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"alpr"
)

// rig is several cameras of one vehicle; each frame comes in the order in which
// it was taken.
type rig map[string]*scene

func (r rig) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	var frames []*alpr.Frame
	for name, s := range r {
		if err := s.Run(ctx, func(f *alpr.Frame) {
			f.Camera = name
			frames = append(frames, f)
		}); err != nil {
			return err
		}
	}
	slices.SortFunc(frames, func(a, b *alpr.Frame) int {
		return cmp.Or(a.CapturedAt.Compare(b.CapturedAt), cmp.Compare(a.Camera, b.Camera))
	})
	for _, f := range frames {
		emit(f)
	}
	return nil
}

func (r rig) Detect(f *alpr.Frame) ([]alpr.Plate, error) { return r[f.Camera].Detect(f) }

func (r rig) Read(f *alpr.Frame, p []alpr.Plate) ([]alpr.Text, error) { return r[f.Camera].Read(f, p) }

// driving is a locator of a car that drives north at a constant speed.
type driving float64

func (d driving) At(t time.Time) alpr.Fix {
	return alpr.Fix{At: t, Lat: 28 + float64(d)*t.Sub(noon).Seconds()/111_195, Lon: -82, Quality: alpr.GPSFix}
}

func (driving) TimeSource(time.Time) (alpr.TimeSource, time.Duration) { return alpr.TimeFile, 0 }

// driveRig runs the cameras through one pipeline.
func driveRig(t *testing.T, r rig, speed driving, m Matcher) (*keeper, Stats) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.IsLossless = true
	cfg.Mounts = map[string]Mount{"rear": {AngleDeg: 180}, "left": {AngleDeg: 270, Side: SideLeft}, "right": {AngleDeg: 90, Side: SideRight}}
	k := &keeper{}
	p, err := New(cfg, Parts{
		Sources: []Source{r}, Detector: r, Reader: r, Recorder: k, Presenter: k, Locator: speed, Photographer: named{},
		Matcher: m, Random: seeded(1), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k, p.Stats()
}

// named is a photographer whose pictures say of which frame they are.
type named struct{}

func (named) Photograph(f *alpr.Frame, _ alpr.Plate) (crop, context alpr.Picture, err error) {
	return alpr.Picture{JPEG: fmt.Appendf(nil, "%s %d", f.Camera, f.Seq)}, alpr.Picture{}, nil
}

// TestOneCarBeforeTwoCameras: the front camera raises the alert at once, the rear
// camera refines it, and the one read names both, with the picture and the
// position of each.
func TestOneCarBeforeTwoCameras(t *testing.T) {
	for _, way := range [][2]string{{"front", "rear"}, {"rear", "front"}, {"left", "right"}} {
		r := rig{
			way[0]: newScene(1, 15, 9, car{text: "ABC1234", path: approach(0, 2)}),
			way[1]: newScene(2, 15, 9, car{text: "ABC1234", path: approach(4, 6)}),
		}
		k, stats := driveRig(t, r, 8, entries{"ABC1234"})
		reads := k.newest()
		if len(reads) != 1 || stats.Reads != 1 || stats.Alerts != 1 || stats.Hits != 1 || stats.Withdrawn != 0 {
			t.Fatalf("%v: reads %v, stats %+v", way, texts(reads), stats)
		}
		read := reads[0]
		if read.Preview || len(read.Views) != 2 || len(read.MaybeSame) != 0 {
			t.Fatalf("%v: the last read is a preview: %t, %d views", way, read.Preview, len(read.Views))
		}
		for i, v := range read.Views {
			if v.Camera != way[i] || v.Text != "ABC1234" || v.Frames == 0 || len(v.Crop.JPEG) == 0 || string(v.Crop.JPEG[:len(way[i])]) != way[i] {
				t.Errorf("%v: view %d: %s, %s, %d frames, picture %q", way, i, v.Camera, v.Text, v.Frames, v.Crop.JPEG)
			}
			if m := distanceM(v.Fix, driving(8).At(v.At)); m > 0.1 {
				t.Errorf("%v: the position of view %d is %.0f m off", way, i, m)
			}
		}
		if read.Frames != read.Views[0].Frames+read.Views[1].Frames {
			t.Errorf("%v: %d frames, the views have %d and %d", way, read.Frames, read.Views[0].Frames, read.Views[1].Frames)
		}
		if first := k.recorded[0]; !first.Preview || first.Camera != way[0] || first.LastAt.Sub(first.FirstAt) > time.Second {
			t.Errorf("%v: the alert came with %s, %v after the plate", way, first.Camera, first.LastAt.Sub(first.FirstAt))
		}
		if refined := slices.ContainsFunc(k.alerts, func(a alpr.Alert) bool { return a.Read.Preview && len(a.Read.Views) == 2 }); !refined {
			t.Errorf("%v: the second camera did not refine the alert while it saw the car", way)
		}
	}
}

// TestCamerasThatLookTheSameWay: both see the car at once; the read is one, and
// its alert is not told twice.
func TestCamerasThatLookTheSameWay(t *testing.T) {
	r := rig{
		"front": newScene(1, 15, 5, car{text: "ABC1234", path: approach(0, 3)}),
		"zoom":  newScene(2, 15, 5, car{text: "ABC1234", path: approach(0.5, 2)}),
	}
	k, stats := driveRig(t, r, 8, entries{"ABC1234"})
	if reads := k.newest(); len(reads) != 1 || len(reads[0].Views) != 2 || stats.Alerts != 1 || stats.Reads != 1 {
		t.Errorf("reads %v, stats %+v", texts(reads), stats)
	}
}

// TestCarsBeforeTwoCamerasStayApart: what cannot be one car stays two reads, and
// what cannot be decided names the other.
func TestCarsBeforeTwoCamerasStayApart(t *testing.T) {
	for _, tt := range []struct {
		name        string
		front, rear car
		isRelated   bool
	}{
		{"another car", car{text: "ABC1234", path: approach(0, 2)}, car{text: "XYZ987", path: approach(4, 6)}, false},
		{"a neighbour of its fleet", car{text: "ABC1234", path: approach(0, 2)}, car{text: "ABC1284", path: approach(4, 6)}, false},
		{"before both at once", car{text: "ABC1234", path: approach(0, 4)}, car{text: "ABC1234", path: approach(1, 3)}, true},
		{"a minute later", car{text: "ABC1234", path: approach(0, 2)}, car{text: "ABC1234", path: approach(62, 64)}, false},
	} {
		seconds := 8.0
		if tt.name == "a minute later" {
			seconds = 66
		}
		r := rig{"front": newScene(1, 15, seconds, tt.front), "rear": newScene(2, 15, seconds, tt.rear)}
		k, stats := driveRig(t, r, 8, entries{"ABC1234"})
		reads := k.newest()
		if len(reads) != 2 || stats.Reads != 2 {
			t.Errorf("%s: reads %v", tt.name, texts(reads))
			continue
		}
		a, b := reads[0], reads[1]
		if isRelated := slices.Contains(a.MaybeSame, b.ID) && slices.Contains(b.MaybeSame, a.ID); isRelated != tt.isRelated {
			t.Errorf("%s: the reads name each other: %t; %v and %v", tt.name, isRelated, a.MaybeSame, b.MaybeSame)
		}
		if len(a.Views)+len(b.Views) != 0 {
			t.Errorf("%s: a read of one camera has views", tt.name)
		}
	}
}
