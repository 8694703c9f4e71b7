package networks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"alpr"
	"alpr/internal/issuer"
	"alpr/internal/logkey"
)

const (
	// firstRetry and lastRetry bound the time between attempts to open networks
	// that could not be opened.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// ErrNotOpen is why nothing is found or read while networks cannot be opened.
var ErrNotOpen = errors.New("the networks are not open")

// Renewable are networks that can be opened anew, or later, while a pipeline uses
// them. It is safe for one goroutine that detects, one that reads, and any others.
type Renewable struct {
	open    func() (*Networks, error)
	serials *issuer.Formats

	renewing sync.Mutex // held by the one that opens
	mu       sync.RWMutex
	current  *Networks // nil: they could not be opened yet
	cause    error     // why
}

// OpenRenewable opens networks for the first time. Where they cannot be opened,
// Trouble says why, and Keep goes on trying.
func OpenRenewable(open func() (*Networks, error)) (*Renewable, error) {
	serials, err := issuer.New(issuer.Default())
	if err != nil {
		return nil, err
	}
	r := &Renewable{open: open, serials: serials}
	r.current, r.cause = open()
	return r, nil
}

// Trouble is why the networks are not open; nil once they are.
func (r *Renewable) Trouble() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.cause
}

// Log says what runs, where something does.
func (r *Renewable) Log(log *slog.Logger) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current != nil {
		r.current.Log(log)
	}
}

// Versions are those of the networks in use; "" while there are none.
func (r *Renewable) Versions() (detector, recogniser string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return "", ""
	}
	return r.current.Detector.Version(), r.current.Recogniser.Version()
}

// Serials are the formats of serials, which need no network.
func (r *Renewable) Serials() *issuer.Formats { return r.serials }

// Detect finds plates. Detect is one goroutine's, Read another's: neither waits
// for the other.
func (r *Renewable) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOpen, r.cause)
	}
	return r.current.Detector.Detect(f)
}

// DetectIn finds plates in parts of a frame.
func (r *Renewable) DetectIn(f *alpr.Frame, regions []alpr.Box) ([]alpr.Plate, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOpen, r.cause)
	}
	return r.current.Detector.DetectIn(f, regions)
}

// Read reads the plates of a frame.
func (r *Renewable) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOpen, r.cause)
	}
	return r.current.Recogniser.Read(f, plates)
}

// Keep opens networks that could not be opened, as often as it takes, and then
// returns; onOpen is told. It returns at once where they are open.
func (r *Renewable) Keep(ctx context.Context, log *slog.Logger, onOpen func()) {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		cause := r.Trouble()
		if cause == nil {
			return
		}
		log.Error("the networks cannot be opened: no plate is found or read until they are", logkey.Error, cause, logkey.RetryAfter, pause)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if r.tryOpen() == nil {
			r.Log(log)
			onOpen()
			return
		}
	}
}

// tryOpen opens the networks unless somebody else has.
func (r *Renewable) tryOpen() error {
	r.renewing.Lock()
	defer r.renewing.Unlock()
	if r.Trouble() == nil {
		return nil
	}
	return r.replace()
}

// Renew puts networks that were just opened and tested in the place of those in
// use. Where they cannot be opened, those stay.
func (r *Renewable) Renew() error {
	r.renewing.Lock()
	defer r.renewing.Unlock()
	return r.replace()
}

func (r *Renewable) replace() error {
	next, err := r.open()
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.current
	if err != nil {
		if before == nil {
			r.cause = err
		}
		return err
	}
	r.current, r.cause = next, nil
	if before == nil {
		return nil
	}
	return before.Close()
}

// Close releases the networks in use.
func (r *Renewable) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return nil
	}
	return r.current.Close()
}
