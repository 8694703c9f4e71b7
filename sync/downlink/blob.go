package downlink

import (
	"bufio"
	"bytes"
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

// WriteBlob makes the compressed file of a list or a delta: removals first.
func WriteBlob(w io.Writer, remove []string, entries iter.Seq2[alpr.Entry, error]) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("start zstd: %w", err)
	}
	enc := json.NewEncoder(z)
	for _, id := range remove {
		if err := enc.Encode(line{Remove: id}); err != nil {
			return fmt.Errorf("write blob: %w", err)
		}
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		x := event.EntryOf(e)
		if err := enc.Encode(line{Entry: &x}); err != nil {
			return fmt.Errorf("write blob: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write blob: %w", err)
	}
	return nil
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

// Diff is the way from one list to the next: ids that are gone, entries that
// are new or changed.
func Diff(before, after []alpr.Entry) (remove []string, change []alpr.Entry, err error) {
	old := make(map[string][]byte, len(before))
	for _, e := range before {
		if old[e.ID], err = fingerprint(e); err != nil {
			return nil, nil, err
		}
	}
	kept := make(map[string]bool, len(after))
	for _, e := range after {
		now, err := fingerprint(e)
		if err != nil {
			return nil, nil, err
		}
		if was, ok := old[e.ID]; !ok || !bytes.Equal(was, now) {
			change = append(change, e)
		}
		kept[e.ID] = true
	}
	for _, e := range before {
		if !kept[e.ID] {
			remove = append(remove, e.ID)
		}
	}
	return remove, change, nil
}

// fingerprint leaves out what differs with every version of the list.
func fingerprint(e alpr.Entry) ([]byte, error) {
	e.ListVersion, e.PublishedAt = "", time.Time{}
	b, err := json.Marshal(event.EntryOf(e))
	if err != nil {
		return nil, fmt.Errorf("encode entry %s: %w", e.ID, err)
	}
	return b, nil
}

// NoEntries is the entries of an update that only removes.
func NoEntries(func(alpr.Entry, error) bool) {}
