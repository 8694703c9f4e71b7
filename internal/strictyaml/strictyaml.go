// Package strictyaml decodes YAML that people write: a key that nobody asks for
// is refused instead of ignored, and no input makes it panic.
package strictyaml

import (
	"bytes"
	"errors"

	"github.com/goccy/go-yaml"
)

// ErrBeyond reports a text that the decoder breaks at.
var ErrBeyond = errors.New("not plain YAML: write it without tags (!), anchors (&) and aliases (*)")

// Decode decodes text over what v already holds. The error shows the line.
func Decode(text []byte, v any) error {
	return decode(text, v, yaml.Strict())
}

// DecodeSome is Decode for who needs only some of the keys.
func DecodeSome(text []byte, v any) error {
	return decode(text, v)
}

// decode turns a panic into an error: the decoder has one where a tag stands
// before what should be a list (go-yaml issue 735, in v1.19.2).
func decode(text []byte, v any, options ...yaml.DecodeOption) (err error) {
	defer func() {
		if recover() != nil {
			err = ErrBeyond
		}
	}()
	return yaml.NewDecoder(bytes.NewReader(text), options...).Decode(v)
}
