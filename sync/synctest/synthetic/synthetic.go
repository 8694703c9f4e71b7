// Package synthetic makes outbox items as a vehicle records them, of invented
// plates on an invented drive, for tests and simulated vehicles.
package synthetic

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"alpr"
)

// Maker makes items. The same seed and instants give the same items. It is not
// for concurrent use.
type Maker struct {
	rand   *rand.Rand
	random bytesOf
}

type bytesOf struct{ r *rand.Rand }

func (b bytesOf) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b.r.Uint32())
	}
	return len(p), nil
}

// New makes a Maker.
func New(seed uint64) *Maker {
	r := rand.New(rand.NewPCG(seed, 1))
	return &Maker{rand: r, random: bytesOf{r}}
}

// ID is a new id for the instant.
func (m *Maker) ID(at time.Time) alpr.ID {
	id, err := alpr.NewID(at, m.random)
	if err != nil {
		panic(fmt.Sprintf("random bits from memory: %v", err)) // cannot happen: bytesOf never fails
	}
	return id
}

// Read is an item for a read of an invented plate.
func (m *Maker) Read(at time.Time) alpr.OutboxItem {
	r := m.read(at)
	return alpr.OutboxItem{Kind: alpr.KindRead, ID: r.ID, Revision: r.Revision, RecordedAt: at, Class: alpr.RetainRead,
		PurgeAt: at.Add(30 * 24 * time.Hour), Read: r}
}

// Hit is an item for a hit on an invented entry.
func (m *Maker) Hit(at time.Time) alpr.OutboxItem {
	r := m.read(at)
	h := &alpr.Hit{
		ID: m.ID(at), ReadID: r.ID, At: at, Kind: alpr.MatchExact, P: 0.97, State: alpr.StateMatch, StateP: 0.9, ListAge: 3 * time.Hour,
		Differs: []alpr.Difference{},
		Entry: alpr.Entry{ID: "e-" + r.Text.Text, List: "stolen", Source: "invented", PlateGiven: r.Text.Text, Plate: r.Text.Text, State: "US-FL",
			Category: "stolen vehicle", Priority: alpr.PriorityHigh, Vehicle: alpr.Vehicle{Make: "Make", Model: "Model", Colour: "blue"}, PublishedAt: at.Add(-3 * time.Hour)},
	}
	return alpr.OutboxItem{Kind: alpr.KindHit, ID: h.ID, Revision: 1, RecordedAt: at, Class: alpr.RetainHit, Read: r, Hit: h}
}

// Disposition is an item for what an officer found about a hit.
func (m *Maker) Disposition(at time.Time, hit alpr.OutboxItem) alpr.OutboxItem {
	d := &alpr.Disposition{ID: m.ID(at), HitID: hit.ID, At: at, Officer: "officer-7", Verdict: alpr.VerdictConfirmed, Action: "stop"}
	return alpr.OutboxItem{Kind: alpr.KindDisposition, ID: d.ID, Revision: 1, RecordedAt: at, Class: alpr.RetainDisposition,
		Disposition: d, Hit: hit.Hit, Read: hit.Read}
}

// Audit is an item for a record of the vehicle's log.
func (m *Maker) Audit(at time.Time) alpr.OutboxItem {
	a := &alpr.AuditRecord{ID: m.ID(at), Seq: 1, At: at, Officer: "officer-7", Agency: "agency", Purpose: "shift", Action: alpr.ActionStart, Subject: "vehicle"}
	a.Hash = sha256.Sum256([]byte(a.ID.String()))
	return alpr.OutboxItem{Kind: alpr.KindAudit, ID: a.ID, Revision: 1, RecordedAt: at, Audit: a}
}

// Expired is an item for numbers that policy deleted.
func (m *Maker) Expired(at time.Time, boot alpr.ID, from, to uint64) alpr.OutboxItem {
	return alpr.OutboxItem{Kind: alpr.KindExpired, ID: m.ID(at), Revision: 1, RecordedAt: at,
		Expired: &alpr.Expired{BootID: boot, FromSeq: from, ToSeq: to}}
}

func (m *Maker) read(at time.Time) *alpr.Read {
	text := make([]byte, 7)
	for i := range text {
		text[i] = alpr.Alphabet[m.rand.IntN(len(alpr.Alphabet))]
	}
	conf := make([]float32, len(text))
	for i := range conf {
		conf[i] = 0.9 + 0.1*m.rand.Float32()
	}
	x, y := 1900*m.rand.Float32(), 1000*m.rand.Float32()
	r := &alpr.Read{
		ID: m.ID(at), Revision: 1, Camera: "front",
		Text: alpr.Text{
			Text: string(text), Confidence: 0.8 + 0.2*m.rand.Float64(), CharConf: conf,
			Candidates: []alpr.Candidate{{Text: string(text), P: 0.95}, {Text: "B" + string(text[1:]), P: 0.03}},
			Regions:    []alpr.RegionProb{{Region: "US-FL", P: 0.9}, {Region: "US-GA", P: 0.05}},
		},
		Plate: alpr.Plate{Corners: [4]alpr.Point{{X: x, Y: y}, {X: x + 90, Y: y}, {X: x + 90, Y: y + 45}, {X: x, Y: y + 45}},
			Box: alpr.Box{X: x, Y: y, W: 90, H: 45}, Score: 0.95},
		Frames: 14, FramesUsed: 9, FirstAt: at.Add(-time.Second), LastAt: at, At: at.Add(-200 * time.Millisecond),
		Fix: alpr.Fix{At: at, Lat: 27.95 + 0.01*m.rand.Float64(), Lon: -82.45 + 0.01*m.rand.Float64(), SpeedMPS: 20 * m.rand.Float64(),
			CourseDeg: 360 * m.rand.Float64(), HDOP: 0.9, Satellites: 9, Quality: alpr.GPSFix, Age: 40 * time.Millisecond},
		TimeSource: alpr.TimeGPS, TimeUncertainty: 20 * time.Millisecond,
		DetectorVersion: "detector-1", RecogniserVersion: "reader-1",
	}
	r.Crop = alpr.Picture{SHA256: sha256.Sum256(text), Width: 128, Height: 64}
	return r
}
