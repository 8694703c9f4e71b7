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
)

// fullCheckLimit is the file size up to which opening reads every page. A
// bigger file is checked where it is read: what turns up then is marked, and
// the next Open sets the file aside.
const fullCheckLimit = 512 << 20

// asideMark is in the name of every damaged file that was moved away.
const asideMark = ".damaged-"

// asideTime is the form of the time in that name, from which its retention counts.
const asideTime = "20060102T150405.000Z"

// openFile connects to the file. A damaged one is moved aside, whole, and a
// fresh one opened; aside is then where it went and reason what was wrong.
func (s *Store) openFile(ctx context.Context) (aside, reason string, err error) {
	note, markErr := os.ReadFile(s.markPath())
	if markErr != nil {
		err = s.connect(ctx)
		if err == nil || !isDamage(err) {
			return "", "", err
		}
		reason = err.Error()
	} else {
		reason = string(note)
	}
	if err := s.disconnect(); err != nil {
		s.log.Warn("close the damaged store", "error", err)
	}
	aside, err = s.setAside()
	if err != nil {
		return "", "", err
	}
	s.log.Error("the store file was damaged: it is set aside, recording goes on in a fresh one",
		"damaged", aside, "reason", reason)
	return aside, reason, s.connect(ctx)
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
func (s *Store) setAside() (string, error) {
	base := s.cfg.Path + asideMark + s.now().UTC().Format(asideTime)
	for _, suffix := range []string{"-wal", "-shm", ""} {
		err := os.Rename(s.cfg.Path+suffix, base+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("set the damaged store aside: %w", err)
		}
	}
	if err := os.Remove(s.markPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("set the damaged store aside: %w", err)
	}
	if err := syncDir(filepath.Dir(s.cfg.Path)); err != nil {
		return "", fmt.Errorf("set the damaged store aside: %w", err)
	}
	return base, nil
}

func (s *Store) markPath() string { return s.cfg.Path + ".is-damaged" }

// markDamaged leaves a note for the next Open.
func (s *Store) markDamaged(cause error) {
	if err := os.WriteFile(s.markPath(), []byte(cause.Error()), 0o600); err != nil {
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
	var verdict string
	if err := s.w.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
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
	files, err := filepath.Glob(s.cfg.Path + asideMark + "*")
	if err != nil {
		return 0, fmt.Errorf("list damaged stores: %w", err)
	}
	n := 0
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimSuffix(f, "-wal"), "-shm")
		since, err := time.Parse(asideTime, name[len(s.cfg.Path+asideMark):])
		if err != nil || due.Sub(since) < longest {
			continue // also a file that somebody else has put there
		}
		if err := os.Remove(f); err != nil {
			return n, fmt.Errorf("delete damaged store: %w", err)
		}
		n++
	}
	return n, nil
}
