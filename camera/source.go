package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"alpr"
	"alpr/internal/contain"
)

// Errors that a caller may want to tell apart.
var (
	ErrNoFrames   = errors.New("no frame can be decoded")
	ErrDamaged    = errors.New("the recording is damaged")
	ErrNoPictures = errors.New("no pictures found")
)

// The log attributes of this package.
const (
	keyCamera   = "camera"
	keyLocation = "location"
	keyError    = "error"
	keyPause    = "retry_in"
	keyFile     = "file"
)

// Config says where frames come from.
type Config struct {
	Name     string // Frame.Camera; empty: the last part of Location
	Location string // a file, folder, pattern (img_%04d.jpg, *.jpg), /dev/video0, rtsp://…, http://… or gst:pipeline

	// Start is the capture instant of a recording's first frame. Later frames
	// follow by the recording's own times. The zero Start is the Unix epoch,
	// so that a recording without a known time is the same at every run.
	Start time.Time
	// RealTime delivers a recording at its own pace instead of as fast as the
	// consumer takes it.
	RealTime bool
	// FPS is the pace of pictures that have no times of their own (folders,
	// sequences), and what a device is asked for. 0 means 10 for pictures,
	// and the device's own choice.
	FPS float64

	Width  int            // asked of a device; 0: its own choice
	Height int            // asked of a device; 0: its own choice
	Guard  *contain.Guard // counts the panics that cost a frame or a connection; nil: they are contained uncounted

	Latency time.Duration // from shutter to arrival of a live frame, where known: taken off its time
}

// Source delivers the frames of one camera or recording.
type Source struct {
	config Config
	kind   kind
	log    *slog.Logger
	reach  func(ctx context.Context, location string) error // asked before open; nil: nobody is asked
	open   func(Config) (capture, error)
	// stream opens what needs no OpenCV; nil, or a nil capture: it is left to open.
	stream func(ctx context.Context, location string) (capture, error)
	rhythm rhythm // of a live camera; runLive's

	mu    sync.Mutex
	state State
}

// State is what a source is doing, for health displays.
type State struct {
	IsOpen    bool      // frames are arriving, or are about to
	Frames    uint64    // delivered since the start
	LastFrame time.Time // when the last one was delivered, by the system's clock
	LastError string    // why it was last lost or could not be opened; empty once frames arrive
	Opened    uint64    // how often it was opened with success: more than 1 means reconnects

	Pace time.Duration // of a live camera: the longest of the last times between two frames; 0 where not known yet
}

type kind int

const (
	kindVideo kind = iota
	kindPictures
	kindDevice
	kindNetwork
	kindPipeline
)

var (
	devicePath = regexp.MustCompile(`^/dev/`)
	numbered   = regexp.MustCompile(`%0?\d*d`)
)

// New checks the configuration. Nothing is opened before Run.
func New(c Config, log *slog.Logger) (*Source, error) {
	k, err := kindOf(c.Location)
	if err != nil {
		return nil, err
	}
	if c.FPS < 0 || math.IsNaN(c.FPS) || math.IsInf(c.FPS, 0) || c.Width < 0 || c.Height < 0 {
		return nil, fmt.Errorf("check camera %s: fps %g, size %dx%d: none may be negative", Shown(c.Location), c.FPS, c.Width, c.Height)
	}
	if c.Name == "" {
		c.Name = NameOf(c.Location)
	}
	s := &Source{config: c, kind: k, log: log, open: openCapture}
	if k == kindNetwork {
		s.reach, s.stream = reach, openMotionJPEG
	}
	return s, nil
}

// IsLive says whether the source goes on for ever.
func (s *Source) IsLive() bool {
	return s.kind == kindDevice || s.kind == kindNetwork || s.kind == kindPipeline
}

// Name is what the frames' Camera says.
func (s *Source) Name() string { return s.config.Name }

// State is safe to call at any time.
func (s *Source) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Run delivers frames to emit, one after the other, until a recording ends
// (nil), the context is done (its error), or a recording turns out to be
// missing or damaged. A live source that is lost is reported and opened again;
// Run then ends with the context alone. A blocked emit blocks a recording.
func (s *Source) Run(ctx context.Context, emit func(*alpr.Frame)) error {
	counted := func(f *alpr.Frame) {
		emit(f)
		s.delivered()
	}
	switch s.kind {
	case kindPictures:
		return s.runPictures(ctx, counted)
	case kindVideo:
		return s.runVideo(ctx, counted)
	default:
		return s.runLive(ctx, counted)
	}
}

func (s *Source) delivered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Frames++
	s.state.LastFrame = time.Now()
	s.state.LastError = ""
}

func (s *Source) paced(gap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Pace = gap
}

func (s *Source) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.IsOpen = true
	s.state.Opened++
}

func (s *Source) closed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.IsOpen = false
	if err != nil {
		s.state.LastError = err.Error()
	}
}

func kindOf(location string) (kind, error) {
	switch {
	case location == "":
		return 0, errors.New("check camera: no location: give a file, a folder, /dev/video0 or rtsp://…")
	case IsPipeline(location):
		return kindPipeline, checkPipeline(location)
	case strings.Contains(location, " ! "):
		return 0, errors.New("check camera: this looks like a GStreamer pipeline: write gst: before it")
	case devicePath.MatchString(location):
		return kindDevice, nil
	case strings.Contains(location, "://"):
		_, err := address(location)
		return kindNetwork, err
	case IsPicture(location), strings.ContainsAny(filepath.Base(location), "*?["), numbered.MatchString(filepath.Base(location)):
		return kindPictures, nil
	}
	if info, err := os.Stat(location); err == nil && info.IsDir() {
		return kindPictures, nil
	}
	return kindVideo, nil
}

// IsPicture says whether a file's name is that of a still picture.
func IsPicture(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm":
		return true
	}
	return false
}

// pace waits until a frame of a recording is due, where the recording is to
// run in real time.
type pace struct {
	isOn  bool
	began time.Time
	first time.Time
}

func (p *pace) wait(ctx context.Context, at time.Time) error {
	if !p.isOn {
		return ctx.Err()
	}
	if p.began.IsZero() {
		p.began, p.first = time.Now(), at
	}
	return sleep(ctx, time.Until(p.began.Add(at.Sub(p.first))))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c Config) start() time.Time {
	if c.Start.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return c.Start
}
