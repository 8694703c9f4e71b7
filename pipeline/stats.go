package pipeline

import (
	"math/bits"
	"sync/atomic"
	"time"

	"alpr"
)

// Stats is the pipeline's health at one moment. Counts are since the start.
type Stats struct {
	FramesIn      uint64            // delivered by the sources
	FramesDropped uint64            // replaced in the mailbox by a newer one
	DroppedOf     map[string]uint64 // the same by camera
	FramesDone    uint64            // looked at
	FramesFull    uint64            // of these, searched as a whole; of the others only where plates are followed
	FramesSame    uint64            // of these, that showed what the one before showed, and were not searched
	FramesPassed  uint64            // not looked at, because the machine is too busy
	Attention     string            // what is looked at less closely than should be, and why; "" where nothing is
	Plates        uint64            // found
	Observations  uint64            // plates whose characters were read
	Previews      uint64            // raised before the pass was over, with a hit
	Reads         uint64            // passes read, each counted once
	Alerts        uint64            // reads that raised hits, each counted once, however many lists name the car
	Hits          uint64            // entries of lists that were hit, each counted once a read
	Withdrawn     uint64            // hits taken back
	StageErrors   uint64            // frames lost to an error of detector or reader
	Unrecorded    int               // reads that wait in memory because recording fails
	Lost          uint64            // reads given up because too many waited
	Trouble       string            // why recording fails, "" while it does not

	Stages []string // what of finding and reading plates does not work, a sentence each

	Tracks      int       // plates followed now
	NewestFrame time.Time // capture instant of the newest frame searched
	Fix         alpr.Fix  // at that instant

	Detect  Latency // of one frame
	Read    Latency // of all plates of one frame that were read
	Record  Latency // of one commit
	HitShow Latency // from the capture of the frame that made the hit to its showing, live only
}

// Latency sums up how long something took. Quantiles are within 10 %.
type Latency struct {
	Count         uint64
	P50, P99, Max time.Duration
}

// counters is what the stages count; every field may be used concurrently.
type counters struct {
	framesIn, framesDropped, framesDone atomic.Uint64
	plates, observations                atomic.Uint64
	previews, reads, hits, withdrawn    atomic.Uint64
	alerts, framesFull, framesUnchanged atomic.Uint64
	framesPassed                        atomic.Uint64
	attention                           atomic.Value // string
	stageErrors, lost                   atomic.Uint64
	unrecorded, tracks                  atomic.Int64
	newestFrame                         atomic.Int64 // Unix nanoseconds
	trouble                             atomic.Value // string

	detect, read, record, hitShow histogram
}

// histogram counts durations in buckets of microseconds, eight to each
// doubling, from 1 µs to over an hour. It may be used concurrently.
type histogram struct {
	bucket [256]atomic.Uint64
	max    atomic.Int64
}

const subBuckets = 3 // bits

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 1<<subBuckets {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - subBuckets
	return min((shift+1)<<subBuckets|int(us>>shift&(1<<subBuckets-1)), 255)
}

// bucketTop is the longest duration of a bucket.
func bucketTop(i int) time.Duration {
	if i < 1<<subBuckets {
		return time.Duration(i) * time.Microsecond
	}
	shift := i>>subBuckets - 1
	us := (uint64(1<<subBuckets|i&(1<<subBuckets-1))+1)<<shift - 1
	return time.Duration(us) * time.Microsecond
}

func (h *histogram) add(d time.Duration) {
	h.bucket[bucketOf(d)].Add(1)
	for {
		old := h.max.Load()
		if int64(d) <= old || h.max.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// since adds the time from start until now.
func (h *histogram) since(start time.Time) { h.add(time.Since(start)) }

func (h *histogram) snapshot() Latency {
	var counts [len(h.bucket)]uint64
	var l Latency
	for i := range h.bucket {
		counts[i] = h.bucket[i].Load()
		l.Count += counts[i]
	}
	l.Max = time.Duration(h.max.Load())
	l.P50 = min(quantile(&counts, l.Count, 0.50), l.Max)
	l.P99 = min(quantile(&counts, l.Count, 0.99), l.Max)
	return l
}

func quantile(counts *[256]uint64, total uint64, q float64) time.Duration {
	var seen uint64
	for i, n := range counts {
		if seen += n; n > 0 && float64(seen) >= q*float64(total) {
			return bucketTop(i)
		}
	}
	return 0
}

// Stats is the health now. It may be called at any time.
func (p *Pipeline) Stats() Stats {
	c := &p.stats
	s := Stats{
		FramesIn: c.framesIn.Load(), FramesDropped: c.framesDropped.Load(), FramesDone: c.framesDone.Load(),
		FramesFull: c.framesFull.Load(), FramesSame: c.framesUnchanged.Load(), FramesPassed: c.framesPassed.Load(),
		Plates: c.plates.Load(), Observations: c.observations.Load(),
		Previews: c.previews.Load(), Reads: c.reads.Load(), Alerts: c.alerts.Load(), Hits: c.hits.Load(), Withdrawn: c.withdrawn.Load(),
		StageErrors: c.stageErrors.Load(), Lost: c.lost.Load(),
		Unrecorded: int(c.unrecorded.Load()), Tracks: int(c.tracks.Load()),
		Detect: c.detect.snapshot(), Read: c.read.snapshot(), Record: c.record.snapshot(), HitShow: c.hitShow.snapshot(),
	}
	s.DroppedOf = p.frames.drops()
	for _, stage := range []*stage{p.finding, p.reading, p.following} {
		if t := stage.Trouble(); t != "" {
			s.Stages = append(s.Stages, t)
		}
	}
	s.Trouble, _ = c.trouble.Load().(string)
	s.Attention, _ = c.attention.Load().(string)
	if ns := c.newestFrame.Load(); ns != 0 {
		s.NewestFrame = time.Unix(0, ns).UTC()
		s.Fix = p.fixAt(s.NewestFrame)
	}
	return s
}
