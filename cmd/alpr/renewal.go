package main

import (
	"sync"

	"alpr"
)

// renewable is networks that can be opened anew while the pipeline uses them.
type renewable struct {
	open func() (*networks, error)

	renewing sync.Mutex // held by the one that opens
	mu       sync.RWMutex
	current  *networks
}

func openRenewable(open func() (*networks, error)) (*renewable, error) {
	n, err := open()
	if err != nil {
		return nil, err
	}
	return &renewable{open: open, current: n}, nil
}

// Detect is one goroutine's, Read another's: neither waits for the other.
func (r *renewable) Detect(f *alpr.Frame) ([]alpr.Plate, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.current.detector.Detect(f)
}

func (r *renewable) Read(f *alpr.Frame, plates []alpr.Plate) ([]alpr.Text, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.current.reader.Read(f, plates)
}

// renew puts networks that were just opened and tested in the place of those in
// use. Where they cannot be opened, those stay.
func (r *renewable) renew() error {
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

func (r *renewable) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current.Close()
}
