package pipeline

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"alpr"
	"alpr/internal/contain"
)

// Source delivers the frames of one camera. Run calls emit for each, in order,
// from one goroutine, until the recording ends (nil), ctx ends (nil), or it can
// not go on.
type Source interface {
	Run(ctx context.Context, emit func(*alpr.Frame)) error
}

// Detector finds the plates of a frame. It is used by one goroutine.
type Detector interface {
	Detect(*alpr.Frame) ([]alpr.Plate, error)
}

// Reader reads plates of a frame: one Text for each, in order. Confidence must
// be calibrated for a single frame. It is used by one goroutine.
type Reader interface {
	Read(*alpr.Frame, []alpr.Plate) ([]alpr.Text, error)
}

// Locator says where the vehicle was at an instant of capture, and which clock
// made that instant, within what (0: not known).
type Locator interface {
	At(time.Time) alpr.Fix
	TimeSource(time.Time) (alpr.TimeSource, time.Duration)
}

// Serials brings what issuers' serials look like into a text, at most n
// candidates of which are wanted. The text's ByPicture and Posterior stay what
// the pictures say.
type Serials interface {
	Decide(t alpr.Text, n int) alpr.Text
}

// Matcher compares a read with the hotlists. It is asked again for each
// revision of a read, and leaves IDs, ReadID and Preview to the pipeline.
type Matcher interface {
	Match(alpr.Read) []alpr.Hit
}

// Recorder keeps reads and their hits: all in one transaction, in order, and
// for good once it returns without an error. It says which it keeps: what
// policy forbids to keep is dropped, and is not shown either. A higher Revision
// replaces a lower one of the same ID; the same one again changes nothing.
type Recorder interface {
	RecordAll(ctx context.Context, records []alpr.Record) (kept []alpr.Record, err error)
}

// Presenter shows reads and alerts to the officer. It must not block. Every
// revision of a read that has hits is an alert, with all hits of it that stand
// and those that this revision takes back.
type Presenter interface {
	ShowRead(alpr.Read)
	ShowAlert(alpr.Alert)
}

// Photographer takes the pictures that go with a read: the rectified plate, and
// the plate with its surroundings as far as the policy allows.
type Photographer interface {
	Photograph(*alpr.Frame, alpr.Plate) (crop, context alpr.Picture, err error)
}

// Parts are what a pipeline is made of. Locator, Serials, Matcher, Presenter and
// Photographer may be nil: reads then carry no position, say what the pictures
// alone show, raise no hits, are not shown, have no pictures.
type Parts struct {
	Sources      []Source
	Detector     Detector
	Reader       Reader
	Recorder     Recorder
	Locator      Locator
	Serials      Serials
	Matcher      Matcher
	Presenter    Presenter
	Photographer Photographer
	// Withdrawal says why an entry that has alerted may do so no more at an
	// instant, zero where it still may. Nil: an alert is taken back only because the read does not
	// bear it out.
	Withdrawal func(alpr.Entry, time.Time) alpr.Withdrawal
	// Renew opens what Detector and Reader run on anew, after they have failed
	// again and again because of cause. Both may ask at the same time. Nil: they
	// are tried again as they are, and a recording is given up.
	Renew func(cause error) error
	// Versions are those of the networks that Detector and Reader run on now; nil:
	// as in Config.
	Versions func() (detector, recogniser string)
	Random   io.Reader      // for IDs; nil: crypto/rand
	Guard    *contain.Guard // counts the panics of the other parts; nil: they are contained uncounted
	Log      *slog.Logger
}

// Pipeline makes reads of frames. See Run.
type Pipeline struct {
	cfg    Config
	parts  Parts
	log    *slog.Logger
	stats  counters
	frames *mailbox

	finding, reading, following *stage
}

// New checks and joins the parts. Nothing runs before Run.
func New(cfg Config, parts Parts) (*Pipeline, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch {
	case len(parts.Sources) == 0:
		return nil, fmt.Errorf("%w: no camera", ErrBadConfig)
	case parts.Detector == nil, parts.Reader == nil, parts.Recorder == nil, parts.Log == nil:
		return nil, fmt.Errorf("%w: detector, reader, recorder and log must be given", ErrBadConfig)
	}
	if parts.Random == nil {
		parts.Random = rand.Reader
	}
	if parts.Locator != nil {
		parts.Locator = containedLocator{parts.Locator, parts.Guard}
	}
	p := &Pipeline{cfg: cfg, parts: parts, log: parts.Log}
	p.finding, p.reading = newStage(p, "plates are NOT found", parts.Renew), newStage(p, "plates are NOT read", parts.Renew)
	p.following = newStage(p, "plates are NOT followed", nil)
	p.parts.Reader = watched{parts.Reader, p.reading}
	p.frames = newMailbox(cfg.IsLossless, &p.stats, p.log)
	return p, nil
}

// containedLocator does not know the position where its Locator panics.
type containedLocator struct {
	Locator
	guard *contain.Guard
}

func (l containedLocator) At(t time.Time) alpr.Fix {
	fix := alpr.Fix{At: t}
	_ = l.guard.Do("position at an instant", func() error { fix = l.Locator.At(t); return nil }) // said and counted there
	return fix
}

func (l containedLocator) TimeSource(t time.Time) (alpr.TimeSource, time.Duration) {
	source, within := alpr.TimeSystem, time.Duration(0)
	_ = l.guard.Do("clock at an instant", func() error { source, within = l.Locator.TimeSource(t); return nil }) // said and counted there
	return source, within
}

// found is a frame with its plates.
type found struct {
	frame  *alpr.Frame
	plates []alpr.Plate
}

// Run reads until every source has ended or ctx ends, then ends the passes that
// are open and records them. It returns an error where no source could go on,
// or where finding or reading plates does not work when the last source has
// ended; reads made before are recorded. While sources go on, nothing that fails
// ends it: Stats says what does not work. Run may be called once.
func (p *Pipeline) Run(ctx context.Context) error {
	outer := ctx
	stages, ctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	searched := make(chan found)
	events := make(chan event, maxBatch)

	stages.Go(func() error {
		defer close(ended)
		return p.parts.Guard.Do("cameras", func() error { return p.runSources(ctx) })
	})
	stages.Go(func() error {
		defer close(searched)
		return p.parts.Guard.Keep(ctx, "detection", func(ctx context.Context) error { return p.detect(ctx, ended, searched) })
	})
	always := context.WithoutCancel(ctx) // what was read is recorded, even when the order is to stop
	stages.Go(func() error {
		defer close(events)
		return p.parts.Guard.Keep(always, "following", func(context.Context) error { return p.follow(searched, events) })
	})
	recording := newRecording(p)
	stages.Go(func() error {
		return p.parts.Guard.Keep(always, "recording", func(ctx context.Context) error { return recording.run(ctx, events) })
	})
	if err := stages.Wait(); err != nil || outer.Err() != nil {
		return err
	}
	return errors.Join(p.finding.lost(), p.reading.lost(), p.following.lost())
}

// runSources runs the cameras side by side. One that fails leaves the others
// running.
func (p *Pipeline) runSources(ctx context.Context) error {
	failed := make([]error, len(p.parts.Sources))
	var cameras errgroup.Group
	for i, s := range p.parts.Sources {
		cameras.Go(func() error {
			failed[i] = p.parts.Guard.Do("camera", func() error {
				return s.Run(ctx, func(f *alpr.Frame) { p.frames.put(ctx, f) })
			})
			if failed[i] != nil && ctx.Err() == nil && len(failed) > 1 {
				p.log.Error("a camera has stopped, the others go on", "error", failed[i])
			}
			return nil
		})
	}
	cameras.Wait() //nolint:errcheck // they return nil; what went wrong is in failed
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(failed...)
}

// detect finds the plates of the newest frames.
func (p *Pipeline) detect(ctx context.Context, ended <-chan struct{}, out chan<- found) error {
	searcher := newSearcher(p)
	for {
		frame := p.frames.take(ctx, ended)
		if frame == nil {
			return nil
		}
		plates, isSearched := searcher.at(frame)
		if p.finding.gaveUp != nil {
			return p.finding.gaveUp
		}
		if !isSearched {
			continue
		}
		p.stats.framesDone.Add(1)
		p.stats.plates.Add(uint64(len(plates)))
		p.stats.newestFrame.Store(frame.CapturedAt.UnixNano())
		select {
		case out <- found{frame, plates}:
		case <-ctx.Done():
			return nil
		}
	}
}

// nameOf says what is done with which frame.
func nameOf(what string, f *alpr.Frame) string {
	return fmt.Sprintf("%s: frame %d of %s (%dx%d)", what, f.Seq, f.Camera, f.Width, f.Height)
}

// expireEvery is how often passes are ended by the clock when no frame comes.
const expireEvery = 500 * time.Millisecond

// follow turns plates into reads until in is closed, then ends the open passes.
func (p *Pipeline) follow(in <-chan found, out chan<- event) error {
	followers := newFollowers(p)
	defer func() { followers.flush(out) }()
	var tick <-chan time.Time
	if !p.cfg.IsLossless { // a recording has its own time
		ticker := time.NewTicker(expireEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case f, ok := <-in:
			if !ok {
				return nil
			}
			err := followers.frame(f, out)
			if err != nil {
				p.stats.stageErrors.Add(1)
			}
			if !errors.Is(err, errRead) {
				p.following.did(err)
			}
			if err := cmp.Or(p.reading.gaveUp, p.following.gaveUp); err != nil {
				return err
			}
		case <-tick:
			followers.expire(out)
		}
	}
}

// fixAt is where the vehicle was; the zero Fix without a locator.
func (p *Pipeline) fixAt(t time.Time) alpr.Fix {
	if p.parts.Locator == nil {
		return alpr.Fix{}
	}
	return p.parts.Locator.At(t)
}
