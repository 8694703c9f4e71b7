package pipeline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"alpr"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// scene is a drive made up for a test: a source, a detector and a reader that
// know what is in each frame. Errors are drawn from a seed.
type scene struct {
	fps     float64
	seconds float64
	cars    []car
	shake   float64    // pixels, of the whole frame, standard deviation
	errRate float64    // share of characters misread, at a wide plate
	missed  float64    // share of plates not detected
	noise   *rand.Rand // of places: drawn by the source alone
	seed    uint64     // of reading errors: drawn by frame, whatever the goroutines' order

	mu    sync.Mutex
	seen  map[uint64][]placed // by frame
	reads int                 // plates read
}

// car is a plate and where it is at each instant; a width of 0 is out of view.
type car struct {
	text  string
	path  func(sec float64) (x, y, width float64)
	wrong map[int]string // at these frames (from 1) the reader sees this instead
}

type placed struct {
	plate alpr.Plate
	text  string
}

func newScene(seed uint64, fps, seconds float64, cars ...car) *scene {
	return &scene{
		fps: fps, seconds: seconds, cars: cars, errRate: 0.02, missed: 0.02,
		noise: rand.New(rand.NewPCG(seed, 1)), seed: seed, seen: make(map[uint64][]placed),
	}
}

const sceneW, sceneH = 1280, 720

func (s *scene) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	for i := range int(s.fps * s.seconds) {
		sec := float64(i) / s.fps
		f := &alpr.Frame{
			Camera: "front", Seq: uint64(i + 1), Width: sceneW, Height: sceneH,
			CapturedAt: noon.Add(time.Duration(sec * float64(time.Second))),
		}
		s.place(f, sec)
		emit(f)
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

func (s *scene) place(f *alpr.Frame, sec float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dx, dy := s.noise.NormFloat64()*s.shake, s.noise.NormFloat64()*s.shake
	for _, c := range s.cars {
		x, y, w := c.path(sec)
		if w <= 0 || s.noise.Float64() < s.missed {
			continue
		}
		text := c.text
		if t, ok := c.wrong[int(f.Seq)]; ok {
			text = t
		}
		jitter := w * 0.02
		p := plateAt(x+dx+s.noise.NormFloat64()*jitter, y+dy+s.noise.NormFloat64()*jitter, w)
		s.seen[f.Seq] = append(s.seen[f.Seq], placed{p, text})
	}
}

func plateAt(x, y, w float64) alpr.Plate {
	h := w / 3
	x0, y0 := float32(x-w/2), float32(y-h/2)
	x1, y1 := float32(x+w/2), float32(y+h/2)
	return alpr.Plate{
		Corners: [4]alpr.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}},
		Box:     alpr.Box{X: x0, Y: y0, W: x1 - x0, H: y1 - y0},
		Score:   0.9,
	}
}

func (s *scene) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var plates []alpr.Plate
	for _, g := range s.seen[f.Seq] {
		plates = append(plates, g.plate)
	}
	return plates, nil
}

func (s *scene) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []alpr.Text
	noise := rand.New(rand.NewPCG(s.seed, 1+f.Seq))
	for _, p := range plates {
		i := slices.IndexFunc(s.seen[f.Seq], func(g placed) bool { return g.plate == p })
		if i < 0 {
			return nil, fmt.Errorf("no plate at %v", p.Box)
		}
		s.reads++
		texts = append(texts, s.recognise(noise, s.seen[f.Seq][i].text, p.WidthPx()))
	}
	return texts, nil
}

// recognise is a reader whose errors grow with the smallness of the plate, and whose
// posterior mostly knows.
func (s *scene) recognise(noise *rand.Rand, text string, width float64) alpr.Text {
	rate := math.Min(0.5, s.errRate*math.Pow(100/width, 2))
	b := []byte(text)
	conf := make([]float64, len(b))
	for i := range b {
		conf[i] = 1 - rate*noise.Float64()
		if noise.Float64() < rate {
			b[i] = alpr.Alphabet[noise.IntN(letters)]
			conf[i] = 0.4 + 0.4*noise.Float64()
		}
	}
	return textOf(string(b), conf...)
}

// textOf is what a reader says that sees text with the given confidences, the
// last one repeated.
func textOf(text string, conf ...float64) alpr.Text {
	t := alpr.Text{Text: text, Confidence: 1}
	for s := range t.Posterior {
		c, sym := 0.9999, alpr.Pad
		if s < len(text) {
			c, sym = conf[min(s, len(conf)-1)], alpr.SymbolIndex(text[s])
			t.CharConf = append(t.CharConf, float32(c))
		}
		for i := range t.Posterior[s] {
			t.Posterior[s][i] = float32((1 - c) / float64(alpr.Symbols-1))
		}
		t.Posterior[s][sym] = float32(c)
		t.Confidence *= c
	}
	t.Regions = []alpr.RegionProb{{Region: "US-FL", P: 0.8}, {Region: "US-GA", P: 0.1}}
	return t
}

// keeper is a recorder and presenter that remembers, in order.
type keeper struct {
	mu       sync.Mutex
	recorded []alpr.Read
	hits     []alpr.Hit
	shown    []alpr.Read
	alerts   []alpr.Alert
	shownHit []alpr.Hit
	fail     func() error
}

func (k *keeper) RecordAll(_ context.Context, records []alpr.Record) ([]alpr.Record, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		if err := k.fail(); err != nil {
			return nil, err
		}
	}
	for _, r := range records {
		k.recorded = append(k.recorded, r.Read)
		k.hits = append(k.hits, r.Hits...)
	}
	return records, nil
}

func (k *keeper) ShowRead(r alpr.Read) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shown = append(k.shown, r)
}

func (k *keeper) ShowAlert(a alpr.Alert) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.alerts = append(k.alerts, a)
	k.shownHit = append(k.shownHit, a.Hits...)
}

// counts says how many reads were recorded, reads shown and hits shown, while
// the pipeline runs.
func (k *keeper) counts() (recorded, shown, shownHits int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.recorded), len(k.shown), len(k.shownHit)
}

// newest is the newest revision of each read, in order of first record.
func (k *keeper) newest() []alpr.Read {
	var reads []alpr.Read
	for _, r := range k.recorded {
		if i := slices.IndexFunc(reads, func(x alpr.Read) bool { return x.ID == r.ID }); i >= 0 {
			reads[i] = r
		} else {
			reads = append(reads, r)
		}
	}
	return reads
}

// entries is a matcher that knows a few plates by their exact text.
type entries []string

func (e entries) Match(r alpr.Read) []alpr.Hit {
	var hits []alpr.Hit
	for _, text := range e {
		if r.Text.Text == text {
			hits = append(hits, alpr.Hit{Entry: alpr.Entry{ID: text, List: "test", Plate: text}, Kind: alpr.MatchExact, P: r.Text.Confidence})
		}
	}
	return hits
}

// parked is a locator of a car that stands.
type parked struct{}

func (parked) At(t time.Time) alpr.Fix {
	return alpr.Fix{At: t, Lat: 28, Lon: -82, Quality: alpr.GPSFix}
}
func (parked) TimeSource(time.Time) (alpr.TimeSource, time.Duration) { return alpr.TimeFile, 0 }

// seeded is a reproducible source of random bytes.
func seeded(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

// drive runs a scene through the whole pipeline, every frame in order.
func drive(t testing.TB, s *scene, m Matcher) (*keeper, Stats) {
	t.Helper()
	return driveWith(t, s, s, m)
}

// driveWith is drive with another reader.
func driveWith(t testing.TB, s *scene, r Reader, m Matcher) (*keeper, Stats) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.IsLossless = true
	k := &keeper{}
	p, err := New(cfg, Parts{
		Sources: []Source{s}, Detector: s, Reader: r, Recorder: k, Presenter: k, Locator: parked{},
		Matcher: m, Random: seeded(1), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return k, p.Stats()
}

// texts are the texts of reads, sorted.
func texts(reads []alpr.Read) []string {
	var list []string
	for _, r := range reads {
		list = append(list, r.Text.Text)
	}
	slices.Sort(list)
	return list
}

// approach is a car that comes nearer and leaves to the right.
func approach(from, to float64) func(float64) (x, y, w float64) {
	return func(sec float64) (x, y, w float64) {
		if sec < from || sec > to {
			return 0, 0, 0
		}
		share := (sec - from) / (to - from)
		w = 45 / (1 - 0.75*share)
		return 500 + 600*share*share, 360 + 120*share*share, w
	}
}

// stands is a car that keeps its place.
func stands(x, y, w, from, to float64) func(float64) (float64, float64, float64) {
	return func(sec float64) (float64, float64, float64) {
		if sec < from || sec > to {
			return 0, 0, 0
		}
		return x, y, w
	}
}
