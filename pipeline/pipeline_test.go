package pipeline

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alpr"
	"alpr/internal/contain"
)

func TestNewRefusesBadConfig(t *testing.T) {
	s := newScene(1, 30, 1)
	whole := Parts{Sources: []Source{s}, Detector: s, Reader: s, Recorder: &keeper{}, Log: slog.New(slog.DiscardHandler)}
	tests := []struct {
		key    string
		change func(*Config, *Parts)
	}{
		{"camera", func(_ *Config, p *Parts) { p.Sources = nil }},
		{"recorder", func(_ *Config, p *Parts) { p.Recorder = nil }},
		{"lost_after", func(c *Config, _ *Parts) { c.LostAfter = 0 }},
		{"pass_gap", func(c *Config, _ *Parts) { c.PassGap = time.Hour }},
		{"pass_gap", func(c *Config, _ *Parts) { c.PassGap = c.LostAfter / 2 }},
		{"merge_within", func(c *Config, _ *Parts) { c.MergeWithin = -1 }},
		{"min_confidence", func(c *Config, _ *Parts) { c.MinConfidence = 1.5 }},
		{"min_characters", func(c *Config, _ *Parts) { c.MinCharacters = 0 }},
		{"min_width_px", func(c *Config, _ *Parts) { c.MinWidthPx = -3 }},
		{"retry_queue", func(c *Config, _ *Parts) { c.RetryQueue = 0 }},
	}
	for _, tt := range tests {
		cfg, parts := DefaultConfig(), whole
		tt.change(&cfg, &parts)
		if _, err := New(cfg, parts); !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s: error %v", tt.key, err)
		}
	}
	if _, err := New(DefaultConfig(), whole); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

// paced delivers a scene's frames in the time they were taken in.
type paced struct{ *scene }

func (p paced) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	start := time.Now()
	return p.scene.Run(ctx, func(f *alpr.Frame) {
		wait := f.CapturedAt.Sub(noon) - time.Since(start)
		select {
		case <-time.After(wait):
			live := *f
			live.CapturedAt = start.Add(f.CapturedAt.Sub(noon))
			emit(&live)
		case <-ctx.Done():
		}
	})
}

// slow is a detector that takes its time.
type slow struct {
	Detector
	took time.Duration
}

func (s slow) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	time.Sleep(s.took)
	return s.Detector.Detect(f)
}

// live starts a pipeline over parts in a synctest bubble and returns it with
// the log and a function that waits for its end.
func live(t *testing.T, ctx context.Context, parts Parts) (*Pipeline, *bytes.Buffer, func() error) {
	t.Helper()
	var logged bytes.Buffer
	parts.Log = slog.New(slog.NewTextHandler(&logged, nil))
	p, err := New(DefaultConfig(), parts)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return p, &logged, func() error { return <-done }
}

// TestSlownessShowsAsDrops: the detector takes three frames' time; the newest
// frame counts, the others are counted, and a hit is still shown in time.
func TestSlownessShowsAsDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 30, 6, car{text: "ABC1234", path: stands(600, 400, 100, 1, 5)})
		k := &keeper{}
		p, logged, wait := live(t, t.Context(), Parts{
			Sources: []Source{paced{s}}, Detector: slow{s, 100 * time.Millisecond}, Reader: s,
			Recorder: k, Presenter: k, Matcher: entries{"ABC1234"},
		})
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		stats := p.Stats()
		if stats.FramesIn != 180 || stats.FramesDropped < 100 || stats.FramesDropped > 140 ||
			stats.FramesIn != stats.FramesDone+stats.FramesDropped {
			t.Errorf("stats %+v", stats)
		}
		if stats.DroppedOf["front"] != stats.FramesDropped {
			t.Errorf("dropped of each camera: %v", stats.DroppedOf)
		}
		if n := strings.Count(logged.String(), "dropping frames"); n < 3 || n > 7 {
			t.Errorf("drops were told %d times in six seconds", n)
		}
		if stats.HitShow.Max > 200*time.Millisecond || stats.HitShow.Count == 0 {
			t.Errorf("hit shown after %+v", stats.HitShow)
		}
		if first := k.recorded[0]; first.LastAt.Sub(first.FirstAt) > time.Second {
			t.Errorf("the hit took %v of frames", first.LastAt.Sub(first.FirstAt))
		}
	})
}

// TestPassEndsWithoutFrames: the camera stands still after the car is gone.
func TestPassEndsWithoutFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newScene(1, 30, 2, car{text: "ABC1234", path: stands(600, 400, 100, 0, 2)})
		k := &keeper{}
		_, _, wait := live(t, ctx, Parts{
			Sources: []Source{frozen{paced{s}}}, Detector: s, Reader: s, Recorder: k, Presenter: k,
		})
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if n, _, _ := k.counts(); n != 0 {
			t.Error("the pass ended too early")
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if n, _, _ := k.counts(); n != 1 {
			t.Errorf("%d reads 5 s on", n)
		}
		cancel()
		if err := wait(); err != nil {
			t.Error(err)
		}
		if len(k.recorded) != 1 || k.recorded[0].Preview {
			t.Errorf("recorded %v", texts(k.recorded))
		}
	})
}

// frozen delivers its frames and then none, without an end.
type frozen struct{ Source }

func (f frozen) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	err := f.Source.Run(ctx, emit)
	<-ctx.Done()
	return err
}

// TestStopKeepsWhatWasRead: the order to stop comes while a car is in view.
func TestStopKeepsWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newScene(1, 30, 60, car{text: "ABC1234", path: stands(600, 400, 100, 0, 60)})
		k := &keeper{}
		_, _, wait := live(t, ctx, Parts{Sources: []Source{paced{s}}, Detector: s, Reader: s, Recorder: k})
		time.Sleep(2 * time.Second)
		cancel()
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		if got := texts(k.recorded); len(got) != 1 || got[0] != "ABC1234" {
			t.Errorf("recorded %v", got)
		}
	})
}

// TestFullDisk: recording fails for a while. The hit is shown all the same, the
// reads wait in memory, and are recorded in order once it works again.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		k := &keeper{fail: func() error {
			if time.Since(start) < 12*time.Second {
				return errors.New("no space left on device")
			}
			return nil
		}}
		s := newScene(1, 30, 40,
			car{text: "ABC1234", path: stands(600, 400, 100, 1, 3)}, car{text: "XYZ987", path: stands(600, 400, 100, 4, 6)},
			car{text: "LATE55", path: stands(600, 400, 100, 30, 32)})
		p, logged, wait := live(t, ctx, Parts{
			Sources: []Source{paced{s}}, Detector: s, Reader: s, Recorder: k, Presenter: k, Matcher: entries{"ABC1234"},
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if stats := p.Stats(); stats.Unrecorded != 2 || !strings.Contains(stats.Trouble, "no space left") {
			t.Errorf("with the disk full: %+v", stats)
		}
		switch _, shown, shownHits := k.counts(); {
		case shown != 0:
			t.Error("a read was shown that is not recorded")
		case shownHits == 0:
			t.Error("the officer was not told of the hit")
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if stats := p.Stats(); stats.Unrecorded != 0 || stats.Trouble != "" {
			t.Errorf("with room again: %+v", stats)
		}
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if got := strings.Join(inOrder(k.recorded), " "); got != "ABC1234 XYZ987 LATE55" {
			t.Errorf("recorded %s", got)
		}
		if len(k.shown) != 3 {
			t.Errorf("%d reads shown", len(k.shown))
		}
		if n := strings.Count(logged.String(), "not recorded"); n == 0 || n > 8 {
			t.Errorf("the trouble was told %d times:\n%s", n, logged)
		}
	})
}

// slowCard is a recorder whose every commit takes its time, and a presenter
// that knows how late reads are shown.
type slowCard struct {
	keeper
	commits int
	latest  time.Duration // from the last frame of a pass
}

func (c *slowCard) RecordAll(ctx context.Context, records []alpr.Record) ([]alpr.Record, error) {
	time.Sleep(25 * time.Millisecond)
	c.commits++
	return c.keeper.RecordAll(ctx, records)
}

func (c *slowCard) ShowRead(r alpr.Read) {
	c.latest = max(c.latest, time.Since(r.LastAt))
	c.keeper.ShowRead(r)
}

// TestSlowCardKeepsUp: sixty passes a second, on a card that can sync forty times
// a second. Nothing is dropped, nothing waits, and hits are shown in time.
func TestSlowCardKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds, rate = 3, 60
		rng := rand.New(rand.NewPCG(2, 1))
		var cars []car
		var wanted entries
		for n := range seconds * rate {
			text := make([]byte, 7)
			for i := range text {
				text[i] = alpr.Alphabet[rng.IntN(letters)]
			}
			place := n * 7 % rate // each is free for longer than LostAfter before it is taken again
			x, y := float64(100+120*(place%10)), float64(80+110*(place/10))
			from := float64(n) / rate
			cars = append(cars, car{text: string(text), path: stands(x, y, 50, from, from+0.15)})
			if n%20 == 0 {
				wanted = append(wanted, string(text))
			}
		}
		s := newScene(1, 30, seconds+1, cars...)
		s.missed, s.errRate = 0, 0
		card := &slowCard{}
		p, _, wait := live(t, t.Context(), Parts{
			Sources: []Source{paced{s}}, Detector: s, Reader: s, Recorder: card, Presenter: card, Matcher: wanted,
		})
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		stats := p.Stats()
		if len(card.shown) != len(cars) || stats.Reads != uint64(len(cars)) || stats.FramesDropped > 0 || stats.Lost > 0 {
			t.Errorf("%d of %d passes shown, stats %+v", len(card.shown), len(cars), stats)
		}
		if late := card.latest - DefaultConfig().PassGap; late > 150*time.Millisecond {
			t.Errorf("a read was shown %v after its pass was over", late)
		}
		if stats.HitShow.Count != uint64(len(wanted)) || stats.HitShow.Max > 100*time.Millisecond {
			t.Errorf("%d hits wanted, shown: %+v", len(wanted), stats.HitShow)
		}
		t.Logf("%d reads in %d commits, shown at most %v after the pass, hits within %v", len(card.recorded), card.commits,
			card.latest-DefaultConfig().PassGap, stats.HitShow.Max)
	})
}

// strict is a recorder whose policy allows nothing to be kept.
type strict struct{ *keeper }

func (s strict) RecordAll(ctx context.Context, records []alpr.Record) ([]alpr.Record, error) {
	_, err := s.keeper.RecordAll(ctx, records)
	return nil, err
}

// TestWhatIsNotKeptIsNotShown: but a hit is.
// heldUp is a recorder that hears of no deadline while another program holds
// the store.
type heldUp struct {
	*keeper
	free chan struct{}
}

func (h heldUp) RecordAll(_ context.Context, records []alpr.Record) ([]alpr.Record, error) {
	<-h.free
	return h.keeper.RecordAll(context.Background(), records)
}

// TestHitsDoNotWaitForAStoreThatIsHeldUp: another program's lock holds a commit
// up for three seconds. Hits are shown within one, those that come meanwhile at
// once, and all is recorded once the lock is gone.
func TestHitsDoNotWaitForAStoreThatIsHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{}
		h := heldUp{k, make(chan struct{})}
		p := &Pipeline{parts: Parts{Recorder: h, Presenter: k, Guard: contain.New(slog.New(slog.DiscardHandler))}, log: slog.New(slog.DiscardHandler), cfg: DefaultConfig()}
		in := make(chan event)
		ended := make(chan error, 1)
		go func() { ended <- newRecording(p).run(t.Context(), in) }()
		hit := func(n byte) event {
			read := alpr.Read{ID: alpr.ID{n}, Revision: 1, At: time.Now()}
			return event{read: read, hits: []alpr.Hit{{ID: alpr.ID{n, 1}, ReadID: read.ID}}, isAlert: true, newest: time.Now(), pictures: new(pictures)}
		}
		in <- hit(1)
		time.Sleep(time.Second)
		if _, _, shown := k.counts(); shown != 1 {
			t.Errorf("%d hits shown after a second, want 1", shown)
		}
		in <- hit(2)
		time.Sleep(100 * time.Millisecond)
		if _, _, shown := k.counts(); shown != 2 {
			t.Errorf("%d hits shown while the store is held up, want 2", shown)
		}
		time.Sleep(2 * time.Second)
		close(h.free)
		time.Sleep(time.Minute)
		close(in)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if reads := k.newest(); len(reads) != 2 {
			t.Errorf("%d reads on record, want 2", len(reads))
		}
	})
}

// TestAnAlertTriesToRecordWhatWaits: a disk that was full for a minute has room
// again, and the next attempt is half a minute away. A new alert is recorded at
// once: until it is, no answer to it can be.
func TestAnAlertTriesToRecordWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healed := time.Now().Add(65 * time.Second)
		k := &keeper{fail: func() error {
			if time.Now().Before(healed) {
				return errors.New("disk full")
			}
			return nil
		}}
		p := &Pipeline{parts: Parts{Recorder: k, Presenter: k}, log: slog.New(slog.DiscardHandler), cfg: DefaultConfig()}
		in := make(chan event)
		ended := make(chan error, 1)
		go func() { ended <- newRecording(p).run(t.Context(), in) }()
		alert := func(n byte) event {
			return event{read: alpr.Read{ID: alpr.ID{n}, Revision: 1}, isAlert: true, newest: time.Now(), pictures: new(pictures)}
		}
		in <- alert(1)
		time.Sleep(66 * time.Second)
		if recorded, _, _ := k.counts(); recorded != 0 {
			t.Fatalf("%d reads recorded: the test needs them to wait still", recorded)
		}
		in <- alert(2)
		time.Sleep(time.Second)
		if recorded, _, _ := k.counts(); recorded != 2 {
			t.Errorf("%d reads recorded a second after the alert, want 2", recorded)
		}
		close(in)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsNotKeptIsNotShown(t *testing.T) {
	s := newScene(1, 30, 6, car{text: "ABC1234", path: approach(0, 2)}, car{text: "XYZ987", path: approach(3, 5)})
	k := &keeper{}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	p, err := New(cfg, Parts{
		Sources: []Source{s}, Detector: s, Reader: s, Recorder: strict{k}, Presenter: k, Matcher: entries{"XYZ987"},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if recorded, shown, hits := k.counts(); recorded < 2 || shown != 0 || hits == 0 {
		t.Errorf("%d recorded, %d reads and %d hits shown", recorded, shown, hits)
	}
}

func inOrder(reads []alpr.Read) []string {
	var list []string
	for _, r := range reads {
		list = append(list, r.Text.Text)
	}
	return list
}

func TestDiskThatStaysFullIsAnError(t *testing.T) {
	s := newScene(1, 30, 3, car{text: "ABC1234", path: approach(0, 3)})
	cfg := DefaultConfig()
	cfg.IsLossless = true
	full := errors.New("no space left on device")
	p, err := New(cfg, Parts{
		Sources: []Source{s}, Detector: s, Reader: s, Recorder: &keeper{fail: func() error { return full }},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); !errors.Is(err, full) || !strings.Contains(err.Error(), "1 reads were never recorded") {
		t.Errorf("error %v", err)
	}
}

// TestRetryQueueIsBounded: where too many wait, hits stay longest.
func TestRetryQueueIsBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.RetryQueue = 3
	s := newScene(1, 30, 1)
	p, err := New(cfg, Parts{Sources: []Source{s}, Detector: s, Reader: s, Recorder: &keeper{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecording(p)
	for i := range 5 {
		read := alpr.Read{ID: alpr.ID{byte(i + 1)}}
		var hits []alpr.Hit
		if i == 0 {
			hits = []alpr.Hit{{ID: alpr.ID{99}}}
		}
		r.enqueue(alpr.Record{Read: read, Hits: hits})
	}
	r.enqueue(alpr.Record{Read: alpr.Read{ID: alpr.ID{5}, Revision: 2}}) // a revision takes the place of its read
	var ids []byte
	for _, w := range r.queue {
		ids = append(ids, w.Read.ID[0])
	}
	if !bytes.Equal(ids, []byte{1, 4, 5}) || p.Stats().Lost != 2 || p.Stats().Unrecorded != 3 || r.queue[2].Read.Revision != 2 {
		t.Errorf("waiting %v, stats %+v", ids, p.Stats())
	}
}

// broken fails at some frames.
type broken struct {
	*scene
	isBad func(seq uint64) bool
}

func (b broken) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	if b.isBad(f.Seq) {
		return nil, errors.New("the network choked")
	}
	return b.scene.Detect(f)
}

func (b broken) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	texts, err := b.scene.Read(f, plates)
	if f.Seq%7 == 0 {
		return texts[:0], err // fewer texts than plates
	}
	return texts, err
}

func TestFramesThatFailAreSkipped(t *testing.T) {
	s := newScene(1, 30, 3, car{text: "ABC1234", path: approach(0, 3)})
	k := &keeper{}
	b := broken{s, func(seq uint64) bool { return seq%5 == 0 }}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	p, err := New(cfg, Parts{Sources: []Source{s}, Detector: b, Reader: b, Recorder: k, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := p.Stats(); stats.StageErrors < 18 {
		t.Errorf("%d errors counted", stats.StageErrors)
	}
	if got := texts(k.recorded); len(got) != 1 || got[0] != "ABC1234" {
		t.Errorf("read %v", got)
	}
}

func TestNetworkThatAlwaysFailsIsAnError(t *testing.T) {
	s := newScene(1, 30, 60)
	cfg := DefaultConfig()
	cfg.IsLossless = true
	p, err := New(cfg, Parts{
		Sources: []Source{s}, Detector: broken{s, func(uint64) bool { return true }}, Reader: s, Recorder: &keeper{},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "choked") {
		t.Errorf("error %v", err)
	}
}

// gone is a camera that cannot be opened.
type gone struct{}

func (gone) Run(context.Context, func(*alpr.Frame)) error {
	return errors.New("open camera rear: no such device")
}

func TestOneCameraOfTwoFails(t *testing.T) {
	s := newScene(1, 30, 3, car{text: "ABC1234", path: approach(0, 3)})
	k := &keeper{}
	cfg := DefaultConfig()
	cfg.IsLossless = true
	var logged bytes.Buffer
	p, err := New(cfg, Parts{
		Sources: []Source{gone{}, s}, Detector: s, Reader: s, Recorder: k, Log: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "rear") {
		t.Errorf("error %v", err)
	}
	if len(k.recorded) != 1 {
		t.Errorf("the other camera's %d reads were recorded", len(k.recorded))
	}
	if !strings.Contains(logged.String(), "a camera has stopped") {
		t.Errorf("log:\n%s", &logged)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	l := h.snapshot()
	within := func(got, want time.Duration) bool {
		return float64(got) > 0.9*float64(want) && float64(got) < 1.15*float64(want)
	}
	if l.Count != 1000 || !within(l.P50, 500*time.Millisecond) || !within(l.P99, 990*time.Millisecond) || l.Max != time.Second {
		t.Errorf("got %+v", l)
	}
	for _, d := range []time.Duration{-1, 0, time.Microsecond, 7 * time.Microsecond, 8 * time.Microsecond, time.Minute, 100 * time.Hour} {
		if i := bucketOf(d); d > 0 && d < time.Hour && (bucketTop(i) < d || i > 0 && bucketTop(i-1) >= d) {
			t.Errorf("%v is in bucket %d, up to %v", d, i, bucketTop(i))
		}
	}
}
