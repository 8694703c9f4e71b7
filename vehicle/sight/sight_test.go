package sight

import (
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/vehicle/vehicletest"
)

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
	f := vehicletest.Scene(t)
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
		l := Inspect(c.picture)
		if _, got := l.Verdict(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q (%+v)", name, got, c.want, l)
		}
	}
}

// TestAFaultIsToldOnce: what lasts is told once and ended once, what passes is not
// told at all.
func TestAFaultIsToldOnce(t *testing.T) {
	f := vehicletest.Scene(t)
	sound, blurred := Inspect(f), Inspect(smeared(f, 20))
	black, covered := Inspect(with(f, func(byte) byte { return 2 })), Inspect(with(f, func(p byte) byte { return 120 + p/128 }))
	noise := uint64(0) // a sensor's: no picture is the one before
	type part struct {
		look    Look
		seconds int
	}
	for name, tt := range map[string]struct {
		parts []part
		want  []Fault
	}{
		"a drive":          {[]part{{sound, 300}}, nil},
		"a truck passes":   {[]part{{sound, 20}, {covered, 8}, {sound, 20}}, nil},
		"a wet bend":       {[]part{{sound, 20}, {blurred, 40}, {sound, 20}}, nil},
		"a cap":            {[]part{{sound, 20}, {black, 300}, {sound, 20}}, []Fault{Black, Sound}},
		"a cap, a flicker": {[]part{{black, 60}, {sound, 4}, {black, 60}}, []Fault{Black}},
		"a knock":          {[]part{{sound, 20}, {blurred, 300}}, []Fault{Blurred}},
		"cap, then fog":    {[]part{{black, 60}, {covered, 60}}, []Fault{Black, Covered}},
	} {
		var w Watch
		var told []Fault
		now := time.Unix(0, 0)
		for _, p := range tt.parts {
			for range p.seconds / 2 {
				noise++
				p.look.digest = noise
				if fault, why, isNews := w.judge(p.look, now); isNews {
					told = append(told, fault)
					if (why == "") != (fault == Sound) {
						t.Errorf("%s: %q is told as %q", name, fault, why)
					}
				}
				now = now.Add(2 * time.Second)
			}
		}
		if !slices.Equal(told, tt.want) {
			t.Errorf("%s: told %q, want %q", name, told, tt.want)
		}
	}
}

func TestAFrozenPictureIsTold(t *testing.T) {
	var w Watch
	f := vehicletest.Scene(t)
	for s := range 90 {
		fault, _, isNews := w.Observe(f, time.Unix(int64(s), 0))
		if isNews != (s == 60) || (fault == Frozen) != (s >= 60) {
			t.Fatalf("after %d s: %q, news %v", s, fault, isNews)
		}
	}
}

func BenchmarkInspect(b *testing.B) {
	f := &alpr.Frame{Width: 1920, Height: 1080, Pix: make([]byte, 3*1920*1080)}
	for b.Loop() {
		Inspect(f)
	}
}
