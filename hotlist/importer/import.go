package importer

import (
	"bufio"
	"bytes"
	"cmp"
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
	blank     int               // lines without content
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
	im.conv = conv
	im.build = hotlist.NewBuilder(cmp.Or(im.opt.Name, im.m.Name), im.opt.Version, im.opt.PublishedAt)
	im.seen, im.plates, im.cancelled = make(map[rowKey]uint32), make(map[uint64]bool), make(map[[2]string]int)
	im.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	var fields []string
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
		if err := im.count(fields, line, bad); err != nil {
			return err
		}
	}
}

// count takes a row, or counts it as bad or empty. Its error is why no list can be
// made of the rest.
func (im *importer) count(fields []string, line int, bad error) error {
	if bad == nil && isBlank(fields) {
		if im.blank++; im.blank > maxBlank+10*im.report.Rows {
			return fmt.Errorf("%d lines are empty: %w", im.blank, ErrNoList)
		}
		return nil
	}
	if im.report.Rows++; im.report.Rows > maxRows {
		return fmt.Errorf("more than %d rows: %w", maxRows, ErrNoList)
	}
	if bad == nil {
		bad = im.row(fields, line)
	}
	if bad == nil {
		return nil
	}
	im.report.fail(line, bad)
	if float64(im.report.Bad) > im.maxBad()*maxRows { // whatever follows
		return im.report.Verdict(im.maxBad(), true)
	}
	return nil
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
