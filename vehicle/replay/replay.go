// Package replay plays a recording through the whole pipeline, faster than real
// time, and writes the reads. Nothing is stored and nothing is sent.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"alpr"
	"alpr/camera"
	"alpr/detect"
	"alpr/gps"
	"alpr/internal/regular"
	"alpr/internal/usage"
	"alpr/ocr"
	"alpr/pipeline"
	"alpr/vehicle/networks"
)

// seed makes the ids of a replay, so that two runs give the same ones.
var seed = [32]byte([]byte("alpr replay: not for real drives")) //nolint:gochecknoglobals // Go has no constant arrays

// Options say what is replayed, and what is written of it.
type Options struct {
	Networks networks.Options
	NMEA     string // log kept beside the recording: reads then carry positions
	Start    string // instant of the first frame, RFC 3339; "": the log's first position
	Hotlist  string // file to check reads against
	ListDate string // when the list was published, RFC 3339; "": the first frame's instant
	Pictures string // folder for the pictures of reads
	IsFinal  bool   // only the last revision of each read, at the end
	IsQuiet  bool   // no summary
}

// Run plays a recording through the pipeline as fast as this machine can. Reads go
// to out, a line of JSON each; the log and the summary to errs. The same recording
// gives the same lines at every run.
func Run(ctx context.Context, o Options, video string, out, errs io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(errs, nil))
	track, start, err := o.timeBase()
	if err != nil {
		return err
	}
	source, err := camera.New(camera.Config{Location: video, Start: start}, log)
	if err != nil {
		return err
	}
	if source.IsLive() {
		return usage.Errorf("%s is a live camera: use alpr run", video)
	}
	n, err := networks.Open(o.Networks, detect.Options{}, ocr.Options{Candidates: 5, SureFrom: networks.SureFrom})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	n.Log(log)

	cfg := pipeline.DefaultConfig()
	cfg.IsLossless = true
	cfg.DetectorVersion, cfg.RecogniserVersion = n.Detector.Version(), n.Recogniser.Version()
	lines := newLineWriter(out, o.IsFinal)
	parts := pipeline.Parts{
		Sources:  []pipeline.Source{source},
		Detector: n.Detector, Reader: n.Recogniser, Recorder: lines, Locator: recordingTime{}, Serials: n.Serials,
		Random: rand.NewChaCha8(seed), Log: log,
	}
	if track != nil {
		parts.Locator = track
	}
	if err := o.choose(ctx, &parts, lines, start, errs); err != nil {
		return err
	}
	p, err := pipeline.New(cfg, parts)
	if err != nil {
		return err
	}
	began := time.Now()
	err = errors.Join(p.Run(ctx), lines.finish())
	if !o.IsQuiet {
		printSummary(errs, p.Stats(), time.Since(began))
		printTrackSummary(errs, track)
	}
	return err
}

// choose adds the parts that a flag asks for: hotlist and pictures.
func (o *Options) choose(ctx context.Context, parts *pipeline.Parts, lines *lineWriter, start time.Time, errs io.Writer) (err error) {
	if parts.Matcher, err = o.matcher(ctx, start, errs); err != nil {
		return err
	}
	if o.Pictures == "" {
		return nil
	}
	if err := os.MkdirAll(o.Pictures, 0o700); err != nil {
		return fmt.Errorf("make the folder for pictures: %w", err)
	}
	lines.pictures = o.Pictures
	parts.Photographer = camera.Photographer{Quality: 88, CropWidth: 240, ContextScale: 2, ContextWidth: 640}
	return nil
}

// timeBase reads the NMEA log, if any, and says when the recording begins.
func (o *Options) timeBase() (track *gps.Recording, start time.Time, err error) {
	if o.Start != "" {
		if start, err = time.Parse(time.RFC3339Nano, o.Start); err != nil {
			return nil, start, usage.Errorf("--start %q: give an instant as 2026-06-01T12:00:00Z", o.Start)
		}
		start = start.UTC()
	}
	if o.NMEA == "" {
		if start.IsZero() {
			start = time.Unix(0, 0).UTC()
		}
		return nil, start, nil
	}
	log, err := regular.OpenPiped(o.NMEA)
	if err != nil {
		return nil, start, fmt.Errorf("open NMEA log: %w", err)
	}
	defer log.Close()
	track, err = gps.ReadRecordingNear(log, start)
	if err != nil {
		return nil, start, fmt.Errorf("%s: %w", o.NMEA, err)
	}
	if start.IsZero() {
		start = track.Start()
	}
	return track, start, nil
}

// recordingTime is the locator of a recording without positions.
type recordingTime struct{}

func (recordingTime) At(t time.Time) alpr.Fix { return alpr.Fix{At: t} }

func (recordingTime) TimeSource(time.Time) (alpr.TimeSource, time.Duration) { return alpr.TimeFile, 0 }

func printSummary(w io.Writer, s pipeline.Stats, took time.Duration) {
	fmt.Fprintf(w, "%d frames in %.1f s (%.1f frames/s), %d plates seen, %d read, %d passes, %d hits, %d withdrawn\n",
		s.FramesDone, took.Seconds(), float64(s.FramesDone)/max(took.Seconds(), 1e-9), s.Plates, s.Observations,
		s.Reads, s.Hits, s.Withdrawn)
	fmt.Fprintf(w, "detection %v a frame (99 %%: %v), reading %v a batch (99 %%: %v)\n",
		s.Detect.P50, s.Detect.P99, s.Read.P50, s.Read.P99)
}

// printTrackSummary says what the NMEA log held, if there is one.
func printTrackSummary(w io.Writer, track *gps.Recording) {
	if track == nil {
		return
	}
	s := track.Stats()
	fmt.Fprintf(w, "%d positions from %s to %s; left out: %d garbled lines, %d with a time or place that cannot be true, %d that no decoder took\n",
		s.Fixes, track.Start().Format(time.RFC3339), track.End().Format(time.RFC3339), s.Garbled, s.Rejected, s.Panics)
}

// savePictures writes a read's pictures under its id.
func savePictures(dir string, r alpr.Read) error {
	for name, p := range map[string]alpr.Picture{"crop": r.Crop, "context": r.Context} {
		if len(p.JPEG) == 0 {
			continue
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%s.jpg", r.ID, name))
		if err := os.WriteFile(path, p.JPEG, 0o600); err != nil {
			return fmt.Errorf("write picture: %w", err)
		}
	}
	return nil
}
