package importer

import (
	"errors"
	"fmt"
	"io"
)

// ErrNoList reports an input that is larger than any list, or unfolds to what
// no list can be: a small file must fill neither memory nor hours.
var ErrNoList = errors.New("this is no list: it is refused and the last good one stays")

// What a list may be at most. The largest known, a nation's stolen vehicles and
// plates, has a few million rows.
const (
	maxRows    = 20_000_000
	maxBlank   = 1_000_000 // empty lines, beside ten a row
	maxFilling = 64 << 20  // bytes in a row without a line end
	maxPlain   = 8 << 30   // bytes, unfolded
	maxFolded  = 300       // times smaller: lists fold to a tenth, zeros to a thousandth
	freePlain  = 16 << 20  // bytes that may be folded as small as they like
)

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends in ErrNoList where a small input unfolds to very much.
type bounded struct {
	r  io.Reader
	in *counter
	n  int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.n > maxPlain || b.n > freePlain && b.n/maxFolded > b.in.n {
		return 0, fmt.Errorf("%d bytes unfold to more than %d: %w", b.in.n, b.n, ErrNoList)
	}
	return n, err
}
