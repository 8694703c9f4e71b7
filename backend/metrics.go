package backend

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"alpr/internal/contain"
)

// Metrics counts what a consumer does. It is safe for concurrent use, and
// serves itself in Prometheus' text format.
type Metrics struct {
	messages, events, duplicates, letters, batches, failures, alarms atomic.Int64
	writeTime                                                        prometheus.Counter

	lastKeptAt prometheus.Gauge
	lag        *prometheus.GaugeVec     // by kind: seconds from recording to being kept, of the last batch's oldest
	delay      *prometheus.HistogramVec // by kind: the same of every event
	guard      *contain.Guard
	registry   *prometheus.Registry
	http.Handler
}

// NewMetrics makes counters at 0.
func NewMetrics() *Metrics {
	r := prometheus.NewRegistry()
	m := &Metrics{
		writeTime: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "alpr", Name: "write_seconds_total", Help: "Time spent in transactions."}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "alpr", Name: "lag_seconds",
			Help: "From recording in the vehicle to being kept: the oldest event of the last batch."}, []string{"kind"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "alpr", Name: "delay_seconds",
			Help:    "From recording in the vehicle to being kept, of every event kept.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400}}, []string{"kind"}),
		lastKeptAt: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "alpr", Name: "last_kept_timestamp_seconds", Help: "When the last batch was kept."}),
		registry:   r,
	}
	for _, c := range []struct {
		name, help string
		count      func() int64
	}{
		{"messages_total", "MQTT messages kept and acknowledged.", m.messages.Load},
		{"events_total", "Events kept for the first time.", m.events.Load},
		{"duplicates_total", "Events that were there already.", m.duplicates.Load},
		{"dead_letters_total", "Events that failed the schema.", m.letters.Load},
		{"audit_alarms_total", "Audit logs found set back, changed, replaced or broken.", m.alarms.Load},
		{"batches_total", "Transactions.", m.batches.Load},
		{"sink_failures_total", "Transactions that failed and were tried again.", m.failures.Load},
		{"panics_total", "Inputs at which the program broke, and which became dead letters.", func() int64 { return int64(m.guard.State().Count) }},
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "alpr", Name: c.name, Help: c.help}, func() float64 { return float64(c.count()) }))
	}
	r.MustRegister(m.writeTime, m.lag, m.delay, m.lastKeptAt)
	m.Handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

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
	m.writeTime.Add(took.Seconds())
	m.lastKeptAt.Set(float64(now.UnixNano()) / 1e9)
	lag := map[string]float64{}
	for i := range b.Rows {
		if r := &b.Rows[i]; r.isLog() {
			d := now.Sub(r.Event.Time).Seconds()
			m.delay.WithLabelValues(r.kind()).Observe(d)
			lag[r.kind()] = max(lag[r.kind()], d)
		}
	}
	for kind, v := range lag {
		m.lag.WithLabelValues(kind).Set(v)
	}
}
