// Package networks opens the networks that find and read plates, and keeps them
// in use while they are opened anew.
package networks

import (
	"errors"
	"log/slog"
	"strings"

	"alpr/camera"
	"alpr/detect"
	"alpr/internal/issuer"
	"alpr/internal/logkey"
	"alpr/models"
	"alpr/ocr"
)

// Options say where the networks are and how they run.
type Options struct {
	Dir       string // folder of the networks; "": the one beside the program
	Library   string // ONNX Runtime; "": beside the program, then the system's
	Precision string // fp32 or int8; "": as the manifest says
	Threads   int    // processor cores for one picture
}

// SureFrom is the confidence from which one view of a plate is enough, as the
// models' manifest says; chosen on training hold-outs (docs/accuracy.md).
const SureFrom = ocr.AsManifest

// Networks are the networks, ready to find and read plates. Detector and
// Recogniser may each be used by one goroutine at a time.
type Networks struct {
	Models     *models.Set
	Detector   *detect.Detector
	Recogniser *ocr.Recogniser
	Serials    *issuer.Formats
}

// Open opens the networks and the formats of serials. Close releases them.
func Open(f Options, d detect.Options, o ocr.Options) (*Networks, error) {
	camera.SetThreads(f.Threads)
	set, err := models.Open(models.Options{
		Dir:       f.Dir,
		Library:   f.Library,
		Threads:   f.Threads,
		Precision: models.Precision(f.Precision),
	})
	if err != nil {
		return nil, err
	}
	detector, err := detect.New(set.Detector, set.Corners, d)
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	recogniser, err := ocr.New(set.Reader, set.SecondReader, o)
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	formats, err := issuer.New(issuer.Default())
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return &Networks{Models: set, Detector: detector, Recogniser: recogniser, Serials: formats}, nil
}

// Close releases the networks; call it once nothing uses them any more.
func (n *Networks) Close() error { return n.Models.Close() }

// Log says which file of each network runs here and by which kernels, and what
// the self-test refused.
func (n *Networks) Log(log *slog.Logger) {
	for _, err := range n.Models.Refused {
		log.Warn("a way of computing the networks was refused on this processor, another is taken: report this processor", logkey.Error, err)
	}
	log.Info("networks", logkey.Processor, models.ThisProcessor().String(), logkey.Run, strings.Join(n.Paths(), "; "))
}

// Paths say which file of each network runs, and by which kernels.
func (n *Networks) Paths() []string {
	var paths []string
	for _, network := range n.Models.Networks() {
		paths = append(paths, network.Path())
	}
	return paths
}
