package pipeline

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"alpr"
	"alpr/internal/contain"
)

// bomb panics where its turn has come.
type bomb struct{ n, at, every int }

func (b *bomb) tick() {
	if b.n++; b.n == b.at || b.every > 0 && b.n%b.every == 0 {
		panic("burst")
	}
}

// bursting is a part of each kind, any of which panics by its bomb.
type bursting struct {
	*scene
	*keeper
	detect, read, locate, match, photo, record, show bomb
}

func (b *bursting) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	b.detect.tick()
	return b.scene.Detect(f)
}

func (b *bursting) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	b.read.tick()
	return b.scene.Read(f, plates)
}

func (b *bursting) At(t time.Time) alpr.Fix {
	b.locate.tick()
	return parked{}.At(t)
}

func (b *bursting) TimeSource(t time.Time) (alpr.TimeSource, time.Duration) {
	return parked{}.TimeSource(t)
}

func (b *bursting) Match(r alpr.Read) []alpr.Hit {
	b.match.tick()
	return entries{"ABC1234"}.Match(r)
}

func (b *bursting) Photograph(*alpr.Frame, alpr.Plate) (crop, context alpr.Picture, err error) {
	b.photo.tick()
	return alpr.Picture{Width: 1}, alpr.Picture{}, nil
}

func (b *bursting) RecordAll(ctx context.Context, records []alpr.Record) ([]alpr.Record, error) {
	b.record.tick()
	return b.keeper.RecordAll(ctx, records)
}

func (b *bursting) ShowRead(r alpr.Read) {
	b.show.tick()
	b.keeper.ShowRead(r)
}

func (b *bursting) ShowAlert(a alpr.Alert) {
	b.show.tick()
	b.keeper.ShowAlert(a)
}

// TestPanicCostsOneInput: whatever part breaks, once or now and then, both cars
// are read and recorded, the listed one raises its alert, and it is counted.
func TestPanicCostsOneInput(t *testing.T) {
	for name, tt := range map[string]struct {
		arm        func(*bursting)
		lostFrames uint64
		noFix      bool
		noPicture  bool
	}{
		"detect once":         {arm: func(b *bursting) { b.detect.at = 20 }, lostFrames: 1},
		"detect each third":   {arm: func(b *bursting) { b.detect.every = 3 }, lostFrames: 60},
		"read once":           {arm: func(b *bursting) { b.read.at = 2 }, lostFrames: 1},
		"read each third":     {arm: func(b *bursting) { b.read.every = 3 }},
		"match once":          {arm: func(b *bursting) { b.match.at = 1 }, lostFrames: 1},
		"locate always":       {arm: func(b *bursting) { b.locate.every = 1 }, noFix: true},
		"photograph always":   {arm: func(b *bursting) { b.photo.every = 1 }, noPicture: true},
		"record once":         {arm: func(b *bursting) { b.record.at = 1 }},
		"record each second":  {arm: func(b *bursting) { b.record.every = 2 }},
		"show every second":   {arm: func(b *bursting) { b.show.every = 2 }},
		"everything by turns": {arm: func(b *bursting) { b.detect.every, b.read.every, b.photo.every = 7, 5, 2 }, noPicture: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bursting{keeper: &keeper{}, scene: newScene(1, 30, 6,
				car{text: "ABC1234", path: stands(600, 400, 100, 1, 3)}, car{text: "XYZ9876", path: stands(300, 300, 100, 2, 5)})}
			tt.arm(b)
			cfg := DefaultConfig()
			cfg.IsLossless = true
			guard := contain.New(slog.New(slog.DiscardHandler))
			p, err := New(cfg, Parts{Sources: []Source{b.scene}, Detector: b, Reader: b, Locator: b, Matcher: b, Photographer: b, Recorder: b, Presenter: b,
				Random: seeded(1), Guard: guard, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			found := map[string]alpr.Read{}
			for _, r := range b.newest() {
				found[r.Text.Text] = r
			}
			if len(found) != 2 || len(found["ABC1234"].Text.Text) == 0 || len(found["XYZ9876"].Text.Text) == 0 {
				t.Errorf("recorded %v", inOrder(b.newest()))
			}
			if n := len(b.hits); n == 0 || b.hits[n-1].IsWithdrawn {
				t.Errorf("hits %+v", b.hits)
			}
			s := p.Stats()
			if guard.State().Count == 0 || s.Lost != 0 || tt.lostFrames > 0 && s.StageErrors != tt.lostFrames {
				t.Errorf("%d panics, stats %+v", guard.State().Count, s)
			}
			for _, r := range found {
				if r.Fix.IsValid() == tt.noFix || !tt.noPicture && r.Crop.Width != 1 {
					t.Errorf("%s: fix %+v, crop %+v", r.Text.Text, r.Fix, r.Crop)
				}
			}
		})
	}
}

// TestPoisonedReadKeepsNoOtherFromTheRecord: a read at which recording breaks
// each time is lost, and said; those behind it are recorded.
func TestPoisonedReadKeepsNoOtherFromTheRecord(t *testing.T) {
	s := newScene(1, 30, 6, car{text: "ABC1234", path: stands(600, 400, 100, 1, 3)}, car{text: "XYZ9876", path: stands(300, 300, 100, 2, 5)})
	k := &keeper{}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	p, err := New(cfg, Parts{Sources: []Source{s}, Detector: s, Reader: s, Recorder: poisoned{k, "ABC1234"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := inOrder(k.newest()); len(got) != 1 || got[0] != "XYZ9876" || p.Stats().Lost != 1 {
		t.Errorf("recorded %v, stats %+v", got, p.Stats())
	}
}

// poisoned is a recorder that breaks at one text.
type poisoned struct {
	*keeper
	text string
}

func (p poisoned) RecordAll(ctx context.Context, records []alpr.Record) ([]alpr.Record, error) {
	for _, r := range records {
		if r.Read.Text.Text == p.text {
			panic("burst")
		}
	}
	return p.keeper.RecordAll(ctx, records)
}

// TestTrackThatBreaksEndsItsPass: a panic while plates are followed costs that
// frame; what was read of open passes is recorded.
func TestTrackThatBreaksEndsItsPass(t *testing.T) {
	cfg := DefaultConfig()
	f := follower{cfg: &cfg, camera: "front", random: seeded(1), stats: &counters{}, guard: contain.New(slog.New(slog.DiscardHandler))}
	s := newScene(1, 30, 1, car{text: "ABC1234", path: stands(600, 400, 100, 0, 1)})
	f.reader = s
	err := s.Run(t.Context(), func(fr *alpr.Frame) {
		plates, _ := s.Detect(fr)
		if _, err := f.frame(fr, plates); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil || len(f.open) != 1 {
		t.Fatalf("%v, %d tracks", err, len(f.open))
	}
	events, err := f.contained("follow", func() ([]event, error) {
		f.open = append([]*track{nil}, f.open...) // what a fault of ours may leave behind
		panic("burst")
	})
	if err == nil || len(events) != 1 || events[0].read.Text.Text != "ABC1234" || len(f.open) != 0 {
		t.Errorf("%v, %d events, %d tracks", err, len(events), len(f.open))
	}
}
