package vehicle

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/console"
	"alpr/pipeline"
	"alpr/sound"
	"alpr/store"
	"alpr/sync/uplink"
)

// Source is a camera or a recording.
type Source interface {
	pipeline.Source
	Name() string
	State() camera.State
}

// tap is a source whose newest frame can be looked at.
type tap struct {
	Source
	newest atomic.Pointer[alpr.Frame]
	fault  atomic.Pointer[pictureFault]                                            // nil: what it shows is sound, or not judged
	keep   func(ctx context.Context, part string, run func(context.Context) error) // nil: a recording, which may end
}

func newTap(s Source) *tap { return &tap{Source: s} }

// Run passes the frames on and remembers the newest. A camera that ends is
// started again.
func (t *tap) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	run := func(ctx context.Context) error {
		return t.Source.Run(ctx, func(f *alpr.Frame) {
			t.newest.Store(f)
			emit(f)
		})
	}
	if t.keep == nil {
		return run(ctx)
	}
	t.keep(ctx, "camera "+t.Name(), run)
	return ctx.Err()
}

// noPosition is the locator of a vehicle without a satellite receiver.
type noPosition struct{}

func (noPosition) At(t time.Time) alpr.Fix { return alpr.Fix{At: t} }

func (noPosition) TimeSource(time.Time) (alpr.TimeSource, time.Duration) { return alpr.TimeSystem, 0 }

// scene is what the emergency button streams: where the vehicle is and what
// its first camera sees.
type scene struct {
	locator pipeline.Locator
	cameras []*tap
	photos  PicturesConfig
}

func newScene(l pipeline.Locator, cameras []*tap, photos PicturesConfig) scene {
	return scene{locator: l, cameras: cameras, photos: photos}
}

var errNoFrame = errors.New("no camera has delivered a frame yet")

func (s scene) At(t time.Time) alpr.Fix { return s.locator.At(t) }

func (s scene) Snapshot(context.Context) (alpr.Picture, error) {
	for _, c := range s.cameras {
		if f := c.newest.Load(); f != nil {
			whole := alpr.Box{W: float32(f.Width), H: float32(f.Height)}
			return camera.Encode(f, whole, s.photos.ContextWidth, s.photos.Quality)
		}
	}
	return alpr.Picture{}, errNoFrame
}

// pictures finds kept pictures for the uplink.
type pictures struct{ store.Reads }

func (p pictures) PictureByHash(ctx context.Context, sum [32]byte) (uplink.Shot, error) {
	picture, read, hit, err := p.Reads.PictureByHash(ctx, sum)
	if err != nil {
		return uplink.Shot{}, err
	}
	return uplink.Shot{JPEG: picture.JPEG, Read: *read, Hit: hit}, nil
}

// emergency joins the console's button to the uplink.
type emergency struct{ *uplink.Uplink }

func (e emergency) SetEmergency(ctx context.Context, isOn bool, officer string) error {
	if isOn {
		e.HoldEmergency(ctx, officer)
	} else {
		e.ReleaseEmergency(ctx, officer)
	}
	return nil
}

// carSpeaker joins what the console wants to be heard to the car's speaker.
type carSpeaker struct{ *sound.Speaker }

func (s carSpeaker) Sound(sig console.Signal) {
	s.Speaker.Sound(sound.Signal{Kind: sound.Kind(sig.Sound), Words: sig.Words})
}

// status says whether the speaker sounds, "" where there is none.
func (s carSpeaker) status() (console.Level, string) {
	trouble := s.Trouble()
	switch {
	case !s.IsSetUp():
		return "", ""
	case trouble != "":
		return console.LevelDegraded, trouble
	}
	return console.LevelOK, ""
}
