package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"alpr"
	"alpr/detect"
	"alpr/gps"
	"alpr/ocr"
	"alpr/pipeline"
	"alpr/tools/passes/road"
	"alpr/vehicle/networks"
)

const benchHelp = `passes road: draws traffic and counts how its passes are read.

A cell is "exact/otherwise/twice/not at all" of the cars met. The last column is
the smallest of the frame rates at which as many are read exactly, and no more
otherwise, than at the highest.
`

// grid is what a run of the benchmark goes through.
type grid struct {
	kinds   []road.Kind
	lights  []road.Light
	speeds  []float64
	rates   []float64
	heights []float64
	cameras int
	cars    int
	seed    uint64
	names   bool
	all     bool
}

// count is how the passes of one scene were read.
type count struct{ cars, exact, otherwise, twice, missed int }

func (c count) String() string {
	return fmt.Sprintf("%d/%d/%d/%d", c.exact, c.otherwise, c.twice, c.missed)
}

func (c *count) add(o count) {
	c.cars += o.cars
	c.exact += o.exact
	c.otherwise += o.otherwise
	c.twice += o.twice
	c.missed += o.missed
}

// runRoad is the command "passes road".
func runRoad(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	flags := flag.NewFlagSet("passes road", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() { fmt.Fprint(errs, benchHelp); flags.PrintDefaults() }
	kinds := flags.String("kinds", "", "kinds of scene, with commas between (all)")
	lights := flags.String("lights", "day", "day, dusk, night, rain")
	speeds := flags.String("speeds", "0,30,60,90,130,180,270", "closing speeds, km/h")
	rates := flags.String("rates", "2,5,10,15,30,60", "frames a second")
	heights := flags.String("heights", "720", "heights of the picture: 720,1080,2160")
	g := grid{}
	flags.IntVar(&g.cameras, "cameras", 1, "cameras of the vehicle, 1 to 4")
	flags.IntVar(&g.cars, "cars", 6, "cars in a scene")
	flags.Uint64Var(&g.seed, "seed", 1, "another seed, another choice of cars")
	flags.BoolVar(&g.names, "names", false, "also name the plates missed and read otherwise")
	flags.BoolVar(&g.all, "search-all", false, "search all of every frame")
	models, library := flags.String("models", "models", "folder of the networks"), flags.String("onnxruntime", "build/lib/libonnxruntime.so.1", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, k := range split(*kinds) {
		g.kinds = append(g.kinds, road.Kind(k))
	}
	if len(g.kinds) == 0 {
		g.kinds = road.Kinds()
	}
	for _, l := range split(*lights) {
		g.lights = append(g.lights, road.Light(l))
	}
	if g.speeds, err = numbers(*speeds); err == nil {
		if g.rates, err = numbers(*rates); err == nil {
			g.heights, err = numbers(*heights)
		}
	}
	if err != nil {
		return err
	}
	b, err := openBench(networks.Options{Dir: *models, Library: *library, Threads: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.all = g.all
	return g.print(ctx, b, out)
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func numbers(list string) ([]float64, error) {
	var out []float64
	for _, text := range split(list) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number: %w", text, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// print goes through the grid and prints a table for each kind, light and height.
func (g *grid) print(ctx context.Context, b *bench, out io.Writer) error {
	fmt.Fprintf(out, "```\n%s\n```\n", strings.Join(b.networks.Paths(), "\n"))
	var all count
	for _, kind := range g.kinds {
		for _, light := range g.lights {
			for _, height := range g.heights {
				fmt.Fprintf(out, "\n%s, %s, %gp, %d cameras: exact/otherwise/twice/not at all of %d cars\n\n| km/h |", kind, light, height, g.cameras, g.cars)
				for _, fps := range g.rates {
					fmt.Fprintf(out, " %g/s |", fps)
				}
				fmt.Fprintf(out, " needs |\n|---|%s---|\n", strings.Repeat("---|", len(g.rates)))
				for _, speed := range g.speeds {
					row := make([]count, len(g.rates))
					fmt.Fprintf(out, "| %g |", speed)
					for i, fps := range g.rates {
						var err error
						s := road.Scene{Kind: kind, SpeedKMH: speed, FPS: fps, Light: light, Height: int(height), Cars: g.cars, Cameras: g.cameras, Seed: g.seed}
						var got outcome
						if row[i], got, err = b.count(ctx, s); err != nil {
							return err
						}
						if g.names && len(got.missed)+len(got.wrong)+len(got.second) > 0 {
							fmt.Fprintf(out, " (missed %v, otherwise %v, twice %v)", got.missed, got.wrong, got.second)
						}
						fmt.Fprintf(out, " %s |", row[i])
						all.add(row[i])
					}
					fmt.Fprintf(out, " %s |\n", needs(g.rates, row))
				}
			}
		}
	}
	fmt.Fprintf(out, "\nall: %d cars, %d exactly, %d otherwise, %d twice, %d not at all\n", all.cars, all.exact, all.otherwise, all.twice, all.missed)
	return nil
}

// needs is the smallest rate from which on nothing is lost against the highest.
func needs(rates []float64, row []count) string {
	best := row[len(row)-1]
	if best.exact == 0 {
		return "-"
	}
	least := ""
	for i := len(row) - 1; i >= 0 && row[i].exact >= best.exact && row[i].otherwise <= best.otherwise; i-- {
		least = fmt.Sprintf("%g/s", rates[i])
	}
	return least
}

// bench is what scenes are read with.
type bench struct {
	road     *road.Road
	networks *networks.Networks
	all      bool // search all of every frame
}

func openBench(o networks.Options) (*bench, error) {
	r, err := road.New()
	if err != nil {
		return nil, err
	}
	n, err := networks.Open(o, detect.Options{}, ocr.Options{SureFrom: networks.SureFrom})
	if err != nil {
		r.Close()
		return nil, err
	}
	return &bench{road: r, networks: n}, nil
}

func (b *bench) close() error {
	b.road.Close()
	return b.networks.Close()
}

// count reads a scene and compares.
func (b *bench) count(ctx context.Context, s road.Scene) (count, outcome, error) {
	k := &kept{}
	cfg := pipeline.DefaultConfig()
	cfg.IsLossless, cfg.SearchAll = true, b.all
	cfg.Mounts = make(map[string]pipeline.Mount)
	for _, c := range road.Cameras(s.Cameras) {
		cfg.Mounts[c.Name] = pipeline.Mount{AngleDeg: c.AngleDeg}
	}
	p, err := pipeline.New(cfg, pipeline.Parts{
		Sources:  []pipeline.Source{drawn{b.road, s}},
		Detector: b.networks.Detector, Reader: b.networks.Recogniser, Serials: b.networks.Serials,
		Recorder: k, Locator: gps.Fixed{Lat: 28, Lon: -82}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return count{}, outcome{}, err
	}
	if err := p.Run(ctx); err != nil {
		return count{}, outcome{}, fmt.Errorf("read %s: %w", s, err)
	}
	var texts []string
	for _, r := range k.reads {
		texts = append(texts, r.Text.Text)
	}
	truth := b.road.Truth(s)
	got := compare(truth, texts)
	c := count{cars: len(truth), exact: got.exact, otherwise: len(got.wrong), twice: len(got.second)}
	c.missed = max(0, c.cars-c.exact-c.otherwise)
	return c, got, nil
}

// drawn is a scene as a pipeline's source.
type drawn struct {
	road  *road.Road
	scene road.Scene
}

func (d drawn) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	return d.road.Run(ctx, d.scene, emit)
}

// kept is a recorder that remembers the newest revision of each read.
type kept struct {
	mu    sync.Mutex
	reads []alpr.Read
}

func (k *kept) RecordAll(_ context.Context, records []alpr.Record) ([]alpr.Record, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, rec := range records {
		if i := slices.IndexFunc(k.reads, func(r alpr.Read) bool { return r.ID == rec.Read.ID }); i >= 0 {
			k.reads[i] = rec.Read
		} else {
			k.reads = append(k.reads, rec.Read)
		}
	}
	return records, nil
}
