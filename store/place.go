package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"alpr/internal/regular"
)

// leastDatabase is the size under which no file is an SQLite database; SQLite
// itself takes a shorter one for a new one.
const leastDatabase = 512

// beginning is something moved aside before the file was open, for the record.
type beginning struct{ aside, purpose, reason string }

// resolvePlace looks at what lies where the store should be, before anything is
// opened: what is no file, too short, or without its key is moved aside, and
// that is remembered.
func (s *Store) resolvePlace() error {
	wasHere := s.openLock()
	if err := s.clearNames(); err != nil {
		return err
	}
	hasKey := s.hasKeyFile()
	info, err := os.Stat(s.cfg.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	hasData := err == nil
	switch {
	case hasData && info.Size() < leastDatabase && (wasHere || hasKey || info.Size() > 0) && s.lockAlone():
		err := s.beginAnew(markEmpty, fmt.Errorf("the store file held %d bytes, which is no store", info.Size()))
		s.lockShared()
		if err != nil {
			return err
		}
		hasData = false
	case !hasData && wasHere:
		s.remember(PartStore, "the store file "+s.cfg.Path+" was gone: a fresh one was begun, WITHOUT hotlists and log. Put the file back, or import the lists again")
		s.began = append(s.began, beginning{aside: filepath.Base(s.cfg.Path), purpose: "the store file was gone", reason: "not there"})
		if _, err := s.setAside(markEmpty); err != nil { // what is left of its write-ahead log
			return err
		}
	}
	return s.resolveKey(hasData)
}

// beginAnew moves what is there aside, and says so.
func (s *Store) beginAnew(mark string, cause error) error {
	isAlone := s.lockAlone()
	defer s.lockShared()
	if !isAlone {
		return ErrInUse
	}
	aside, err := s.setAside(mark)
	if err != nil {
		return err
	}
	s.remember(PartStore, fmt.Sprintf("%v: it is set aside as %s, and a fresh store was begun, WITHOUT hotlists and log. Put the right file back, or import the lists again",
		cause, filepath.Base(aside)))
	s.began = append(s.began, beginning{aside: filepath.Base(aside), purpose: "the store could not be used", reason: cause.Error()})
	return nil
}

// clearNames moves whatever is no ordinary file out of the way of the names that
// the store opens: SQLite would wait for a FIFO for ever.
func (s *Store) clearNames() error {
	for _, suffix := range []string{"", "-journal", "-wal", "-shm", strings.TrimPrefix(s.markPath(), s.cfg.Path)} {
		path := s.cfg.Path + suffix
		err := regular.Check(path)
		if !errors.Is(err, regular.ErrKind) {
			continue
		}
		if suffix == "" && !s.cfg.MayRenew {
			return err
		}
		aside := path + markNotAFile + s.now().UTC().Format(asideTime)
		if err := os.Rename(path, aside); err != nil {
			return fmt.Errorf("move aside what is no file: %w", err)
		}
		text := fmt.Sprintf("%v: it is moved aside as %s", err, filepath.Base(aside))
		if suffix == "-wal" || suffix == "-journal" {
			text += ". What was recorded last stood in the file that it replaced, and may be lost: a list or an entry that is missing is named"
		}
		s.remember(PartStore, text)
		s.began = append(s.began, beginning{aside: filepath.Base(aside), purpose: "not a file in a file's place", reason: err.Error()})
	}
	return nil
}

func (s *Store) hasKeyFile() bool {
	_, err := os.Lstat(s.cfg.KeyPath)
	return err == nil
}

// resolveKey loads the device key, or makes one. With MayRenew a key that cannot
// be read costs the store, which is moved aside, and not the alerts.
func (s *Store) resolveKey(hasData bool) error {
	device, err := LoadDeviceKey(s.cfg.KeyPath, hasData)
	if errors.Is(err, ErrKeyExposed) && s.cfg.MayRenew && os.Chmod(s.cfg.KeyPath, 0o600) == nil {
		s.remember(PartKey, "others could read the device key "+s.cfg.KeyPath+" until now: its mode is 0600 again. Whoever had this computer may have it")
		device, err = LoadDeviceKey(s.cfg.KeyPath, hasData)
	}
	if hasData && (err == nil || errors.Is(err, ErrKeyBad)) {
		if right := s.mendKey(device); right != nil {
			return s.useKey(right)
		}
	}
	switch {
	case err == nil:
		return s.useKey(device)
	case !s.cfg.MayRenew || !errors.Is(err, ErrKeyMissing) && !errors.Is(err, ErrKeyBad) && !errors.Is(err, regular.ErrKind):
		return err
	}
	if hasData {
		if err := s.beginAnew(markOtherKey, fmt.Errorf("the store cannot be opened: %w", err)); err != nil {
			return err
		}
	}
	if s.hasKeyFile() {
		aside := s.cfg.KeyPath + markDamaged + s.now().UTC().Format(asideTime)
		if err := os.Rename(s.cfg.KeyPath, aside); err != nil {
			return fmt.Errorf("set the device key aside: %w", err)
		}
		s.remember(PartKey, fmt.Sprintf("%v: it is set aside as %s, and a new key was made", err, filepath.Base(aside)))
	}
	if device, err = LoadDeviceKey(s.cfg.KeyPath, false); err != nil {
		return err
	}
	return s.useKey(device)
}

// mendKey finds the key that the store names where the key's file differs from
// it in one bit, and writes it back. It is nil where there is nothing to mend.
func (s *Store) mendKey(have *DeviceKey) *DeviceKey {
	if os.Getenv("CREDENTIALS_DIRECTORY") != "" {
		return nil // not ours to write
	}
	want := s.storedKeyID()
	if want == "" {
		return nil
	}
	if have != nil {
		if id, err := have.ID(); err != nil || id == want {
			return nil
		}
	}
	text, err := regular.ReadFile(s.cfg.KeyPath)
	if err != nil {
		return nil
	}
	right := keyNear(text, want)
	if right == nil {
		return nil
	}
	aside := s.cfg.KeyPath + markDamaged + s.now().UTC().Format(asideTime)
	if err := os.Rename(s.cfg.KeyPath, aside); err != nil {
		return nil
	}
	if err := writeDeviceKey(s.cfg.KeyPath, right.secret); err != nil {
		s.log.Error("write the device key that was put right", "error", errors.Join(err, os.Rename(aside, s.cfg.KeyPath)))
	}
	s.remember(PartKey, "the device key's file had a flipped bit: it was put right, the damaged one is "+filepath.Base(aside))
	return right
}

// keyNear is the key with the id that a text is but for one bit.
func keyNear(text []byte, want string) *DeviceKey {
	for bit := range 8 * min(len(text), 80) {
		secret, err := hex.DecodeString(strings.TrimSpace(string(flipBit(text, bit))))
		if err != nil || len(secret) != 32 {
			continue
		}
		k := newDeviceKey(secret)
		if id, err := k.ID(); err == nil && id == want {
			return k
		}
	}
	return nil
}

// storedKeyID is the id of the key that the store says it is sealed under, ""
// where it does not say.
func (s *Store) storedKeyID() string {
	v := url.Values{"mode": {"ro"}, "_busy_timeout": {"2000"}}
	if info, err := os.Stat(s.cfg.Path + "-wal"); err != nil || info.Size() == 0 {
		v.Set("immutable", "1") // leaves nothing behind
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(s.cfg.Path), RawQuery: v.Encode()}).String())
	if err != nil {
		return ""
	}
	defer db.Close()
	var id looseText
	if err := db.QueryRowContext(context.Background(), "SELECT value FROM meta WHERE name = ?", metaKeyID).Scan(&id); err != nil {
		return ""
	}
	return string(id)
}

// openLock takes part in the lock beside the file, which says that somebody has
// the store open. It is true where there was one: a store was here before. On a
// full disk there may be none, and nothing is moved aside then.
func (s *Store) openLock() (wasHere bool) {
	path := s.cfg.Path + ".lock"
	wasHere = regular.Check(path) == nil
	f, err := regular.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		s.log.Warn("the store has no lock", "error", err)
		return false
	}
	s.lock = f
	s.lockShared()
	return wasHere
}

func (s *Store) lockShared() {
	if s.lock == nil {
		return
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_SH); err != nil {
		s.log.Warn("lock the store", "error", err)
	}
}

// lockAlone says whether nobody else has the store open, and keeps it so until
// lockShared.
func (s *Store) lockAlone() bool {
	return s.lock != nil && syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	f := s.lock
	s.lock = nil
	return f.Close()
}
