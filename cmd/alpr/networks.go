package main

import (
	"errors"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"alpr/camera"
	"alpr/detect"
	"alpr/internal/issuer"
	"alpr/models"
	"alpr/ocr"
)

// networkFlags say where the networks are and how they run.
type networkFlags struct {
	models    string
	library   string
	precision string
	threads   int
}

func (f *networkFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.models, "models", "", "folder of the networks (default: the one beside the program)")
	flags.StringVar(&f.library, "onnxruntime", "", "the ONNX Runtime library (default: lib/"+models.LibraryName+" beside the program, then the system's)")
	flags.StringVar(&f.precision, "precision", "", "which files of the networks to run: fp32 or int8 (default: as their manifest says)")
	flags.IntVar(&f.threads, "threads", 1, "processor cores for one picture")
}

// defaultSureFrom is the confidence from which one network's look at a plate is
// enough; chosen on training hold-outs (docs/accuracy.md).
const defaultSureFrom = 0.97

// networks is the networks, ready to find and read plates.
type networks struct {
	set      *models.Set
	detector *detect.Detector
	reader   *ocr.Reader
	formats  *issuer.Formats
}

func openNetworks(f networkFlags, d detect.Options, o ocr.Options) (*networks, error) {
	camera.SetThreads(f.threads)
	set, err := models.Open(models.Options{
		Dir:       f.models,
		Library:   f.library,
		Threads:   f.threads,
		Precision: models.Precision(f.precision),
	})
	if err != nil {
		return nil, err
	}
	detector, err := detect.New(set.Detector, set.Corners, d)
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	reader, err := ocr.New(set.Reader, set.SecondReader, o)
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	formats, err := issuer.New(issuer.Default())
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return &networks{set: set, detector: detector, reader: reader, formats: formats}, nil
}

func (n *networks) Close() error { return n.set.Close() }

// log says which file of each network runs here and by which kernels, and what
// the self-test refused.
func (n *networks) log(log *slog.Logger) {
	for _, err := range n.set.Refused {
		log.Warn("a way of computing the networks was refused on this processor, another is taken: report this processor", "error", err)
	}
	log.Info("networks", "processor", models.ThisProcessor().String(), "run", strings.Join(n.paths(), "; "))
}

func (n *networks) paths() []string {
	var paths []string
	for _, network := range n.set.Networks() {
		paths = append(paths, network.Path())
	}
	return paths
}
