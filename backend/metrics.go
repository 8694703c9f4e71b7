package backend

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"alpr/internal/contain"
	"alpr/sync/event"
)

// Metrics counts what a consumer does. It is safe for concurrent use, and
// serves itself in Prometheus' text format.
type Metrics struct {
	messages, events, duplicates, letters, batches, failures, alarms atomic.Int64

	mu         sync.Mutex
	writeTime  time.Duration      // sum over batches
	lastLag    map[string]float64 // by kind: seconds from recording to being kept, of the last batch's oldest
	lastKeptAt time.Time
	guard      *contain.Guard
}

// NewMetrics makes counters at 0.
func NewMetrics() *Metrics { return &Metrics{lastLag: map[string]float64{}} }

// Messages is the number of MQTT messages kept and acknowledged.
func (m *Metrics) Messages() int64 { return m.messages.Load() }

// Events is the number of events kept, without duplicates.
func (m *Metrics) Events() int64 { return m.events.Load() }

// Duplicates is the number of events that came again.
func (m *Metrics) Duplicates() int64 { return m.duplicates.Load() }

// Letters is the number of dead letters.
func (m *Metrics) Letters() int64 { return m.letters.Load() }

func (m *Metrics) noteBatch(b Batch, kept Kept, took time.Duration, now time.Time) {
	m.batches.Add(1)
	m.events.Add(int64(kept.Events))
	m.duplicates.Add(int64(kept.Duplicates))
	m.letters.Add(int64(len(b.Letters)))
	m.alarms.Add(int64(len(kept.Alarms)))
	lag := map[string]float64{}
	for i := range b.Rows {
		if r := &b.Rows[i]; r.isLog() {
			lag[r.kind()] = max(lag[r.kind()], now.Sub(r.Event.Time).Seconds())
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writeTime += took
	m.lastKeptAt = now
	for k, v := range lag {
		m.lastLag[k] = v
	}
}

// ServeHTTP answers with all counters.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	counter := func(name, help string, v any) {
		fmt.Fprintf(w, "# HELP alpr_%s %s\n# TYPE alpr_%s counter\nalpr_%s %v\n", name, help, name, name, v)
	}
	counter("messages_total", "MQTT messages kept and acknowledged.", m.messages.Load())
	counter("events_total", "Events kept for the first time.", m.events.Load())
	counter("duplicates_total", "Events that were there already.", m.duplicates.Load())
	counter("dead_letters_total", "Events that failed the schema.", m.letters.Load())
	counter("audit_alarms_total", "Audit logs found set back, changed, replaced or broken.", m.alarms.Load())
	counter("batches_total", "Transactions.", m.batches.Load())
	counter("sink_failures_total", "Transactions that failed and were tried again.", m.failures.Load())
	counter("panics_total", "Inputs at which the program broke, and which became dead letters.", m.guard.State().Count)
	m.mu.Lock()
	defer m.mu.Unlock()
	counter("write_seconds_total", "Time spent in transactions.", m.writeTime.Seconds())
	fmt.Fprintf(w, "# HELP alpr_lag_seconds From recording in the vehicle to being kept: the oldest event of the last batch.\n# TYPE alpr_lag_seconds gauge\n")
	for _, kind := range []string{event.TopicHit, event.TopicRead, event.TopicDisposition, event.TopicAudit} {
		if v, ok := m.lastLag[kind]; ok {
			fmt.Fprintf(w, "alpr_lag_seconds{kind=%q} %g\n", kind, v)
		}
	}
	if !m.lastKeptAt.IsZero() {
		fmt.Fprintf(w, "# HELP alpr_last_kept_timestamp_seconds When the last batch was kept.\n# TYPE alpr_last_kept_timestamp_seconds gauge\nalpr_last_kept_timestamp_seconds %d\n", m.lastKeptAt.Unix())
	}
}
