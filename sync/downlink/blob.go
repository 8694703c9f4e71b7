package downlink

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/klauspost/compress/zstd"

	"alpr"
	"alpr/sync/event"
)

// PieceSize is how lists are cut: small enough for a weak link and for every
// broker's limit on messages.
const PieceSize = 128 << 10

// Update is what a vehicle does to one of its lists, in one atomic step.
type Update struct {
	List        string
	Version     uint64
	Base        uint64                       // version that Entries and Remove change; 0: Entries are the whole list. Equal to Version: urgent removals only
	PublishedAt time.Time                    // zero: the list keeps the age that it has
	Remove      []string                     // ids of entries
	Entries     iter.Seq2[alpr.Entry, error] // new and changed; an error ends the update, and nothing of it may stay
}

// line is one line of a blob: an entry, or the id of one to remove.
type line struct {
	Remove string       `json:"remove,omitempty"`
	Entry  *event.Entry `json:"entry,omitempty"`
}

// What a blob may unfold to at most: a small file must not fill the vehicle.
const (
	maxLine    = 256 << 10 // bytes of a line
	maxLines   = 20_000_000
	maxRemoved = 5_000_000
	maxPlain   = 8 << 30 // bytes
)

// errTooMuch reports a blob that unfolds to more than any list has.
var errTooMuch = errors.New("the blob unfolds to more than any list has: it is refused")

// BlobWriter makes the compressed file of a list or a delta: removals first, then
// entries. It is not for concurrent use.
type BlobWriter struct {
	z   *zstd.Encoder
	enc *json.Encoder
}

// NewBlobWriter begins a file.
func NewBlobWriter(w io.Writer) (*BlobWriter, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return &BlobWriter{z: z, enc: json.NewEncoder(z)}, nil
}

// Remove writes the id of an entry to remove.
func (w *BlobWriter) Remove(id string) error {
	if err := w.enc.Encode(line{Remove: id}); err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	return nil
}

// Entry writes an entry that is encoded as event.Entry.
func (w *BlobWriter) Entry(entry []byte) error {
	for _, part := range [...][]byte{[]byte(`{"entry":`), entry, []byte("}\n")} {
		if _, err := w.z.Write(part); err != nil {
			return fmt.Errorf("write blob: %w", err)
		}
	}
	return nil
}

// Close ends the file, and not what it is written to.
func (w *BlobWriter) Close() error {
	if err := w.z.Close(); err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	return nil
}

// WriteBlob makes the compressed file of a list or a delta: removals first.
func WriteBlob(w io.Writer, remove []string, entries iter.Seq2[alpr.Entry, error]) error {
	b, err := NewBlobWriter(w)
	if err != nil {
		return err
	}
	for _, id := range remove {
		if err := b.Remove(id); err != nil {
			return err
		}
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		entry, err := json.Marshal(event.EntryOf(e))
		if err != nil {
			return fmt.Errorf("write blob: %w", err)
		}
		if err := b.Entry(entry); err != nil {
			return err
		}
	}
	return b.Close()
}

// ReadRemovals is the ids at the head of a blob.
func ReadRemovals(r io.Reader) ([]string, error) {
	var ids []string
	for l, err := range lines(r) {
		if err != nil {
			return nil, err
		}
		if l.Remove == "" {
			break
		}
		if len(ids) >= maxRemoved {
			return nil, errTooMuch
		}
		ids = append(ids, l.Remove)
	}
	return ids, nil
}

// ReadEntries is the entries of a blob, in order. It ends after an error.
func ReadEntries(r io.Reader) iter.Seq2[alpr.Entry, error] {
	return func(yield func(alpr.Entry, error) bool) {
		for l, err := range lines(r) {
			if err != nil {
				yield(alpr.Entry{}, err)
				return
			}
			if l.Entry != nil && !yield(l.Entry.Alpr(), nil) {
				return
			}
		}
	}
}

func lines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(16<<20))
		if err != nil {
			yield(line{}, fmt.Errorf("start zstd: %w", err))
			return
		}
		defer z.Close()
		sc := bufio.NewScanner(z)
		sc.Buffer(nil, maxLine)
		bytes := 0
		for n := 1; sc.Scan(); n++ {
			if bytes += len(sc.Bytes()) + 1; n > maxLines || bytes > maxPlain {
				yield(line{}, errTooMuch)
				return
			}
			var l line
			if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
				yield(line{}, fmt.Errorf("read blob, line %d: %w", n, err))
				return
			}
			if (l.Remove == "") == (l.Entry == nil) {
				yield(line{}, fmt.Errorf("read blob, line %d: %w", n, errors.New("neither an entry nor a removal")))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
		if err := sc.Err(); err != nil {
			yield(line{}, fmt.Errorf("read blob: %w", err))
		}
	}
}

// Cut describes data as a blob and gives its pieces, which share data's memory.
func Cut(data []byte) (Blob, [][]byte) {
	b := Blob{SHA256: Hash(data), Size: int64(len(data)), PieceSize: PieceSize}
	var pieces [][]byte
	for rest := data; len(rest) > 0; {
		n := min(len(rest), PieceSize)
		pieces, rest = append(pieces, rest[:n]), rest[n:]
		b.Pieces = append(b.Pieces, Hash(pieces[len(pieces)-1]))
	}
	return b, pieces
}

// Hash is the SHA-256 of data, in hexadecimal.
func Hash(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// NoEntries is the entries of an update that only removes.
func NoEntries(func(alpr.Entry, error) bool) {}
