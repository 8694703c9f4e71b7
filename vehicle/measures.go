package vehicle

import (
	"time"

	"alpr/console"
	"alpr/models"
	"alpr/pipeline"
	"alpr/vehicle/metrics"
)

// MetricsConfig says where a monitoring agent on this computer finds metrics.
type MetricsConfig struct {
	Listen string `yaml:"listen"` // "": nowhere
}

// measures is how the vehicle does, for its monitoring.
func (v *Vehicle) measures() metrics.Snapshot {
	st, s := v.pipeline.Stats(), v.status()
	detector, recogniser := v.networks.Versions()
	m := metrics.Snapshot{
		Version: v.version, Processor: models.ThisProcessor().String(), Model: detector + ", " + recogniser,
		FramesSearched: st.FramesDone, Plates: st.Plates, Reads: st.Reads, Alerts: st.Alerts, Hits: st.Hits,
		Withdrawn: st.Withdrawn, StageErrors: st.StageErrors, Lost: st.Lost,
		Unrecorded: st.Unrecorded, Waiting: int(s.Uplink.Waiting), Quarantined: int(s.Uplink.Quarantined),
		IsConnected: !s.Uplink.IsOff && s.Uplink.Level == console.LevelOK, HasFix: s.Fix.IsValid(),
		FreeBytes: s.Store.FreeBytes, IsAuditWhole: s.Audit.Level == console.LevelOK, RecordsOnStore: s.Store.Reads,
	}
	if !s.Uplink.OldestUnsent.IsZero() {
		m.OldestUnsent = s.At.Sub(s.Uplink.OldestUnsent).Seconds()
	}
	for i, c := range s.Cameras {
		measured := metrics.Camera{Name: c.Name, Frames: c.Frames, Dropped: c.Dropped, IsUp: c.Level == console.LevelOK}
		if p := v.cameras[i].fault.Load(); p != nil && c.Level == console.LevelDegraded && c.Detail == p.why {
			measured.IsUp, measured.Fault = true, string(p.fault) // it sends, and shows nothing
		}
		m.Cameras = append(m.Cameras, measured)
	}
	for _, l := range s.Lists {
		list := metrics.List{Name: l.Name, Entries: l.Entries, IsStale: l.IsStale, Age: -1}
		if !l.PublishedAt.IsZero() {
			list.Age = s.At.Sub(l.PublishedAt).Seconds()
		}
		m.Lists = append(m.Lists, list)
	}
	for name, l := range map[string]pipeline.Latency{"detect": st.Detect, "recognise": st.Read, "record": st.Record, "alert": st.HitShow} {
		m.Stages = append(m.Stages, metrics.Stage{Name: name, Count: l.Count, P50: l.P50.Seconds(), P99: l.P99.Seconds(), Max: l.Max.Seconds()})
	}
	return m
}

// hungAfter is how long frames may come and none be searched before the
// pipeline counts as hung. A frame takes milliseconds; a board that throttles,
// or networks that are opened anew, take seconds.
const hungAfter = 60 * time.Second

// pulse tells a pipeline that goes on from one that hangs.
type pulse struct {
	taken uint64    // frames that left the mailbox, searched or failed
	since time.Time // when that last moved, or when nothing waited
	in    uint64
}

// beats says whether the pipeline is alive: frames are searched, or none came.
// A camera that hangs delivers none and keeps the pulse; networks that fail
// frame after frame are being opened anew, which is life.
func (p *pulse) beats(st pipeline.Stats, now time.Time) bool {
	taken := st.FramesDone + st.FramesPassed + st.StageErrors
	if p.since.IsZero() || taken != p.taken || st.FramesIn == p.in || len(st.Stages) > 0 {
		p.taken, p.since = taken, now
	}
	p.in = st.FramesIn
	return now.Sub(p.since) < hungAfter
}
