package backend

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"alpr"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// A list of a million entries is published without ever standing in memory: each
// entry is encoded and compressed as it comes, and what is remembered of it is
// 16 bytes: who it is and what it says. Earlier versions are compared by these.

// sum is an id and what the entries of that id say, both hashed: one case may
// list several plates. What differs with every version of a list is left out.
type sum struct{ id, print uint64 }

// sums are a version's entries, sorted by hashed id, and the ids themselves.
type sums struct {
	list  []sum
	texts []string // of the same index
}

func (s *sums) len() int { return len(s.list) }

func (s *sums) find(id string) (int, bool) {
	return slices.BinarySearchFunc(s.list, hash64([]byte(id)), func(x sum, id uint64) int { return compareHashes(x.id, id) })
}

func compareHashes(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// hash64 is the head of a SHA-256: nobody finds an id that hides another's removal.
func hash64(b []byte) uint64 {
	h := sha256.Sum256(b)
	return binary.BigEndian.Uint64(h[:8])
}

func (s *sums) add(id string, entry []byte) {
	s.list, s.texts = append(s.list, sum{hash64([]byte(id)), hash64(entry)}), append(s.texts, id)
}

// sort puts the sums in their order, one for each id.
func (s *sums) sort() {
	order := make([]int32, len(s.list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return compareHashes(s.list[a].id, s.list[b].id) })
	list, texts := make([]sum, 0, len(order)), make([]string, 0, len(order))
	for _, from := range order {
		if n := len(list); n > 0 && list[n-1].id == s.list[from].id {
			list[n-1].print += s.list[from].print // the order of its entries is no matter
			continue
		}
		list, texts = append(list, s.list[from]), append(texts, s.texts[from])
	}
	s.list, s.texts = list, texts
}

// without is s less some ids.
func (s *sums) without(ids []string) *sums {
	out := &sums{}
	for i, text := range s.texts {
		if !slices.Contains(ids, text) {
			out.list, out.texts = append(out.list, s.list[i]), append(out.texts, text)
		}
	}
	return out
}

// diff is the way from one version to another.
type diff struct {
	removed []string
	changed map[uint64]bool // new, or other than before; by hashed id
}

func (s *sums) diff(now *sums) diff {
	d := diff{changed: map[uint64]bool{}}
	i, j := 0, 0
	for i < len(s.list) || j < len(now.list) {
		switch {
		case j == len(now.list) || i < len(s.list) && s.list[i].id < now.list[j].id:
			d.removed = append(d.removed, s.texts[i])
			i++
		case i == len(s.list) || now.list[j].id < s.list[i].id:
			d.changed[now.list[j].id] = true
			j++
		default:
			if s.list[i].print != now.list[j].print {
				d.changed[now.list[j].id] = true
			}
			i, j = i+1, j+1
		}
	}
	return d
}

// isShort says that the delta is worth making for a list of n entries.
func (d diff) isShort(n int) bool { return len(d.changed) <= n/2 && len(d.removed) <= n }

// blob makes the delta; lines holds the changed entries by hashed id.
func (d diff) blob(lines map[uint64][][]byte) ([]byte, downlink.Blob, error) {
	var buf bytes.Buffer
	w, err := downlink.NewBlobWriter(&buf)
	if err != nil {
		return nil, downlink.Blob{}, err
	}
	for _, id := range d.removed {
		if err := w.Remove(id); err != nil {
			return nil, downlink.Blob{}, err
		}
	}
	for _, id := range sortedKeys(d.changed) {
		for _, line := range lines[id] {
			if err := w.Entry(line); err != nil {
				return nil, downlink.Blob{}, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, downlink.Blob{}, err
	}
	blob, _ := downlink.Cut(buf.Bytes())
	return buf.Bytes(), blob, nil
}

func sortedKeys(m map[uint64]bool) []uint64 {
	out := make([]uint64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// entryLine is an entry as a version of the list holds it, and what of it does
// not change with the version.
func entryLine(e alpr.Entry, m *downlink.Manifest) (line, base []byte, err error) {
	published := e.PublishedAt
	if published.IsZero() {
		published = m.PublishedAt
	}
	e.List, e.ListVersion, e.PublishedAt = m.List, "", time.Time{}
	if base, err = json.Marshal(event.EntryOf(e)); err != nil {
		return nil, nil, fmt.Errorf("encode entry %s: %w", e.ID, err)
	}
	// Both stand last in an entry, so they can be joined to what was encoded once.
	line = append(line, base[:len(base)-1]...)
	line = fmt.Appendf(line, `,"list_version":"%d","published_at":"%s"}`, m.Version, published.UTC().Format(time.RFC3339Nano))
	return line, base, nil
}

// whole makes the whole list.
func (o HotlistOrder) whole(p *Published, s *shelf) ([]byte, *sums, error) {
	var buf bytes.Buffer
	w, err := downlink.NewBlobWriter(&buf)
	if err != nil {
		return nil, nil, err
	}
	now := &sums{}
	for e := range o.Entries {
		if s.isRemoved(e.ID) {
			p.LeftOut = append(p.LeftOut, e.ID)
			continue
		}
		line, base, err := entryLine(e, &p.Manifest)
		if err != nil {
			return nil, nil, err
		}
		p.Entries++
		now.add(strings.Clone(e.ID), base)
		if err := w.Entry(line); err != nil {
			return nil, nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	now.sort()
	p.Whole, _ = downlink.Cut(buf.Bytes())
	return buf.Bytes(), now, nil
}

// collect encodes the entries that deltas need.
func (o HotlistOrder) collect(m downlink.Manifest, s *shelf, wanted map[uint64][][]byte) error {
	if len(wanted) == 0 {
		return nil
	}
	for e := range o.Entries {
		id := hash64([]byte(e.ID))
		if _, ok := wanted[id]; !ok || s.isRemoved(e.ID) {
			continue
		}
		line, _, err := entryLine(e, &m)
		if err != nil {
			return err
		}
		wanted[id] = append(wanted[id], line)
	}
	return nil
}
