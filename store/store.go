package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"

	"alpr"
	"alpr/audit"
	"alpr/internal/contain"
	"alpr/internal/regular"
	"alpr/retention"
)

// Names of rows in table meta.
const (
	metaClock     = "retention clock"
	metaKeyID     = "device key id"
	metaTightened = "backend's tightened policy"
	metaPolicy    = "policy in force"
	metaForbidden = "forbidden category: " // and its name
	metaRules     = "rules: "              // and whose

	metaPolicyLost = "policy lost" // nothing is kept until RestorePolicy
)

// Config says where the store is and what it may keep.
type Config struct {
	Path    string // the SQLite file; its folder is made if need be
	KeyPath string // the device key's file; empty: "device.key" beside Path
	Agency  string // named in audit records that the store writes itself

	// Policy is required: without a valid one Open refuses, and nothing is stored.
	Policy retention.Policy

	// MayRenew lets Open begin a new store in the place of one that cannot be
	// used: whose key is missing or another one, or which is no store of alpr's.
	// What was there is moved aside, never deleted. It is for the program in the
	// car, which must not stay dark; a command that was merely started in the
	// wrong place gets an error.
	MayRenew bool

	// MayLookUnrecorded lets records be looked at while the look cannot be
	// written down because the disk is full; it is written down later. Otherwise
	// they are refused meanwhile.
	MayLookUnrecorded bool

	// MaxBytes bounds the file; 0: only the disk does. A full store refuses
	// writes with ErrFull and goes on where purging makes room.
	MaxBytes int64

	// Guard counts the panics that cost a record; nil: they are contained uncounted.
	Guard *contain.Guard

	// Clock is the system clock, time.Now if nil.
	Clock func() time.Time
}

// Store is one vehicle's memory. See the package comment.
type Store struct {
	cfg    Config
	log    *slog.Logger
	now    func() time.Time
	device *DeviceKey
	safe   []byte // keys the hashes of the safe list

	sealer audit.Sealer // of the audit log
	keys   *keyring
	codec  *codec
	bootID alpr.ID
	clock  retention.Clock

	writer  chan struct{} // held by whoever commits
	queueMu sync.Mutex
	queue   []*write
	changed chan struct{}

	// Owned by the holder of writer.
	db    *sql.DB
	w     *sql.Conn
	stmts map[string]*sql.Stmt
	seq   uint64

	r        readPool
	policyMu sync.RWMutex
	inForce  retention.Policy

	metaKey      []byte // keys the hashes of meta's rows
	isPolicyLost bool
	mended       mendings
	scrubbed     atomic.Int64 // the rowid down to which reads were looked through
	lock         *os.File     // shared by all who have the store open; nil where there is none

	noticeMu sync.Mutex
	notices  []Notice

	// What opening has found.
	hasMACs    bool // the file was of a release that hashes meta's rows, or fresh
	isSalvaged bool
	lostMeta   []metaRow
	unfit      []unfitRow
	isMissed   bool // what was in use is compared with what there is
	began      []beginning

	room roomState
}

// Open opens the store, creating it and its device key if need be, brings its
// schema up to date, and deletes what is due. A damaged file is moved aside, and
// what can be read of it taken over; damaged rows are set apart. On a full disk
// it opens all the same, to be read. What happened is in Notices. The caller
// calls Run for as long as it records, and Close at the end.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Store, error) {
	fail := func(err error) (*Store, error) { return nil, fmt.Errorf("open store %s: %w", cfg.Path, err) }
	if err := cfg.Policy.Validate(); err != nil {
		return fail(err)
	}
	s, err := newStore(cfg, log)
	if err != nil {
		return fail(err)
	}
	err = s.open(ctx)
	if isOther(err) && cfg.MayRenew {
		err = s.renew(ctx, err)
	}
	if err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	return s, nil
}

// isOther tells a store that this vehicle's key or program cannot use.
func isOther(err error) bool {
	return errors.Is(err, ErrKeyWrong) || errors.Is(err, ErrForeign)
}

// renew moves a store aside that cannot be used, and begins a new one.
func (s *Store) renew(ctx context.Context, cause error) error {
	if err := s.disconnect(); err != nil {
		s.log.Warn("close the store that cannot be used", "error", err)
	}
	mark := markOtherKey
	if errors.Is(cause, ErrForeign) {
		mark = markForeign
	}
	if err := s.beginAnew(mark, cause); err != nil {
		return errors.Join(cause, err)
	}
	return s.open(ctx)
}

func (s *Store) open(ctx context.Context) error {
	if err := s.openFile(ctx); err != nil {
		if !isNoRoom(err) {
			return err
		}
		if err := s.openToRead(ctx, err); err != nil {
			return err
		}
	}
	return s.begin(ctx)
}

func newStore(cfg Config, log *slog.Logger) (*Store, error) {
	s := &Store{
		cfg: cfg, log: log, now: cfg.Clock,
		writer: make(chan struct{}, 1), changed: make(chan struct{}, 1),
	}
	s.scrubbed.Store(1<<63 - 1)
	if s.now == nil {
		s.now = time.Now
	}
	if s.cfg.KeyPath == "" {
		s.cfg.KeyPath = filepath.Join(filepath.Dir(cfg.Path), "device.key")
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make its folder: %w", err)
	}
	var err error
	if s.codec, err = newCodec(); err != nil {
		return nil, err
	}
	if s.bootID, err = alpr.NewID(s.now(), rand.Reader); err != nil {
		return nil, err
	}
	if err := s.resolvePlace(); err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

// useKey derives what the store needs of the device key.
func (s *Store) useKey(device *DeviceKey) (err error) {
	s.device = device
	if s.keys, err = newKeyring(device); err != nil {
		return err
	}
	if s.sealer, err = newSealer(device); err != nil {
		return err
	}
	if s.safe, err = device.derive("safe list"); err != nil {
		return err
	}
	s.metaKey, err = device.derive("meta")
	return err
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
	if f, err := regular.OpenFile(s.cfg.Path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
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
	if s.hasMACs, err = s.isOurs(ctx); err != nil {
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
	pool, err := sql.Open("sqlite3", s.dsn(url.Values{"_query_only": {"on"}}))
	if err != nil {
		return err
	}
	pool.SetMaxIdleConns(4) // not bounded: a scan opens keys while it holds a connection
	return s.r.set(pool)
}

// isOurs refuses a database of another program's. hasMACs says whether the
// release that wrote it hashed the rows of meta.
func (s *Store) isOurs(ctx context.Context) (hasMACs bool, err error) {
	var tables, ours, macs int
	err = s.w.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name IN ('meta', 'data_keys', 'reads', 'hotlists', 'audit')),
		(SELECT count(*) FROM pragma_table_info('meta') WHERE name = 'mac')
		FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).Scan(&tables, &ours, &macs)
	if err != nil {
		return false, fmt.Errorf("read the schema: %w", err)
	}
	if tables > 0 && ours < 5 {
		return false, ErrForeign
	}
	return tables == 0 || macs > 0, nil
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

// begin resolves what the file says about itself: device key, clock, policy, and
// what of it is damaged. What a full disk keeps from being written is written
// once there is room: begin may be called again.
func (s *Store) begin(ctx context.Context) error {
	rows, err := s.readMeta(ctx)
	if err != nil {
		return err
	}
	if err := s.proveKey(ctx, rows); err != nil {
		return err
	}
	if err := s.loadKeys(ctx); err != nil {
		return err
	}
	damage := s.examineMeta(rows, s.hasMACs)
	if err := s.restoreClock(ctx, damage); err != nil { // before the first write, which moves it on
		return err
	}
	for _, step := range []func(context.Context) error{
		s.resolveAudit,
		func(ctx context.Context) error { return s.resolveMeta(ctx, damage, s.hasMACs) },
		func(ctx context.Context) error { return s.loadPolicy(ctx, damage) },
		s.loadNotices,
		s.noteBeginnings,
		s.missLists,
		s.quarantineUnfit,
		s.examine,
		s.keepListNames,
		s.dropStaging,
		func(ctx context.Context) error { _, err := s.Purge(ctx); return err },
	} {
		if err := step(ctx); err != nil {
			if !isNoRoom(err) {
				return err
			}
			s.noRoom(err)
		}
	}
	s.writeMended(ctx)
	return nil
}

func (s *Store) restoreClock(ctx context.Context, d metaDamage) error {
	if s.clock.IsSet() {
		return nil // begin for the second time
	}
	latest, found, err := s.metaInt(ctx, metaClock)
	if err != nil {
		return err
	}
	if found && !d.clock {
		s.clock.Restore(fromMS(latest))
		return nil
	}
	if !d.clock {
		return nil
	}
	at := s.trustworthyTime(ctx)
	if at.IsZero() {
		s.remember(PartClock, "the retention clock was damaged: it goes on from the system clock")
		return nil
	}
	s.remember(PartClock, "the retention clock was damaged: it goes on from the newest time that the records vouch for, "+at.Format(time.RFC3339))
	s.clock.Restore(at)
	return nil
}

// noteBeginnings puts what was moved aside before the file was open on record.
func (s *Store) noteBeginnings(ctx context.Context) error {
	if len(s.began) == 0 {
		return nil
	}
	err := s.write(ctx, func(t *tx) error {
		for _, b := range s.began {
			err := t.auditNow(alpr.AuditRecord{
				Officer: "system", Agency: s.cfg.Agency, Action: alpr.ActionSetAside, Purpose: b.purpose,
				Subject: b.aside, Detail: map[string]string{"reason": b.reason},
			})
			if err != nil {
				return err
			}
		}
		return t.putNotices()
	})
	if err != nil {
		return err
	}
	s.began = nil
	return nil
}

// BootID names this start of the program in every outbox item it records.
func (s *Store) BootID() alpr.ID { return s.bootID }

// Changed pulses after commits that added outbox items. It holds one pulse:
// several commits may show as one.
func (o Outbox) Changed() <-chan struct{} { return o.s.changed }

// Run purges what is due, and checks the audit log, until ctx ends. It returns
// nil then, and only then.
func (s *Store) Run(ctx context.Context) error {
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		_ = s.cfg.Guard.Keep(ctx, "watch over the audit log", func(ctx context.Context) error { s.watchAudit(ctx); return nil }) // said and counted there
	})
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	room := time.NewTicker(roomEvery)
	defer room.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-room.C:
			s.regain(ctx)
			continue
		case <-tick.C:
		}
		err := s.cfg.Guard.Do("upkeep of the store", func() error {
			if err := s.scrub(ctx, scrubStep); err != nil && ctx.Err() == nil {
				s.log.Warn("look through the store", "error", err)
			}
			s.writeMended(ctx)
			_, err := s.Purge(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			s.log.Error("purge is behind", "error", err)
		}
	}
}

// Close waits for the transaction that is open, if any, and closes the file.
// Writes after it are refused with ErrClosed.
func (s *Store) Close() error {
	s.flushLate(context.Background(), true)
	s.stayClosed()
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	return errors.Join(s.disconnect(), s.unlock())
}

func (s *Store) disconnect() error {
	var errs []error
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	errs = append(errs, s.r.set(nil))
	if s.w != nil {
		errs = append(errs, s.w.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	s.stmts, s.w, s.db = nil, nil, nil
	return errors.Join(errs...)
}

func (s *Store) metaInt(ctx context.Context, name string) (v int64, found bool, err error) {
	var value looseInt
	found, err = s.reader(ctx).row("SELECT value FROM meta WHERE name = ?", []any{name}, &value)
	if err != nil {
		return 0, false, fmt.Errorf("read %s: %w", name, err)
	}
	return int64(value), found && value != badInt, nil
}
