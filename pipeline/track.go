package pipeline

import (
	"math"
	"slices"
	"time"

	"alpr"
)

const (
	// keepObservations bounds what a track remembers: a minute behind one car
	// must cost no more than a second.
	keepObservations = 24
	// stableWeight is the effective number of frames after which a sure text is
	// read again only where there is more to see.
	stableWeight = 1.3
	stable       = 0.985
	// readAgain is how often the plate of a sure track is read all the same: in a
	// stream that froze, at a cut or behind dropped frames another car may stand
	// where the first one stood.
	readAgain = 500 * time.Millisecond
	// maxGate is the largest distance, in standard deviations, at which a plate
	// may still be the one that a track expects.
	maxGate = 4.0
)

// track is a plate followed from frame to frame of one camera, and the pass
// that it belongs to.
type track struct {
	motion
	first, last time.Time
	isOver      bool    // out of view for good
	frames      int     // in which the plate was seen
	scores      float64 // of the detector, summed

	serials     Serials // may be nil
	obs         []*observation
	hiddenWidth float64        // the least of the plate since it was read whole; 0: it is
	contrary    []*observation // the newest ones, which speak of another plate; see contradicts
	read        int            // observations made, kept or not
	fused       fused
	lastRead    time.Time
	lastWidth   float64 // at the last observation
	bestWidth   float64 // of all observations

	camera       string
	photographer Photographer // may be nil
	best         pictured     // the observation that the track's camera is shown with

	pass *pass
}

// pictured is the observation that a read is shown with.
type pictured struct {
	stills             // what is kept of the frame; empty where the pictures were taken
	pictures *pictures // of this very frame; filled by the recording
	*observation
}

// motion predicts a plate's centre and size at constant velocity, corrected by
// what is seen (an α-β filter: P. R. Kalata, IEEE Trans. AES 20, 1984).
type motion struct {
	at         time.Time
	x, y, size float64 // centre in pixels; logarithm of the width
	vx, vy, vs float64 // per second
	isMoving   bool    // velocity is known
}

const (
	alpha = 0.8
	beta  = 0.5
)

// place is a plate's centre and the logarithm of its width.
func place(p alpr.Plate) (x, y, size float64) {
	for _, c := range p.Corners {
		x += float64(c.X) / 4
		y += float64(c.Y) / 4
	}
	return x, y, math.Log(math.Max(p.WidthPx(), 1))
}

func newMotion(p alpr.Plate, at time.Time) motion {
	x, y, size := place(p)
	return motion{at: at, x: x, y: y, size: size}
}

// predict is where the plate should be at an instant.
func (m *motion) predict(at time.Time) (x, y, size float64) {
	dt := at.Sub(m.at).Seconds()
	return m.x + m.vx*dt, m.y + m.vy*dt, m.size + m.vs*dt
}

// correct takes in where the plate was seen.
func (m *motion) correct(p alpr.Plate, at time.Time) {
	dt := at.Sub(m.at).Seconds()
	if dt <= 0 {
		return
	}
	x, y, size := m.predict(at)
	sx, sy, ss := place(p)
	a, b := alpha, beta
	if !m.isMoving {
		a, b = 1, 1
	}
	m.x, m.y, m.size = x+a*(sx-x), y+a*(sy-y), size+a*(ss-size)
	m.vx += b * (sx - x) / dt
	m.vy += b * (sy - y) / dt
	m.vs += b * (ss - size) / dt
	m.at, m.isMoving = at, true
}

// distance is how far a plate is from where it should be, in standard
// deviations.
func (m *motion) distance(p alpr.Plate, at time.Time) float64 {
	x, y, size := m.predict(at)
	sx, sy, ss := place(p)
	inWidths, inSize := m.spread(at)
	sigma := inWidths * math.Exp(math.Max(size, ss))
	return math.Sqrt(sq((sx-x)/sigma) + sq((sy-y)/sigma) + sq((ss-size)/inSize))
}

// spread is the standard deviation of the place in plate widths, and that of the
// size. Both grow with the time since the plate was seen: cars brake and hands
// shake, by plate widths a second. Where the velocity is not yet known, a car may
// come on fast.
func (m *motion) spread(at time.Time) (inWidths, inSize float64) {
	dt := math.Abs(at.Sub(m.at).Seconds())
	if !m.isMoving {
		return 0.3 + 8*dt, 0.15 + 0.8*dt
	}
	return 0.15 + 3*dt, 0.15 + 0.5*dt
}

// openness is the logarithm of the space in which the plate may be by now,
// against that of a plate followed at 30 frames a second: the more room, the more
// likely that another plate than the track's stands in it.
func (m *motion) openness(at time.Time) float64 {
	const followed = 0.25 * 0.25 * 0.18
	inWidths, inSize := m.spread(at)
	return math.Max(0, math.Log(inWidths*inWidths*inSize/followed))
}

func sq(v float64) float64 { return v * v }

// see takes in that the plate was seen in a frame.
func (t *track) see(p alpr.Plate, at time.Time) {
	if t.frames > 0 {
		t.correct(p, at)
	}
	t.last = at
	t.frames++
	t.scores += float64(p.Score)
}

// observe adds what was read of the plate and fuses anew.
func (t *track) observe(o *observation, f *alpr.Frame) {
	t.obs, t.contrary = append(t.obs, o), nil
	if o.text == t.fused.text.Text {
		t.hiddenWidth = 0
	}
	t.read++
	t.lastRead, t.lastWidth = o.at, o.plate.WidthPx()
	t.bestWidth = math.Max(t.bestWidth, t.lastWidth)
	t.trim()
	t.fuse()
	t.choosePicture(o, f)
}

// fuse joins the observations anew, and brings in what serials look like: once,
// after all frames had their say, for what is known of serials is no frame's.
func (t *track) fuse() {
	t.fused = fuse(t.obs)
	if t.serials != nil {
		t.fused.told = t.fused.witnessed(t.serials.Decide(t.fused.text, candidates))
	}
}

// trim forgets the worst observation where there are too many.
func (t *track) trim() {
	for len(t.obs) > keepObservations {
		worst := 0
		for i, o := range t.obs {
			if o.quality < t.obs[worst].quality {
				worst = i
			}
		}
		t.obs = slices.Delete(t.obs, worst, worst+1)
	}
}

// choosePicture keeps the best frame that itself shows the fused text: the
// picture beside a read must be of a frame that was read so.
func (t *track) choosePicture(o *observation, f *alpr.Frame) {
	now := t.fused.text.Text
	switch {
	case t.best.observation == nil,
		o.text == now && (t.best.text != now || o.quality > t.best.quality):
		t.best = pictured{keep(f, o.plate, t.photographer), new(pictures), o}
	}
}

// wantsRead says whether another observation would add to the track: always at
// first, then at ever larger steps of time or size, and once the text is sure
// only to notice that another stands in its place.
func (t *track) wantsRead(p alpr.Plate, fr *alpr.Frame) bool {
	at := fr.CapturedAt
	since := at.Sub(t.lastRead)
	width := p.WidthPx()
	isSure := t.fused.text.Confidence >= stable && t.fused.weight >= stableWeight
	switch {
	case t.read < 5, len(t.contrary) > 0:
		return true
	case isSure:
		return width > 1.3*t.bestWidth || since >= readAgain
	case t.read < 40:
		return width > 1.05*t.lastWidth || since >= 60*time.Millisecond
	}
	return width > 1.1*t.bestWidth || since >= 500*time.Millisecond
}

// agrees is the logarithm of the likelihood ratio of a reading being of the
// track's plate against another's, 0 where one of them says too little. It is
// asked of the track's clearest observation and of what all of them say, and the
// one that speaks for two plates counts. The newest observation has no say: a far
// car that nobody can read agrees with every plate, and would hand the track of
// the one that drove off, little by little, to the one that comes.
func (t *track) agrees(read *characters) float64 {
	if read == nil || len(t.obs) == 0 {
		return 0
	}
	clearest := t.obs[0]
	for _, o := range t.obs {
		if o.quality > clearest.quality {
			clearest = o
		}
	}
	return min(samePlate(clearest.characters, read), samePlate(t.fused.characters(), read))
}

// meanScore is the detector's mean score over the track.
func (t *track) meanScore() float64 { return t.scores / float64(max(t.frames, 1)) }
