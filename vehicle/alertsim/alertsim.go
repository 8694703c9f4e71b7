// Package alertsim says how often a list would alert wrongly, and how often not
// where it should: it measures how the recogniser errs, and simulates traffic.
package alertsim

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"text/tabwriter"

	"alpr/camera"
	"alpr/detect"
	"alpr/hotlist/simulation"
	"alpr/internal/atomicfile"
	"alpr/internal/issuer"
	"alpr/internal/regular"
	"alpr/ocr"
	"alpr/vehicle/networks"
)

// shippedErrors is the error model of the reader that comes with the program.
//
//go:embed errors.json.gz
var shippedErrors []byte

// Options say what is simulated.
type Options struct {
	simulation.Plan        // Serials and IsDecided are filled in
	Model           string // an error model's file; "": the shipped recogniser's
	IsHomeKnown     bool   // the policy names the home state
	IsPictureOnly   bool   // match what the picture alone says
}

// Curve simulates traffic past a list, and prints false and missed alerts at each
// threshold.
func Curve(ctx context.Context, o Options, out io.Writer) error {
	m, err := errorModel(o.Model)
	if err != nil {
		return err
	}
	if o.IsHomeKnown {
		o.Policy.Home = o.Home
	}
	if o.Serials, err = issuer.New(issuer.Default()); err != nil {
		return err
	}
	o.IsDecided = !o.IsPictureOnly
	outcome, err := simulation.Run(ctx, m, o.Plan)
	if err != nil {
		return err
	}
	return printCurve(out, m, outcome)
}

func errorModel(path string) (*simulation.ErrorModel, error) {
	text := shippedErrors
	if path != "" {
		var err error
		if text, err = regular.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		return simulation.ReadErrorModel(bytes.NewReader(text))
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read error model: %w", err)
	}
	return simulation.ReadErrorModel(z)
}

func printCurve(out io.Writer, m *simulation.ErrorModel, o *simulation.Outcome) error {
	fmt.Fprintf(out, "reader %s, measured on %d plates\n%d passes of plates not listed, %d of listed ones; %d read too badly to compare\n\n",
		m.Reader, m.Plates, o.Passes, o.Wanted, o.Skipped)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "threshold\tfalse per 10,000\tby misread\tstate read as listed\tmissed\t")
	for _, t := range []float64{0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95} {
		wrong, missed := o.At(t)
		fmt.Fprintf(w, "%.2f\t%.3f\t%.3f\t%.3f\t%.2f %%\t\n", t, wrong, o.Rate(o.FalseText, t), o.Rate(o.FalseRead, t), 100*missed)
	}
	per := func(n int) float64 { return 1e4 * float64(n) / float64(o.Passes) }
	missed := func(n int) float64 { return 100 * (1 - float64(n)/float64(o.Wanted)) }
	fmt.Fprintf(w, "same text\t%.3f\t\t\t%.2f %%\t\n", per(o.PlainFalse), missed(o.PlainRight))
	fmt.Fprintf(w, "or one look-alike\t%.3f\t\t\t%.2f %%\t\n", per(o.LooseFalse), missed(o.LooseRight))
	return w.Flush()
}

// Measure reads cropped plates whose text is known, and writes how the recogniser
// errs on them. Each folder holds labels.jsonl.
func Measure(ctx context.Context, o networks.Options, folders []string, output string, out io.Writer) (err error) {
	n, err := networks.Open(o, detect.Options{}, ocr.Options{SureFrom: networks.SureFrom, IsStill: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	meter := simulation.NewMeter(n.Recogniser.Version())
	for _, folder := range folders {
		if err := measureFolder(ctx, n.Recogniser, folder, meter); err != nil {
			return fmt.Errorf("measure %s: %w", folder, err)
		}
	}
	m := meter.Model(rand.New(rand.NewPCG(1, 2)))
	fmt.Fprintf(out, "%d plates, %d with a character too many or too few\n", m.Plates, m.WrongLength)
	return atomicfile.WriteTo(output, 0o644, func(w io.Writer) error {
		z := gzip.NewWriter(w)
		return errors.Join(m.Write(z), z.Close())
	})
}

// label is one line of a labels.jsonl.
type label struct {
	Image  string `json:"image"`
	Plates []struct {
		Text   string `json:"text"`
		Region string `json:"region"`
	} `json:"plates"`
}

func measureFolder(ctx context.Context, reader *ocr.Recogniser, folder string, meter *simulation.Meter) error {
	f, err := regular.Open(filepath.Join(folder, "labels.jsonl"))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var l label
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("line %d of labels.jsonl: %w", n, err)
		}
		if len(l.Plates) != 1 || l.Plates[0].Text == "" {
			continue
		}
		frame, err := camera.ReadPicture(filepath.Join(folder, l.Image))
		if err != nil {
			return err
		}
		text, err := reader.ReadCrop(frame)
		if err != nil {
			return fmt.Errorf("read %s: %w", l.Image, err)
		}
		meter.Add(&text, l.Plates[0].Text, l.Plates[0].Region)
	}
	return lines.Err()
}
