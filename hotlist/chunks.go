package hotlist

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// header is the first chunk of a stored list; its blocks follow.
type header struct {
	Format      int
	Name        string
	Version     string
	PublishedAt time.Time
	IsManual    bool
	Entries     int
	Words       []string
}

const chunkFormat = 1

// Chunks yields the list in pieces of up to a megabyte or so, for storing.
// FromChunks undoes it.
func (l *List) Chunks() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		head, err := json.Marshal(header{chunkFormat, l.Name, l.Version, l.PublishedAt, l.IsManual, l.n, l.words})
		if err != nil || !yield(head) { // strings, numbers and a time: no error
			return
		}
		for _, b := range l.blocks {
			if !yield(b) {
				return
			}
		}
	}
}

// FromChunks rebuilds a list from what Chunks yielded. It takes over the
// chunks, which must not be changed afterwards.
func FromChunks(chunks iter.Seq2[[]byte, error]) (*List, error) {
	var l *List
	for chunk, err := range chunks {
		if err != nil {
			return nil, fmt.Errorf("read a stored list: %w", err)
		}
		if l != nil {
			l.blocks = append(l.blocks, slices.Clip(chunk))
			continue
		}
		var h header
		if err := json.Unmarshal(chunk, &h); err != nil {
			return nil, fmt.Errorf("read a stored list's header: %w: %w", ErrDamaged, err)
		}
		if h.Format != chunkFormat {
			return nil, fmt.Errorf("stored list has format %d, this program knows %d: import it again", h.Format, chunkFormat)
		}
		l = &List{Name: h.Name, Version: h.Version, PublishedAt: h.PublishedAt, IsManual: h.IsManual, n: h.Entries, words: h.Words}
	}
	if l == nil {
		return nil, fmt.Errorf("read a stored list: it is empty: %w", ErrDamaged)
	}
	if err := l.hash(); err != nil {
		return nil, fmt.Errorf("read stored list %q: %w", l.Name, err)
	}
	return l, nil
}
