package networks

import (
	"sync"

	"alpr"
)

// Renewable are networks that can be opened anew while a pipeline uses them. It
// is safe for one goroutine that detects, one that reads, and any that renew.
type Renewable struct {
	open func() (*Networks, error)

	renewing sync.Mutex // held by the one that opens
	mu       sync.RWMutex
	current  *Networks
}

// OpenRenewable opens networks for the first time.
func OpenRenewable(open func() (*Networks, error)) (*Renewable, error) {
	n, err := open()
	if err != nil {
		return nil, err
	}
	return &Renewable{open: open, current: n}, nil
}

// Current are the networks in use; they are closed when others take their place.
func (r *Renewable) Current() *Networks {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.current
}

// Detect finds plates. Detect is one goroutine's, Read another's: neither waits
// for the other.
func (r *Renewable) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.current.Detector.Detect(f)
}

// Read reads the plates of a frame.
func (r *Renewable) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.current.Recogniser.Read(f, plates)
}

// Renew puts networks that were just opened and tested in the place of those in
// use. Where they cannot be opened, those stay.
func (r *Renewable) Renew() error {
	r.renewing.Lock()
	defer r.renewing.Unlock()
	next, err := r.open()
	if err != nil {
		return err
	}
	r.mu.Lock()
	before := r.current
	r.current = next
	r.mu.Unlock()
	return before.Close()
}

// Close releases the networks in use.
func (r *Renewable) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current.Close()
}
