package pipeline

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alpr"
)

// careful is a scene's detector that can look at regions, and counts.
type careful struct {
	*scene
	full, parts, regions int
	outside              int // plates that no region showed
}

func (c *careful) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	c.full++
	return c.scene.Detect(f)
}

func (c *careful) DetectIn(f *alpr.Frame, regions []alpr.Box) ([]alpr.Plate, error) {
	c.parts++
	c.regions += len(regions)
	all, err := c.scene.Detect(f)
	return slices.DeleteFunc(all, func(p alpr.Plate) bool {
		isIn := slices.ContainsFunc(regions, func(r alpr.Box) bool { return overlap(p.Box, r) > 0.99 })
		if !isIn {
			c.outside++
		}
		return !isIn
	}), err
}

// TestAttentionLosesNoPass: frames between two full searches are looked at only
// where plates are followed, and the same passes are read as by looking at all.
func TestAttentionLosesNoPass(t *testing.T) {
	crossing := func(dir float64) func(float64) (float64, float64, float64) {
		return func(sec float64) (float64, float64, float64) { return 640 + dir*(sec-1.5)*350, 400, 90 }
	}
	for _, tt := range []struct {
		name string
		cars []car
	}{
		{"an approach", []car{{text: "ABC1234", path: approach(0, 3)}}},
		{"two cars cross", []car{{text: "ABC1234", path: crossing(1)}, {text: "XYZ987", path: crossing(-1)}}},
		{"a row of parked cars", []car{{text: "PARK01", path: passing(0)}, {text: "PARK02", path: passing(0.8)}, {text: "PARK03", path: passing(1.6)}}},
		{"oncoming at 160 km/h", []car{{text: "ABC1234", path: func(sec float64) (float64, float64, float64) {
			z := 40 - 45*(sec-0.5)
			if z < 4 || z > 40 {
				return 0, 0, 0
			}
			return 640 - 2500/z, 360 + 1200/z, 520 * 1.2 / z * 1.5
		}}}},
	} {
		for seed := range uint64(5) {
			read := func(all bool) ([]string, *careful) {
				s := &careful{scene: newScene(seed, 30, 4, tt.cars...)}
				cfg := DefaultConfig()
				cfg.IsLossless, cfg.SearchAll = true, all
				k := &keeper{}
				p, err := New(cfg, Parts{Sources: []Source{s}, Detector: s, Reader: s, Recorder: k, Locator: parked{}, Random: seeded(1), Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if st := p.Stats(); st.FramesDone != 120 || int(st.FramesFull) != s.full {
					t.Errorf("%s: stats %+v", tt.name, st)
				}
				return texts(k.newest()), s
			}
			all, every := read(true)
			some, c := read(false)
			if !slices.Equal(all, some) {
				t.Errorf("%s, seed %d: read %v, looking at all %v", tt.name, seed, some, all)
			}
			if every.full != 120 || every.parts != 0 || c.full > 60 || c.full < 40 || c.regions == 0 {
				t.Errorf("%s, seed %d: %d and %d full searches, %d regions", tt.name, seed, every.full, c.full, c.regions)
			}
		}
	}
}

// TestSearchRate: the faster we drive and the smaller the picture, the more often
// all of it is searched.
func TestSearchRate(t *testing.T) {
	small, large := &alpr.Frame{Width: 1280, Height: 720}, &alpr.Frame{Width: 3840, Height: 2160}
	for _, tt := range []struct {
		f           *alpr.Frame
		speed       float64
		least, most float64
	}{
		{small, 0, leastRate, leastRate},
		{small, 13.9, 12, 20},
		{small, 36, 35, 60},
		{large, 36, 12, 12},
		{small, -1, 12, 20},
	} {
		if got := searchRate(tt.f, tt.speed); got < tt.least || got > tt.most {
			t.Errorf("%d px, %g m/s: %.1f a second, want %g to %g", tt.f.Width, tt.speed, got, tt.least, tt.most)
		}
	}
}

// TestUnchangedFramesAreNotSearched: parked before a wall, only one frame a second
// is searched; anything that moves is looked at at once.
func TestUnchangedFramesAreNotSearched(t *testing.T) {
	a := &attention{}
	wall := func(sec float64, at int) *alpr.Frame {
		f := &alpr.Frame{Width: 640, Height: 360, CapturedAt: noon.Add(time.Duration(sec * float64(time.Second))), Pix: make([]byte, 3*640*360)}
		for y := range 20 {
			for x := range 40 {
				f.Pix[3*((y+100)*640+x+at)+1] = 200
			}
		}
		return f
	}
	looks := make(map[search]int)
	plates := []alpr.Plate{plateAt(320, 110, 40)}
	for i := range 90 {
		f := wall(float64(i)/30, 300)
		p := a.plan(f, 0, 1)
		a.found(f, &p, plates)
		looks[p.search]++
		if p.search == searchNone && !slices.Equal(p.repeat, plates) {
			t.Fatalf("frame %d repeats %v", i, p.repeat)
		}
	}
	if looks[searchAll] > 4 || looks[searchNone] < 86 {
		t.Errorf("looks %v, want one full search a second", looks)
	}
	f := wall(3.01, 304)
	if p := a.plan(f, 0, 1); p.search == searchNone {
		t.Error("a plate that moved four pixels was not looked at")
	}
}

// TestGovernor: under load less is looked at, one step after the other, and that
// is said; with room again, all of it.
func TestGovernor(t *testing.T) {
	g := governor{log: slog.New(slog.DiscardHandler)}
	now := noon
	watch := func(seconds float64, waited time.Duration, drops uint64) {
		for range int(seconds * 30) {
			now = now.Add(time.Second / 30)
			g.observe(now, waited, drops)
		}
	}
	watch(5, 5*time.Millisecond, 0)
	if g.level != 0 || g.says() != "" || g.share() != 1 || g.passesOver(searchRegions, 1) {
		t.Fatalf("level %d without load", g.level)
	}
	last, share := g.level, g.share()
	for drops := uint64(1); g.level < len(steps())-1; drops++ {
		watch(0.5, 90*time.Millisecond, drops)
		if g.level > last+1 || g.level > last && g.share() >= share || g.level > 0 && g.says() == "" {
			t.Fatalf("level %d after %d: %q", g.level, last, g.says())
		}
		last, share = g.level, g.share()
		if drops > 20 {
			t.Fatal("no step is the last")
		}
	}
	if !g.passesOver(searchRegions, 1) || g.passesOver(searchAll, 1) || g.passesOver(searchRegions, 4) {
		t.Error("the last step passes over the wrong frames")
	}
	watch(10, 30*time.Millisecond, 20)
	if g.level != last {
		t.Error("a step was taken back without room for it")
	}
	watch(60, 5*time.Millisecond, 20)
	if g.level != 0 || g.says() != "" {
		t.Errorf("level %d a minute after the load has gone", g.level)
	}
}

// TestABusyMachineIsGoverned: a detector that is too slow for the camera's frames
// is asked for less, instead of losing whatever comes; the stop is said.
func TestABusyMachineIsGoverned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &careful{scene: newScene(1, 30, 20, car{text: "ABC1234", path: stands(600, 400, 100, 1, 19)})}
		k := &keeper{}
		p, logged, wait := live(t, t.Context(), Parts{
			Sources: []Source{paced{s.scene}}, Detector: slowSearch{s}, Reader: s, Recorder: k, Presenter: k, Matcher: entries{"ABC1234"},
		})
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		st := p.Stats()
		if st.FramesIn != 600 || st.FramesIn != st.FramesDone+st.FramesDropped+st.FramesPassed {
			t.Errorf("stats %+v", st)
		}
		if st.FramesDropped > 60 || st.Reads != 1 || st.Hits != 1 || st.Withdrawn != 0 {
			t.Errorf("%d frames dropped, %d reads, %d hits, %d withdrawn", st.FramesDropped, st.Reads, st.Hits, st.Withdrawn)
		}
		if got := logged.String(); !strings.Contains(got, "frames are looked at less closely") || st.Attention == "" {
			t.Errorf("nothing was said: %q, %s", st.Attention, got)
		}
	})
}

// slowSearch takes 60 ms for all of a frame, and 10 for its regions.
type slowSearch struct{ *careful }

func (s slowSearch) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	time.Sleep(60 * time.Millisecond)
	return s.careful.Detect(f)
}

func (s slowSearch) DetectIn(f *alpr.Frame, regions []alpr.Box) ([]alpr.Plate, error) {
	time.Sleep(10 * time.Millisecond)
	return s.careful.DetectIn(f, regions)
}
