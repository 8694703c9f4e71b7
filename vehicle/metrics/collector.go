package metrics

import "github.com/prometheus/client_golang/prometheus"

// collector turns one snapshot into metrics at each scrape, so that all of them
// are of the same instant.
type collector struct {
	snapshot func() Snapshot
	descs    map[string]*prometheus.Desc
}

// described are all metrics: name, help, labels.
func described() [][]string {
	return [][]string{
		{"alpr_info", "The program, its processor and its recogniser; always 1.", "version", "processor", "model"},
		{"alpr_camera_up", "Whether the camera sends pictures.", "camera"},
		{"alpr_camera_picture_fault", "1 while plates cannot be read in what the camera shows, and why.", "camera", "fault"},
		{"alpr_camera_frames_total", "Frames that the camera sent.", "camera"},
		{"alpr_camera_frames_dropped_total", "Frames that could not be looked at in time.", "camera"},
		{"alpr_frames_searched_total", "Frames searched for plates."},
		{"alpr_plates_total", "Plates found in frames."},
		{"alpr_reads_total", "Passes read, each counted once."},
		{"alpr_alerts_total", "Reads that raised an alert."},
		{"alpr_hits_total", "Entries of lists that were hit."},
		{"alpr_hits_withdrawn_total", "Hits taken back."},
		{"alpr_stage_errors_total", "Frames lost to an error of detector or recogniser."},
		{"alpr_reads_lost_total", "Reads given up because too many waited for the disk."},
		{"alpr_reads_unrecorded", "Reads that wait in memory for the disk."},
		{"alpr_reads_on_record", "Reads on record now."},
		{"alpr_stage_seconds", "How long a stage takes: quantile 0.5, 0.99 and 1 (the longest so far).", "stage", "quantile"},
		{"alpr_stage_runs_total", "How often a stage ran.", "stage"},
		{"alpr_list_entries", "Entries of a hotlist in use.", "list"},
		{"alpr_list_age_seconds", "Time since a hotlist was published; absent where nobody knows.", "list"},
		{"alpr_list_stale", "Whether a hotlist is older than its limit.", "list"},
		{"alpr_outbox_waiting", "Items that wait for the backend's receipt."},
		{"alpr_outbox_quarantined", "Items that the backend refused."},
		{"alpr_outbox_oldest_seconds", "Age of the oldest item not sent yet."},
		{"alpr_uplink_connected", "Whether the backend's broker is connected."},
		{"alpr_position_fixed", "Whether the vehicle's position is known."},
		{"alpr_disk_free_bytes", "Free space where records lie."},
		{"alpr_audit_whole", "Whether the audit log is whole."},
	}
}

func newCollector(snapshot func() Snapshot) *collector {
	c := &collector{snapshot: snapshot, descs: map[string]*prometheus.Desc{}}
	for _, d := range described() {
		c.descs[d[0]] = prometheus.NewDesc(d[0], d[1], d[2:], nil)
	}
	return c
}

// Describe sends every metric there can be.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect asks the vehicle once and sends all of it.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	send := func(kind prometheus.ValueType) func(string, float64, ...string) {
		return func(name string, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(c.descs[name], kind, value, labels...)
		}
	}
	gauge, count := send(prometheus.GaugeValue), send(prometheus.CounterValue)
	gauge("alpr_info", 1, s.Version, s.Processor, s.Model)
	for _, cam := range s.Cameras {
		gauge("alpr_camera_up", yes(cam.IsUp), cam.Name)
		if cam.Fault != "" {
			gauge("alpr_camera_picture_fault", 1, cam.Name, cam.Fault)
		}
		count("alpr_camera_frames_total", float64(cam.Frames), cam.Name)
		count("alpr_camera_frames_dropped_total", float64(cam.Dropped), cam.Name)
	}
	for _, st := range s.Stages {
		gauge("alpr_stage_seconds", st.P50, st.Name, "0.5")
		gauge("alpr_stage_seconds", st.P99, st.Name, "0.99")
		gauge("alpr_stage_seconds", st.Max, st.Name, "1")
		count("alpr_stage_runs_total", float64(st.Count), st.Name)
	}
	for _, l := range s.Lists {
		gauge("alpr_list_entries", float64(l.Entries), l.Name)
		gauge("alpr_list_stale", yes(l.IsStale), l.Name)
		if l.Age >= 0 {
			gauge("alpr_list_age_seconds", l.Age, l.Name)
		}
	}
	for name, n := range map[string]uint64{
		"alpr_frames_searched_total": s.FramesSearched, "alpr_plates_total": s.Plates, "alpr_reads_total": s.Reads,
		"alpr_alerts_total": s.Alerts, "alpr_hits_total": s.Hits, "alpr_hits_withdrawn_total": s.Withdrawn,
		"alpr_stage_errors_total": s.StageErrors, "alpr_reads_lost_total": s.Lost,
	} {
		count(name, float64(n))
	}
	for name, n := range map[string]float64{
		"alpr_reads_unrecorded": float64(s.Unrecorded), "alpr_reads_on_record": float64(s.RecordsOnStore),
		"alpr_outbox_waiting": float64(s.Waiting), "alpr_outbox_quarantined": float64(s.Quarantined),
		"alpr_outbox_oldest_seconds": s.OldestUnsent, "alpr_uplink_connected": yes(s.IsConnected),
		"alpr_position_fixed": yes(s.HasFix), "alpr_disk_free_bytes": float64(s.FreeBytes), "alpr_audit_whole": yes(s.IsAuditWhole),
	} {
		gauge(name, n)
	}
}

func yes(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
