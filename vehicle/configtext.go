package vehicle

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"alpr/internal/strictyaml"
	"alpr/models"
)

// decodeConfig decodes text over what c holds and refuses keys it does not know.
func decodeConfig(text []byte, c *Config) error {
	err := strictyaml.Decode(text, c)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty")
	}
	return errors.New(explained(withoutSecrets(yaml.FormatError(err, false, true))))
}

// withoutSecrets leaves of the lines that the decoder shows the one it is about,
// where that holds no address or pipeline: those beside it may hold a password,
// and this is read in logs and on the page.
func withoutSecrets(text string) string {
	said, shown, _ := strings.Cut(text, "\n")
	for line := range strings.Lines(shown) {
		if strings.HasPrefix(line, ">") && !strings.Contains(line, ":/") && !strings.Contains(line, "gst:") {
			return said + "\n" + strings.TrimRight(line, "\n")
		}
	}
	return said
}

// What the decoder says of a value of the wrong type, in Go's words.
var (
	wrongBool  = regexp.MustCompile(`cannot unmarshal \S+ into Go struct field Config\.(\S+) of type bool`)
	wrongText  = regexp.MustCompile(`\[1:1\] cannot unmarshal \S+( \{\})? into Go struct field Config\.(\S+) of type string(?s).*`)
	wrongLevel = regexp.MustCompile(`slog: level string ("[^"]*"): unknown name`)
)

// explained says of a complaint of the decoder what is wanted.
func explained(text string) string {
	for _, say := range [][2]string{
		{"was used where mapping is expected", "stands where keys of their own belong: write {key: value}, or a line each, indented"},
		{"was used where sequence is expected", "stands where a list belongs: write [a, b], or a line each that begins with \"- \""},
		{"] string stands", "] a text stands"}, {"] sequence stands", "] a list stands"},
		{"] mapping stands", "] a block of keys stands"}, {"] int stands", "] a number stands"},
	} {
		text = strings.Replace(text, say[0], say[1], 1)
	}
	text = wrongBool.ReplaceAllString(text, "$1: true or false is wanted")
	text = wrongText.ReplaceAllString(text, "$2: a text is wanted, not a list or a block of keys")
	return wrongLevel.ReplaceAllString(text, "log.level: $1 is none of debug, info, warn and error")
}

// validateNumbers says which number or word no part of the program can use.
func (c *Config) validateNumbers() error {
	switch {
	case c.Store.MaxBytes < 0:
		return fmt.Errorf("store.max_bytes: %d is below 0, which means no bound", c.Store.MaxBytes)
	case c.Pictures.CropWidth < 0:
		return fmt.Errorf("pictures.crop_width: %d is below 0", c.Pictures.CropWidth)
	case c.Pictures.ContextWidth < 0:
		return fmt.Errorf("pictures.context_width: %d is below 0", c.Pictures.ContextWidth)
	case !(c.Pictures.ContextScale >= 0 && c.Pictures.ContextScale <= 100):
		return fmt.Errorf("pictures.context_scale: %g is not within 0..100", c.Pictures.ContextScale)
	}
	switch p := models.Precision(c.Models.Precision); p {
	case models.Auto, models.FP32, models.INT8:
	default:
		return fmt.Errorf("models.precision: %q is neither %s nor %s", p, models.FP32, models.INT8)
	}
	for i, cam := range c.Cameras {
		if cam.Latency < 0 {
			return fmt.Errorf("cameras[%d].latency: %s: a picture cannot come before it is taken", i, cam.Latency)
		}
	}
	return nil
}
