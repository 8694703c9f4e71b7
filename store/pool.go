package store

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
)

// readPool is the pool of connections that read. It may be exchanged while
// others use it: they get ErrClosed once, or an error of a closed pool.
type readPool struct{ db atomic.Pointer[sql.DB] }

// set exchanges the pool and closes the one before.
func (p *readPool) set(db *sql.DB) error {
	if old := p.db.Swap(db); old != nil {
		return old.Close()
	}
	return nil
}

// QueryContext is sql.DB's.
func (p *readPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	db := p.db.Load()
	if db == nil {
		return nil, ErrClosed
	}
	return db.QueryContext(ctx, query, args...)
}

// BeginTx is sql.DB's.
func (p *readPool) BeginTx(ctx context.Context, opt *sql.TxOptions) (*sql.Tx, error) {
	db := p.db.Load()
	if db == nil {
		return nil, ErrClosed
	}
	return db.BeginTx(ctx, opt)
}

// pool is a querier outside the writing transaction.
type pool struct {
	ctx context.Context
	db  *sql.DB
}

func (s *Store) reader(ctx context.Context) pool { return pool{ctx, s.r.db.Load()} }

func (p pool) row(query string, args []any, dest ...any) (bool, error) {
	if p.db == nil {
		return false, ErrClosed
	}
	err := p.db.QueryRowContext(p.ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
