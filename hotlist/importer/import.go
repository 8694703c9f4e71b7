package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"time"

	"alpr/hotlist"

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
	Rows      int // with content, the heading not counted
	Entries   int
	Cancelled int        // rows that take an entry back, and those that they take back
	Repeated  int        // rows that say again what an earlier one says
	Bad       int        // rows that were left out
	Errors    []RowError // the bad rows, at most 1,000 of them
	Doubts    int        // rows taken with something missing
	Warnings  []RowError // those, at most 1,000 of them
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
// report then comes with the error.
func Import(r io.Reader, m *Map, opt Options) (*hotlist.List, Report, error) {
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
	if err := im.run(); err != nil {
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
	lines  *lineReader
	m      *Map
	opt    Options
	cols   columns
	conv   *converter
	build  *hotlist.Builder
	report Report
	seen   map[rowKey]struct{}
	seeds  [2]maphash.Seed
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

// rowKey is what makes a row a repetition of another: 128 bits of a hash of
// plate, state and id, which a million rows do not exhaust.
type rowKey [2]uint64

func (im *importer) keyOf(e *alpr.Entry) (key rowKey) {
	for i, seed := range im.seeds {
		key[i] = maphash.Comparable(seed, [3]string{e.Plate, e.State, e.ID})
	}
	return key
}

func (im *importer) run() error {
	if err := im.heading(); err != nil {
		return err
	}
	im.report.Format = im.m.Name
	conv, err := newConverter(im.m, im.cols)
	if err != nil {
		return err
	}
	name := im.opt.Name
	if name == "" {
		name = im.m.Name
	}
	im.conv, im.build, im.seen = conv, hotlist.NewBuilder(name, im.opt.Version, im.opt.PublishedAt), make(map[rowKey]struct{})
	im.seeds, im.cancelled = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, make(map[[2]string]int)
	var fields []string
	blank := 0
	for {
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
	line, bad, err := im.lines.next()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is empty: %w", ErrEmptyList)
	}
	if err = errors.Join(bad, err); err != nil {
		return fmt.Errorf("read the heading line: %w", err)
	}
	if im.m == nil {
		if im.m, err = Detect(line); err != nil {
			return err
		}
	}
	names, err := splitCSV(line, im.m.Delimiter[0], nil)
	if err != nil {
		return fmt.Errorf("read the heading line: %w", err)
	}
	var ok bool
	if im.cols, ok = im.m.locate(names); !ok {
		return fmt.Errorf("heading line %.80q has no plate column (%s): is this a %s list?", line, strings.Join(im.m.Columns.Plate, " or "), im.m.Name)
	}
	return nil
}

func (im *importer) next(fields []string) (_ []string, line int, bad, err error) {
	if im.m.Format != "fixed" {
		return im.lines.record(im.m.Delimiter[0], fields)
	}
	text, bad, err := im.lines.next()
	return im.m.cut(text, fields), im.lines.number, bad, err
}

func isBlank(fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" })
}

// row takes one row; the error is why it was left out.
func (im *importer) row(fields []string, line int) error {
	if len(fields) != im.cols.width {
		return fmt.Errorf("%d fields where the heading has %d", len(fields), im.cols.width)
	}
	e, isCancelled, doubt, err := im.conv.entry(fields)
	if err != nil {
		return err
	}
	key := im.keyOf(&e)
	if isCancelled {
		im.report.Cancelled++
		im.cancelled[nameOf(&e)] = im.report.Entries
		delete(im.seen, key) // it may be listed anew further down
		return nil
	}
	if _, again := im.seen[key]; again {
		im.report.Repeated++
		return nil
	}
	if e.ID == "" {
		e.ID = fmt.Sprintf("%s-%s", e.Plate, e.State)
	}
	if err := im.build.Add(&e); err != nil {
		return err
	}
	if doubt != "" {
		im.report.warn(line, doubt)
	}
	im.seen[key] = struct{}{}
	im.report.Entries++
	return nil
}

func (im *importer) finish(sum hash.Hash) (*hotlist.List, error) {
	maxBad := im.opt.MaxBad
	if maxBad == 0 {
		maxBad = DefaultMaxBad
	}
	if r := &im.report; float64(r.Bad) > maxBad*float64(r.Rows) {
		first := ""
		if len(r.Errors) > 0 {
			first = fmt.Sprintf(" (line %d: %s)", r.Errors[0].Line, r.Errors[0].Reason)
		}
		return nil, fmt.Errorf("%d of %d rows%s: %w", r.Bad, r.Rows, first, ErrTooManyBad)
	}
	im.seen = nil
	list, err := im.build.Done()
	if err != nil {
		return nil, err
	}
	if list, err = im.withoutCancelled(list); err != nil {
		return nil, err
	}
	if im.report.Entries == 0 && !im.opt.AllowEmpty {
		return nil, ErrEmptyList
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
