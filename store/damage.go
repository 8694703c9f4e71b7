package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
)

// fullCheckLimit is the file size up to which opening reads every page. A
// bigger file is checked where it is read: what turns up then is marked, and
// the next Open sets the file aside.
const (
	fullCheckLimit  = 512 << 20
	wholeCheckLimit = 64 << 20
)

// Marks in the names of files that were moved aside: what was wrong with them.
const (
	markDamaged  = ".damaged-"
	markOtherKey = ".other-key-"  // sealed under a device key that is not here
	markForeign  = ".foreign-"    // another program's database
	markNotAFile = ".not-a-file-" // a FIFO, a folder, a link to nowhere
	markEmpty    = ".emptied-"    // too short for a database
)

// asideTime is the form of the time in that name, from which its retention counts.
const asideTime = "20060102T150405.000Z"

// openFile connects to the file. A damaged one is moved aside, whole; what can
// be read of it is taken over into a fresh one.
func (s *Store) openFile(ctx context.Context) error {
	note, err := regular.ReadFile(s.markPath())
	cause := errors.New(string(note))
	if err != nil {
		cause = s.connect(ctx)
		if cause == nil || !isDamage(cause) {
			return cause
		}
	}
	if err := s.disconnect(); err != nil {
		s.log.Warn("close the damaged store", "error", err)
	}
	if !s.lockAlone() {
		return errors.Join(ErrInUse, ErrCorrupt, cause)
	}
	defer s.lockShared()
	aside, err := s.setAside(markDamaged)
	if err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	saved, err := s.salvage(ctx, aside)
	s.isSalvaged = saved.rows > 0
	text := fmt.Sprintf("the store file was damaged (%v): it is set aside as %s. ", cause, filepath.Base(aside))
	if s.isSalvaged {
		text += fmt.Sprintf("%d rows were taken over into a fresh one", saved.rows)
		if saved.lost > 0 || len(saved.broken) > 0 {
			text += fmt.Sprintf(", %d were not sound, and parts of %s cannot be read", saved.lost, strings.Join(append(saved.broken, "nothing else"), ", "))
		}
	} else {
		text += "Nothing of it could be read: a fresh one was begun, WITHOUT hotlists. Import them again"
	}
	if err != nil {
		text += ". It ended early: " + err.Error()
	}
	s.remember(PartStore, text)
	s.began = append(s.began, beginning{aside: filepath.Base(aside), purpose: "the store file was damaged", reason: cause.Error()})
	return nil
}

func isDamage(err error) bool {
	var se sqlite3.Error
	if errors.As(err, &se) {
		return se.Code == sqlite3.ErrCorrupt || se.Code == sqlite3.ErrNotADB
	}
	return errors.Is(err, ErrCorrupt)
}

// setAside renames the file and its write-ahead log, so that a person can
// still recover what is in them.
func (s *Store) setAside(mark string) (string, error) {
	base := s.cfg.Path + mark + s.now().UTC().Format(asideTime)
	for _, suffix := range []string{"-journal", "-wal", "-shm", ""} {
		err := os.Rename(s.cfg.Path+suffix, base+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("set the damaged store aside: %w", err)
		}
	}
	if err := os.Remove(s.markPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("set the damaged store aside: %w", err)
	}
	if err := atomicfile.SyncDir(filepath.Dir(s.cfg.Path)); err != nil {
		return "", fmt.Errorf("set the damaged store aside: %w", err)
	}
	return base, nil
}

func (s *Store) markPath() string { return s.cfg.Path + ".is-damaged" }

// noteDamage leaves a note for the next Open.
func (s *Store) noteDamage(cause error) {
	if err := atomicfile.Write(s.markPath(), []byte(cause.Error()), 0o600); err != nil {
		s.log.Error("mark the store as damaged", "error", err)
	}
}

// check finds damage before anything is built on it.
func (s *Store) check(ctx context.Context) error {
	var pages, size int64
	if err := s.w.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	if err := s.w.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	if pages*size > fullCheckLimit {
		return nil
	}
	// The whole check also compares indexes with their tables; it takes longer.
	how := "integrity_check"
	if pages*size > wholeCheckLimit {
		how = "quick_check"
	}
	var verdict string
	if err := s.w.QueryRowContext(ctx, "PRAGMA "+how+"(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check the file: %s: %w", verdict, ErrCorrupt)
	}
	return nil
}

// dropOldAside removes damaged files that are older than anything the policy
// lets live: setting a file aside must not stretch retention.
func (s *Store) dropOldAside(due time.Time) (int, error) {
	r := s.policy().Retention
	longest := time.Duration(max(r.Reads, r.Hits, r.Dispositions, r.Manual))
	n := 0
	for _, mark := range []string{markDamaged, markOtherKey, markEmpty} {
		files, err := filepath.Glob(s.cfg.Path + mark + "*")
		if err != nil {
			return n, fmt.Errorf("list damaged stores: %w", err)
		}
		for _, f := range files {
			name := f[len(s.cfg.Path+mark):]
			since, err := time.Parse(asideTime, name[:min(len(name), len(asideTime))])
			if err != nil || due.Sub(since) < longest {
				continue // also a file that somebody else has put there
			}
			if err := os.Remove(f); err != nil {
				return n, fmt.Errorf("delete damaged store: %w", err)
			}
			n++
		}
	}
	return n, nil
}
