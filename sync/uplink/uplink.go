package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"alpr"
	"alpr/internal/backoff"
	"alpr/internal/contain"
	"alpr/internal/mqttconn"
	"alpr/sync/downlink"
	"alpr/sync/event"
	"alpr/sync/sharing"
)

// Outbox is the vehicle's durable queue. Its methods may be called from one
// goroutine at a time. Keys of items that are no longer there are passed over.
type Outbox interface {
	Peek(ctx context.Context, q alpr.OutboxQuery) ([]alpr.OutboxItem, error)
	Sent(ctx context.Context, keys []int64, at time.Time) error
	Delivered(ctx context.Context, keys []int64) error
	Receipt(ctx context.Context, boot alpr.ID, from, to uint64) error
	Quarantine(ctx context.Context, key int64, reason string) error
	Depth(ctx context.Context) (alpr.OutboxDepth, error)
	Changed() <-chan struct{}
}

// Auditor keeps the vehicle's log of who did what. It fills in ID, Seq and
// hashes.
type Auditor interface {
	Audit(ctx context.Context, r alpr.AuditRecord) error
}

// Options are the parts an Uplink works with beside the outbox. Any may be
// left out: what needs it is then refused, and logged.
type Options struct {
	BootID   alpr.ID          // of this start, for status and gaps
	Version  string           // of the program, for status
	Now      func() time.Time // the best clock there is; nil: the system's
	Auditor  Auditor
	Hotlists HotlistReceiver
	Pictures PictureSource
	Policy   PolicyTightener
	Scene    Scene
	// AuditHead is the signed end of the audit log, for the status: the backend
	// sees by it that a store was replaced by an older copy.
	AuditHead func(context.Context) (alpr.AuditHead, error)
	// Lists are all lists in use, whichever way they came, for the status.
	Lists  func() []event.ListInUse
	Guard  *contain.Guard                                        // counts the panics that cost a message or a connection
	Health func() (gauges map[string]float64, problems []string) // what other parts measure
}

// Uplink sends. Make it with New, then call Run.
type Uplink struct {
	cfg     Config
	vehicle event.Vehicle
	outbox  Outbox
	opt     Options
	log     *slog.Logger

	sharing     *sharing.Policy
	pictures    *uploadQueue
	outstanding outstanding // the present session's own
	hitTimer    resendTimer // likewise
	resends     resends
	receiptedAt time.Time     // when a receipt was last taken
	rightsAt    time.Time     // when rights at the broker were last found in order
	sentSeq     atomic.Uint64 // highest number of this boot that was published, in whichever session
	ringMu      sync.Mutex
	ring        *downlink.Ring

	mu          sync.Mutex
	state       State
	held        bool          // the emergency button
	heldChanged chan struct{} // one slot
}

// State is how the uplink is doing, for the console and for tests.
type State struct {
	IsConnected bool
	Since       time.Time // of this state
	Unreceipted string    // what gets no receipt though it was sent again and again; "" when nothing is known of
	Problem     string    // why it is not connected, or what the broker refuses; "" when all is well
	Depth       event.Depth
	Link        event.LinkHealth
}

// New makes an Uplink. It checks the configuration and the files it names, and
// connects to nothing.
func New(cfg Config, outbox Outbox, log *slog.Logger, opt Options) (*Uplink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	u := &Uplink{
		cfg: cfg, vehicle: event.Vehicle{Agency: cfg.Agency, Name: cfg.Vehicle}, outbox: outbox, opt: opt,
		log:         log.With("part", "uplink"),
		heldChanged: make(chan struct{}, 1),
	}
	u.state.Problem = "not connected yet"
	if err := u.prepare(); err != nil {
		return nil, err
	}
	return u, nil
}

// prepare reads the files that the configuration names.
func (u *Uplink) prepare() (err error) {
	if err := os.MkdirAll(u.cfg.StateDir, 0o700); err != nil {
		return fmt.Errorf("make uplink.state_dir: %w", err)
	}
	if _, err := mqttconn.Options(u.cfg.Broker, u.vehicle.String(), u.identity()); err != nil {
		return err
	}
	if u.sharing, err = sharing.Load(u.cfg.ReleaseFile); err != nil {
		return err
	}
	if u.pictures, err = openUploads(u.cfg.StateDir, u.log); err != nil {
		return err
	}
	return u.loadRing()
}

// State is safe to call at any time.
func (u *Uplink) State() State {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state
}

func (u *Uplink) update(f func(*State)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.state)
}

// Run sends until ctx is done, and returns nil then. An unreachable broker, or
// one that refuses this vehicle, is no reason to return: it is said once, tried
// again with growing pauses, and recorded items wait in the outbox.
func (u *Uplink) Run(ctx context.Context) error {
	pause := backoff.Pause{First: u.cfg.ReconnectMin, Last: u.cfg.ReconnectMax, HasJitter: true}
	said, brief := "", 0
	for ctx.Err() == nil {
		started := u.opt.Now()
		var wasUp bool
		err := u.opt.Guard.Do("session with the broker", func() (err error) {
			wasUp, err = u.session(ctx)
			return err
		})
		if ctx.Err() != nil {
			break
		}
		problem := explain(err, u.opt.Now())
		if brief = nextBrief(brief, wasUp, u.opt.Now().Sub(started)); brief >= manyBrief {
			problem = "the broker ends the connection within seconds, again and again: does another vehicle have this one's name and certificate? (" + problem + ")"
		}
		u.update(func(s *State) {
			s.IsConnected, s.Since, s.Problem = false, u.opt.Now(), problem
			s.Link.Reconnects++
		})
		if problem != said {
			u.log.Warn("no link to the backend; items wait in the outbox", "broker", u.cfg.Broker, "error", problem)
			said = problem
		}
		if wasUp && u.opt.Now().Sub(started) > u.cfg.ReconnectMax {
			pause.Reset()
		}
		if wasUp {
			said = ""
		}
		if !pause.Wait(ctx) {
			break
		}
	}
	return nil
}

// A session that ends so soon after it came to life is brief; after so many in a
// row it is no weak link.
const (
	briefSession = 15 * time.Second
	manyBrief    = 4
)

// nextBrief counts brief sessions in a row.
func nextBrief(before int, wasUp bool, lasted time.Duration) int {
	switch {
	case !wasUp:
		return before
	case lasted < briefSession:
		return before + 1
	}
	return 0
}

// audit records what the uplink did on somebody's word. A failure is logged:
// the vehicle's work goes on.
func (u *Uplink) audit(ctx context.Context, officer, purpose string, action alpr.AuditAction, subject string, detail map[string]string) {
	if u.opt.Auditor == nil {
		return
	}
	err := u.opt.Auditor.Audit(ctx, alpr.AuditRecord{
		At: u.opt.Now(), Officer: officer, Agency: u.cfg.Agency, Purpose: purpose, Action: action, Subject: subject, Detail: detail,
	})
	if err != nil {
		u.log.Error("record audit", "action", action, "error", fmt.Errorf("audit %s: %w", action, err))
	}
}
