package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
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
	return &keyring{wrap: wrap, byID: make(map[int64]*dataKey)}, nil
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
	var id, from, to int64
	var wrapped []byte
	found, err := t.row(`SELECT id, from_ms, to_ms, wrapped FROM data_keys
		WHERE class = ? AND to_ms > ? AND from_ms <= ? AND wrapped IS NOT NULL ORDER BY to_ms DESC LIMIT 1`,
		[]any{string(class), ms(t.due), ms(t.due)}, &id, &from, &to, &wrapped)
	if err != nil {
		return nil, fmt.Errorf("look up the data key: %w", err)
	}
	if found {
		return ring.unwrap(id, class, fromMS(from), fromMS(to), wrapped)
	}
	return t.makeKey(class)
}

func (t *tx) makeKey(class alpr.RetentionClass) (*dataKey, error) {
	p := 24 * time.Hour
	if r, ok := t.s.policy().retention(class); ok {
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

func (r *keyring) unwrap(id int64, class alpr.RetentionClass, from, to time.Time, wrapped []byte) (*dataKey, error) {
	if wrapped == nil {
		return nil, fmt.Errorf("open data key %d: %w", id, ErrForgotten)
	}
	secret, err := r.wrap.Open(nil, nil, wrapped, keyAD(class, from, to))
	if err != nil {
		return nil, fmt.Errorf("open data key %d: %w", id, err)
	}
	k, err := newDataKey(id, class, from, to, secret)
	if err != nil {
		return nil, err
	}
	r.add(k, false)
	return k, nil
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
	var class string
	var from, to int64
	var sealed []byte
	found, err := q.row("SELECT class, from_ms, to_ms, wrapped FROM data_keys WHERE id = ?", []any{id},
		&class, &from, &to, &sealed)
	if err != nil {
		return nil, fmt.Errorf("look up data key %d: %w", id, err)
	}
	if !found {
		return nil, fmt.Errorf("look up data key %d: %w", id, ErrForgotten)
	}
	return s.keys.unwrap(id, alpr.RetentionClass(class), fromMS(from), fromMS(to), sealed)
}

// seal encrypts a body. What names the row is authenticated with it, so that
// no body can be moved to another row.
func (k *dataKey) seal(body []byte, table string, id []byte) []byte {
	return k.aead.Seal(nil, nil, body, bodyAD(table, id, k.id))
}

func (k *dataKey) open(sealed []byte, table string, id []byte) ([]byte, error) {
	body, err := k.aead.Open(nil, nil, sealed, bodyAD(table, id, k.id))
	if err != nil {
		return nil, fmt.Errorf("open %s %x: changed or damaged: %w", table, id, err)
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
