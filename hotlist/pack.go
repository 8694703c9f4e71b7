package hotlist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"time"

	"alpr"
)

const (
	blockBits = 20 // a block of packed entries is a megabyte
	blockSize = 1 << blockBits
	keyBytes  = 7             // of a plate code: 37^10 < 2^56
	minEntry  = keyBytes + 14 // of a packed entry: flags, three texts, ten words
	maxWords  = 1 << 16       // words shared by entries; what comes later is stored with its entry
)

// Errors of packed lists.
var (
	ErrDamaged = errors.New("packed list is damaged")
	errTooBig  = errors.New("list holds more than 4 GiB")
)

// plateCode is a plate as a number, unlike for unlike plates: its characters
// as digits of base 37, from 1. ok is false for what cannot be on a plate.
func plateCode(plate string) (code uint64, ok bool) {
	if len(plate) == 0 || len(plate) > alpr.Slots {
		return 0, false
	}
	for i := range len(plate) {
		sym := alpr.SymbolIndex(plate[i])
		if sym < 0 {
			return 0, false
		}
		code = code*37 + uint64(sym) + 1
	}
	return code, true
}

func plateText(code uint64) string {
	var b [alpr.Slots]byte
	i := len(b)
	for ; code > 0 && i > 0; code /= 37 {
		i--
		b[i] = alpr.Alphabet[(code%37+36)%37%36]
	}
	return string(b[i:])
}

// List is one version of one source's entries. It is immutable and safe for
// concurrent use. Entries are packed in blocks and unpacked when asked for; a
// hash table leads from a plate to its entries.
type List struct {
	Name        string
	Version     string
	PublishedAt time.Time
	IsManual    bool // entries made in the car

	blocks [][]byte
	words  []string
	table  []uint32 // place of an entry + 1, by open addressing; 0: free
	shift  uint     // 64 - log2(len(table))
	n      int
}

// Len is how many entries the list has.
func (l *List) Len() int { return l.n }

// Bytes is how much memory the list takes, as far as it grows with its entries.
func (l *List) Bytes() int {
	n := 4 * len(l.table)
	for _, b := range l.blocks {
		n += cap(b)
	}
	for _, w := range l.words {
		n += len(w) + 16
	}
	return n
}

// Lookup yields the entries listed for a normalised plate.
func (l *List) Lookup(plate string) iter.Seq[alpr.Entry] {
	return func(yield func(alpr.Entry) bool) {
		code, ok := plateCode(plate)
		if !ok || l.n == 0 {
			return
		}
		for i := l.slot(code); ; i = (i + 1) & (len(l.table) - 1) {
			ref := l.table[i]
			if ref == 0 {
				return
			}
			packed := l.at(ref - 1)
			if codeOf(packed) != code {
				continue
			}
			e, _, err := l.unpack(packed)
			if err == nil && !yield(e) { // newList has unpacked every entry once: no error
				return
			}
		}
	}
}

// All yields every entry, in the order of the source.
func (l *List) All() iter.Seq[alpr.Entry] {
	return func(yield func(alpr.Entry) bool) {
		for _, b := range l.blocks {
			for len(b) > 0 {
				e, n, err := l.unpack(b)
				if err != nil || !yield(e) {
					return
				}
				b = b[n:]
			}
		}
	}
}

func (l *List) slot(code uint64) int {
	return int((code * 0x9e3779b97f4a7c15) >> l.shift) // Fibonacci hashing, Knuth, TAOCP 3, 6.4
}

func (l *List) at(ref uint32) []byte { return l.blocks[ref>>blockBits][ref&(blockSize-1):] }

// codeOf is the plate code of a packed entry of at least minEntry bytes.
func codeOf(packed []byte) uint64 {
	return binary.LittleEndian.Uint64(packed) & (1<<(8*keyBytes) - 1)
}

// Builder packs entries into a List. It is for one goroutine, and of no use
// after Done.
type Builder struct {
	list  List
	index map[string]uint64
	block []byte
	rec   []byte
}

// NewBuilder begins a version of a list.
func NewBuilder(name, version string, published time.Time) *Builder {
	return &Builder{
		list:  List{Name: name, Version: version, PublishedAt: published},
		index: make(map[string]uint64),
	}
}

// Add packs one entry. The plate must be normalised and not longer than
// alpr.Slots.
func (b *Builder) Add(e *alpr.Entry) error {
	rec, err := b.pack(e)
	if err != nil {
		return err
	}
	if len(b.block)+len(rec) > blockSize {
		b.flush()
		if len(b.list.blocks) >= 1<<(32-blockBits)-1 {
			return errTooBig
		}
	}
	if b.block == nil {
		b.block = make([]byte, 0, blockSize)
	}
	b.block = append(b.block, rec...)
	b.list.n++
	return nil
}

func (b *Builder) flush() {
	if len(b.block) > 0 {
		b.list.blocks = append(b.list.blocks, b.block)
	}
	b.block = nil
}

// Len is how many entries were added.
func (b *Builder) Len() int { return b.list.n }

// Done ends the building.
func (b *Builder) Done() (*List, error) {
	b.flush()
	l := b.list
	if k := len(l.blocks); k > 0 { // the last block as small as it is
		l.blocks[k-1] = bytes.Clone(l.blocks[k-1])
	}
	if err := l.hash(); err != nil {
		return nil, err
	}
	return &l, nil
}

// hash makes the table, and unpacks every entry once while it does.
func (l *List) hash() error {
	size := 1 << bits.Len(uint(max(8, l.n+l.n/2)))
	l.table = make([]uint32, size)
	l.shift = uint(64 - bits.TrailingZeros(uint(size)))
	n := 0
	for k, block := range l.blocks {
		if len(block) > blockSize {
			return ErrDamaged
		}
		for at := 0; at < len(block); {
			used, err := l.skip(block[at:])
			if err != nil {
				return err
			}
			if n++; n > l.n {
				return ErrDamaged
			}
			i := l.slot(codeOf(block[at:]))
			for l.table[i] != 0 {
				i = (i + 1) & (size - 1)
			}
			l.table[i] = uint32(k<<blockBits|at) + 1
			at += used
		}
	}
	if n != l.n {
		return ErrDamaged
	}
	return nil
}

// The packed form of an entry: plate code (7 bytes), flags, then its fields in
// the order of fields(). A text is a word number + 1, or 0 and the text itself.
const (
	flagGiven = 1 << iota // the plate as given differs from the normalised one
	flagEffective
	flagExpires
	flagCovert
	flagManual
	flagPriority // two bits
	flagAll      = flagPriority<<2 - 1
)

func (b *Builder) pack(e *alpr.Entry) ([]byte, error) {
	code, ok := plateCode(e.Plate)
	if !ok {
		return nil, fmt.Errorf("plate %q: expected 1 to %d of A–Z and 0–9", e.Plate, alpr.Slots)
	}
	rec := binary.LittleEndian.AppendUint64(b.rec[:0], code)[:keyBytes]
	flags := flagPriority * uint64(e.Priority&3)
	for _, f := range []struct {
		is   bool
		flag uint64
	}{
		{e.PlateGiven != e.Plate, flagGiven}, {!e.Effective.IsZero(), flagEffective},
		{!e.Expires.IsZero(), flagExpires}, {e.IsCovert, flagCovert}, {e.IsManual, flagManual},
	} {
		if f.is {
			flags |= f.flag
		}
	}
	rec = binary.AppendUvarint(rec, flags)
	if flags&flagGiven != 0 {
		rec = appendText(rec, e.PlateGiven)
	}
	if flags&flagEffective != 0 {
		rec = binary.AppendVarint(rec, e.Effective.Unix())
	}
	if flags&flagExpires != 0 {
		rec = binary.AppendVarint(rec, e.Expires.Unix())
	}
	for _, text := range []string{e.ID, e.CaseNumber, e.Vehicle.VIN} {
		rec = appendText(rec, text)
	}
	for _, word := range wordsOf(e) {
		rec = b.appendWord(rec, *word)
	}
	b.rec = rec
	if len(rec) > blockSize/2 {
		return nil, fmt.Errorf("entry of %d bytes is too long", len(rec))
	}
	return rec, nil
}

// wordsOf are the fields whose texts many entries share.
func wordsOf(e *alpr.Entry) [10]*string {
	v := &e.Vehicle
	return [...]*string{
		&e.Source, &e.State, &e.Reason, &e.Category, &e.Caution, &v.Make, &v.Model, &v.Year, &v.Colour, &v.Style,
	}
}

func appendText(rec []byte, text string) []byte {
	return append(binary.AppendUvarint(rec, uint64(len(text))), text...)
}

func (b *Builder) appendWord(rec []byte, word string) []byte {
	n, ok := b.index[word]
	if !ok && len(b.list.words) < maxWords {
		n, ok = uint64(len(b.list.words)), true
		word = string([]byte(word)) // not a piece of a line that would be kept alive
		b.list.words = append(b.list.words, word)
		b.index[word] = n
	}
	if ok {
		return binary.AppendUvarint(rec, n+1)
	}
	return appendText(append(rec, 0), word)
}

// decoder reads a packed entry. After the first damage it reads nothing more.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return step(d, v, n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	return step(d, v, n)
}

func step[T any](d *decoder, v T, n int) T {
	if n <= 0 {
		d.bad, d.b = true, nil
		var zero T
		return zero
	}
	d.b = d.b[n:]
	return v
}

// text returns a piece of the packed entry itself.
func (d *decoder) text() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	t := d.b[:n]
	d.b = d.b[n:]
	return t
}

// word returns a word's number, or the text that stands in its place.
func (d *decoder) word(words []string) (shared string, own []byte) {
	n := d.uvarint()
	if n == 0 {
		return "", d.text()
	}
	if n > uint64(len(words)) {
		d.bad, d.b = true, nil
		return "", nil
	}
	return words[n-1], nil
}

// unpack reads the entry at the start of packed and says how long it is.
func (l *List) unpack(packed []byte) (e alpr.Entry, used int, err error) {
	if len(packed) < minEntry {
		return e, 0, ErrDamaged
	}
	d := decoder{b: packed[keyBytes:]}
	flags := d.uvarint()
	e = alpr.Entry{
		List: l.Name, ListVersion: l.Version, PublishedAt: l.PublishedAt,
		Plate:    plateText(codeOf(packed)),
		IsCovert: flags&flagCovert != 0, IsManual: flags&flagManual != 0, Priority: alpr.Priority(flags / flagPriority & 3),
	}
	e.PlateGiven = e.Plate
	if flags&flagGiven != 0 {
		e.PlateGiven = string(d.text())
	}
	if flags&flagEffective != 0 {
		e.Effective = time.Unix(d.varint(), 0).UTC()
	}
	if flags&flagExpires != 0 {
		e.Expires = time.Unix(d.varint(), 0).UTC()
	}
	e.ID, e.CaseNumber, e.Vehicle.VIN = string(d.text()), string(d.text()), string(d.text())
	for _, field := range wordsOf(&e) {
		shared, own := d.word(l.words)
		if own != nil {
			shared = string(own)
		}
		*field = shared
	}
	if d.bad || flags > flagAll {
		return alpr.Entry{}, 0, ErrDamaged
	}
	return e, len(packed) - len(d.b), nil
}

// skip is how long the entry at the start of packed is.
func (l *List) skip(packed []byte) (int, error) {
	if len(packed) < minEntry {
		return 0, ErrDamaged
	}
	d := decoder{b: packed[keyBytes:]}
	flags := d.uvarint()
	if flags&flagGiven != 0 {
		d.text()
	}
	if flags&flagEffective != 0 {
		d.varint()
	}
	if flags&flagExpires != 0 {
		d.varint()
	}
	for range 3 {
		d.text()
	}
	for range wordsOf(&alpr.Entry{}) {
		d.word(l.words)
	}
	if d.bad || flags > flagAll {
		return 0, ErrDamaged
	}
	return len(packed) - len(d.b), nil
}
