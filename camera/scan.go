package camera

import (
	"encoding/binary"
	"errors"
)

// ErrDamagedWithin reports a picture of which a part in the middle is damaged.
var ErrDamagedWithin = errors.New("the file is damaged in its middle: from there on the picture is shifted or grey, and a plate there is not read, or read wrong")

// maxLeftOver is how many bytes may stand between the last block of a scan and
// the next marker: some encoders fill up there.
const maxLeftOver = 32

// errScan reports entropy-coded data that do not decode.
var errScan = errors.New("the data do not decode")

// jpegScan decodes the Huffman codes of a baseline or progressive JPEG (ITU T.81,
// annexes F and G), but no pixel of it. It is how libjpeg finds damage too, which it tells on standard
// error only.
type jpegScan struct {
	b  []byte
	at int

	bits uint32
	n    int // how many bits are held

	tables     [2][4]*huffman // DC and AC
	components map[byte]sampling
	width      int
	height     int
	restart    int // blocks between restart markers; 0: there are none

	isProgressive bool
	planes        map[byte]*plane // of a progressive one, by component
	scans         int
}

type sampling struct{ h, v int }

// huffman finds the value of a code: first by its next eight bits, then by length.
type huffman struct {
	quick  [256]uint16 // length<<8 | value; 0: longer than eight bits
	values []byte
	least  [17]int // code of each length
	most   [17]int // -1: there is none
	first  [17]int // index of its value
}

// isDamagedWithin says whether a JPEG's data break off, go on behind their end,
// or hold codes that there are not. Of arithmetic and lossless coding, which no
// camera writes, and of what it does not understand, it says nothing.
func isDamagedWithin(b []byte) bool {
	s := &jpegScan{b: b, at: 2, components: map[byte]sampling{}, planes: map[byte]*plane{}}
	return errors.Is(s.run(), errScan)
}

var errUnknown = errors.New("not a JPEG of a known kind")

func (s *jpegScan) run() error {
	for {
		marker, segment, err := s.segment()
		if err != nil {
			return err
		}
		switch marker {
		case 0xc0, 0xc1, 0xc2:
			s.isProgressive = marker == 0xc2
			err = s.frame(segment)
		case 0xc4:
			err = s.huffmanTables(segment)
		case 0xdd:
			if len(segment) < 2 {
				return errUnknown
			}
			s.restart = int(binary.BigEndian.Uint16(segment))
		case 0xda:
			err = s.scan(segment)
		case 0xd9:
			return nil
		case 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf:
			return errUnknown
		}
		if err != nil {
			return err
		}
	}
}

// segment is the next marker and what belongs to it.
func (s *jpegScan) segment() (marker byte, content []byte, err error) {
	for s.at+1 < len(s.b) && s.b[s.at] == 0xff && s.b[s.at+1] == 0xff { // fill bytes
		s.at++
	}
	if s.at+1 >= len(s.b) || s.b[s.at] != 0xff {
		return 0, nil, errUnknown
	}
	marker = s.b[s.at+1]
	s.at += 2
	if marker == 0xd9 {
		return marker, nil, nil
	}
	if s.at+2 > len(s.b) {
		return 0, nil, errUnknown
	}
	size := int(binary.BigEndian.Uint16(s.b[s.at:]))
	if size < 2 || s.at+size > len(s.b) {
		return 0, nil, errUnknown
	}
	content = s.b[s.at+2 : s.at+size]
	s.at += size
	return marker, content, nil
}

func (s *jpegScan) frame(b []byte) error {
	if len(b) < 6 || b[0] != 8 || b[5] > 4 || len(b) < 6+3*int(b[5]) || s.width != 0 {
		return errUnknown
	}
	s.height, s.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	for i := range int(b[5]) {
		c := b[6+3*i:]
		f := sampling{int(c[1] >> 4), int(c[1] & 15)}
		if f.h < 1 || f.v < 1 || f.h > 4 || f.v > 4 {
			return errUnknown
		}
		s.components[c[0]] = f
	}
	return checkSize(s.width, s.height)
}

func (s *jpegScan) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return errUnknown
		}
		total := 0
		for _, n := range b[1:17] {
			total += int(n)
		}
		if total > 256 || len(b) < 17+total {
			return errUnknown
		}
		h, err := newHuffman(b[1:17], b[17:17+total])
		if err != nil {
			return err
		}
		s.tables[b[0]>>4][b[0]&15] = h
		b = b[17+total:]
	}
	return nil
}

func newHuffman(counts, values []byte) (*huffman, error) {
	h := &huffman{values: values}
	code, index := 0, 0
	for length := 1; length <= 16; length++ {
		n := int(counts[length-1])
		h.least[length], h.most[length], h.first[length] = code, code+n-1, index
		if code+n > 1<<length {
			return nil, errUnknown
		}
		for range n {
			if length <= 8 {
				for i := range 1 << (8 - length) {
					h.quick[code<<(8-length)|i] = uint16(length)<<8 | uint16(values[index])
				}
			}
			code, index = code+1, index+1
		}
		code <<= 1
	}
	return h, nil
}

// coder is how one component's blocks are coded in a scan.
type coder struct {
	dc, ac *huffman
	sampling
	blocks int // of one unit
	plane  *plane
}

// scan decodes the blocks of a scan and goes to the marker behind it.
func (s *jpegScan) scan(b []byte) error {
	if len(b) < 1 || s.width == 0 || len(b) < 1+2*int(b[0])+3 {
		return errUnknown
	}
	var coders []coder
	var ids []byte
	maxH, maxV := 1, 1
	for _, c := range s.components {
		maxH, maxV = max(maxH, c.h), max(maxV, c.v)
	}
	for i := range int(b[0]) {
		id, tables := b[1+2*i], b[2+2*i]
		f, ok := s.components[id]
		if !ok || tables>>4 > 3 || tables&15 > 3 {
			return errUnknown
		}
		c := coder{dc: s.tables[0][tables>>4], ac: s.tables[1][tables&15], sampling: f, blocks: f.h * f.v}
		if !s.isProgressive && (c.dc == nil || c.ac == nil) {
			return errUnknown
		}
		coders, ids = append(coders, c), append(ids, id)
	}
	if s.isProgressive {
		if s.scans++; s.scans > maxScans {
			return errUnknown
		}
		if err := s.progressive(b[1+2*int(b[0]):], ids, coders, maxH, maxV); err != nil {
			return err
		}
		return s.leaveScan()
	}
	units := ceil(s.width, 8*maxH) * ceil(s.height, 8*maxV)
	if len(coders) == 1 { // not interleaved: a unit is a block, and none is beside the picture
		c := &coders[0]
		units, c.blocks = ceil(ceil(s.width*c.h, maxH), 8)*ceil(ceil(s.height*c.v, maxV), 8), 1
	}
	if err := s.units(units, coders); err != nil {
		return err
	}
	return s.leaveScan()
}

func ceil(a, b int) int { return (a + b - 1) / b }

func (s *jpegScan) units(units int, coders []coder) error {
	s.bits, s.n = 0, 0
	for unit := range units {
		if s.restart > 0 && unit > 0 && unit%s.restart == 0 {
			if err := s.restartMarker(unit/s.restart - 1); err != nil {
				return err
			}
		}
		for i := range coders {
			for range coders[i].blocks {
				if err := s.block(&coders[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// restartMarker wants the marker whose turn it is.
func (s *jpegScan) restartMarker(i int) error {
	s.bits, s.n = 0, 0
	for s.at+1 < len(s.b) && s.b[s.at] == 0xff && s.b[s.at+1] == 0xff {
		s.at++
	}
	if s.at+1 >= len(s.b) || s.b[s.at] != 0xff || s.b[s.at+1] != 0xd0+byte(i%8) {
		return errScan
	}
	s.at += 2
	return nil
}

// leaveScan goes to the next marker. Much that is left over was not read because
// the codes before it went astray.
func (s *jpegScan) leaveScan() error {
	from := s.at
	for s.at+1 < len(s.b) && (s.b[s.at] != 0xff || s.b[s.at+1] == 0) {
		s.at++
	}
	if s.at-from > maxLeftOver {
		return errScan
	}
	return nil
}

// block decodes the codes of 64 coefficients.
func (s *jpegScan) block(c *coder) error {
	size, err := s.code(c.dc)
	if err != nil || size > 11 || !s.skip(int(size)) {
		return errScan
	}
	for k := 1; k < 64; k++ {
		v, err := s.code(c.ac)
		if err != nil {
			return errScan
		}
		run, size := int(v>>4), int(v&15)
		if size == 0 {
			if run != 15 {
				return nil // the others are zero
			}
			k += 15
			continue
		}
		if k += run; k > 63 || !s.skip(size) {
			return errScan
		}
	}
	return nil
}

// fill holds at least n bits, n up to 16, where there are as many before a marker.
func (s *jpegScan) fill(n int) bool {
	for s.n < n {
		if s.at >= len(s.b) {
			return false
		}
		b := s.b[s.at]
		if b == 0xff {
			if s.at+1 >= len(s.b) || s.b[s.at+1] != 0 {
				return false
			}
			s.at++
		}
		s.at++
		s.bits = s.bits<<8 | uint32(b)
		s.n += 8
	}
	return true
}

func (s *jpegScan) skip(n int) bool {
	if !s.fill(n) {
		return false
	}
	s.n -= n
	return true
}

func (s *jpegScan) code(h *huffman) (byte, error) {
	if s.fill(8) {
		if q := h.quick[byte(s.bits>>(s.n-8))]; q != 0 {
			s.n -= int(q >> 8)
			return byte(q), nil
		}
	}
	code := 0
	for length := 1; length <= 16; length++ {
		if !s.fill(1) {
			return 0, errScan
		}
		s.n--
		code = code<<1 | int(s.bits>>s.n&1)
		if code <= h.most[length] && code >= h.least[length] {
			return h.values[h.first[length]+code-h.least[length]], nil
		}
	}
	return 0, errScan
}
