package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"alpr"
)

// classHotlist is the key class of hotlist versions, which no retention rule
// covers: a version lives until enough newer ones have replaced it.
const classHotlist alpr.RetentionClass = "hotlist"

// ErrForgotten reports a body whose data key has been destroyed.
var ErrForgotten = errors.New("deleted for good: its data key was destroyed")

// dataKey seals the bodies of one class and period.
type dataKey struct {
	id    int64
	class alpr.RetentionClass
	from  time.Time
	to    time.Time // exclusive; after it the key seals nothing new
	aead  cipher.AEAD
	index []byte // keys the hashes that plates are looked up by
}

// keyring holds the data keys in use. The file holds them wrapped.
type keyring struct {
	wrap  cipher.AEAD
	mu    sync.Mutex
	byID  map[int64]*dataKey
	fresh []int64 // made in the transaction that is open
	lost  map[int64]bool
}

func newKeyring(device *DeviceKey) (*keyring, error) {
	kek, err := device.derive("data key wrap")
	if err != nil {
		return nil, err
	}
	wrap, err := newAEAD(kek)
	if err != nil {
		return nil, err
	}
	return &keyring{wrap: wrap, byID: make(map[int64]*dataKey), lost: make(map[int64]bool)}, nil
}

// newAEAD is AES-256-GCM with random nonces (SP 800-38D, 8.2.2), in the form
// that Go's FIPS 140-3 module approves.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up AES: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("set up GCM: %w", err)
	}
	return aead, nil
}

// period is how long one data key of a class seals: a day, or a third of the
// retention where that is shorter, so that deletion on flash is never much
// later than deletion in the table.
func period(retention time.Duration) time.Duration {
	return min(24*time.Hour, max(time.Minute, retention/3))
}

// sealingKey returns the key that seals new bodies of class now, and makes it
// if there is none.
func (t *tx) sealingKey(class alpr.RetentionClass) (*dataKey, error) {
	ring := t.s.keys
	if k := ring.current(class, t.due); k != nil {
		return k, nil
	}
	var row keyRow
	found, err := t.row(`SELECT id, class, from_ms, to_ms, wrapped, destroyed_ms FROM data_keys
		WHERE class = ? AND to_ms > ? AND from_ms <= ? AND wrapped IS NOT NULL ORDER BY to_ms DESC LIMIT 1`,
		[]any{string(class), ms(t.due), ms(t.due)}, row.columns()...)
	if err != nil {
		return nil, fmt.Errorf("look up the data key: %w", err)
	}
	if found {
		k, err := t.s.openKey(row)
		if err == nil && k.class == class && !t.due.Before(k.from) && t.due.Before(k.to) {
			return k, nil
		}
		if err != nil && !isRowDamage(err) {
			return nil, err
		}
	}
	return t.makeKey(class) // also in the place of one that is lost
}

// keyRow is a data key as the file has it.
type keyRow struct {
	id       looseInt
	class    looseText
	from, to looseInt
	wrapped  looseBytes

	destroyed looseInt // badInt: it was not
}

func (r *keyRow) columns() []any {
	return []any{&r.id, &r.class, &r.from, &r.to, &r.wrapped, &r.destroyed}
}

// errKeyLost reports a data key that cannot be opened, and with it all that it
// has sealed.
var errKeyLost = errors.New("its data key is damaged")

// openKey opens a data key, or mends it where one bit of its row has changed.
func (s *Store) openKey(r keyRow) (*dataKey, error) {
	id := int64(r.id)
	if r.wrapped == nil && r.destroyed != badInt {
		return nil, fmt.Errorf("open data key %d: %w", id, ErrForgotten)
	}
	if s.keys.isLost(id) {
		return nil, fmt.Errorf("open data key %d: %w", id, errKeyLost)
	}
	k, err := s.keys.unwrap(r)
	if err == nil {
		return k, nil
	}
	if k, right := s.keys.mend(r); k != nil {
		s.remember(PartRecords, "a data key had a flipped bit and was put right")
		s.mended.add(func(t *tx) error {
			_, err := t.exec("UPDATE data_keys SET class = ?, from_ms = ?, to_ms = ?, wrapped = ? WHERE id = ?",
				string(right.class), int64(right.from), int64(right.to), []byte(right.wrapped), id)
			return err
		})
		return k, nil
	}
	s.keys.giveUp(id)
	s.remember(PartRecords, fmt.Sprintf("data key %d is damaged: what it sealed (%s) cannot be read any more", id, r.class))
	return nil, fmt.Errorf("open data key %d: %w: %w", id, errKeyLost, err)
}

func (t *tx) makeKey(class alpr.RetentionClass) (*dataKey, error) {
	p := 24 * time.Hour
	if r, ok := t.s.policy().For(class); ok {
		p = period(r)
	}
	from := t.due.Truncate(p)
	to := from.Add(p)
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a data key: %w", err)
	}
	wrapped := t.s.keys.wrap.Seal(nil, nil, secret, keyAD(class, from, to))
	res, err := t.exec("INSERT INTO data_keys (class, from_ms, to_ms, wrapped) VALUES (?, ?, ?, ?)",
		string(class), ms(from), ms(to), wrapped)
	if err != nil {
		return nil, fmt.Errorf("keep a data key: %w", err)
	}
	id, err := res.LastInsertId()
	if err != nil {
		return nil, fmt.Errorf("keep a data key: %w", err)
	}
	k, err := newDataKey(id, class, from, to, secret)
	if err != nil {
		return nil, err
	}
	t.s.keys.add(k, true)
	return k, nil
}

func newDataKey(id int64, class alpr.RetentionClass, from, to time.Time, secret []byte) (*dataKey, error) {
	root := &DeviceKey{secret: secret}
	enc, err := root.derive("data")
	if err != nil {
		return nil, err
	}
	index, err := root.derive("plate index")
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(enc)
	if err != nil {
		return nil, err
	}
	return &dataKey{id: id, class: class, from: from, to: to, aead: aead, index: index}, nil
}

func keyAD(class alpr.RetentionClass, from, to time.Time) []byte {
	return fmt.Appendf(nil, "data key %s %d %d", class, ms(from), ms(to))
}

func (r *keyring) unwrap(row keyRow) (*dataKey, error) {
	class, from, to := alpr.RetentionClass(row.class), fromMS(int64(row.from)), fromMS(int64(row.to))
	secret, err := r.wrap.Open(nil, nil, row.wrapped, keyAD(class, from, to))
	if err != nil {
		return nil, err
	}
	k, err := newDataKey(int64(row.id), class, from, to, secret)
	if err != nil {
		return nil, err
	}
	r.add(k, false)
	return k, nil
}

// mend tries what the row may have been before one of its bits changed, or one
// of its plain columns was lost. The cipher tells when it is right.
func (r *keyring) mend(row keyRow) (*dataKey, keyRow) {
	for _, class := range []alpr.RetentionClass{alpr.RetainRead, alpr.RetainHit, alpr.RetainDisposition, alpr.RetainManual, classHotlist} {
		try := row
		try.class = looseText(class)
		if k, err := r.unwrap(try); err == nil {
			return k, try
		}
	}
	for bit := range 64 {
		for _, column := range []func(*keyRow) *looseInt{func(k *keyRow) *looseInt { return &k.from }, func(k *keyRow) *looseInt { return &k.to }} {
			try := row
			*column(&try) ^= 1 << bit
			if k, err := r.unwrap(try); err == nil {
				return k, try
			}
		}
	}
	for bit := range 8 * len(row.wrapped) {
		try := row
		try.wrapped = slices.Clone(row.wrapped)
		try.wrapped[bit/8] ^= 1 << (bit % 8)
		if k, err := r.unwrap(try); err == nil {
			return k, try
		}
	}
	return nil, row
}

// all are the keys that are in memory: all that can be opened, after loadKeys.
func (r *keyring) all() []*dataKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.byID))
}

// loadKeys opens every data key, and tries those that no row names as the one
// that rows name and that is not there.
func (s *Store) loadKeys(ctx context.Context) error {
	rows, err := s.r.QueryContext(ctx, "SELECT id, class, from_ms, to_ms, wrapped, destroyed_ms FROM data_keys WHERE wrapped IS NOT NULL OR destroyed_ms IS NULL")
	if err != nil {
		return fmt.Errorf("read the data keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var row keyRow
		if err := rows.Scan(row.columns()...); err != nil {
			return fmt.Errorf("read the data keys: %w", err)
		}
		_, _ = s.openKey(row) // one that is lost is on record; what it sealed says so again
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the data keys: %w", err)
	}
	return s.findLostKeys(ctx)
}

const sealedTables = "SELECT key_id FROM reads UNION SELECT key_id FROM hits UNION SELECT key_id FROM dispositions UNION SELECT key_id FROM manual_entries UNION SELECT key_id FROM hotlists"

// findLostKeys gives keys their number back where that has changed: rows name a
// number that no key has.
func (s *Store) findLostKeys(ctx context.Context) error {
	missing, err := s.ints(ctx, sealedTables+" EXCEPT SELECT id FROM data_keys")
	if err != nil || len(missing) == 0 {
		return err
	}
	spare, err := s.ints(ctx, "SELECT id FROM data_keys WHERE wrapped IS NOT NULL EXCEPT "+strings.ReplaceAll(sealedTables, "UNION", "EXCEPT"))
	if err != nil {
		return err
	}
	for _, want := range missing {
		for _, have := range spare {
			if k := s.keys.cached(have); k != nil && bits.OnesCount64(uint64(want^have)) == 1 {
				s.renumber(k, want)
				break
			}
		}
	}
	return nil
}

func (s *Store) renumber(k *dataKey, id int64) {
	old := k.id
	right := *k
	right.id = id
	s.keys.forget(old)
	s.keys.add(&right, false)
	s.remember(PartRecords, "a data key had a changed number and was put right")
	s.mended.add(func(t *tx) error {
		_, err := t.exec("UPDATE data_keys SET id = ? WHERE id = ?", id, old)
		return err
	})
}

func (r *keyring) isLost(id int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost[id]
}

func (r *keyring) giveUp(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost[id] = true
}

func (r *keyring) add(k *dataKey, isFresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID[k.id] = k
	if isFresh {
		r.fresh = append(r.fresh, k.id)
	}
}

func (r *keyring) cached(id int64) *dataKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// current is the cached key that seals at the instant, or nil. Where a
// shortened retention has made overlapping periods, the newest key wins.
func (r *keyring) current(class alpr.RetentionClass, at time.Time) *dataKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	var best *dataKey
	for _, k := range r.byID {
		if k.class == class && !at.Before(k.from) && at.Before(k.to) && (best == nil || k.id > best.id) {
			best = k
		}
	}
	return best
}

func (r *keyring) forget(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byID, id)
}

// keepNew and forgetNew end a transaction that may have made keys.
func (r *keyring) keepNew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = r.fresh[:0]
}

func (r *keyring) forgetNew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range r.fresh {
		delete(r.byID, id)
	}
	r.fresh = r.fresh[:0]
}

// querier is what both the writing transaction and the reading pool offer.
type querier interface {
	row(query string, args []any, dest ...any) (found bool, err error)
}

// key returns a data key by its id, from memory or from the file.
func (s *Store) key(q querier, id int64) (*dataKey, error) {
	if k := s.keys.cached(id); k != nil {
		return k, nil
	}
	var row keyRow
	found, err := q.row("SELECT id, class, from_ms, to_ms, wrapped, destroyed_ms FROM data_keys WHERE id = ?", []any{id}, row.columns()...)
	if err != nil {
		return nil, fmt.Errorf("look up data key %d: %w", id, err)
	}
	if !found { // a destroyed key leaves its row
		return nil, fmt.Errorf("look up data key %d: there is none: %w", id, errKeyLost)
	}
	return s.openKey(row)
}

// seal encrypts a body. What names the row is authenticated with it, so that
// no body can be moved to another row.
func (k *dataKey) seal(body []byte, table string, id []byte) []byte {
	return k.aead.Seal(nil, nil, body, bodyAD(table, id, k.id))
}

func (k *dataKey) open(sealed []byte, table string, id []byte) ([]byte, error) {
	body, err := k.aead.Open(nil, nil, sealed, bodyAD(table, id, k.id))
	if err != nil {
		return nil, fmt.Errorf("open %s %x: %w: %w", table, id, ErrDamaged, err)
	}
	return body, nil
}

func bodyAD(table string, id []byte, key int64) []byte {
	ad := append([]byte(table), 0)
	ad = append(ad, id...)
	return binary.BigEndian.AppendUint64(ad, uint64(key))
}

// tag is the keyed hash that a plate is looked up by. It dies with the key.
func (k *dataKey) tag(plate string) []byte {
	return keyedHash(k.index, plate)
}

func keyedHash(key []byte, plate string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(plate))
	return h.Sum(nil)[:16]
}
