package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of pictures.
var (
	// ErrTooLarge reports a picture or stream of more pixels than are decoded.
	ErrTooLarge = errors.New("too large to be decoded")
	// ErrCutShort reports a picture whose file ends before the picture does.
	ErrCutShort = errors.New("the file is cut short: what is missing is grey or black, and a plate there is not read")
)

const (
	// MaxPixels is the most pixels of a picture or frame that are decoded: three
	// bytes each, twice while it is decoded. A picture of 64 megapixels is larger
	// than any camera's that a car carries.
	MaxPixels = 64 << 20
	// maxSide bounds what the decoders' own sums are safe with.
	maxSide = 1 << 16
	// maxPictureFile is the most bytes of a picture's file: MaxPixels uncompressed
	// at 16 bits with room to spare.
	maxPictureFile = 512 << 20
)

// header is what a picture's file says before anything of it is decoded.
type header struct {
	width, height int
	isWhole       bool // the file reaches to the picture's end
}

// checkSize refuses what is not to be decoded.
func checkSize(width, height int) error {
	if width == 0 || height == 0 {
		return fmt.Errorf("%dx%d pixels: there is nothing in it", width, height)
	}
	if width < 0 || height < 0 || width > maxSide || height > maxSide || width*height > MaxPixels {
		return fmt.Errorf("%dx%d pixels: %w: scale it to %d megapixels at most", width, height, ErrTooLarge, MaxPixels>>20)
	}
	return nil
}

var errHeader = errors.New("not a picture (JPEG, PNG, WebP, TIFF, BMP, PPM and PGM are known), or damaged at its beginning")

// readHeader finds out how large a picture is and whether its file is whole.
// No other format than these reaches a decoder.
func readHeader(b []byte) (header, error) {
	var h header
	var ok bool
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8")):
		h, ok = jpegHeader(b)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		h, ok = pngHeader(b)
	case len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		h, ok = webpHeader(b)
	case bytes.HasPrefix(b, []byte("BM")):
		h, ok = bmpHeader(b)
	case bytes.HasPrefix(b, []byte("II*\x00")):
		h, ok = tiffHeader(b, binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		h, ok = tiffHeader(b, binary.BigEndian)
	case len(b) > 2 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6':
		h, ok = pnmHeader(b)
	}
	if !ok {
		return header{}, errHeader
	}
	return h, checkSize(h.width, h.height)
}

// jpegHeader walks the segments of ITU T.81, annex B, to the end of the image.
// Where there is more than one frame header the largest counts.
func jpegHeader(b []byte) (h header, ok bool) {
	isScanned := false
	for i := 2; i+1 < len(b); {
		if b[i] != 0xff || b[i+1] == 0xff || b[i+1] == 0 { // entropy-coded data, fill bytes, or garbage that decoders pass over
			i++
			continue
		}
		marker := b[i+1]
		i += 2
		switch {
		case marker == 0xd9:
			h.isWhole = isScanned
			return h, h.width > 0
		case marker >= 0xd0 && marker <= 0xd8, marker == 0x01:
			continue
		}
		if i+2 > len(b) {
			break
		}
		size := int(binary.BigEndian.Uint16(b[i:]))
		isFrame := marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
		if isFrame && size >= 7 && i+7 <= len(b) {
			h.height, h.width = max(h.height, int(binary.BigEndian.Uint16(b[i+3:]))), max(h.width, int(binary.BigEndian.Uint16(b[i+5:])))
		}
		isScanned = isScanned || marker == 0xda
		i += max(size, 2)
	}
	return h, h.width > 0
}

// pngHeader reads IHDR and walks the chunks to IEND.
func pngHeader(b []byte) (h header, ok bool) {
	if len(b) < 33 || string(b[12:16]) != "IHDR" {
		return h, false
	}
	w, ht := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if w > 1<<31-1 || ht > 1<<31-1 {
		return h, false
	}
	h.width, h.height = int(w), int(ht)
	for i := 8; i+12 <= len(b); {
		if string(b[i+4:i+8]) == "IEND" {
			h.isWhole = true
			break
		}
		i += 12 + int(binary.BigEndian.Uint32(b[i:]))
	}
	return h, true
}

// webpHeader reads the first chunk: VP8X has the canvas, the others a frame.
func webpHeader(b []byte) (h header, ok bool) {
	if len(b) < 30 {
		return h, false
	}
	h.isWhole = int(binary.LittleEndian.Uint32(b[4:]))+8 <= len(b)
	switch string(b[12:16]) {
	case "VP8X":
		h.width = 1 + int(b[24]) + int(b[25])<<8 + int(b[26])<<16
		h.height = 1 + int(b[27]) + int(b[28])<<8 + int(b[29])<<16
	case "VP8 ":
		h.width = int(binary.LittleEndian.Uint16(b[26:])) & 0x3fff
		h.height = int(binary.LittleEndian.Uint16(b[28:])) & 0x3fff
	case "VP8L":
		bits := binary.LittleEndian.Uint32(b[21:])
		h.width, h.height = 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff)
	default:
		return h, false
	}
	return h, true
}

// bmpHeader reads the headers of OS/2 and of Windows.
func bmpHeader(b []byte) (h header, ok bool) {
	if len(b) < 26 {
		return h, false
	}
	begin := int(binary.LittleEndian.Uint32(b[10:]))
	var bits int
	var compression uint32 // OS/2 packs none
	if binary.LittleEndian.Uint32(b[14:]) == 12 {
		h.width, h.height = int(binary.LittleEndian.Uint16(b[18:])), int(binary.LittleEndian.Uint16(b[20:]))
		bits = int(binary.LittleEndian.Uint16(b[24:]))
	} else {
		if len(b) < 54 {
			return h, false
		}
		h.width, h.height = int(int32(binary.LittleEndian.Uint32(b[18:]))), int(int32(binary.LittleEndian.Uint32(b[22:])))
		bits, compression = int(binary.LittleEndian.Uint16(b[28:])), binary.LittleEndian.Uint32(b[30:])
	}
	if h.height < 0 { // rows from the top
		h.height = -h.height
	}
	if checkSize(h.width, h.height) != nil || bits > 64 {
		return h, true
	}
	row := (h.width*bits + 31) / 32 * 4
	h.isWhole = compression == 1 || compression == 2 || begin+row*h.height <= len(b)
	return h, true
}

// tiffHeader reads the first directory of TIFF 6.0. Its tiles must not be
// larger than a picture may be either.
func tiffHeader(b []byte, order binary.ByteOrder) (h header, ok bool) {
	if len(b) < 8 {
		return h, false
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at+2 > len(b) {
		return h, false
	}
	var offsets, counts []int
	h.isWhole = true
	for i := range int(order.Uint16(b[at:])) {
		e := at + 2 + 12*i
		if e+12 > len(b) {
			return h, false
		}
		values := tiffValues(b, order, b[e:e+12])
		if len(values) == 0 {
			continue
		}
		switch order.Uint16(b[e:]) {
		case 256, 322: // ImageWidth, TileWidth
			h.width = max(h.width, values[0])
		case 257, 323: // ImageLength, TileLength
			h.height = max(h.height, values[0])
		case 273, 324: // StripOffsets, TileOffsets
			offsets = values
		case 279, 325: // StripByteCounts, TileByteCounts
			counts = values
		}
	}
	for i := range min(len(offsets), len(counts)) {
		h.isWhole = h.isWhole && offsets[i]+counts[i] <= len(b)
	}
	return h, h.width > 0 && h.height > 0
}

// tiffValues are a directory entry's numbers, none where they are of a kind
// that no size or offset is, or lie outside the file.
func tiffValues(b []byte, order binary.ByteOrder, entry []byte) []int {
	size := map[uint16]int{1: 1, 3: 2, 4: 4}[order.Uint16(entry[2:])]
	n := int(order.Uint32(entry[4:]))
	if size == 0 || n <= 0 || n > len(b) {
		return nil
	}
	at := entry[8:12]
	if n*size > 4 {
		from := int(order.Uint32(entry[8:]))
		if from+n*size > len(b) {
			return nil
		}
		at = b[from : from+n*size]
	}
	values := make([]int, n)
	for i := range values {
		switch size {
		case 1:
			values[i] = int(at[i])
		case 2:
			values[i] = int(order.Uint16(at[2*i:]))
		default:
			values[i] = int(order.Uint32(at[4*i:]))
		}
	}
	return values
}

// pnmHeader reads the numbers before the pixels of a PBM, PGM or PPM.
func pnmHeader(b []byte) (h header, ok bool) {
	kind, at := b[1], 2
	var n [3]int
	want := 3
	if kind == '1' || kind == '4' { // bitmaps have no greatest value
		want = 2
	}
	for i := range want {
		if n[i], at, ok = pnmNumber(b, at); !ok {
			return h, false
		}
	}
	h.width, h.height = n[0], n[1]
	if checkSize(h.width, h.height) != nil {
		return h, true
	}
	perRow := map[byte]int{'4': (h.width + 7) / 8, '5': h.width, '6': 3 * h.width}[kind]
	if n[2] > 255 {
		perRow *= 2
	}
	h.isWhole = at+1+perRow*h.height <= len(b)
	return h, true
}

// pnmNumber reads a number after blanks and comments.
func pnmNumber(b []byte, at int) (n, next int, ok bool) {
	for at < len(b) && (b[at] == '#' || bytes.IndexByte([]byte(" \t\r\n"), b[at]) >= 0) {
		if b[at] == '#' {
			end := bytes.IndexByte(b[at:], '\n')
			if end < 0 {
				return 0, at, false
			}
			at += end
		}
		at++
	}
	for ; at < len(b) && b[at] >= '0' && b[at] <= '9'; at++ {
		if n = 10*n + int(b[at]-'0'); n > 1<<31 {
			return 0, at, false
		}
		ok = true
	}
	return n, at, ok
}
