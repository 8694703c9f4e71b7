// Package strictyaml decodes YAML that people write: a key that nobody asks for
// is refused instead of ignored, and no input makes it panic.
package strictyaml

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"alpr/internal/contain"
)

var (
	// ErrBeyond reports a text that the decoder breaks at.
	ErrBeyond = errors.New("not plain YAML: write it without tags (!), anchors (&) and aliases (*)")
	// ErrSecond reports a text of which a part would go unread.
	ErrSecond = errors.New("a second document follows after a line ---, which nobody would read: put it in a file of its own, or take that line out")
	// ErrUTF16 reports a text in Windows' other encoding.
	ErrUTF16 = errors.New("the file is UTF-16: save it as UTF-8")
)

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
	plain, isUTF16 := withoutMark(text)
	if isUTF16 {
		return ErrUTF16
	}
	err = (*contain.Guard)(nil).Do("YAML", func() error {
		options = append(options, yaml.CustomUnmarshaler(asWritten))
		d := yaml.NewDecoder(bytes.NewReader(plain), slices.Concat(options, numbers())...)
		if err := d.Decode(v); err != nil {
			return placed(plain, v, err, options)
		}
		var more any
		if err := d.Decode(&more); !errors.Is(err, io.EOF) && (err != nil || more != nil) {
			return ErrSecond
		}
		return nil
	})
	if errors.Is(err, contain.ErrPanic) {
		return ErrBeyond
	}
	return err
}

// placed is err with the place in the text that it is about. Where a number has
// none, the decoder's own complaint shows the line.
func placed(text []byte, v any, err error, options []yaml.DecodeOption) error {
	if !errors.Is(err, ErrNumber) || place(text, err) {
		return err
	}
	fresh := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if own := yaml.NewDecoder(bytes.NewReader(text), options...).Decode(fresh); own != nil {
		return own
	}
	return err
}

// withoutMark takes off the byte order mark that some editors begin a file with.
func withoutMark(text []byte) (plain []byte, isUTF16 bool) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return text, true
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), false
}

// asWritten decodes a scalar where text is meant. What looks like a number or a
// yes or no is taken as it is written: the agency 0012 is not 10, and 1.50 not 1.5.
func asWritten(s *string, raw []byte) error {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil || len(file.Docs) != 1 {
		return yaml.Unmarshal(raw, s)
	}
	switch n := file.Docs[0].Body.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		*s = n.GetToken().Value
		return nil
	}
	return yaml.Unmarshal(raw, s)
}
