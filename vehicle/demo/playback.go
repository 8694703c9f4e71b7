package demo

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/gps"
)

// playback plays a recording as if it were happening now: its first frame is
// captured when it is played, and the position log is moved by as much.
type playback struct {
	config camera.Config
	track  *gps.Recording // nil: no positions
	wait   time.Duration  // before it begins
	log    *slog.Logger

	mu     sync.Mutex
	Camera *camera.Source // nil before it begins
	began  time.Time
}

// Name is the camera's name.
func (p *playback) Name() string { return p.config.Name }

// State is the camera's, once it has begun.
func (p *playback) State() camera.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Camera == nil {
		return camera.State{}
	}
	return p.Camera.State()
}

// Run plays the recording once, at its own pace.
func (p *playback) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(p.wait):
	}
	began := time.Now().UTC()
	cfg := p.config
	cfg.Start = began
	source, err := camera.New(cfg, p.log)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.Camera, p.began = source, began
	p.mu.Unlock()
	return source.Run(ctx, emit)
}

// At is the position that the log gives for the instant, moved to now.
func (p *playback) At(t time.Time) alpr.Fix {
	p.mu.Lock()
	began := p.began
	p.mu.Unlock()
	if p.track == nil || began.IsZero() {
		return alpr.Fix{At: t}
	}
	fix := p.track.At(p.track.Start().Add(t.Sub(began)))
	fix.At = t
	return fix
}

// TimeSource says that the recording's times are no clock's.
func (p *playback) TimeSource(time.Time) (alpr.TimeSource, time.Duration) { return alpr.TimeFile, 0 }
