package models

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"alpr"
)

// ManifestName is the manifest's file name in the folder of the models.
const ManifestName = "manifest.json"

// Precision chooses between the two files of a network.
type Precision string

// The precisions. Auto takes the one the manifest calls the default.
const (
	Auto Precision = ""
	FP32 Precision = "fp32"
	INT8 Precision = "int8"
)

// Manifest describes the networks.
type Manifest struct {
	Detector Entry `json:"detector"`
	Corners  Entry `json:"corners"`
	Reader   Entry `json:"reader"`
	// SecondReader, if there is one, learned apart from Reader, and is asked
	// where that is unsure. Its calibration is that of both together.
	SecondReader *Entry `json:"second_reader"`
}

// Entry describes one network: its files, its interface and its record.
// Fields that only some networks have say so.
type Entry struct {
	Name       string    `json:"name"`
	Version    string    `json:"version"`
	File       string    `json:"file"` // fp32, relative to the manifest; the second reader may have int8 alone
	SHA256     string    `json:"sha256"`
	FileINT8   string    `json:"file_int8"`
	SHA256INT8 string    `json:"sha256_int8"`
	Default    Precision `json:"default"`

	Input   Input    `json:"input"`
	Outputs []string `json:"outputs"` // names, in the order a Binding gives them

	ScoreThreshold float64 `json:"score_threshold"` // detector: keep plates from this score on
	NMSIoU         float64 `json:"nms_iou"`         // detector: of two plates overlapping more, the better stays
	Search         Search  `json:"search"`          // detector: at which scales a frame is searched

	Alphabet        string      `json:"alphabet"`         // reader: symbols of a slot, pad not included
	Pad             int         `json:"pad"`              // reader: index of "no character"
	Regions         []string    `json:"regions"`          // reader: ISO 3166, in output order; the last, "", is unknown
	RegionThreshold float64     `json:"region_threshold"` // reader: report a region from this probability on
	Margin          Margin      `json:"margin"`           // corners, reader: added on each side before rectifying
	Calibration     Calibration `json:"calibration"`      // reader: from slots to the read's confidence
	Views           []View      `json:"views"`            // reader: how a plate is viewed; of the first reader the first view is every plate's
	ViewsAlone      []View      `json:"views_alone"`      // first reader: the same where there is no second one
	SureFrom        float64     `json:"sure_from"`        // first reader: the confidence from which its first view is enough
	Unreadable      float64     `json:"unreadable"`       // first reader: the confidence of a first view that no further one mends

	SelfTest *SelfTest `json:"self_test"` // nil: the network is believed as it is

	FLOPs    float64         `json:"flops"` // at the working input
	Training json.RawMessage `json:"training"`
	Figures  json.RawMessage `json:"figures"`
}

// Input is what a network takes.
type Input struct {
	Name   string `json:"name"`
	Layout string `json:"layout"` // "NHWC"
	DType  string `json:"dtype"`  // "uint8"
	Color  string `json:"color"`  // "BGR"
	Height int    `json:"height"` // 0: any multiple of 32
	Width  int    `json:"width"`  // 0: any multiple of 32
	// EvenContrast says that the network learned from pictures whose contrast
	// was evened out: the caller is to do the same.
	EvenContrast bool `json:"even_contrast"`
}

// Margin is how far a network's picture reaches beyond the plate on each
// side, as fractions of the plate's width and height. In the manifest it is one
// number for both, or {"x": …, "y": …}.
type Margin struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// UnmarshalJSON reads either form.
func (m *Margin) UnmarshalJSON(b []byte) error {
	var both float64
	if err := json.Unmarshal(b, &both); err == nil {
		*m = Margin{X: both, Y: both}
		return nil
	}
	type plain Margin
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(m))
}

// ErrManifest reports a manifest that cannot be used.
var ErrManifest = errors.New("bad manifest")

// ParseManifest decodes a manifest strictly: unknown keys, missing fields and
// values that this program cannot serve are errors that name the field.
func ParseManifest(r io.Reader) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("decode %s: %w: %w", ManifestName, ErrManifest, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Manifest{}, fmt.Errorf("decode %s: %w: text after the closing brace", ManifestName, ErrManifest)
	}
	for _, n := range []struct {
		name     string
		entry    *Entry
		validate func(*Entry) error
	}{
		{"detector", &m.Detector, (*Entry).validateDetector},
		{"corners", &m.Corners, (*Entry).validateCorners},
		{"reader", &m.Reader, (*Entry).validateFirst},
		{"second_reader", m.SecondReader, (*Entry).validateReader},
	} {
		if n.entry == nil { // without a second reader
			continue
		}
		if err := cmp.Or(n.entry.validate(), n.validate(n.entry)); err != nil {
			return Manifest{}, fmt.Errorf("check %s, %s: %w: %w", ManifestName, n.name, ErrManifest, err)
		}
	}
	return m, nil
}

// validate checks what all networks have in common.
func (e *Entry) validate() error {
	switch {
	case e.Name == "":
		return errors.New("name is empty")
	case e.Version == "":
		return errors.New("version is empty")
	case e.File == "" && e.FileINT8 == "":
		return errors.New("file and file_int8 are empty")
	case e.File != "" && !isSHA256(e.SHA256):
		return fmt.Errorf("sha256 %q is not 64 hexadecimal digits", e.SHA256)
	case e.FileINT8 != "" && !isSHA256(e.SHA256INT8):
		return fmt.Errorf("sha256_int8 %q is not 64 hexadecimal digits", e.SHA256INT8)
	case e.Default != FP32 && e.Default != INT8:
		return fmt.Errorf("default %q is neither %q nor %q", e.Default, FP32, INT8)
	case e.Default == FP32 && e.File == "":
		return errors.New("default is fp32, but file is empty")
	case e.Default == INT8 && e.FileINT8 == "":
		return errors.New("default is int8, but file_int8 is empty")
	case e.Input.Name == "":
		return errors.New("input.name is empty")
	case e.Input.Layout != "NHWC":
		return fmt.Errorf("input.layout %q is not NHWC", e.Input.Layout)
	case e.Input.DType != "uint8":
		return fmt.Errorf("input.dtype %q is not uint8", e.Input.DType)
	case e.Input.Color != "BGR":
		return fmt.Errorf("input.color %q is not BGR", e.Input.Color)
	case len(e.Outputs) == 0:
		return errors.New("outputs is empty")
	}
	return e.validateSelfTest()
}

func (e *Entry) validateDetector() error {
	switch {
	case e.Input.Height != 0 || e.Input.Width != 0:
		return fmt.Errorf("input is fixed to %dx%d, but must be dynamic (0)", e.Input.Width, e.Input.Height)
	case len(e.Outputs) != 1:
		return fmt.Errorf("outputs %q: want one, the plates", e.Outputs)
	case e.ScoreThreshold <= 0 || e.ScoreThreshold >= 1:
		return fmt.Errorf("score_threshold %g is not between 0 and 1", e.ScoreThreshold)
	case e.NMSIoU <= 0 || e.NMSIoU >= 1:
		return fmt.Errorf("nms_iou %g is not between 0 and 1", e.NMSIoU)
	}
	return e.Search.validate()
}

func (e *Entry) validateCorners() error {
	if len(e.Outputs) != 1 {
		return fmt.Errorf("outputs %q: want one, the corners", e.Outputs)
	}
	return e.validateCut()
}

// validateCut checks what the networks that look at one plate have in common.
func (e *Entry) validateCut() error {
	switch {
	case e.Input.Height <= 0 || e.Input.Width <= 0:
		return fmt.Errorf("input %dx%d must be fixed", e.Input.Width, e.Input.Height)
	case e.Margin.X < 0 || e.Margin.X > 1 || e.Margin.Y < 0 || e.Margin.Y > 1:
		return fmt.Errorf("margin %+v is not between 0 and 1", e.Margin)
	}
	return nil
}

func (e *Entry) validateReader() error {
	switch {
	case len(e.Outputs) != 2:
		return fmt.Errorf("outputs %q: want two, the slots and the regions", e.Outputs)
	case e.Alphabet != alpr.Alphabet:
		return fmt.Errorf("alphabet %q is not %q", e.Alphabet, alpr.Alphabet)
	case e.Pad != alpr.Pad:
		return fmt.Errorf("pad %d is not %d", e.Pad, alpr.Pad)
	case len(e.Regions) == 0 || e.Regions[len(e.Regions)-1] != "":
		return errors.New(`regions must end in "", the unknown one`)
	case e.RegionThreshold < 0 || e.RegionThreshold > 1:
		return fmt.Errorf("region_threshold %g is not between 0 and 1", e.RegionThreshold)
	}
	return cmp.Or(e.validateCut(), e.Calibration.validate(), validateViews("views", e.Views))
}

// validateFirst checks what the reader that sees every plate has beside.
func (e *Entry) validateFirst() error {
	switch {
	case !(e.SureFrom > 0 && e.SureFrom <= 1):
		return fmt.Errorf("sure_from %g is not between 0 and 1", e.SureFrom)
	case !(e.Unreadable >= 0 && e.Unreadable < e.SureFrom):
		return fmt.Errorf("unreadable %g is not between 0 and sure_from, %g", e.Unreadable, e.SureFrom)
	}
	return cmp.Or(e.validateReader(), validateViews("views_alone", e.ViewsAlone))
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}
