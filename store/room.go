package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"alpr"
)

const (
	// roomEvery is how soon a store that could not be written is tried again.
	roomEvery = 2 * time.Second
	// roomLeast must be free before it is: opening takes some itself.
	roomLeast = 256 << 10
	// maxLate bounds the audit records that wait in memory.
	maxLate = 4096
)

// roomState is what waits while the disk is full.
type roomState struct {
	mu     sync.Mutex
	cause  error // why the file is open only to be read, or was not checked; nil: it is open for good
	isRead bool  // it is open only to be read
	since  time.Time
	late   []alpr.AuditRecord // not on record yet, oldest first

	isClosed  bool
	triedAt   time.Time  // when regain last looked for room
	regaining sync.Mutex // held by regain, whose own writes must not begin another
}

// isNoRoom tells a disk that refuses to be written from other errors.
func isNoRoom(err error) bool {
	if errors.Is(err, ErrFull) || errors.Is(err, ErrIO) {
		return true
	}
	for _, no := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EFBIG, syscall.EIO} {
		if errors.Is(err, no) {
			return true
		}
	}
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrReadonly:
		return true
	}
	return false
}

func (s *Store) noRoom(cause error) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if s.room.cause == nil {
		s.room.since = s.now()
		s.log.Error("the store cannot be written: alerts work, what cannot be recorded waits in memory", "error", cause)
		s.room.cause = cause // what follows from it says no more
	}
}

// Unrecorded says since when nothing can be recorded, how many audit records
// wait in memory for that, and why: nil while all is well.
func (rec Recorder) Unrecorded() (since time.Time, waiting int, cause error) {
	rec.s.room.mu.Lock()
	defer rec.s.room.mu.Unlock()
	if rec.s.room.cause == nil && len(rec.s.room.late) > 0 {
		return rec.s.room.since, len(rec.s.room.late), ErrFull
	}
	return rec.s.room.since, len(rec.s.room.late), rec.s.room.cause
}

func (s *Store) whyClosed() error {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if s.room.isRead {
		return fmt.Errorf("%w (%w)", ErrFull, s.room.cause)
	}
	return ErrClosed
}

// openToRead opens a file whose disk is full without writing anything, so that
// its lists alert. regain opens it for good.
func (s *Store) openToRead(ctx context.Context, cause error) error {
	if err := s.disconnect(); err != nil {
		s.log.Warn("close the store that cannot be written", "error", err)
	}
	v := url.Values{"mode": {"ro"}, "immutable": {"1"}}
	isShared := true
	if info, err := os.Stat(s.cfg.Path + "-wal"); err == nil && info.Size() > 0 {
		// What the write-ahead log holds is part of the store. Its index would be a
		// file of its own, but for a connection that is alone.
		v = url.Values{"mode": {"rw"}, "_locking_mode": {"EXCLUSIVE"}, "_query_only": {"on"}, "_busy_timeout": {"10000"}}
		isShared = false
	}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Opaque: url.PathEscape(s.cfg.Path), RawQuery: v.Encode()}).String())
	if err != nil {
		return errors.Join(cause, err)
	}
	if !isShared {
		db.SetMaxOpenConns(1)
		db.SetConnMaxLifetime(0)
	}
	var tables int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'quarantine', 'hotlists', 'reads')").Scan(&tables)
	if err == nil && tables < 4 {
		err = errors.New("it is of an older release and cannot be brought up to date")
	}
	if err != nil {
		return errors.Join(cause, err, db.Close())
	}
	s.hasMACs = true
	s.room.mu.Lock()
	s.room.isRead = true
	s.room.mu.Unlock()
	s.noRoom(cause)
	return s.r.set(db)
}

// regainForWrite is regain for a write that finds the file open only to be read:
// Run, which looks every other second, has ended before the last of them.
func (s *Store) regainForWrite(ctx context.Context) {
	s.room.mu.Lock()
	isDue := s.room.isRead && s.now().Sub(s.room.triedAt) >= roomEvery/2
	s.room.mu.Unlock()
	if isDue {
		s.regain(ctx)
	}
}

// regain opens the file for good once there is room, and writes what waited. One
// caller does; others go on without.
func (s *Store) regain(ctx context.Context) {
	if !s.room.regaining.TryLock() {
		return
	}
	defer s.room.regaining.Unlock()
	s.room.mu.Lock()
	cause, isRead, late, isClosed := s.room.cause, s.room.isRead, len(s.room.late), s.room.isClosed
	s.room.triedAt = s.now()
	s.room.mu.Unlock()
	if isClosed {
		return
	}
	if cause == nil && late == 0 || !s.hasRoom() {
		return
	}
	if isRead {
		if err := s.reopen(ctx); err != nil {
			s.noRoom(err)
			return
		}
	}
	if cause != nil {
		s.room.mu.Lock()
		s.room.cause = nil
		s.room.mu.Unlock()
		if err := s.begin(ctx); err != nil {
			s.noRoom(err)
			return
		}
	}
	s.flushLate(ctx, false)
}

// stayClosed keeps later writes from opening the file again.
func (s *Store) stayClosed() {
	s.room.regaining.Lock()
	defer s.room.regaining.Unlock()
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.room.isRead, s.room.isClosed = false, true
}

// hasRoom sees whether a small file can be written beside the store.
func (s *Store) hasRoom() bool {
	f, err := os.CreateTemp(filepath.Dir(s.cfg.Path), ".room-*")
	if err != nil {
		return false
	}
	_, err = f.Write(make([]byte, roomLeast))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())) == nil
}

// reopen puts the connections for writing in the place of the one that reads.
func (s *Store) reopen(ctx context.Context) error {
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	if err := s.r.set(nil); err != nil {
		return err
	}
	err := s.openFile(ctx)
	if err != nil {
		return errors.Join(err, s.openToRead(ctx, err))
	}
	s.room.mu.Lock()
	s.room.isRead = false
	s.room.mu.Unlock()
	return nil
}

// later keeps an audit record in memory that cannot be written. It is an error
// where too many wait, or where policy refuses what must be on record first.
func (s *Store) later(rec alpr.AuditRecord, cause error) error {
	if !s.cfg.MayLookUnrecorded && rec.Action.IsLook() {
		return fmt.Errorf("refused while it cannot be put on record: %w", cause)
	}
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if len(s.room.late) >= maxLate {
		return fmt.Errorf("%d records wait in memory already: %w", maxLate, cause)
	}
	if rec.At.IsZero() {
		rec.At = s.now()
	}
	if len(s.room.late) == 0 && s.room.cause == nil {
		s.room.since = s.now()
		s.log.Error("the audit log cannot be written: its records wait in memory", "error", cause)
	}
	s.room.late = append(s.room.late, rec)
	return nil
}

// flushLate writes the audit records that waited, in order.
func (s *Store) flushLate(ctx context.Context, isLast bool) {
	s.room.mu.Lock()
	late := slices.Clone(s.room.late)
	since := s.room.since
	s.room.mu.Unlock()
	if len(late) == 0 {
		return
	}
	err := s.write(ctx, func(t *tx) error {
		for _, rec := range late {
			if err := t.auditNow(rec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		if isLast {
			s.log.Error("audit records are lost: the disk was full to the end", "records", len(late), "error", err)
		}
		return
	}
	s.room.mu.Lock()
	s.room.late = s.room.late[len(late):]
	s.room.mu.Unlock()
	s.remember(PartStore, fmt.Sprintf("the disk was full from %s on: %d audit records were written late", since.UTC().Format(time.RFC3339), len(late)))
	s.recordNotices(ctx)
}
