package gps

import (
	"bufio"
	"bytes"
	"io"
)

const (
	// maxSentence is the longest sentence taken: NMEA allows 82 characters,
	// makers send up to twice as many.
	maxSentence = 256
	// maxNoise is how many bytes without a line end count as one garbled line.
	maxNoise = 4096
)

// A cutter finds the sentences in what a receiver sends. Sentences may follow
// each other on one line, and may stand between binary messages, time stamps
// or quotation marks: only "$" (or "!"), the checksum and a line end say where
// one begins and ends.
type cutter struct {
	// take gets each sentence from its "$" to its checksum, not yet checked,
	// as soon as its last byte is there; without one, where the line ends before;
	// or "" for a line, or the beginning of a sentence, that is none.
	take func(sentence string)

	buf      []byte // the sentence under way; empty outside of one
	noise    int    // bytes of this line that belong to no sentence
	isUsed   bool   // this line held a sentence
	isBlamed bool   // this line was counted as garbled
}

// readSentences calls take, see cutter, until r fails.
func readSentences(r io.Reader, take func(sentence string)) error {
	br := bufio.NewReaderSize(r, 512)
	c := cutter{take: take}
	for {
		b, err := br.ReadByte()
		if err != nil {
			c.endLine()
			return err
		}
		c.push(b)
	}
}

func (c *cutter) push(b byte) {
	switch {
	case b == '\n' || b == '\r':
		c.endLine()
	case b == '$' || b == '!':
		c.breakOff()
		c.buf = append(c.buf, b)
	case len(c.buf) == 0:
		c.skip(b)
	case b < ' ' || b > '~' || len(c.buf) == maxSentence:
		c.breakOff()
		c.skip(b)
	default:
		c.buf = append(c.buf, b)
		if n := len(c.buf); n > 3 && c.buf[n-3] == '*' {
			c.hand()
		}
	}
}

// skip passes over a byte outside of a sentence.
func (c *cutter) skip(b byte) {
	if b > ' ' {
		c.noise++
	}
	if c.noise >= maxNoise {
		c.endLine()
	}
}

func (c *cutter) hand() {
	s := string(c.buf)
	c.buf, c.isUsed = c.buf[:0], true
	c.take(s)
}

// breakOff drops the sentence under way: another one, or noise, begins inside
// it. "$$" is one receiver's way to begin.
func (c *cutter) breakOff() {
	if len(c.buf) > 1 {
		c.blame()
	}
	c.buf = c.buf[:0]
}

func (c *cutter) blame() {
	c.isBlamed = true
	c.take("")
}

func (c *cutter) endLine() {
	n := len(c.buf)
	if n > 2 && c.buf[n-2] == '*' || isUnsummed(c.buf) { // one digit: a leading zero was left out
		c.hand()
	}
	c.breakOff()
	if c.noise > 0 && !c.isUsed && !c.isBlamed {
		c.blame()
	}
	c.noise, c.isUsed, c.isBlamed = 0, false, false
}

// isUnsummed recognises a sentence without a checksum: some receivers can be
// set to leave it out.
func isUnsummed(b []byte) bool {
	if len(b) < 7 || b[6] != ',' || bytes.IndexByte(b, '*') >= 0 {
		return false
	}
	for _, c := range b[1:6] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
