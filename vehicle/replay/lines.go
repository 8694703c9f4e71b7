package replay

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"alpr"
)

// lineWriter writes reads as lines of JSON. As the recorder of a pipeline it
// has recorded a read once its line is written.
type lineWriter struct {
	enc      *json.Encoder
	isFinal  bool
	pictures string // folder; "": none are written
	waiting  []Line
}

func newLineWriter(out io.Writer, isFinal bool) *lineWriter {
	return &lineWriter{enc: json.NewEncoder(out), isFinal: isFinal}
}

// RecordAll writes the lines of reads, or keeps them for the end.
func (w *lineWriter) RecordAll(_ context.Context, records []alpr.Record) ([]alpr.Record, error) {
	for _, r := range records {
		if err := w.record(r.Read, r.Hits); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (w *lineWriter) record(r alpr.Read, hits []alpr.Hit) error {
	if w.pictures != "" {
		if err := savePictures(w.pictures, r); err != nil {
			return err
		}
	}
	line := newLine(r, hits)
	if !w.isFinal {
		return w.write(line)
	}
	i := slices.IndexFunc(w.waiting, func(l Line) bool { return l.ID == line.ID })
	if i < 0 {
		w.waiting = append(w.waiting, line)
	} else {
		w.waiting[i] = line
	}
	return nil
}

func (w *lineWriter) write(l Line) error {
	if err := w.enc.Encode(l); err != nil {
		return fmt.Errorf("write a read: %w", err)
	}
	return nil
}

// finish writes what was kept, in order of first sight.
func (w *lineWriter) finish() error {
	slices.SortStableFunc(w.waiting, func(a, b Line) int {
		return cmp.Or(a.FirstAt.Compare(b.FirstAt), cmp.Compare(a.Text, b.Text))
	})
	for _, l := range w.waiting {
		if err := w.write(l); err != nil {
			return err
		}
	}
	return nil
}

// Line is one read as a replay writes it. Numbers are rounded to what
// they are worth, so that a line is the same on any machine.
type Line struct {
	ID         alpr.ID            `json:"id"`
	Revision   int                `json:"revision"`
	Preview    bool               `json:"preview,omitempty"`
	Camera     string             `json:"camera"`
	Text       string             `json:"text"`
	Confidence float64            `json:"confidence"`
	CharConf   []float64          `json:"char_confidence"`
	Candidates []alpr.Candidate   `json:"candidates"`
	ByPicture  *alpr.Candidate    `json:"by_picture,omitempty"`
	Format     *alpr.SerialFormat `json:"format,omitempty"`
	Regions    []alpr.RegionProb  `json:"regions,omitempty"`

	Frames     int           `json:"frames"`
	FramesUsed int           `json:"frames_used"`
	FirstAt    time.Time     `json:"first_at"`
	LastAt     time.Time     `json:"last_at"`
	At         time.Time     `json:"at"`
	Score      float64       `json:"score"`
	WidthPx    float64       `json:"width_px"`
	Box        [4]float64    `json:"box"` // x, y, width, height in the frame of At
	Corners    [4][2]float64 `json:"corners"`

	Position        *Fix            `json:"position,omitempty"`
	TimeSource      alpr.TimeSource `json:"time_source"`
	TimeUncertainty float64         `json:"time_uncertainty_s,omitempty"`
	Detector        string          `json:"detector"`
	Recogniser      string          `json:"recogniser"`
	CropSHA256      string          `json:"crop_sha256,omitempty"`
	ContextSHA256   string          `json:"context_sha256,omitempty"`
	Hits            []Hit           `json:"hits,omitempty"`
}

// Fix is where the vehicle was.
type Fix struct {
	Lat       float64         `json:"lat"`
	Lon       float64         `json:"lon"`
	SpeedMPS  float64         `json:"speed_mps"`
	CourseDeg float64         `json:"course_deg"`
	Quality   alpr.FixQuality `json:"quality"`
	AgeS      float64         `json:"age_s"`
}

// Hit is a listed plate that the read may be.
type Hit struct {
	ID          alpr.ID           `json:"id"`
	List        string            `json:"list"`
	Plate       string            `json:"plate"`
	ListedState string            `json:"listed_state,omitempty"`
	Category    string            `json:"category,omitempty"`
	Kind        alpr.MatchKind    `json:"kind"`
	Differs     []alpr.Difference `json:"differs,omitempty"`
	P           float64           `json:"p"`
	State       alpr.StateVerdict `json:"state"`
	IsStale     bool              `json:"stale,omitempty"`
	IsWithdrawn bool              `json:"withdrawn,omitempty"`
}

func newLine(r alpr.Read, hits []alpr.Hit) Line {
	l := Line{
		ID: r.ID, Revision: r.Revision, Preview: r.Preview, Camera: r.Camera,
		Text: r.Text.Text, Confidence: round(r.Text.Confidence, 4),
		Frames: r.Frames, FramesUsed: r.FramesUsed, FirstAt: r.FirstAt, LastAt: r.LastAt, At: r.At,
		Score: round(float64(r.Plate.Score), 3), WidthPx: round(r.Plate.WidthPx(), 1),
		TimeSource: r.TimeSource, TimeUncertainty: round(r.TimeUncertainty.Seconds(), 3),
		Detector: r.DetectorVersion, Recogniser: r.RecogniserVersion,
		CropSHA256: digest(r.Crop), ContextSHA256: digest(r.Context),
	}
	for _, c := range r.Text.CharConf {
		l.CharConf = append(l.CharConf, round(float64(c), 4))
	}
	if by := r.Text.ByPicture; by.Text != "" && (by.Text != r.Text.Text || round(by.P, 4) != l.Confidence) {
		l.ByPicture = &alpr.Candidate{Text: by.Text, P: round(by.P, 4)}
	}
	if r.Text.Format.Pattern != "" {
		l.Format = &r.Text.Format
	}
	for _, c := range r.Text.Candidates {
		l.Candidates = append(l.Candidates, alpr.Candidate{Text: c.Text, P: round(c.P, 4)})
	}
	for _, g := range r.Text.Regions {
		l.Regions = append(l.Regions, alpr.RegionProb{Region: g.Region, P: round(g.P, 3)})
	}
	for i, v := range []float32{r.Plate.Box.X, r.Plate.Box.Y, r.Plate.Box.W, r.Plate.Box.H} {
		l.Box[i] = round(float64(v), 1)
	}
	for i, c := range r.Plate.Corners {
		l.Corners[i] = [2]float64{round(float64(c.X), 1), round(float64(c.Y), 1)}
	}
	if f := r.Fix; f.IsValid() {
		l.Position = &Fix{
			Lat: round(f.Lat, 6), Lon: round(f.Lon, 6), SpeedMPS: round(f.SpeedMPS, 1), CourseDeg: round(f.CourseDeg, 1),
			Quality: f.Quality, AgeS: round(f.Age.Seconds(), 3),
		}
	}
	for _, h := range hits {
		l.Hits = append(l.Hits, newHit(h))
	}
	return l
}

func newHit(h alpr.Hit) Hit {
	out := Hit{
		ID: h.ID, List: h.Entry.List, Plate: h.Entry.Plate, ListedState: h.Entry.State, Category: h.Entry.Category,
		Kind: h.Kind, P: round(h.P, 4), State: h.State, IsStale: h.IsStale, IsWithdrawn: h.IsWithdrawn,
	}
	for _, d := range h.Differs {
		d.P = round(d.P, 4)
		out.Differs = append(out.Differs, d)
	}
	return out
}

func digest(p alpr.Picture) string {
	if len(p.JPEG) == 0 {
		return ""
	}
	return hex.EncodeToString(p.SHA256[:])
}

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
