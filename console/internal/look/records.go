package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"path"
	"slices"
	"sync"
	"time"

	"alpr"
	"alpr/console"
)

//go:embed pictures/*.jpg
var pictures embed.FS

// records is a car's records, in memory. It keeps what the console hands over,
// so that a visit can ask for it.
type records struct {
	mu      sync.Mutex
	reads   []alpr.Read
	dispose []alpr.Disposition
	audit   []alpr.AuditRecord
	entries []alpr.Entry
	noFix   bool
	fix     alpr.Fix              // instead of the usual place
	change  func(*console.Status) // nil: as usual
	open    []openOf              // hits of the last start
}

// openOf is a hit that nobody has answered.
type openOf struct {
	read alpr.Read
	hit  alpr.Hit
}

func (r *records) place(f alpr.Fix) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fix = f
}

func (r *records) deps() console.Deps {
	return console.Deps{Disposer: r, Auditor: r, History: r, Entries: r, Emergency: r, Status: r.status,
		Listed: r.listed, ReadsLike: r.like}
}

func (r *records) Dispose(_ context.Context, d alpr.Disposition) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dispose = append(r.dispose, d)
	return nil
}

func (r *records) Audit(_ context.Context, a alpr.AuditRecord) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audit = append(r.audit, a)
	return nil
}

func (r *records) PlateTag(plate string) (string, error) {
	sum := sha256.Sum256([]byte(plate))
	return string(sum[:4]), nil
}

func (r *records) OpenHits(context.Context) (reads []alpr.Read, hits []alpr.Hit, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.open {
		o.read.Crop, o.read.Context = alpr.Picture{}, alpr.Picture{}
		reads, hits = append(reads, o.read), append(hits, o.hit)
	}
	return reads, hits, nil
}

func (r *records) ReadsByPlate(_ context.Context, plate string, _ int) (found []alpr.Read, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rd := range r.reads {
		if rd.Text.Text == plate {
			found = append(found, rd)
		}
	}
	return found, nil
}

func (r *records) listed(_ context.Context, pattern string) (found []alpr.Entry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		if ok, _ := path.Match(pattern, e.Plate); ok {
			found = append(found, e)
		}
	}
	return found, nil
}

func (r *records) like(_ context.Context, pattern string, _ int) (found []alpr.Read, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rd := range r.reads {
		if ok, _ := path.Match(pattern, rd.Text.Text); ok {
			found = append(found, rd)
		}
	}
	return found, nil
}

func (r *records) Picture(_ context.Context, id alpr.ID, which console.PictureKind) (alpr.Picture, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.reads, func(rd alpr.Read) bool { return rd.ID == id })
	if i < 0 {
		return alpr.Picture{}, nil
	}
	if which == console.PictureCrop {
		return r.reads[i].Crop, nil
	}
	return r.reads[i].Context, nil
}

func (r *records) AddEntry(_ context.Context, e alpr.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, e)
	return nil
}

func (r *records) RemoveEntry(_ context.Context, id, _, _ string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = slices.DeleteFunc(r.entries, func(e alpr.Entry) bool { return e.ID == id })
	return nil
}

func (r *records) Entries(context.Context) ([]alpr.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.entries), nil
}

func (r *records) SetEmergency(context.Context, bool, string) error { return nil }

func (r *records) status() console.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	ok := console.PartStatus{Level: console.LevelOK}
	s := console.Status{At: now, GPS: ok, Clock: console.ClockStatus{PartStatus: ok, Source: "GPS"}, Fix: fix(now),
		Cameras: []console.CameraStatus{{PartStatus: ok, Name: "front", FPS: 25, Frames: 90000, Dropped: 1200, LastFrameAt: now}},
		Uplink:  console.UplinkStatus{PartStatus: ok},
		Lists:   []console.ListStatus{{Name: "State hot list", Version: "118", Entries: 48211, PublishedAt: now.Add(-4 * time.Hour)}},
		Store:   console.StoreStatus{PartStatus: ok, FreeBytes: 41e9, Reads: 5120, Retention: "reads without a hit are deleted after 21 days"}}
	if r.fix.IsValid() {
		s.Fix = r.fix
	}
	if r.change != nil {
		r.change(&s)
	}
	if r.noFix {
		s.Fix, s.GPS = alpr.Fix{}, console.PartStatus{Level: console.LevelDegraded}
		s.Uplink = console.UplinkStatus{PartStatus: console.PartStatus{Level: console.LevelDown}, Waiting: 38, OldestUnsent: now.Add(-50 * time.Minute)}
	}
	return s
}

func fix(at time.Time) alpr.Fix {
	return alpr.Fix{At: at, Lat: 27.76543, Lon: -82.63211, SpeedMPS: 14, CourseDeg: 91, HDOP: 0.9, Satellites: 11, Quality: alpr.GPSFix}
}

// read makes a read of a plate; picture names one of the rendered ones, or none.
func (r *records) read(text, region, picture string, conf float64, weak int) (alpr.Read, error) {
	now := time.Now()
	id, err := alpr.NewID(now, rand.Reader)
	if err != nil {
		return alpr.Read{}, err
	}
	rd := alpr.Read{ID: id, Revision: 1, Camera: "front", At: now, Fix: fix(now), TimeSource: alpr.TimeGPS, Frames: 9, FramesUsed: 6,
		Text: alpr.Text{Text: text, Confidence: conf}}
	for i := range text {
		c := float32(0.99)
		if i == weak {
			c = 0.7
		}
		rd.Text.CharConf = append(rd.Text.CharConf, c)
	}
	if region != "" {
		rd.Text.Regions = []alpr.RegionProb{{Region: region, P: 0.94}}
	}
	if picture != "" {
		for _, p := range []struct {
			to   *alpr.Picture
			name string
		}{{&rd.Crop, "crop"}, {&rd.Context, "context"}} {
			if p.to.JPEG, err = pictures.ReadFile("pictures/" + picture + "-" + p.name + ".jpg"); err != nil {
				return alpr.Read{}, err
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = append(r.reads, rd)
	return rd, nil
}
