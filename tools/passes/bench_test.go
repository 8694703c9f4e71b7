package main

import (
	"path/filepath"
	"slices"
	"testing"

	"alpr"
	"alpr/models/modelstest"
	"alpr/tools/passes/road"
	"alpr/vehicle/networks"
)

// TestRoad is a small part of the benchmark: settings in which every pass has to
// be read exactly, each once.
func TestRoad(t *testing.T) {
	root := modelstest.Root(t)
	b, err := openBench(networks.Options{Dir: filepath.Join(root, "models"), Library: modelstest.Library(t), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, s := range []road.Scene{
		{Kind: road.Fleet, SpeedKMH: 60, FPS: 5, Light: road.Day, Height: 720, Cars: 8, Cameras: 1, Seed: 1},
		{Kind: road.Fleet, SpeedKMH: 60, FPS: 10, Light: road.Day, Height: 720, Cars: 4, Cameras: 1, Seed: 2},
		{Kind: road.Parked, SpeedKMH: 60, FPS: 10, Light: road.Night, Height: 720, Cars: 3, Cameras: 1, Seed: 1},
	} {
		got, named, err := b.count(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if got.exact != s.Cars || got.otherwise+got.twice != 0 {
			t.Errorf("%s: missed %v, otherwise %v, twice %v", s, named.missed, named.wrong, named.second)
		}
	}
}

// TestScenesAreTheSameAtEveryRun: a figure can be compared only with one of the
// same pictures.
func TestScenesAreTheSameAtEveryRun(t *testing.T) {
	r, err := road.New()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, light := range road.Lights() {
		s := road.Scene{Kind: road.Crossing, SpeedKMH: 90, FPS: 4, Light: light, Height: 360, Cars: 2, Cameras: 2, Seed: 1}
		draw := func() (frames []*alpr.Frame) {
			if err := r.Run(t.Context(), s, func(f *alpr.Frame) { frames = append(frames, f) }); err != nil {
				t.Fatal(err)
			}
			return frames
		}
		a, b := draw(), draw()
		if len(a) < 4 || len(a) != len(b) {
			t.Fatalf("%s: %d frames, then %d", light, len(a), len(b))
		}
		for i := range a {
			if !slices.Equal(a[i].Pix, b[i].Pix) {
				t.Fatalf("%s: frame %d is another one at the second run", light, i)
			}
		}
		if slices.Equal(a[0].Pix, a[len(a)-2].Pix) {
			t.Errorf("%s: nothing moves", light)
		}
	}
}

// TestNeeds: the smallest rate from which nothing is lost.
func TestNeeds(t *testing.T) {
	row := []count{{exact: 2, missed: 4}, {exact: 6}, {exact: 6, otherwise: 1}, {exact: 6}, {exact: 6}}
	if got := needs([]float64{2, 5, 10, 15, 30}, row); got != "15/s" {
		t.Errorf("needs %s, want 15/s", got)
	}
	if got := needs([]float64{2}, []count{{missed: 6}}); got != "-" {
		t.Errorf("of nothing read: %s", got)
	}
}
