package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"alpr"
)

const (
	// maxLine is the longest line that can be part of a list, in bytes.
	maxLine = 1 << 16
	// maxRecordLines is how many lines a quoted field may run over. Without a
	// bound, one stray quote would swallow the rest of the list in silence.
	maxRecordLines = 10
)

// Reasons why a line cannot be read.
var (
	errLongLine  = errors.New("longer than 65536 bytes")
	errOpenQuote = errors.New("a quote is opened and not closed")
	errQuote     = errors.New("text after a closing quote")
)

// lineReader yields lines with their numbers, as UTF-8. What else a file may be
// written in is told by its first bytes (UTF-16) or line by line (Windows-1252,
// which holds ISO 8859-1).
type lineReader struct {
	r        *bufio.Reader
	number   int
	queue    []heldLine // to be given again
	encoding string     // as far as the first bytes say
	isCut    bool       // the newest line has no end: the file may have been cut off in it
}

type heldLine struct {
	text string
	bad  error
}

func newLineReader(r io.Reader) (*lineReader, error) {
	br := bufio.NewReaderSize(r, 1<<18)
	head, err := br.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if order, ok := utf16Order(head); ok {
		return &lineReader{encoding: "UTF-16", r: bufio.NewReaderSize(unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(br), 1<<18)}, nil
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = br.Discard(3) // was peeked: cannot fail
	}
	return &lineReader{encoding: "UTF-8 or Windows-1252", r: br}, nil
}

// utf16Order tells a file in UTF-16 by its byte order mark, or where it has none
// by the zeros that its first two characters, which are plain ones, have in it.
func utf16Order(head []byte) (unicode.Endianness, bool) {
	if len(head) < 4 {
		return unicode.LittleEndian, false
	}
	switch {
	case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return unicode.LittleEndian, true
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}

// next returns the next line without its end. bad is why it cannot be used;
// err ends the reading, with io.EOF at the end of the input.
func (l *lineReader) next() (line string, bad, err error) {
	l.number++
	if len(l.queue) > 0 {
		held := l.queue[0]
		l.queue = l.queue[1:]
		return held.text, held.bad, nil
	}
	raw, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(raw) > maxLine {
		return l.skipLong(raw, err)
	}
	if l.isCut = errors.Is(err, io.EOF) && len(raw) > 0; l.isCut {
		err = nil
	}
	if err != nil {
		return "", nil, err
	}
	return decodeLine(bytes.TrimRight(raw, "\r\n"+fileEnds)), nil, nil
}

// fileEnds are the bytes that mainframes and DOS end or fill a file with.
const fileEnds = "\x00\x1a"

// skipLong passes over a line that is too long, whose first part was read. One of
// nothing but filling is an empty line.
func (l *lineReader) skipLong(raw []byte, err error) (string, error, error) {
	isFilling, n := len(bytes.Trim(raw, fileEnds)) == 0, len(raw)
	for errors.Is(err, bufio.ErrBufferFull) {
		raw, err = l.r.ReadSlice('\n')
		if n += len(raw); n > maxFilling {
			return "", nil, fmt.Errorf("a line of more than %d bytes: %w", maxFilling, ErrNoList)
		}
		isFilling = isFilling && len(bytes.Trim(raw, "\r\n"+fileEnds)) == 0
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if isFilling {
		return "", nil, err
	}
	return "", errLongLine, err
}

// again puts lines back: the first of them is given next.
func (l *lineReader) again(lines []heldLine) {
	l.queue = append(slices.Clone(lines), l.queue...)
	l.number -= len(lines)
}

func decodeLine(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(raw)
	if err != nil { // every byte is a character of it: does not happen
		return strings.ToValidUTF8(string(raw), "\ufffd")
	}
	return string(text)
}

// record reads one CSV record, RFC 4180, into fields, which are valid until
// the next call. at is the line it begins on.
func (l *lineReader) record(delimiter byte, fields []string) (_ []string, at int, bad, err error) {
	line, bad, err := l.next()
	at = l.number
	if bad != nil || err != nil {
		return nil, at, bad, err
	}
	fields, bad = splitCSV(line, delimiter, fields)
	if !errors.Is(bad, errOpenQuote) {
		return fields, at, bad, nil
	}
	var more []heldLine
	for len(more) < maxRecordLines {
		extra, lineBad, err := l.next()
		if errors.Is(err, io.EOF) {
			l.number--
			break
		}
		if err != nil {
			return nil, at, nil, err
		}
		more = append(more, heldLine{extra, lineBad})
		if lineBad != nil {
			break
		}
		line += "\n" + extra
		joined, bad := splitCSV(line, delimiter, fields)
		if !errors.Is(bad, errOpenQuote) {
			return joined, at, bad, nil
		}
	}
	l.again(more)
	return nil, at, errOpenQuote, nil
}

// splitCSV splits one record into fields.
func splitCSV(line string, delimiter byte, fields []string) ([]string, error) {
	fields = fields[:0]
	for {
		if !strings.HasPrefix(line, `"`) {
			i := strings.IndexByte(line, delimiter)
			if i < 0 {
				return append(fields, line), nil
			}
			fields, line = append(fields, line[:i]), line[i+1:]
			continue
		}
		field, rest, err := unquote(line[1:])
		if err != nil {
			return fields, err
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, nil
		}
		if rest[0] != delimiter {
			return fields, errQuote
		}
		line = rest[1:]
	}
}

// unquote takes a quoted field off the front of text, whose opening quote is
// already gone.
func unquote(text string) (field, rest string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return "", "", errOpenQuote
		}
		b.WriteString(text[:i])
		text = text[i+1:]
		if !strings.HasPrefix(text, `"`) {
			return b.String(), text, nil
		}
		b.WriteByte('"')
		text = text[1:]
	}
}

// fieldNames are the fields of an entry, in the order of a located row.
func fieldNames() []string {
	return []string{
		"plate", "state", "id", "source", "reason", "category", "priority", "kind", "case", "caution",
		"effective", "expires", "covert", "vin", "make", "model", "year", "colour", "style",
	}
}

// columns is where the fields are in a source's rows.
type columns struct {
	at       []int // by fieldNames; -1: not there
	notes    []int
	noteName []string
	width    int // fields of a whole row
}

func (c columns) known() int {
	n := len(c.notes)
	for _, at := range c.at {
		if at >= 0 {
			n++
		}
	}
	return n
}

// origins says which field comes from which heading, and which headings no field
// comes from.
func (c columns) origins(heading []string) (from []Column, unused []string) {
	used := make([]bool, len(heading))
	for f, at := range c.at {
		if at >= 0 {
			from, used[at] = append(from, Column{fieldNames()[f], clean(heading[at])}), true
		}
	}
	for _, at := range c.notes {
		from, used[at] = append(from, Column{"caution", clean(heading[at])}), true
	}
	for i, h := range heading {
		if !used[i] && clean(h) != "" {
			unused = append(unused, clean(h))
		}
	}
	return from, unused
}

// locate finds the map's columns in a heading line. ok is false where there is
// no plate column.
func (m *Map) locate(heading []string) (columns, bool) {
	place := make(map[string]int, len(heading))
	for i, h := range heading {
		h = alpr.Normalise(h)
		if _, ok := place[h]; !ok && h != "" {
			place[h] = i
		}
	}
	find := func(names []string) int {
		for _, name := range names {
			if at, ok := place[alpr.Normalise(name)]; ok {
				return at
			}
		}
		return -1
	}
	c := columns{width: len(heading)}
	k := &m.Columns
	for _, names := range [][]string{
		k.Plate, k.State, k.ID, k.Source, k.Reason, k.Category, k.Priority, k.Kind, k.Case, k.Caution,
		k.Effective, k.Expires, k.Covert, k.VIN, k.Make, k.Model, k.Year, k.Colour, k.Style,
	} {
		c.at = append(c.at, find(names))
	}
	for _, name := range k.Notes {
		if at := find([]string{name}); at >= 0 {
			c.notes, c.noteName = append(c.notes, at), append(c.noteName, name)
		}
	}
	return c, c.at[0] >= 0
}

// cut takes the fields out of a fixed-width line, in the order of fieldNames.
// A line that ends early, as where trailing blanks were trimmed, has empty
// fields at its end.
func (m *Map) cut(line string, fields []string) []string {
	runes := []rune(line)
	fields = fields[:0]
	for _, name := range fieldNames() {
		s, ok := m.Fixed[name]
		from, to := s.From-1, s.From-1+s.Width
		switch {
		case !ok || from >= len(runes):
			fields = append(fields, "")
		default:
			fields = append(fields, string(runes[from:min(to, len(runes))]))
		}
	}
	return fields
}
