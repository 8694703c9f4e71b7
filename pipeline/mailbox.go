package pipeline

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"alpr"
)

// dropReport is the least time between two lines about dropped frames.
const dropReport = time.Second

// mailbox hands frames from the sources to the detector. It holds the newest
// frame of each camera: an older one that was not taken is dropped and counted.
// Lossless, put waits instead until the frame is taken.
type mailbox struct {
	log        *slog.Logger
	stats      *counters
	isLossless bool

	mu      sync.Mutex
	newest  map[string]*alpr.Frame
	came    map[string]time.Time // when the camera's newest frame was put
	waited  time.Duration        // by the frame that was taken last
	turn    []string             // cameras whose frame waits, longest first
	arrived chan struct{}        // one pulse: something may wait
	taken   chan struct{}        // one pulse: a place may be free

	droppedOf  map[string]uint64 // by camera, since the start
	dropped    int               // since the last report
	reportedAt time.Time
}

func newMailbox(isLossless bool, stats *counters, log *slog.Logger) *mailbox {
	return &mailbox{
		log: log, stats: stats, isLossless: isLossless,
		newest:    make(map[string]*alpr.Frame),
		came:      make(map[string]time.Time),
		droppedOf: make(map[string]uint64),
		arrived:   make(chan struct{}, 1),
		taken:     make(chan struct{}, 1),
	}
}

// put leaves a frame. It blocks only where the mailbox is lossless.
func (m *mailbox) put(ctx context.Context, f *alpr.Frame) {
	m.stats.framesIn.Add(1)
	for !m.tryPut(f) {
		select {
		case <-m.taken:
		case <-ctx.Done():
			return
		}
	}
	pulse(m.arrived)
}

func (m *mailbox) tryPut(f *alpr.Frame) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isLossless && len(m.newest) > 0 {
		return false
	}
	if m.newest[f.Camera] == nil {
		m.turn = append(m.turn, f.Camera)
	} else {
		m.countDrop(f.Camera)
	}
	m.newest[f.Camera], m.came[f.Camera] = f, time.Now()
	return true
}

// countDrop counts a dropped frame and says so at most once a second.
func (m *mailbox) countDrop(camera string) {
	m.stats.framesDropped.Add(1)
	m.droppedOf[camera]++
	m.dropped++
	if now := time.Now(); now.Sub(m.reportedAt) >= dropReport {
		m.log.Warn("detection is slower than the cameras, dropping frames", "dropped", m.dropped)
		m.dropped, m.reportedAt = 0, now
	}
}

// take gives the frame that has waited longest for its camera's turn, or nil
// when ctx is over or done is closed and nothing waits.
func (m *mailbox) take(ctx context.Context, done <-chan struct{}) *alpr.Frame {
	for {
		if f := m.tryTake(); f != nil {
			pulse(m.taken)
			return f
		}
		select {
		case <-m.arrived:
		case <-done:
			f := m.tryTake()
			pulse(m.taken)
			return f
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *mailbox) tryTake() *alpr.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.turn) == 0 {
		return nil
	}
	camera := m.turn[0]
	m.turn = m.turn[1:]
	f := m.newest[camera]
	m.waited = time.Since(m.came[camera])
	delete(m.newest, camera)
	return f
}

// load is how long the frame taken last has waited, and how many frames were
// dropped so far.
func (m *mailbox) load() (waited time.Duration, dropped uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waited, m.stats.framesDropped.Load()
}

// drops counts the frames of each camera that were dropped.
func (m *mailbox) drops() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.droppedOf)
}

func pulse(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
