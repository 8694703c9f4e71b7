package event

import (
	"encoding/hex"
	"math"
	"time"

	"alpr"
)

// round keeps as many decimals as mean something: the others were a quarter of
// a compressed batch.
func round(v float64, decimals int) float64 {
	unit := math.Pow10(decimals)
	return math.Round(v*unit) / unit
}

// probability keeps five decimals. What is not certain does not become so.
func probability(p float64) float64 {
	if r := round(p, 5); r < 1 || p == 1 {
		return r
	}
	return 0.99999
}

func picture(p alpr.Picture) *Picture {
	if p.SHA256 == ([32]byte{}) {
		return nil
	}
	return &Picture{SHA256: hex.EncodeToString(p.SHA256[:]), Width: p.Width, Height: p.Height}
}

// PositionOf is f as events carry it, nil when the position is not known.
func PositionOf(f alpr.Fix) *Position {
	if !f.IsValid() {
		return nil
	}
	return &Position{
		Lat: round(f.Lat, 7), Lon: round(f.Lon, 7), AltM: round(f.AltM, 2), SpeedMPS: round(f.SpeedMPS, 2), CourseDeg: round(f.CourseDeg, 2),
		HDOP: round(f.HDOP, 2), Satellites: f.Satellites, Quality: int(f.Quality), AgeS: round(f.Age.Seconds(), 3), At: f.At.UTC(),
	}
}

// DepthOf is d as events carry it.
func DepthOf(d alpr.OutboxDepth, now time.Time) Depth {
	out := Depth{Waiting: d.Waiting, Unreceipted: d.Unreceipted, Quarantined: d.Quarantined}
	if out.Waiting == nil {
		out.Waiting = map[alpr.Kind]int64{}
	}
	if !d.OldestUnsent.IsZero() {
		out.OldestUnsentAge = max(0, now.Sub(d.OldestUnsent).Seconds())
	}
	return out
}

func retention(it *alpr.OutboxItem) Retention {
	r := Retention{Class: string(it.Class)}
	if !it.PurgeAt.IsZero() {
		t := it.PurgeAt.UTC()
		r.PurgeAt = &t
	}
	return r
}

func readData(r *alpr.Read, keep Retention) Read {
	return Read{
		ID: r.ID, Revision: r.Revision, Preview: r.Preview, Camera: r.Camera,
		Plate:  plate(r),
		Frames: r.Frames, FramesUsed: r.FramesUsed,
		FirstAt: r.FirstAt.UTC(), LastAt: r.LastAt.UTC(), At: r.At.UTC(),
		Position: PositionOf(r.Fix), TimeSource: string(r.TimeSource), TimeUncertainty: r.TimeUncertainty.Seconds(),
		Models:   Models{Detector: r.DetectorVersion, Recogniser: r.RecogniserVersion},
		Pictures: Pictures{Crop: picture(r.Crop), Context: picture(r.Context)},
		Views:    views(r), MaybeSame: r.MaybeSame,
		Retention: keep,
	}
}

func views(r *alpr.Read) []View {
	var list []View
	for i := range r.Views {
		v := &r.Views[i]
		list = append(list, View{
			Camera: v.Camera, Text: v.Text, Confidence: probability(v.Confidence), Frames: v.Frames, FramesUsed: v.FramesUsed,
			FirstAt: v.FirstAt.UTC(), LastAt: v.LastAt.UTC(), At: v.At.UTC(), Corners: v.Plate.Corners,
			Position: PositionOf(v.Fix), Pictures: Pictures{Crop: picture(v.Crop), Context: picture(v.Context)},
		})
	}
	return list
}

func plate(r *alpr.Read) Plate {
	p := Plate{
		Text: r.Text.Text, Confidence: probability(r.Text.Confidence),
		Characters: make([]Character, 0, len(r.Text.Text)),
		Candidates: append([]alpr.Candidate{}, r.Text.Candidates...),
		States:     append([]alpr.RegionProb{}, r.Text.Regions...),
		Corners:    r.Plate.Corners, Box: r.Plate.Box, DetectorScore: probability(float64(r.Plate.Score)),
		WidthPx: round(r.Plate.WidthPx(), 2), HeightPx: round(r.Plate.HeightPx(), 2),
	}
	if by := r.Text.ByPicture; by.Text != "" {
		p.ByPicture = &alpr.Candidate{Text: by.Text, P: probability(by.P)}
	}
	if r.Text.Format.Pattern != "" {
		p.Format = &r.Text.Format
	}
	for i := range p.Candidates {
		p.Candidates[i].P = probability(p.Candidates[i].P)
	}
	for i := range p.States {
		p.States[i].P = probability(p.States[i].P)
	}
	for i := range len(r.Text.Text) {
		c := Character{Char: r.Text.Text[i : i+1]}
		if i < len(r.Text.CharConf) {
			c.Confidence = probability(float64(r.Text.CharConf[i]))
		}
		p.Characters = append(p.Characters, c)
	}
	p.State, p.StateP = r.Text.Region()
	p.StateP = probability(p.StateP)
	return p
}

func hitData(h *alpr.Hit, r *alpr.Read, revision int, keep Retention) Hit {
	var withdrawal *Withdrawal
	if h.IsWithdrawn && h.Withdrawal.Why != "" {
		withdrawal = &Withdrawal{Reason: string(h.Withdrawal.Why), At: h.Withdrawal.At.UTC()}
	}
	return Hit{
		Withdrawal: withdrawal,
		ID:         h.ID, Revision: revision, Preview: h.Preview, IsWithdrawn: h.IsWithdrawn, Advice: Advice, At: h.At.UTC(),
		Match: string(h.Kind), Differs: append([]alpr.Difference{}, h.Differs...), P: probability(h.P),
		StateCheck: string(h.State), StateP: probability(h.StateP),
		ListAgeS: h.ListAge.Seconds(), IsStale: h.IsStale,
		Entry: EntryOf(h.Entry), Read: readData(r, keep), Retention: keep,
	}
}

// EntryOf is e as events and hotlists carry it.
func EntryOf(e alpr.Entry) Entry {
	out := Entry{
		ID: e.ID, List: e.List, Source: e.Source, PlateGiven: e.PlateGiven, Plate: e.Plate, State: e.State,
		Reason: e.Reason, Category: e.Category, Priority: int(e.Priority), CaseNumber: e.CaseNumber, Caution: e.Caution,
		Effective: e.Effective.UTC(), Expires: e.Expires.UTC(), IsCovert: e.IsCovert, IsManual: e.IsManual,
		ListVersion: e.ListVersion, PublishedAt: e.PublishedAt.UTC(),
	}
	if e.Vehicle != (alpr.Vehicle{}) {
		car := ListedCar(e.Vehicle)
		out.Vehicle = &car
	}
	return out
}

// Alpr is the entry as the vehicle's own packages know it.
func (e Entry) Alpr() alpr.Entry {
	out := alpr.Entry{
		ID: e.ID, List: e.List, Source: e.Source, PlateGiven: e.PlateGiven, Plate: e.Plate, State: e.State,
		Reason: e.Reason, Category: e.Category, Priority: alpr.Priority(e.Priority), CaseNumber: e.CaseNumber, Caution: e.Caution,
		Effective: e.Effective, Expires: e.Expires, IsCovert: e.IsCovert, IsManual: e.IsManual,
		ListVersion: e.ListVersion, PublishedAt: e.PublishedAt,
	}
	if e.Vehicle != nil {
		out.Vehicle = alpr.Vehicle(*e.Vehicle)
	}
	return out
}

func dispositionData(it *alpr.OutboxItem) Disposition {
	d, keep := it.Disposition, retention(it)
	out := Disposition{
		ID: d.ID, HitID: d.HitID, At: d.At.UTC(), Officer: d.Officer, Verdict: string(d.Verdict),
		Corrected: d.Corrected, Action: d.Action, Note: d.Note, Retention: keep,
	}
	if it.Hit != nil && it.Read != nil {
		h := hitData(it.Hit, it.Read, it.Read.Revision, keep)
		out.Hit = &h
	}
	return out
}

func auditData(a *alpr.AuditRecord) Audit {
	detail := a.Detail
	if detail == nil {
		detail = map[string]string{}
	}
	log := ""
	if a.Log != [32]byte{} {
		log = hex.EncodeToString(a.Log[:])
	}
	return Audit{
		ID: a.ID, Seq: a.Seq, At: a.At.UTC(), Officer: a.Officer, Agency: a.Agency, Purpose: a.Purpose,
		Action: a.Action, Subject: a.Subject, Detail: detail,
		Prev: hex.EncodeToString(a.Prev[:]), Hash: hex.EncodeToString(a.Hash[:]), Log: log,
	}
}
