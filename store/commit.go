package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mattn/go-sqlite3"
)

// maxBatch bounds how many writes share a transaction, and so how long the
// first of them waits for the last.
const maxBatch = 128

// Errors of writing. ErrFull and ErrIO leave the store usable: the write can be
// repeated once there is room.
var (
	ErrFull    = errors.New("no room left for the store: free disk space, raise store.max_bytes, or shorten retention")
	ErrIO      = errors.New("the disk refused a read or write: check the card or disk (dmesg) and the folder's permissions")
	ErrCorrupt = errors.New("the store file is damaged: restart alpr, which sets it aside and opens a fresh one")
	ErrClosed  = errors.New("the store is closed")
	ErrForeign = errors.New("not a store of alpr's: another program's database")
	ErrInUse   = errors.New("another alpr has the store open: stop it first")
)

// write is one queued operation. It runs inside the batch's transaction, in a
// savepoint of its own.
type write struct {
	do   func(*tx) error
	done chan error // capacity 1
}

// tx is what a write may use: the batch's transaction and its clocks.
type tx struct {
	ctx   context.Context
	s     *Store
	wall  time.Time // the system clock
	due   time.Time // the retention clock: what purge instants are measured on
	seq   uint64    // last outbox sequence number given out
	added bool      // an outbox item was added
}

// write queues do and returns when it is durable or refused. Whoever finds the
// writer free commits for everybody waiting: under load many writes share one
// fsync, alone a write waits for nobody. do may run after ctx has ended.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	s.regainForWrite(ctx)
	w := &write{do: do, done: make(chan error, 1)}
	s.queueMu.Lock()
	s.queue = append(s.queue, w)
	s.queueMu.Unlock()
	for {
		select {
		case err := <-w.done:
			return err
		case <-ctx.Done():
			return fmt.Errorf("wait for the store: %w", context.Cause(ctx))
		case s.writer <- struct{}{}:
			s.commitQueued(context.WithoutCancel(ctx))
			<-s.writer
		}
	}
}

func (s *Store) commitQueued(ctx context.Context) {
	s.queueMu.Lock()
	n := min(len(s.queue), maxBatch)
	batch := s.queue[:n:n]
	s.queue = append([]*write(nil), s.queue[n:]...)
	s.queueMu.Unlock()
	if n == 0 {
		return
	}
	results, added, err := s.commit(ctx, batch)
	if added && err == nil {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
	for i, w := range batch {
		if err != nil {
			w.done <- err
		} else {
			w.done <- results[i]
		}
	}
}

// commit runs the batch in one transaction. results are the writes' own
// errors; err is the transaction's and holds for all of them.
func (s *Store) commit(ctx context.Context, batch []*write) (results []error, added bool, err error) {
	if s.w == nil {
		return nil, false, s.whyClosed()
	}
	if _, err := s.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, false, s.explain(err)
	}
	wall := s.now()
	t := &tx{ctx: ctx, s: s, wall: wall, due: s.clock.Advance(wall), seq: s.seq}
	results = make([]error, len(batch))
	for i, w := range batch {
		if results[i], err = t.run(w); err != nil {
			break
		}
	}
	if err == nil {
		err = t.saveClock()
	}
	if err == nil {
		_, err = s.exec(ctx, "COMMIT")
	}
	if err != nil {
		// SQLite itself rolls back on some errors; then this one only says so.
		_, _ = s.exec(ctx, "ROLLBACK")
		s.keys.forgetNew()
		return nil, false, s.explain(err)
	}
	s.keys.keepNew()
	s.seq = t.seq
	return results, t.added, nil
}

// run does one write in a savepoint. own is the write's own error, after which
// the others go on; broken is one that ends the whole transaction.
func (t *tx) run(w *write) (own, broken error) {
	if _, err := t.exec("SAVEPOINT w"); err != nil {
		return nil, err
	}
	seq, added := t.seq, t.added
	own = t.s.cfg.Guard.Do("record of the store", func() error { return w.do(t) }) // the transaction must end whatever happens
	if own == nil {
		_, err := t.exec("RELEASE w")
		return nil, err
	}
	if isFatal(own) {
		return own, own
	}
	t.seq, t.added = seq, added
	if _, err := t.exec("ROLLBACK TO w"); err != nil {
		return own, err
	}
	t.s.keys.forgetNew()
	_, err := t.exec("RELEASE w")
	return own, err
}

func isFatal(err error) bool {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrNomem, sqlite3.ErrReadonly:
		return true
	}
	return false
}

// explain puts the store's own error, which says how to mend it, around
// SQLite's.
func (s *Store) explain(err error) error {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return err
	}
	var kind error
	switch se.Code {
	case sqlite3.ErrFull:
		kind = ErrFull
	case sqlite3.ErrIoErr, sqlite3.ErrReadonly:
		kind = ErrIO
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		kind = ErrCorrupt
		s.noteDamage(err)
	default:
		return fmt.Errorf("write store %s: %w", s.cfg.Path, err)
	}
	return fmt.Errorf("write store %s: %w (%w)", s.cfg.Path, kind, err)
}

// exec runs a statement on the writing connection, prepared once.
func (s *Store) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.stmts[query]; ok {
		return st, nil
	}
	st, err := s.w.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.stmts[query] = st
	return st, nil
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	return t.s.exec(t.ctx, query, args...)
}

func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	st, err := t.s.prepared(t.ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(t.ctx, args...)
}

// row scans the first row of a query; found is false where there is none.
func (t *tx) row(query string, args []any, dest ...any) (found bool, err error) {
	st, err := t.s.prepared(t.ctx, query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(t.ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
