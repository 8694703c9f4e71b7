package gps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"alpr"
)

// ErrSilent reports a receiver that is connected and says nothing.
var ErrSilent = errors.New("receiver is silent")

// Opener connects to a receiver. What it returns is read until it fails or the
// context ends, then closed; Close must end a Read under way. A Read may return
// no bytes and no error.
type Opener func(ctx context.Context) (io.ReadCloser, error)

// Options of a Receiver. The zero value of each field means its default.
type Options struct {
	Earliest   time.Time     // no satellite time before this is believed; default 1 January 2025
	MinBackoff time.Duration // before the second attempt to connect; default 0.5 s
	MaxBackoff time.Duration // between attempts in the end; default 15 s
	Silence    time.Duration // without any byte for so long, connect anew; default 10 s
	Protocol   Protocol      // what is spoken; default NMEA
}

// keepFixes is five minutes at ten fixes a second.
const keepFixes = 3000

// allGarbled is how many garbled lines in a row are no accident.
const allGarbled = 20

// enoughRefused is how many positions in a row that cannot be used are no
// matter of the first seconds, in which a date may yet come.
const enoughRefused = 5

// voidAfter is how long after a position the news that there is none is not
// yet believed: a receiver of several satellite systems may say for one of them
// that it sees nothing.
const voidAfter = 2 * time.Second

// talk is a protocol: how what is sent is parted, and what each part says.
type talk interface {
	read(r io.Reader, take func(text string)) error
	decode(text string) (update, error)
}

func (o Options) talk() talk {
	if o.Protocol == GPSD {
		return &gpsdDecoder{calendar: calendar{earliest: o.Earliest, isLive: true, wall: time.Now}}
	}
	return newLiveDecoder(o.Earliest)
}

// Receiver follows a live satellite receiver. Its methods are safe for
// concurrent use, before Run too: they then say that nothing is known.
type Receiver struct {
	open Opener
	opts Options
	log  *slog.Logger
	past history
	time clock

	mu       sync.Mutex
	state    State
	goodBad  int       // below 0: so many garbled lines in a row
	refused  int       // so many positions in a row were of no use
	lastFix  time.Time // when the newest position arrived
	hasPanic bool      // that a line was too much for the decoder has been told
}

// State is the health of a receiver.
type State struct {
	IsConnected bool
	HasFix      bool          // as of the newest sentence that says so
	LastFix     alpr.Fix      // the newest
	Sentences   uint64        // lines that were well formed
	Garbled     uint64        // lines that were not, skipped
	Rejected    uint64        // sentences and fixes with a time or place that cannot be true
	Undated     uint64        // sentences with a position of which nothing says the day
	Panics      uint64        // sentences that were too much for the decoder, skipped
	Connects    uint64        // times connected
	ClockOffset time.Duration // system clock ahead of satellite time, the sentence's way (up to 0.5 s) included
	IsClockSeen bool          // ClockOffset is known, and the date is the receiver's own
	Trouble     string        // why there is no connection, no sentence or no usable position, "" when all is well
}

// NewReceiver prepares to follow what open connects to. Nothing is opened
// before Run.
func NewReceiver(open Opener, opts Options, log *slog.Logger) *Receiver {
	if opts.Earliest.IsZero() {
		opts.Earliest = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if opts.MinBackoff == 0 {
		opts.MinBackoff = 500 * time.Millisecond
	}
	if opts.MaxBackoff == 0 {
		opts.MaxBackoff = 15 * time.Second
	}
	if opts.Silence == 0 {
		opts.Silence = 10 * time.Second
	}
	return &Receiver{open: open, opts: opts, log: log, past: history{keep: keepFixes}}
}

// At is the position at an instant of the system clock. See alpr.Fix for what
// Quality and Age say, and CloseGap, CarryMeasured and CarryEstimated for how
// far a position is carried.
func (r *Receiver) At(system time.Time) alpr.Fix {
	f := r.past.at(r.time.satellite(system))
	f.At = system
	return f
}

// TimeSource says which clock stamped a system instant, and within what that
// stamp is right; 0 means that nothing is known.
func (r *Receiver) TimeSource(system time.Time) (alpr.TimeSource, time.Duration) {
	return r.time.source(system)
}

// State is the receiver's health now.
func (r *Receiver) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	s.LastFix = r.past.last()
	s.ClockOffset, _ = r.time.offset()
	s.IsClockSeen = r.time.isChecked()
	return s
}

// Run connects, reads and connects again until ctx ends; it returns nil then.
// Positions run out while there is no connection, and nothing else stops.
func (r *Receiver) Run(ctx context.Context) error {
	backoff := r.opts.MinBackoff
	told := ""
	for ctx.Err() == nil {
		before := r.State().Sentences
		err := r.connect(ctx)
		if ctx.Err() != nil {
			break
		}
		if r.State().Sentences > before {
			backoff, told = r.opts.MinBackoff, ""
		}
		if msg := err.Error(); msg != told { // the same trouble is told once
			r.log.Warn("no connection to the GPS receiver, reads go on without position",
				"error", err, "retry_after", backoff)
			told = msg
		}
		r.setTrouble(err)
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, r.opts.MaxBackoff)
	}
	return nil
}

func (r *Receiver) setTrouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.IsConnected, r.state.HasFix = false, false
	r.state.Trouble = err.Error()
}

// connect opens the receiver and reads it until it fails.
func (r *Receiver) connect(ctx context.Context) error {
	port, err := r.open(ctx)
	if err != nil {
		return err
	}
	closePort := sync.OnceFunc(func() { port.Close() })
	defer closePort()
	defer context.AfterFunc(ctx, closePort)()

	r.mu.Lock()
	r.state.IsConnected, r.state.Trouble = true, ""
	r.state.Connects++
	r.mu.Unlock()

	dec := r.opts.talk()
	err = dec.read(&patientReader{r: port, patience: r.opts.Silence}, func(text string) { r.take(dec, text) })
	return fmt.Errorf("read GPS receiver: %w", err)
}

// take brings one sentence or report into the history.
func (r *Receiver) take(dec talk, text string) {
	arrived := time.Now()
	u, err := dec.decode(text)
	isBelieved, dropped := false, 0
	if u.fix.IsValid() {
		isNewEpoch := !u.fix.At.Equal(r.past.last().At)
		isBelieved, dropped = r.past.add(u.fix)
		if isBelieved && isNewEpoch {
			r.time.observe(u.fix.At, arrived, u.isDatedBySelf)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Rejected += uint64(dropped)
	switch {
	case errors.Is(err, ErrPanic):
		r.tellPanic(text, err)
	case errors.Is(err, ErrNotCredible):
		r.state.Rejected++
		r.refuse(err.Error())
	case err != nil:
		r.countGarbled(err)
	default:
		r.countSentence(u, isBelieved, arrived)
	}
}

// tellPanic counts a sentence that was too much for the decoder, and tells of the first.
func (r *Receiver) tellPanic(text string, err error) {
	r.state.Panics++
	if !r.hasPanic {
		r.log.Error("a GPS sentence was skipped: please report it", "text", text, "error", err)
		r.hasPanic = true
	}
}

func (r *Receiver) countGarbled(err error) {
	r.state.Garbled++
	r.goodBad = min(r.goodBad, 0) - 1
	if r.goodBad == -allGarbled {
		why := "nothing but garbled lines: is the baud rate right?"
		if errors.Is(err, ErrNoChecksum) {
			why = "nothing but sentences without a checksum, which any noise can falsify: set the receiver to send checksums"
		}
		r.state.Trouble = why
		r.log.Warn("the GPS receiver sends "+why, "lines", allGarbled)
	}
}

func (r *Receiver) countSentence(u update, isBelieved bool, arrived time.Time) {
	if r.goodBad <= -allGarbled {
		r.state.Trouble = ""
	}
	r.goodBad = 1
	r.state.Sentences++
	switch {
	case u.trouble != "":
		if r.state.Trouble != u.trouble {
			r.log.Warn("the GPS receiver gives no position, reads go on without", "error", u.trouble)
		}
		r.state.Trouble, r.refused = u.trouble, max(r.refused, enoughRefused)
	case u.isUndated:
		r.state.Undated++
		r.refuse(fmt.Sprintf("the receiver has a fix (%d satellites) but sends no RMC, which gives the date, and this computer's clock does not agree with it: switch RMC (or ZDA) on, or set the clock",
			u.satellites))
	case isBelieved:
		if r.refused >= enoughRefused {
			r.state.Trouble = ""
		}
		r.refused, r.lastFix, r.state.HasFix = 0, arrived, true
	case u.isNew && !u.fix.IsValid() && arrived.Sub(r.lastFix) > voidAfter:
		r.state.HasFix = false
	}
}

// refuse counts a position that cannot be used, and says why where that lasts.
func (r *Receiver) refuse(why string) {
	if r.refused++; r.refused < enoughRefused {
		return
	}
	if r.refused == enoughRefused {
		r.log.Warn("the GPS receiver's positions cannot be used, reads go on without position", "error", why)
	}
	r.state.HasFix, r.state.Trouble = false, why
}

// patientReader reads on over empty reads, and gives up after a while of them.
type patientReader struct {
	r        io.Reader
	patience time.Duration
}

func (p *patientReader) Read(b []byte) (int, error) {
	start := time.Now()
	for {
		n, err := p.r.Read(b)
		if n > 0 || err != nil {
			return n, err
		}
		if waited := time.Since(start); waited >= p.patience {
			return 0, fmt.Errorf("%w for %s: check its cable, its power and the baud rate",
				ErrSilent, waited.Round(time.Second))
		}
	}
}
