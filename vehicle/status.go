package vehicle

import (
	"context"
	"fmt"
	"time"

	"alpr"
	"alpr/console"
	"alpr/internal/contain"
	"alpr/internal/host"
	"alpr/internal/logkey"
	"alpr/internal/printable"
	"alpr/retention"
	"alpr/store"
)

// Limits under which the officer is told that something is wrong.
const (
	frameSilence = 3 * time.Second // without a frame, a camera is down
	LowDisk      = 500 << 20       // bytes free
	countEvery   = 5 * time.Second // the reads on record are counted
)

// status is how all parts do, for the officer's page.
func (v *Vehicle) status() console.Status {
	now := time.Now()
	st := v.pipeline.Stats()
	s := console.Status{
		At: now, Fix: v.locator.At(now), GPS: v.gpsStatus(now),
		Uplink: v.uplinkStatus(), Store: v.storeStatus(), Clock: v.clockStatus(now), Problems: append(v.problems(), faultProblems(v.guard.State(), now)...),
	}
	s.Audit = auditStatus(v.store.AuditLog())
	for _, c := range v.cameras {
		s.Cameras = append(s.Cameras, cameraStatus(c, st.DroppedOf[c.Name()], now))
	}
	for _, l := range v.matcher.Index().Lists() {
		limit := v.lists.Rules().MaxAgeOf(l.Name)
		stale := !l.PublishedAt.IsZero() && limit > 0 && now.Sub(l.PublishedAt) > limit
		s.Lists = append(s.Lists, console.ListStatus{
			Name: l.Name, Version: l.Version, Entries: l.Len(), PublishedAt: l.PublishedAt, IsStale: stale && !l.IsManual,
		})
	}
	s.Speaker, s.SpeakerDetail = carSpeaker{v.speaker}.status()
	v.addUnrecorded(&s)
	if st.Trouble != "" {
		s.Store.PartStatus = console.PartStatus{Level: console.LevelDown,
			Detail: fmt.Sprintf("%d reads wait in memory: %s", st.Unrecorded, st.Trouble)}
	}
	return s
}

func cameraStatus(c *tap, dropped uint64, now time.Time) console.CameraStatus {
	state := c.State()
	s := console.CameraStatus{
		Name: c.Name(), Frames: state.Frames, Dropped: dropped, LastFrameAt: state.LastFrame,
		PartStatus: console.PartStatus{Level: console.LevelOK},
	}
	switch {
	case state.LastError != "":
		s.PartStatus = console.PartStatus{Level: console.LevelDown, Detail: state.LastError}
	case !state.IsOpen && state.Frames > 0:
		s.PartStatus = console.PartStatus{Level: console.LevelDegraded, Detail: "the recording is over"}
	case state.Frames == 0:
		s.PartStatus = console.PartStatus{Level: console.LevelDegraded, Detail: "no picture has come yet"}
	case now.Sub(state.LastFrame) > max(frameSilence, 3*state.Pace): // one picture in five seconds is a pace, too
		s.PartStatus = console.PartStatus{Level: console.LevelDown,
			Detail: fmt.Sprintf("no picture for %d s: check the cable", int(now.Sub(state.LastFrame).Seconds()))}
	default:
		if p := c.fault.Load(); p != nil {
			s.PartStatus = console.PartStatus{Level: console.LevelDegraded, Detail: p.why}
		}
	}
	return s
}

func (v *Vehicle) gpsStatus(now time.Time) console.PartStatus {
	if v.locator.At(now).IsValid() {
		return console.PartStatus{Level: console.LevelOK}
	}
	if v.receiver == nil {
		return console.PartStatus{Level: console.LevelDegraded, Detail: "no GPS: reads carry no position"}
	}
	if trouble := v.receiver.State().Trouble; trouble != "" {
		return console.PartStatus{Level: console.LevelDown, Detail: "no GPS: reads carry no position. " + trouble}
	}
	return console.PartStatus{Level: console.LevelDegraded, Detail: "no satellite fix: reads carry no position"}
}

func (v *Vehicle) clockStatus(now time.Time) console.ClockStatus {
	degraded := func(detail string) console.ClockStatus {
		return console.ClockStatus{PartStatus: console.PartStatus{Level: console.LevelDegraded, Detail: detail}}
	}
	source, within := v.locator.TimeSource(now)
	s := console.ClockStatus{PartStatus: console.PartStatus{Level: console.LevelOK}}
	switch {
	case v.receiver != nil && within > time.Second:
		return degraded(fmt.Sprintf("times may be off by %s (%s clock)", within.Round(time.Second), source))
	case source == alpr.TimeGPS:
		s.Source = "GPS"
	case source == alpr.TimeFile:
		s.Source = "the recording"
	case host.IsClockSynchronised():
		s.Source = "network time"
	case v.receiver == nil:
		return degraded("checked against nothing: connect a GPS, or switch time synchronisation on. Times may be wrong")
	}
	return s
}

func (v *Vehicle) uplinkStatus() console.UplinkStatus {
	if v.uplink == nil {
		return console.UplinkStatus{IsOff: true, PartStatus: console.PartStatus{Level: console.LevelOK}}
	}
	st := v.uplink.State()
	s := console.UplinkStatus{
		Waiting: st.Depth.Total(), Quarantined: st.Depth.Quarantined,
		PartStatus: console.PartStatus{Level: console.LevelOK},
	}
	if age := st.Depth.OldestUnsentAge; age > 0 {
		s.OldestUnsent = time.Now().Add(-time.Duration(age * float64(time.Second)))
	}
	switch {
	case !st.IsConnected:
		s.PartStatus = console.PartStatus{Level: console.LevelDegraded, Detail: "no connection to the backend: reads wait on this computer. " + st.Problem}
	case st.Problem != "":
		s.PartStatus = console.PartStatus{Level: console.LevelDegraded, Detail: st.Problem}
	}
	return s
}

// faultShown is for how long the page says that the program broke at an input.
const faultShown = time.Hour

// faultProblems says what the program broke at lately.
func faultProblems(s contain.State, now time.Time) []string {
	if s.Count == 0 || now.Sub(s.At) > faultShown {
		return nil
	}
	return []string{fmt.Sprintf("A fault of the program has cost %d inputs since its start (the last at %s: %s). It goes on; tell the technician.",
		s.Count, s.At.Format("15:04"), printable.Line(s.Last))}
}

func (v *Vehicle) storeStatus() console.StoreStatus {
	s := console.StoreStatus{
		PartStatus: console.PartStatus{Level: console.LevelOK},
		FreeBytes:  host.FreeBytes(v.cfg.DataDir), Retention: retentionWords(v.store.Rules().InForce()),
		Reads: v.readsOnRecord.Load(),
	}
	if s.FreeBytes < LowDisk {
		s.PartStatus = console.PartStatus{Level: console.LevelDegraded,
			Detail: fmt.Sprintf("%d MB of disk are left: reads will not be recorded when it is full", s.FreeBytes>>20)}
	}
	return s
}

// countReads keeps the number of reads on record for the page: counting them may
// take longer than a look at the page may.
func (v *Vehicle) countReads(ctx context.Context) error {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for {
		if n, err := v.store.Reads().Count(ctx); err == nil {
			v.readsOnRecord.Store(n)
		} else if ctx.Err() == nil {
			v.log.Warn("reads on record are not counted", logkey.Error, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// auditStatus says for ever that the log was tampered with, once it was.
func auditStatus(l store.AuditLog) console.PartStatus {
	head, err := l.Head(context.Background()) // one row
	if err != nil {
		return console.PartStatus{Level: console.LevelDegraded, Detail: "its end cannot be read: " + err.Error()}
	}
	at := head.BrokenAt()
	if at == 0 {
		return console.PartStatus{Level: console.LevelOK}
	}
	return console.PartStatus{Level: console.LevelDegraded,
		Detail: fmt.Sprintf("tampered with, broken at record %d: tell who runs this system; `alpr audit verify` says what is wrong", at)}
}

func retentionWords(p retention.Policy) string {
	if p.Retention.Reads == 0 {
		return "reads without a hit are not stored"
	}
	return "reads without a hit are deleted after " + p.Retention.Reads.String()
}

// health is what the backend is told of the other parts.
func (v *Vehicle) health() (gauges map[string]float64, problems []string) {
	st := v.pipeline.Stats()
	gauges = map[string]float64{
		"frames_in": float64(st.FramesIn), "frames_dropped": float64(st.FramesDropped),
		"reads": float64(st.Reads), "alerts": float64(st.Alerts), "hits": float64(st.Hits), "hits_withdrawn": float64(st.Withdrawn),
		"stage_errors":     float64(st.StageErrors),
		"reads_unrecorded": float64(st.Unrecorded), "reads_lost": float64(st.Lost),
		"detect_p99_s": st.Detect.P99.Seconds(), "read_p99_s": st.Read.P99.Seconds(),
		"record_p99_s": st.Record.P99.Seconds(), "hit_show_p99_s": st.HitShow.P99.Seconds(),
		"panics": float64(v.guard.State().Count), "disk_free_bytes": float64(host.FreeBytes(v.cfg.DataDir)),
	}
	s := v.status()
	add := func(part string, p console.PartStatus) {
		if p.Detail != "" {
			problems = append(problems, part+": "+p.Detail)
		}
	}
	for _, c := range s.Cameras {
		add("camera "+c.Name, c.PartStatus)
	}
	add("gps", s.GPS)
	add("clock", s.Clock.PartStatus)
	add("store", s.Store.PartStatus)
	add("audit log", s.Audit)
	problems = append(problems, s.Problems...)
	return gauges, problems
}
