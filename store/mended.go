package store

import (
	"bytes"
	"context"
	"errors"
	"sync"
)

// mendings are corrections found while reading, which wait to be written.
type mendings struct {
	mu   sync.Mutex
	list []func(*tx) error
}

func (m *mendings) add(f func(*tx) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, f)
}

func (m *mendings) take() []func(*tx) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list
}

// writeMended writes the corrections found so far. What fails is found again.
func (s *Store) writeMended(ctx context.Context) {
	for _, f := range s.mended.take() {
		if err := s.write(ctx, f); err != nil {
			s.log.Warn("a correction is not written yet", "error", err)
		}
	}
	s.recordNotices(ctx)
}

// mendSize is up to which size a body is searched for one flipped bit.
const mendSize = 4 << 10

// sealedRow is a row with its sealed body, as the file has it.
type sealedRow struct {
	table  string // where it is
	bound  string // what the body is bound to, with id; empty: table
	rowid  int64
	id     looseBytes
	key    looseInt
	sealed looseBytes
}

// openBody opens a sealed body. Where it does not open, but for one flipped bit
// in the row's id or body, or a wrong key in its key_id, it does all the same,
// and the row is put right: the cipher tells what was written.
func (s *Store) openBody(q querier, r sealedRow) ([]byte, error) {
	if r.bound == "" {
		r.bound = r.table
	}
	key, err := s.key(q, int64(r.key))
	if err == nil {
		var body []byte
		if body, err = key.open(r.sealed, r.bound, r.id); err == nil {
			return body, nil
		}
	}
	if !isRowDamage(err) && !errors.Is(err, ErrForgotten) {
		return nil, err
	}
	right, body := s.searchBody(key, r)
	if body == nil {
		return nil, err
	}
	s.remember(PartRecords, "a row of table "+r.table+" had a flipped bit and was put right")
	s.mended.add(func(t *tx) error { return t.putRight(right) })
	return body, nil
}

func (t *tx) putRight(r sealedRow) (err error) {
	switch r.table {
	case "hotlist_chunks":
		if _, err = t.exec("UPDATE hotlist_chunks SET body = ? WHERE rowid = ?", []byte(r.sealed), r.rowid); err == nil {
			_, err = t.exec("UPDATE hotlists SET key_id = ? WHERE id = (SELECT hotlist_id FROM hotlist_chunks WHERE rowid = ?)", int64(r.key), r.rowid)
		}
	case "pictures":
		_, err = t.exec("UPDATE pictures SET key_id = ?, body = ? WHERE rowid = ?", int64(r.key), []byte(r.sealed), r.rowid)
	case "manual_entries":
		_, err = t.exec("UPDATE manual_entries SET key_id = ?, id = ?, body = ? WHERE rowid = ?", int64(r.key), string(r.id), []byte(r.sealed), r.rowid)
	default:
		_, err = t.exec("UPDATE "+r.table+" SET key_id = ?, id = ?, body = ? WHERE rowid = ?", int64(r.key), []byte(r.id), []byte(r.sealed), r.rowid)
	}
	return err
}

// searchBody tries every key there is, and, with the row's own, every id and
// body that differ in one bit.
func (s *Store) searchBody(own *dataKey, r sealedRow) (sealedRow, []byte) {
	for _, k := range s.keys.all() {
		if body, err := k.open(r.sealed, r.bound, r.id); err == nil {
			r.key = looseInt(k.id)
			return r, body
		}
	}
	if own == nil {
		return r, nil
	}
	if r.table != "pictures" && r.table != "hotlist_chunks" {
		for bit := range 8 * len(r.id) {
			try := r
			try.id = flipBit(r.id, bit)
			if body, err := own.open(r.sealed, r.bound, try.id); err == nil {
				return try, body
			}
		}
	}
	if len(r.sealed) > mendSize {
		return r, nil
	}
	for bit := range 8 * len(r.sealed) {
		try := r
		try.sealed = flipBit(r.sealed, bit)
		if body, err := own.open(try.sealed, r.bound, r.id); err == nil {
			return try, body
		}
	}
	return r, nil
}

func flipBit(b []byte, bit int) []byte {
	c := bytes.Clone(b)
	c[bit/8] ^= 1 << (bit % 8)
	return c
}
