package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"alpr/hotlist"
	"alpr/internal/jurisdiction"

	"github.com/klauspost/compress/zstd"

	"alpr"
)

// Errors of imports.
var (
	ErrTooManyBad = errors.New("too many rows are bad: the list is refused and the last good one stays")
	ErrEmptyList  = errors.New("the list has no entry: it is refused and the last good one stays")
)

// DefaultMaxBad is the share of bad rows above which a list is refused whole.
const DefaultMaxBad = 0.05

// Options say how a list is imported.
type Options struct {
	Name        string    // the list's name; the map's if empty
	Version     string    // the first 12 digits of the input's SHA-256 if empty
	PublishedAt time.Time // when its source published it; ListAge counts from here
	MaxBad      float64   // share of bad rows above which the list is refused; 0: DefaultMaxBad
	AllowEmpty  bool      // a list without an entry is taken
}

// RowError is one row that could not be taken whole.
type RowError struct {
	Line   int
	Reason string
}

// maxReported bounds the rows of each sort that a report names.
const maxReported = 1000

// Report says what became of every row of an import.
type Report struct {
	Format    string
	Encoding  string   // of the file, as far as its first bytes say
	Delimiter string   // what parts the fields; "" for fixed-width lines
	Columns   []Column // where the fields of an entry come from
	Unused    []string // headings that no field comes from
	Rows      int      // with content, the heading not counted
	Entries   int
	Cancelled int        // rows that take an entry back, and those that they take back
	Repeated  int        // rows that say again what an earlier one says
	Bad       int        // rows that were left out
	Errors    []RowError // the bad rows, at most 1,000 of them
	Doubts    int        // rows taken with something missing
	Warnings  []RowError // those, at most 1,000 of them
}

// Column is where a field of an entry comes from.
type Column struct{ Field, Heading string }

// Verdict is why a list of which that became is refused whole, nil where it is
// taken: more than the share maxBad of its rows are bad, or it has no entry and
// neither may be empty nor takes back what it had.
func (r *Report) Verdict(maxBad float64, mayBeEmpty bool) error {
	if float64(r.Bad) > maxBad*float64(r.Rows) {
		first := ""
		if len(r.Errors) > 0 {
			first = fmt.Sprintf(" (line %d: %s)", r.Errors[0].Line, r.Errors[0].Reason)
		}
		return fmt.Errorf("%d of %d rows%s: %w", r.Bad, r.Rows, first, ErrTooManyBad)
	}
	if r.Entries == 0 && !mayBeEmpty && (r.Cancelled == 0 || r.Bad > 0) {
		return ErrEmptyList
	}
	return nil
}

func (r *Report) fail(line int, reason error) {
	r.Bad++
	if len(r.Errors) < maxReported {
		r.Errors = append(r.Errors, RowError{line, reason.Error()})
	}
}

func (r *Report) warn(line int, reason string) {
	r.Doubts++
	if len(r.Warnings) < maxReported {
		r.Warnings = append(r.Warnings, RowError{line, reason})
	}
}

// Import reads a list, plain or packed with gzip or zstd, by a column map; nil
// finds the shipped map that fits the heading. Every row is an entry or is in
// the report. A list in which too many rows are bad is refused whole: the
// report then comes with the error. It ends soon after ctx does.
func Import(ctx context.Context, r io.Reader, m *Map, opt Options) (*hotlist.List, Report, error) {
	in := &counter{r: r}
	unfolded, err := decompress(in)
	plain := &bounded{r: unfolded, in: in}
	if err != nil {
		return nil, Report{}, fmt.Errorf("import a hotlist: %w", err)
	}
	sum := sha256.New()
	lines, err := newLineReader(io.TeeReader(plain, sum))
	if err != nil {
		return nil, Report{}, fmt.Errorf("import a hotlist: %w", err)
	}
	im := &importer{lines: lines, m: m, opt: opt}
	if err := im.run(ctx); err != nil {
		return nil, im.report, fmt.Errorf("import a hotlist: %w", err)
	}
	list, err := im.finish(sum)
	if err != nil {
		return nil, im.report, fmt.Errorf("import a hotlist: %w", err)
	}
	return list, im.report, nil
}

// decompress looks at the first bytes, not at the name.
func decompress(r io.Reader) (io.Reader, error) {
	br := bufio.NewReaderSize(r, 1<<18)
	head, err := br.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("open gzip: %w", err)
		}
		return z, nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, fmt.Errorf("open zstd: %w", err)
		}
		return z.IOReadCloser(), nil
	}
	return br, nil
}

type importer struct {
	lines     *lineReader
	m         *Map
	opt       Options
	delimiter byte
	cols      columns
	conv      *converter
	build     *hotlist.Builder
	report    Report
	said      []byte            // what the newest row says
	seen      map[rowKey]uint32 // how many entries there were with the first row that says it
	plates    map[uint64]bool   // plates with their states of entries that have no id of their own
	seeds     [2]maphash.Seed
	// cancelled says, by nameOf, how many entries came before the last row that
	// takes back entries of that name: of those none alerts.
	cancelled map[[2]string]int
}

// nameOf is what a cancellation names an entry by: its id, or where it gives
// none, plate and state.
func nameOf(e *alpr.Entry) [2]string {
	if e.ID != "" {
		return [2]string{"", e.ID}
	}
	return [2]string{e.Plate, e.State}
}

// rowKey is what makes a row a repetition of another: 128 bits of a hash of all
// that it says, which a million rows do not exhaust.
type rowKey [2]uint64

func (im *importer) key() rowKey {
	im.said = im.conv.appendTo(im.said[:0])
	return rowKey{maphash.Bytes(im.seeds[0], im.said), maphash.Bytes(im.seeds[1], im.said)}
}

// isRepeated says that an earlier row says the same, and was not taken back since.
func (im *importer) isRepeated(e *alpr.Entry, key rowKey) bool {
	place, again := im.seen[key]
	if !again {
		return false
	}
	return len(im.cancelled) == 0 || int(place) > max(im.cancelled[nameOf(e)], im.cancelled[[2]string{e.Plate, e.State}])
}

// name gives an entry an id whose list gives none: its plate and state, and where
// another entry has that already, a sum of what it says.
func (im *importer) name(e *alpr.Entry) {
	e.ID = fmt.Sprintf("%s-%s", e.Plate, e.State)
	plate := maphash.Comparable(im.seeds[0], [2]string{e.Plate, e.State})
	if im.plates[plate] {
		sum := fnv.New32a()
		_, _ = sum.Write(im.said) // a hash never fails
		e.ID = fmt.Sprintf("%s-%08x", e.ID, sum.Sum32())
	}
	im.plates[plate] = true
}

func (im *importer) run(ctx context.Context) error {
	if err := im.heading(); err != nil {
		return err
	}
	im.report.Format, im.report.Encoding = im.m.Name, im.lines.encoding
	conv, err := newConverter(im.m, im.cols)
	if err != nil {
		return err
	}
	name := im.opt.Name
	if name == "" {
		name = im.m.Name
	}
	im.conv, im.build, im.seen = conv, hotlist.NewBuilder(name, im.opt.Version, im.opt.PublishedAt), make(map[rowKey]uint32)
	im.plates = make(map[uint64]bool)
	im.seeds, im.cancelled = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, make(map[[2]string]int)
	var fields []string
	blank := 0
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var line int
		var bad error
		fields, line, bad, err = im.next(fields)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", line, err)
		}
		if bad == nil && isBlank(fields) {
			if blank++; blank > maxBlank+10*im.report.Rows {
				return fmt.Errorf("%d lines are empty: %w", blank, ErrNoList)
			}
			continue
		}
		if im.report.Rows++; im.report.Rows > maxRows {
			return fmt.Errorf("more than %d rows: %w", maxRows, ErrNoList)
		}
		if bad == nil {
			bad = im.row(fields, line)
		}
		if bad != nil {
			im.report.fail(line, bad)
			if float64(im.report.Bad) > im.maxBad()*maxRows { // whatever follows
				return im.report.Verdict(im.maxBad(), true)
			}
		}
	}
}

// heading settles the map and where its columns are.
func (im *importer) heading() error {
	skip := 0
	if im.m != nil {
		skip = im.m.SkipLines
	}
	for range skip {
		if _, _, err := im.lines.next(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if im.m != nil && im.m.Format == "fixed" {
		im.cols.width = len(fieldNames())
		for i := range fieldNames() {
			im.cols.at = append(im.cols.at, i)
		}
		return nil
	}
	line, err := im.firstLine()
	if err != nil {
		return err
	}
	if im.m == nil {
		if im.m, err = im.detect(line); err != nil {
			return err
		}
	}
	if im.delimiter == 0 {
		im.delimiter = im.m.Delimiter[0]
	}
	names, err := splitCSV(line, im.delimiter, nil)
	if err != nil {
		return fmt.Errorf("read the heading line: %w", err)
	}
	if im.m.NoHeading {
		im.lines.again([]heldLine{{line, nil}})
		names = numbers(len(names))
	}
	im.report.Delimiter = string(rune(im.delimiter))
	var ok bool
	if im.cols, ok = im.m.locate(names); !ok {
		return fmt.Errorf("heading line %.80q has no plate column (%s): is this a %s list?", line, strings.Join(im.m.Columns.Plate, " or "), im.m.Name)
	}
	im.report.Columns, im.report.Unused = im.cols.origins(names)
	return nil
}

// firstLine is the first line that holds something. One that only says what parts
// the fields (sep=;), as spreadsheets write it, is none.
func (im *importer) firstLine() (string, error) {
	for {
		line, bad, err := im.lines.next()
		if errors.Is(err, io.EOF) {
			return "", fmt.Errorf("the file is empty: %w", ErrEmptyList)
		}
		if err = errors.Join(bad, err); err != nil {
			return "", fmt.Errorf("read the heading line: %w", err)
		}
		mark := strings.ToLower(strings.Trim(strings.TrimSpace(line), `"`))
		switch {
		case strings.HasPrefix(mark, "sep=") && len(mark) == len("sep=x"):
			im.delimiter = mark[len("sep=")]
		case mark == "sep=" && strings.Contains(line, "\t"):
			im.delimiter = '\t'
		case !isPadding(line):
			return line, nil
		case im.lines.number > maxBlank:
			return "", fmt.Errorf("%d lines are empty: %w", im.lines.number, ErrNoList)
		}
	}
}

// detect finds the shipped map that fits the heading, or where there is none and
// all first lines are plates, the one of plain lists.
func (im *importer) detect(line string) (*Map, error) {
	known := delimiters()
	if im.delimiter != 0 {
		known = []string{string(rune(im.delimiter))}
	}
	m, err := Detect(line, known...)
	if err == nil {
		return m, nil
	}
	plain, perr := Shipped("plain")
	if perr != nil {
		return nil, perr
	}
	codes, perr := plain.codes()
	if perr != nil {
		return nil, perr
	}
	first := im.peek(line, 50)
	for _, plain.Delimiter = range known {
		if arePlates(first, plain.Delimiter[0], codes) {
			return plain, nil
		}
	}
	return nil, err
}

// peek is the line and those that follow it, n at most, which are read again.
func (im *importer) peek(line string, n int) []string {
	var ahead []heldLine
	lines := []string{line}
	for len(lines) < n {
		text, bad, err := im.lines.next()
		if err != nil {
			im.lines.number--
			break
		}
		ahead = append(ahead, heldLine{text, bad})
		lines = append(lines, text)
	}
	im.lines.again(ahead)
	return lines
}

// arePlates says whether lines are plates, each alone or with its state, and no
// other table: every state is a known one, and most plates hold a digit.
func arePlates(lines []string, delimiter byte, codes jurisdiction.Codes) bool {
	n, withDigit := 0, 0
	for _, line := range lines {
		fields, bad := splitCSV(line, delimiter, nil)
		for len(fields) > 0 && isPadding(fields[len(fields)-1]) {
			fields = fields[:len(fields)-1]
		}
		if len(fields) == 0 && bad == nil {
			continue
		}
		if bad != nil || len(fields) > 2 {
			return false
		}
		plate, err := alpr.ParsePlate(clean(fields[0]))
		if err != nil {
			return false
		}
		if len(fields) == 2 {
			if _, ok := codes.Normalise(clean(fields[1])); !ok {
				return false
			}
		}
		n++
		if strings.ContainsAny(plate, "0123456789") {
			withDigit++
		}
	}
	return n > 0 && 2*withDigit > n
}

func numbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names
}

func (im *importer) next(fields []string) (_ []string, line int, bad, err error) {
	if im.m.Format != "fixed" {
		return im.lines.record(im.delimiter, fields)
	}
	text, bad, err := im.lines.next()
	return im.m.cut(text, fields), im.lines.number, bad, err
}

func isBlank(fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return !isPadding(f) })
}

// fit makes a row as wide as the heading: fields that are missing at its end are
// empty, as are those that it has too many. doubt says that the file may have been
// cut off in it.
func (im *importer) fit(fields []string) (_ []string, doubt string, err error) {
	n := len(fields)
	for len(fields) > im.cols.width && isPadding(fields[len(fields)-1]) {
		fields = fields[:len(fields)-1]
	}
	if len(fields) > im.cols.width {
		return fields, "", fmt.Errorf("%d fields where the heading has %d", n, im.cols.width)
	}
	if n < im.cols.width && im.lines.isCut && im.m.Format != "fixed" {
		if n <= im.cols.at[fPlate]+1 || n <= im.cols.at[fState]+1 {
			return fields, "", fmt.Errorf("the file ends in this row: it may have been cut off in the plate or state")
		}
		doubt = "the file ends in this row: it may have been cut off"
	}
	for len(fields) < im.cols.width {
		fields = append(fields, "")
	}
	return fields, doubt, nil
}

// row takes one row; the error is why it was left out.
func (im *importer) row(fields []string, line int) error {
	fields, cut, err := im.fit(fields)
	if err != nil {
		return err
	}
	im.conv.take(fields)
	e, isCancelled, doubt, err := im.conv.entry()
	if err != nil {
		return err
	}
	if isCancelled {
		im.report.Cancelled++
		im.cancelled[nameOf(&e)] = im.report.Entries // it may be listed anew further down
		return nil
	}
	key := im.key()
	if im.isRepeated(&e, key) {
		im.report.Repeated++
		return nil
	}
	if e.ID == "" {
		im.name(&e)
	}
	if err := im.build.Add(&e); err != nil {
		return err
	}
	if doubt = strings.TrimPrefix(doubt+"; "+cut, "; "); doubt != "" {
		im.report.warn(line, strings.TrimSuffix(doubt, "; "))
	}
	im.report.Entries++
	im.seen[key] = uint32(im.report.Entries)
	return nil
}

func (im *importer) maxBad() float64 {
	if im.opt.MaxBad == 0 {
		return DefaultMaxBad
	}
	return im.opt.MaxBad
}

func (im *importer) finish(sum hash.Hash) (*hotlist.List, error) {
	if err := im.report.Verdict(im.maxBad(), true); err != nil {
		return nil, err
	}
	im.seen = nil
	list, err := im.build.Done()
	if err != nil {
		return nil, err
	}
	if list, err = im.withoutCancelled(list); err != nil {
		return nil, err
	}
	if err := im.report.Verdict(im.maxBad(), im.opt.AllowEmpty); err != nil {
		return nil, err
	}
	if list.Version == "" {
		list.Version = hex.EncodeToString(sum.Sum(nil))[:12]
	}
	return list, nil
}

// withoutCancelled is the list without what later rows of it take back.
func (im *importer) withoutCancelled(all *hotlist.List) (*hotlist.List, error) {
	if len(im.cancelled) == 0 {
		return all, nil
	}
	b := hotlist.NewBuilder(all.Name, all.Version, all.PublishedAt)
	before := 0
	for e := range all.All() {
		until := max(im.cancelled[nameOf(&e)], im.cancelled[[2]string{e.Plate, e.State}])
		if before++; before <= until {
			continue
		}
		if err := b.Add(&e); err != nil {
			return nil, err
		}
	}
	im.report.Cancelled += all.Len() - b.Len()
	im.report.Entries = b.Len()
	return b.Done()
}
