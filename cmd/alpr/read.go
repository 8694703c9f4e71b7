package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/camera"
	"alpr/detect"
	"alpr/internal/contain"
	"alpr/ocr"
	"alpr/vehicle/networks"
)

const readHelp = `Find and read the licence plates in pictures, folders of pictures, and videos.

Each picture, and each frame of a video, is read on its own: one line a plate,
with the text, how sure it is (the probability that the whole text is right),
the issuing state or country where it can be told, where the plate is, and what
else it may say. To read a drive, with all frames of a passing car fused into
one read, use "alpr replay".

The time given is that of finding and reading the plates, on a clock, after the
picture has been decoded; the networks have been run once before.`

const readExample = `  alpr read car.jpg
  alpr read --csv pictures/ > reads.csv
  alpr read --json drive.mp4 | jq .text
  alpr read --crops plates/*.png        (each picture is one plate, cut out)`

// readFlags are the choices of alpr read.
type readFlags struct {
	networks      networks.Options
	isCSV         bool
	isJSON        bool
	isCrops       bool
	minConfidence float64
	candidates    int
	sureFrom      float64
	every         int
	isPictureOnly bool
}

func newReadCmd() *cobra.Command {
	var f readFlags
	c := &cobra.Command{
		Use:     "read [flags] PATH…",
		Short:   "Read the plates in pictures, folders and videos",
		Long:    readHelp,
		Example: readExample,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, paths []string) error {
			if err := f.check(); err != nil {
				return &usageError{err}
			}
			return f.run(c.Context(), paths, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.BoolVar(&f.isCSV, "csv", false, "write CSV: image,plate_text,confidence,x,y,w,h,rank,ms,region; a row for each text a plate may have")
	flags.BoolVar(&f.isJSON, "json", false, "write a JSON object a line")
	flags.BoolVar(&f.isCrops, "crops", false, "take each picture as one plate, cut out: read only")
	flags.Float64Var(&f.minConfidence, "min-confidence", 0.55, "report plates less sure than this (0 to 1), and what may be a sign, as found, without a text (0: report all)")
	flags.IntVar(&f.candidates, "candidates", 10, "list up to so many texts a plate may have")
	flags.Float64Var(&f.sureFrom, "sure-from", networks.SureFrom, "look again, with the second network and framed differently, at plates less sure than this (0: never)")
	flags.BoolVar(&f.isPictureOnly, "picture-only", false, "leave out what issuers' serials look like: say what the picture alone shows")
	flags.IntVar(&f.every, "every", 1, "of a video, read every n-th frame")
	addNetworkFlags(c, &f.networks)
	return c
}

func (f *readFlags) check() error {
	switch {
	case f.isCSV && f.isJSON:
		return errors.New("--csv and --json: give one of them")
	case !(f.minConfidence >= 0 && f.minConfidence <= 1):
		return fmt.Errorf("--min-confidence %g: give a probability from 0 to 1", f.minConfidence)
	case !(f.sureFrom >= 0 && f.sureFrom <= 1):
		return fmt.Errorf("--sure-from %g: give a probability from 0 to 1", f.sureFrom)
	case f.candidates < 1 || f.candidates > 100:
		return fmt.Errorf("--candidates %d: give 1 to 100", f.candidates)
	case f.every < 1:
		return fmt.Errorf("--every %d: give 1 or more", f.every)
	case f.networks.Threads < 1 || f.networks.Threads > 64:
		return fmt.Errorf("--threads %d: give 1 to 64", f.networks.Threads)
	}
	return nil
}

// withholds says whether a plate is reported as found, without its text.
func (f *readFlags) withholds(t *alpr.Text, p alpr.Plate) bool {
	return f.minConfidence > 0 && (t.Confidence < f.minConfidence || t.MayBeSign(float64(p.Score)))
}

func (f *readFlags) run(ctx context.Context, paths []string, out, errs io.Writer) (err error) {
	n, err := networks.Open(f.networks, detect.Options{IsStill: true}, ocr.Options{Candidates: f.candidates, SureFrom: f.sureFrom, IsStill: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	log := slog.New(slog.NewTextHandler(errs, nil))
	n.Log(log)
	job := readJob{
		flags:    f,
		networks: n,
		out:      f.printer(out),
		errs:     errs,
		log:      log,
	}
	job.guard = contain.New(job.log)
	for _, path := range paths {
		if err := job.path(ctx, path); err != nil {
			return err
		}
	}
	return job.finish()
}

func (f *readFlags) printer(out io.Writer) printer {
	switch {
	case f.isCSV:
		return newCSVPrinter(out)
	case f.isJSON:
		return newJSONPrinter(out)
	}
	return &tablePrinter{out: out}
}

// readJob reads one picture after the other and counts.
type readJob struct {
	flags    *readFlags
	networks *networks.Networks
	out      printer
	errs     io.Writer
	log      *slog.Logger
	guard    *contain.Guard
	isWarm   bool
	times    []time.Duration
	plates   int
	read     int
	failed   int
}

// path reads a picture, a video, or what a folder holds of both. Only what ends
// the whole job is returned; a file that cannot be read is reported.
func (j *readJob) path(ctx context.Context, path string) error {
	files, err := filesOf(path)
	if err != nil {
		j.fail(err)
		return nil
	}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.file(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// filesOf is the path itself, or the pictures and videos in a folder by name.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: check the path", path, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("list folder: %w", err)
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && (camera.IsPicture(e.Name()) || isVideo(e.Name())) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read folder %s: no pictures or videos in it", path)
	}
	return files, nil
}

// isVideo says whether a folder's file is taken for a video, by its name.
func isVideo(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".mp4", ".avi", ".mkv", ".mov", ".ts", ".m4v", ".mpg", ".mpeg", ".webm":
		return true
	}
	return false
}

func (j *readJob) file(ctx context.Context, path string) error {
	if camera.IsPicture(path) {
		frame, err := camera.ReadPicture(path)
		if err != nil {
			j.fail(err)
		}
		if frame == nil { // one that is cut short is read as far as it goes
			return nil
		}
		return j.frame(frame, path)
	}
	source, err := camera.New(camera.Config{Name: path, Location: path, Guard: j.guard}, j.log)
	if err != nil {
		j.fail(err)
		return nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = source.Run(ctx, func(frame *alpr.Frame) {
		if (frame.Seq-1)%uint64(j.flags.every) != 0 || ctx.Err() != nil {
			return
		}
		if err := j.frame(frame, fmt.Sprintf("%s:%d", path, frame.Seq)); err != nil {
			stop(err)
		}
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		j.fail(err)
	}
	return nil
}

// frame finds, reads and prints the plates of one picture.
func (j *readJob) frame(f *alpr.Frame, name string) error {
	if !j.isWarm {
		_, _, _ = j.look(f, name) // what goes wrong does so again
		j.isWarm = true
	}
	began := time.Now()
	plates, texts, err := j.look(f, name)
	took := time.Since(began)
	if err != nil { // it costs this picture
		j.fail(err)
		return nil
	}
	r := result{Image: name, Took: took, HasBoxes: !j.flags.isCrops}
	threshold := j.networks.Models.Manifest.Reader.RegionThreshold
	for i, p := range plates {
		t := texts[i]
		if j.flags.withholds(&t, p) {
			t.Text, t.Candidates = "", nil
		}
		r.Plates = append(r.Plates, found{Plate: p, Text: t, Region: bestRegion(t, threshold)})
		if t.Text != "" {
			j.read++
		}
	}
	j.plates += len(plates)
	j.times = append(j.times, took)
	return j.out.print(r)
}

// look finds and reads the plates of one picture. A panic is an error.
func (j *readJob) look(f *alpr.Frame, name string) (plates []alpr.Plate, texts []alpr.Text, err error) {
	err = j.guard.Do("picture "+name, func() (err error) {
		plates, texts, err = j.askNetworks(f)
		return err
	})
	return plates, texts, err
}

func (j *readJob) askNetworks(f *alpr.Frame) ([]alpr.Plate, []alpr.Text, error) {
	if j.flags.isCrops {
		text, err := j.networks.Recogniser.ReadCrop(f)
		texts := []alpr.Text{text}
		j.decide(texts)
		return []alpr.Plate{{Score: 1}}, texts, err
	}
	plates, err := j.networks.Detector.Detect(f)
	if err != nil {
		return nil, nil, err
	}
	texts, err := j.networks.Recogniser.Read(f, plates)
	j.decide(texts)
	return plates, texts, err
}

// decide brings in what serials look like, unless only the picture is asked.
func (j *readJob) decide(texts []alpr.Text) {
	if j.flags.isPictureOnly {
		return
	}
	for i := range texts {
		texts[i] = j.networks.Serials.Decide(texts[i], j.flags.candidates)
	}
}

// bestRegion is the most probable region if it is sure enough, else "".
func bestRegion(t alpr.Text, threshold float64) string {
	if len(t.Regions) == 0 || t.Regions[0].P < threshold {
		return ""
	}
	return t.Regions[0].Region
}

func (j *readJob) fail(err error) {
	j.failed++
	fmt.Fprintln(j.errs, "alpr:", err)
}

// finish prints the totals, on standard error so that output can be piped.
func (j *readJob) finish() error {
	if err := j.out.finish(); err != nil {
		return err
	}
	if n := len(j.times); n > 0 {
		slices.SortFunc(j.times, cmp.Compare)
		fmt.Fprintf(j.errs, "%d pictures, %d plates, %d of them read; finding and reading took %.1f ms a picture (median), %.1f ms at most\n",
			n, j.plates, j.read, ms(j.times[n/2]), ms(j.times[n-1]))
	}
	if j.failed > 0 {
		return fmt.Errorf("%d of the files could not be read: see above", j.failed)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
