package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"alpr"
	"alpr/gps"
	"alpr/models"
	"alpr/pipeline"
	"alpr/tools/passes/road"
	"alpr/vehicle/networks"
)

// runCost is the command "passes cost": the processor time that a frame takes, by
// scene, size of picture, cameras and speed, looked at as the scene asks for and
// looked at as a whole. Decoding is no part of it: the frames are drawn before.
func runCost(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	flags := flag.NewFlagSet("passes cost", flag.ContinueOnError)
	flags.SetOutput(errs)
	modelsDir, library := flags.String("models", "models", "folder of the networks"), flags.String("onnxruntime", "build/lib/libonnxruntime.so.1", "")
	precision := flags.String("precision", "", "fp32 or int8")
	frames := flags.Int("frames", 45, "frames of each scene")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := openBench(networks.Options{Dir: *modelsDir, Library: *library, Threads: 1, Precision: *precision})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	fmt.Fprintf(out, "processor: %s\n%s\n\n", models.ThisProcessor(), strings.Join(b.networks.Paths(), "\n"))
	fmt.Fprintln(out, "| scene, 30 frames/s | ms a frame, all of each | ms a frame, by attention | ratio | searched as a whole | passes |\n|---|---|---|---|---|---|")
	for _, s := range costScenes() {
		if err := b.cost(ctx, s, *frames, out); err != nil {
			return err
		}
	}
	return nil
}

// costScenes are the curves: size of picture, cameras, plates in view, speed.
func costScenes() []road.Scene {
	base := road.Scene{Kind: road.Overtaking, SpeedKMH: 30, FPS: 30, Light: road.Day, Height: 1080, Cars: 4, Cameras: 1, Seed: 1}
	var list []road.Scene
	add := func(change func(*road.Scene)) {
		s := base
		change(&s)
		list = append(list, s)
	}
	for _, h := range []int{720, 1080, 2160} {
		add(func(s *road.Scene) { s.Height = h })
	}
	for _, n := range []int{2, 3, 4} {
		add(func(s *road.Scene) { s.Cameras = n })
	}
	for _, n := range []int{1, 8} {
		add(func(s *road.Scene) { s.Kind, s.Cars = road.Parked, n })
	}
	for _, v := range []float64{0, 60, 130} {
		add(func(s *road.Scene) { s.SpeedKMH = v })
	}
	return list
}

// cost measures one scene both ways.
func (b *bench) cost(ctx context.Context, s road.Scene, most int, out io.Writer) error {
	var frames []*alpr.Frame
	enough := errors.New("enough")
	drawing, stop := context.WithCancelCause(ctx)
	err := b.road.Run(drawing, s, func(f *alpr.Frame) {
		if frames = append(frames, f); len(frames) >= most*s.Cameras {
			stop(enough)
		}
	})
	stop(nil)
	if err != nil && !errors.Is(context.Cause(drawing), enough) {
		return err
	}
	var ms [2]float64
	var stats [2]pipeline.Stats
	for i, all := range []bool{true, false} {
		cfg := pipeline.DefaultConfig()
		cfg.IsLossless, cfg.SearchAll = true, all
		p, err := pipeline.New(cfg, pipeline.Parts{
			Sources: []pipeline.Source{taken(frames)}, Detector: b.networks.Detector, Reader: b.networks.Recogniser,
			Serials: b.networks.Serials, Recorder: &kept{}, Locator: gps.Fixed{Lat: 28, Lon: -82}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		before := processorTime()
		if err := p.Run(ctx); err != nil {
			return fmt.Errorf("read %s: %w", s, err)
		}
		ms[i] = float64((processorTime() - before).Microseconds()) / 1000 / float64(len(frames))
		stats[i] = p.Stats()
	}
	fmt.Fprintf(out, "| %s, %dp, %d cameras, %d cars, %g km/h | %.1f | %.1f | %.2f | %d of %d | %d, %d |\n", s.Kind, s.Height, s.Cameras, s.Cars, s.SpeedKMH,
		ms[0], ms[1], ms[1]/ms[0], stats[1].FramesFull, stats[1].FramesDone, stats[0].Reads, stats[1].Reads)
	return nil
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// taken are frames that were drawn before, as a source.
type taken []*alpr.Frame

func (t taken) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	for _, f := range t {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		emit(f)
	}
	return nil
}
