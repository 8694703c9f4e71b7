package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// endless gives head, and then a text for ever.
type endless struct {
	text []byte
	at   int
	left int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		k := copy(p[n:], e.text[e.at:])
		n, e.at = n+k, (e.at+k)%len(e.text)
	}
	e.left -= int64(n)
	return n, nil
}

// TestBombsAreRefused: what unfolds to gigabytes, or never ends, costs a moment
// and no memory.
func TestBombsAreRefused(t *testing.T) {
	m, err := ParseMap([]byte("name: x\nformat: csv\ncolumns: {plate: [plate], state: [state]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const size = freePlain + 4<<20
	bomb := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader("plate,state\n"), &endless{text: bytes.Repeat([]byte(text), 1<<16), left: size})
	}
	fold := func(plain io.Reader, open func(io.Writer) io.WriteCloser) io.Reader {
		var buf bytes.Buffer
		z := open(&buf)
		if _, err := io.Copy(z, plain); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return &buf
	}
	gz := func(w io.Writer) io.WriteCloser { z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed); return z }
	zst := func(w io.Writer) io.WriteCloser {
		z, _ := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
		return z
	}
	for name, input := range map[string]io.Reader{
		"plain line ends":  bomb("\n"),
		"plain empty rows": bomb(" , \r\n"),
		"gzip of zeros":    fold(bomb("\x00"), gz),
		"zstd of one row":  fold(bomb("ABC123,FL\n"), zst),
	} {
		list, report, err := Import(context.Background(), input, m, Options{Name: "bomb"})
		if !errors.Is(err, ErrNoList) || list != nil {
			t.Errorf("%s: %v after %d rows, want ErrNoList", name, err, report.Rows)
		}
	}
	few := "plate,state\n" + strings.Repeat("\n", 900_000) + "ABC123,FL\n"
	if _, report, err := Import(context.Background(), strings.NewReader(few), m, Options{Name: "x"}); err != nil || report.Entries != 1 {
		t.Errorf("many empty lines and a row: %v, %+v", err, report)
	}
}

// A line without an end is refused long before the end of what could be read.
func TestALineForEverIsRefusedEarly(t *testing.T) {
	line := &endless{text: bytes.Repeat([]byte(" \t\r"), 1<<16), left: 1 << 40}
	_, _, err := Import(t.Context(), io.MultiReader(strings.NewReader("plate,state\n"), line), nil, Options{})
	if read := 1<<40 - line.left; !errors.Is(err, ErrNoList) || read > 2*maxFilling {
		t.Errorf("%v after %d bytes", err, read)
	}
}
