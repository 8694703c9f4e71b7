// Package printable makes text from outside safe to print: what a list, a file
// name or a receiver holds must not move a terminal's cursor, clear its screen,
// set its title, begin a new line of a log, or turn the reading direction.
package printable

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line is text on one line: every control character, line ends too, every
// invisible character that changes how its neighbours are shown, and every byte
// that is no UTF-8 is written out as \u001b or \xff. Valid JSON stays valid and
// says the same.
func Line(text string) string { return clean(text, "") }

// Text is Line that leaves line ends and tabs.
func Text(text string) string { return clean(text, "\n\t") }

func clean(text, allowed string) string {
	if isClean(text, allowed) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case isSafe(r, allowed):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	return b.String()
}

func isClean(text, allowed string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !isSafe(r, allowed) {
			return false
		}
	}
	return true
}

// isSafe says whether a character shows itself and changes no other: not C0, C1,
// DEL, bidirectional controls, line and paragraph separators, tags. The joiners
// that some scripts need are kept.
func isSafe(r rune, allowed string) bool {
	switch {
	case strings.ContainsRune(allowed, r):
		return true
	case unicode.IsControl(r), r == 0x2028, r == 0x2029, r == 0xfeff, r >= 0xe0000 && r <= 0xe007f:
		return false
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return false
	}
	return true
}

// Writer passes on to w what is safe, line ends and tabs included. Colours that
// the program itself prints do not pass either.
type Writer struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character whose end has not come
}

// NewWriter makes a Writer over w. It is safe for concurrent use.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write takes p whole; a character that p breaks off waits for the next Write.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	whole := append(w.rest, p...)
	end := len(whole)
	for i := 1; i < utf8.UTFMax && i <= end; i++ {
		if c := whole[end-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(whole[end-i:]) {
				end -= i
			}
			break
		}
	}
	w.rest = append([]byte(nil), whole[end:]...)
	if _, err := io.WriteString(w.w, Text(string(whole[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}
