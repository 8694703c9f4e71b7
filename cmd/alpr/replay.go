package main

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

	"github.com/spf13/cobra"

	"alpr"
	"alpr/camera"
	"alpr/detect"
	"alpr/gps"
	"alpr/internal/regular"
	"alpr/ocr"
	"alpr/pipeline"
	"alpr/vehicle/networks"
)

const replayHelp = `Run a recording through the whole pipeline: a video file, a folder of pictures,
or a picture sequence. Every frame is looked at, in order, as fast as this
machine can; all frames of a passing car are fused into one read.

Reads are written to standard output, a JSON object a line, as they would be
recorded: a read with a hit may come early ("preview": true) and again under
the same id with a higher revision. With --final only the last revision of each
read is written, at the end.

The same recording gives the same lines, ids included, at every run. Times are
the recording's own: it begins at --start, or with the first position of
--nmea, or at 1970-01-01T00:00:00Z where neither is known.

Nothing is stored and nothing is sent.`

const replayExample = `  alpr replay drive.mp4 --nmea drive.nmea --hotlist wanted.csv
  alpr replay --final drive.mp4 | jq -r .text
  alpr replay complaint.mp4 --pictures out/     (also writes what was read as JPEG)`

// replaySeed makes the ids of a replay, so that two runs give the same ones.
var replaySeed = [32]byte([]byte("alpr replay: not for real drives")) //nolint:gochecknoglobals // Go has no constant arrays

// replayFlags are the choices of alpr replay.
type replayFlags struct {
	networks networks.Options
	nmea     string
	start    string
	hotlist  string
	listDate string
	pictures string
	isFinal  bool
	isQuiet  bool
}

func newReplayCmd() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:     "replay [flags] VIDEO",
		Short:   "Run a recording through the whole pipeline, faster than real time",
		Long:    replayHelp,
		Example: replayExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c.Context(), args[0], c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.nmea, "nmea", "", "NMEA log kept beside the video: reads then carry positions")
	flags.StringVar(&f.start, "start", "", "instant of the first frame, as 2026-06-01T12:00:00Z (default: the log's first position); gives the day of a log without dates")
	flags.StringVar(&f.hotlist, "hotlist", "", "hotlist file to check reads against; its format is found by its heading")
	flags.StringVar(&f.listDate, "hotlist-date", "", "when the hotlist was published (default: the instant of the first frame)")
	flags.StringVar(&f.pictures, "pictures", "", "folder to write the crop and the context picture of each read to")
	flags.BoolVar(&f.isFinal, "final", false, "write only the last revision of each read, at the end")
	flags.BoolVar(&f.isQuiet, "quiet", false, "no summary on standard error")
	addNetworkFlags(c, &f.networks)
	return c
}

func (f *replayFlags) run(ctx context.Context, video string, out, errs io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(errs, nil))
	track, start, err := f.timeBase()
	if err != nil {
		return err
	}
	source, err := camera.New(camera.Config{Location: video, Start: start}, log)
	if err != nil {
		return err
	}
	if source.IsLive() {
		return &usageError{fmt.Errorf("%s is a live camera: use alpr run", video)}
	}
	n, err := networks.Open(f.networks, detect.Options{}, ocr.Options{Candidates: 5, SureFrom: networks.SureFrom})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	n.Log(log)

	cfg := pipeline.DefaultConfig()
	cfg.IsLossless = true
	cfg.DetectorVersion, cfg.RecogniserVersion = n.Detector.Version(), n.Recogniser.Version()
	lines := newReplayWriter(out, f.isFinal)
	parts := pipeline.Parts{
		Sources:  []pipeline.Source{source},
		Detector: n.Detector, Reader: n.Recogniser, Recorder: lines, Locator: recordingTime{}, Serials: n.Serials,
		Random: rand.NewChaCha8(replaySeed), Log: log,
	}
	if track != nil {
		parts.Locator = track
	}
	if err := f.choose(&parts, lines, start, errs); err != nil {
		return err
	}
	p, err := pipeline.New(cfg, parts)
	if err != nil {
		return err
	}
	began := time.Now()
	err = errors.Join(p.Run(ctx), lines.finish())
	if !f.isQuiet {
		printReplaySummary(errs, p.Stats(), time.Since(began))
		printTrackSummary(errs, track)
	}
	return err
}

// choose adds the parts that a flag asks for: hotlist and pictures.
func (f *replayFlags) choose(parts *pipeline.Parts, lines *replayWriter, start time.Time, errs io.Writer) (err error) {
	if parts.Matcher, err = f.matcher(start, errs); err != nil {
		return err
	}
	if f.pictures == "" {
		return nil
	}
	if err := os.MkdirAll(f.pictures, 0o700); err != nil {
		return fmt.Errorf("make the folder for pictures: %w", err)
	}
	lines.pictures = f.pictures
	parts.Photographer = camera.Photographer{Quality: 88, CropWidth: 240, ContextScale: 2, ContextWidth: 640}
	return nil
}

// timeBase reads the NMEA log, if any, and says when the recording begins.
func (f *replayFlags) timeBase() (track *gps.Recording, start time.Time, err error) {
	if f.start != "" {
		if start, err = time.Parse(time.RFC3339Nano, f.start); err != nil {
			return nil, start, &usageError{fmt.Errorf("--start %q: give an instant as 2026-06-01T12:00:00Z", f.start)}
		}
		start = start.UTC()
	}
	if f.nmea == "" {
		if start.IsZero() {
			start = time.Unix(0, 0).UTC()
		}
		return nil, start, nil
	}
	log, err := regular.OpenPiped(f.nmea)
	if err != nil {
		return nil, start, fmt.Errorf("open NMEA log: %w", err)
	}
	defer log.Close()
	track, err = gps.ReadRecordingNear(log, start)
	if err != nil {
		return nil, start, fmt.Errorf("%s: %w", f.nmea, err)
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

func printReplaySummary(w io.Writer, s pipeline.Stats, took time.Duration) {
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
