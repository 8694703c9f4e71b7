// Package stills finds and reads the plates of pictures, folders of pictures and
// videos, each picture on its own, and prints what it found.
package stills

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

	"alpr"
	"alpr/camera"
	"alpr/detect"
	"alpr/internal/contain"
	"alpr/internal/usage"
	"alpr/ocr"
	"alpr/vehicle/networks"
)

// Format is how results are written.
type Format int

// The formats.
const (
	Table Format = iota // for people
	CSV                 // image,plate_text,confidence,x,y,w,h,rank,ms,region; a row for each text a plate may have
	JSON                // an object a line
)

// Options say what is read, and how it is reported.
type Options struct {
	Networks      networks.Options
	Format        Format
	IsCrops       bool    // each picture is one plate, cut out: read only
	MinConfidence float64 // plates less sure are reported as found, without a text; 0: report all
	Candidates    int     // texts a plate may have, 1 to 100
	SureFrom      float64 // plates less sure are viewed again; 0: never, ocr.AsManifest: as the models' manifest says
	Every         int     // of a video, every n-th frame
	IsPictureOnly bool    // say what the picture alone shows
}

// Check says what of the options cannot be taken, by the name of its flag.
func (o *Options) Check() error {
	switch {
	case !(o.MinConfidence >= 0 && o.MinConfidence <= 1):
		return usage.Errorf("--min-confidence %g: give a probability from 0 to 1", o.MinConfidence)
	case o.SureFrom != ocr.AsManifest && !(o.SureFrom >= 0 && o.SureFrom <= 1):
		return usage.Errorf("--sure-from %g: give a probability from 0 to 1", o.SureFrom)
	case o.Candidates < 1 || o.Candidates > 100:
		return usage.Errorf("--candidates %d: give 1 to 100", o.Candidates)
	case o.Every < 1:
		return usage.Errorf("--every %d: give 1 or more", o.Every)
	case o.Networks.Threads < 1 || o.Networks.Threads > 64:
		return usage.Errorf("--threads %d: give 1 to 64", o.Networks.Threads)
	}
	return nil
}

// withholds says whether a plate is reported as found, without its text.
func (o *Options) withholds(t *alpr.Text, p alpr.Plate) bool {
	return o.MinConfidence > 0 && (t.Confidence < o.MinConfidence || t.MayBeSign(float64(p.Score)))
}

// Read reads what is at paths, prints to out what each picture shows, and to errs
// what could not be read and the totals. Its error counts the files that failed.
func Read(ctx context.Context, o Options, paths []string, out, errs io.Writer) (err error) {
	if err := o.Check(); err != nil {
		return err
	}
	n, err := networks.Open(o.Networks, detect.Options{IsStill: true}, ocr.Options{Candidates: o.Candidates, SureFrom: o.SureFrom, IsStill: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	log := slog.New(slog.NewTextHandler(errs, nil))
	n.Log(log)
	j := job{
		options:  &o,
		networks: n,
		out:      newPrinter(o.Format, out),
		errs:     errs,
		log:      log,
	}
	j.guard = contain.New(j.log)
	for _, path := range paths {
		if err := j.path(ctx, path); err != nil {
			return err
		}
	}
	return j.finish()
}

func newPrinter(f Format, out io.Writer) printer {
	switch f {
	case CSV:
		return newCSVPrinter(out)
	case JSON:
		return newJSONPrinter(out)
	}
	return &tablePrinter{out: out}
}

// job reads one picture after the other and counts.
type job struct {
	options  *Options
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
func (j *job) path(ctx context.Context, path string) error {
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

func (j *job) file(ctx context.Context, path string) error {
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
		if (frame.Seq-1)%uint64(j.options.Every) != 0 || ctx.Err() != nil {
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
func (j *job) frame(f *alpr.Frame, name string) error {
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
	r := result{Image: name, Took: took, HasBoxes: !j.options.IsCrops}
	threshold := j.networks.Models.Manifest.Reader.RegionThreshold
	for i, p := range plates {
		t := texts[i]
		if j.options.withholds(&t, p) {
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
func (j *job) look(f *alpr.Frame, name string) (plates []alpr.Plate, texts []alpr.Text, err error) {
	err = j.guard.Do("picture "+name, func() (err error) {
		plates, texts, err = j.askNetworks(f)
		return err
	})
	return plates, texts, err
}

func (j *job) askNetworks(f *alpr.Frame) ([]alpr.Plate, []alpr.Text, error) {
	if j.options.IsCrops {
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
func (j *job) decide(texts []alpr.Text) {
	if j.options.IsPictureOnly {
		return
	}
	for i := range texts {
		texts[i] = j.networks.Serials.Decide(texts[i], j.options.Candidates)
	}
}

// bestRegion is the most probable region if it is sure enough, else "".
func bestRegion(t alpr.Text, threshold float64) string {
	if len(t.Regions) == 0 || t.Regions[0].P < threshold {
		return ""
	}
	return t.Regions[0].Region
}

func (j *job) fail(err error) {
	j.failed++
	fmt.Fprintln(j.errs, "alpr:", err)
}

// finish prints the totals, on standard error so that output can be piped.
func (j *job) finish() error {
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
