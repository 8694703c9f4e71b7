package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"

	"alpr"
)

// Names of rows in table meta.
const (
	metaClock     = "retention clock"
	metaKeyID     = "device key id"
	metaTightened = "backend's tightened policy"
	metaPolicy    = "policy in force"
	metaForbidden = "forbidden category: " // and its name
	metaRules     = "rules: "              // and whose
)

// Config says where the store is and what it may keep.
type Config struct {
	Path    string // the SQLite file; its folder is made if need be
	KeyPath string // the device key's file; empty: "device.key" beside Path
	Agency  string // named in audit records that the store writes itself

	// Policy is required: without a valid one Open refuses, and nothing is stored.
	Policy Policy

	// MaxBytes bounds the file; 0: only the disk does. A full store refuses
	// writes with ErrFull and goes on where purging makes room.
	MaxBytes int64

	// Clock is the system clock, time.Now if nil.
	Clock func() time.Time
}

// Store is one vehicle's memory. See the package comment.
type Store struct {
	cfg    Config
	log    *slog.Logger
	now    func() time.Time
	device *DeviceKey
	signer ed25519.PrivateKey
	safe   []byte // keys the hashes of the safe list

	auditSeal auditSealer
	keys      *keyring
	codec     *codec
	bootID    alpr.ID
	clock     retentionClock

	writer  chan struct{} // held by whoever commits
	queueMu sync.Mutex
	queue   []*write
	changed chan struct{}

	// Owned by the holder of writer.
	db    *sql.DB
	w     *sql.Conn
	stmts map[string]*sql.Stmt
	seq   uint64

	r        *sql.DB // the reading pool
	policyMu sync.RWMutex
	inForce  Policy
}

// Open opens the store, creating it and its device key if need be, brings its
// schema up to date, sets a damaged file aside, and deletes what is due. The
// caller calls Run for as long as it records, and Close at the end.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Store, error) {
	if err := cfg.Policy.Validate(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", cfg.Path, err)
	}
	s, err := newStore(cfg, log)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", cfg.Path, err)
	}
	aside, reason, err := s.openFile(ctx)
	if err == nil {
		err = s.begin(ctx, aside, reason)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", cfg.Path, errors.Join(err, s.Close()))
	}
	return s, nil
}

func newStore(cfg Config, log *slog.Logger) (*Store, error) {
	s := &Store{
		cfg: cfg, log: log, now: cfg.Clock,
		writer: make(chan struct{}, 1), changed: make(chan struct{}, 1),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make its folder: %w", err)
	}
	keyPath := cfg.KeyPath
	if keyPath == "" {
		keyPath = filepath.Join(filepath.Dir(cfg.Path), "device.key")
	}
	info, err := os.Stat(cfg.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	hasData := err == nil && info.Size() > 0
	if s.device, err = LoadDeviceKey(keyPath, hasData); err != nil {
		return nil, err
	}
	if s.keys, err = newKeyring(s.device); err != nil {
		return nil, err
	}
	if s.signer, err = s.device.auditKey(); err != nil {
		return nil, err
	}
	if s.auditSeal, err = newAuditSealer(s.device); err != nil {
		return nil, err
	}
	if s.safe, err = s.device.derive("safe list"); err != nil {
		return nil, err
	}
	if s.codec, err = newCodec(); err != nil {
		return nil, err
	}
	if s.bootID, err = alpr.NewID(s.now(), rand.Reader); err != nil {
		return nil, err
	}
	return s, nil
}

// dsn is how both sides open the file: write-ahead log, an fsync at every
// commit, and deleted rows overwritten with zeros.
func (s *Store) dsn(extra url.Values) string {
	v := url.Values{
		"_journal_mode":  {"WAL"},
		"_synchronous":   {"FULL"},
		"_busy_timeout":  {"10000"},
		"_foreign_keys":  {"on"},
		"_secure_delete": {"on"},
	}
	for k, x := range extra {
		v[k] = x
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(s.cfg.Path), RawQuery: v.Encode()}).String()
}

// connect opens the file for writing and checks that it is sound.
func (s *Store) connect(ctx context.Context) error {
	if f, err := os.OpenFile(s.cfg.Path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	} else if err := f.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", s.dsn(nil))
	if err != nil {
		return err
	}
	s.db, s.stmts = db, make(map[string]*sql.Stmt)
	if s.w, err = db.Conn(ctx); err != nil {
		return err
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.w); err != nil {
		return err
	}
	if _, err := s.w.ExecContext(ctx, "PRAGMA journal_size_limit = 16777216"); err != nil {
		return fmt.Errorf("bound the write-ahead log: %w", err)
	}
	if err := s.limit(ctx, s.cfg.MaxBytes); err != nil {
		return err
	}
	s.r, err = sql.Open("sqlite3", s.dsn(url.Values{"_query_only": {"on"}}))
	if err != nil {
		return err
	}
	s.r.SetMaxIdleConns(4) // not bounded: a scan opens keys while it holds a connection
	return nil
}

func (s *Store) limit(ctx context.Context, maxBytes int64) error {
	var size int64
	if err := s.w.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return fmt.Errorf("read the page size: %w", err)
	}
	pages := int64(1<<32 - 2)
	if maxBytes > 0 {
		pages = max(1, maxBytes/size)
	}
	if _, err := s.w.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
		return fmt.Errorf("bound the file: %w", err)
	}
	return nil
}

// begin settles what the file says about itself: device key, clock, policy.
// aside names the damaged file that was moved away, if one was.
func (s *Store) begin(ctx context.Context, aside, reason string) error {
	latest, found, err := s.metaInt(ctx, metaClock)
	if err != nil {
		return err
	}
	if found { // before the first write, which moves it on
		s.clock.restore(fromMS(latest))
	}
	if err := s.checkDeviceKey(ctx); err != nil {
		return err
	}
	if err := s.settleAudit(ctx); err != nil {
		return err
	}
	if err := s.loadPolicy(ctx); err != nil {
		return err
	}
	if aside != "" {
		err := s.Audit(ctx, alpr.AuditRecord{
			Officer: "system", Agency: s.cfg.Agency, Action: alpr.ActionSetAside, Purpose: "the store file was damaged",
			Subject: filepath.Base(aside), Detail: map[string]string{"reason": reason},
		})
		if err != nil {
			return err
		}
	}
	if err := s.dropStaging(ctx); err != nil {
		return err
	}
	_, err = s.Purge(ctx)
	if errors.Is(err, ErrFull) || errors.Is(err, ErrIO) {
		s.log.Error("nothing could be purged", "error", err)
		return nil
	}
	return err
}

// checkDeviceKey refuses a file that was sealed under another device key.
func (s *Store) checkDeviceKey(ctx context.Context) error {
	id, err := s.device.ID()
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		var have []byte
		found, err := t.row("SELECT value FROM meta WHERE name = ?", []any{metaKeyID}, &have)
		if err != nil {
			return err
		}
		if !found {
			return t.putMeta(metaKeyID, []byte(id))
		}
		if string(have) != id {
			return fmt.Errorf("device key %s, store sealed under %s: %w", id, have, ErrKeyWrong)
		}
		return nil
	})
}

// BootID names this start of the program in every outbox item it records.
func (s *Store) BootID() alpr.ID { return s.bootID }

// Changed pulses after commits that added outbox items. It holds one pulse:
// several commits may show as one.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Run purges what is due, and checks the audit log, until ctx ends. It returns
// nil then, and only then.
func (s *Store) Run(ctx context.Context) error {
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() { s.watchAudit(ctx) })
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := s.Purge(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("purge is behind", "error", err)
		}
	}
}

// Close waits for the transaction that is open, if any, and closes the file.
// Writes after it are refused with ErrClosed.
func (s *Store) Close() error {
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	return s.disconnect()
}

func (s *Store) disconnect() error {
	var errs []error
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	if s.r != nil {
		errs = append(errs, s.r.Close())
	}
	if s.w != nil {
		errs = append(errs, s.w.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	s.stmts, s.w, s.db = nil, nil, nil
	return errors.Join(errs...)
}

func (t *tx) putMeta(name string, value any) error {
	_, err := t.exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

func (s *Store) metaInt(ctx context.Context, name string) (v int64, found bool, err error) {
	found, err = s.reader(ctx).row("SELECT value FROM meta WHERE name = ?", []any{name}, &v)
	if err != nil {
		return 0, false, fmt.Errorf("read %s: %w", name, err)
	}
	return v, found, nil
}

// pool is a querier outside the writing transaction.
type pool struct {
	ctx context.Context
	db  *sql.DB
}

func (s *Store) reader(ctx context.Context) pool { return pool{ctx, s.r} }

func (p pool) row(query string, args []any, dest ...any) (bool, error) {
	err := p.db.QueryRowContext(p.ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
