package store

import (
	"context"
	"time"
)

const (
	// secureTries and securePause bound the wait for readers that still use what
	// the write-ahead log replaces.
	secureTries = 50
	securePause = 20 * time.Millisecond
)

// secure puts everything committed into the file itself. The write-ahead log is a
// file of its own, which can be lost alone: what decides who alerts and what is kept
// must not stand in it only. What fails is said and done by a later commit.
func (s *Store) secure(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	pause := time.NewTicker(securePause)
	defer pause.Stop()
	for range secureTries {
		isWhole, err := s.checkpoint(ctx)
		if err != nil {
			s.log.Warn("a change of lists or rules stands in the write-ahead log alone", "error", err)
		}
		if isWhole || err != nil {
			return
		}
		<-pause.C
	}
}

// checkpoint copies what the write-ahead log holds into the file, synced, waiting
// for nobody. isWhole is false where a reader keeps some of it from being copied.
func (s *Store) checkpoint(ctx context.Context) (isWhole bool, err error) {
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	if s.w == nil {
		return false, s.whyClosed()
	}
	var isBusy, pages, done int
	if err := s.w.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&isBusy, &pages, &done); err != nil {
		return false, s.explain(err)
	}
	return isBusy == 0 && pages == done, nil
}
