package console

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"alpr"
)

const (
	trackStep = 25.0 // metres between the points of the way driven
	trackMost = 4000 // points: a hundred kilometres; then every second one goes
)

// track is the way driven since the program started, in memory alone: it is the
// officer's own, and is neither recorded nor sent.
type track struct {
	points []placeView
	metres float64
}

// add takes a position, where the car has moved on since the last.
func (t *track) add(f alpr.Fix) {
	p := viewPlace(f)
	if p == nil {
		return
	}
	if n := len(t.points); n > 0 {
		d := metresBetween(t.points[n-1], *p)
		if d < trackStep {
			return
		}
		t.metres += d
	}
	if len(t.points) >= trackMost {
		thin := t.points[:0]
		for i, q := range t.points {
			if i%2 == 0 {
				thin = append(thin, q)
			}
		}
		t.points = thin
	}
	t.points = append(t.points, *p)
}

// metresBetween is the distance of two near places, on a sphere made flat.
func metresBetween(a, b placeView) float64 {
	const perDeg = 111320
	x := (b.Lon - a.Lon) * math.Cos((a.Lat+b.Lat)/2*math.Pi/180) * perDeg
	return math.Hypot(x, (b.Lat-a.Lat)*perDeg)
}

// shiftHit is a hit of the shift on its map.
type shiftHit struct {
	ID       alpr.ID    `json:"id"`
	Read     string     `json:"read"`
	At       time.Time  `json:"at"`
	Priority int        `json:"priority"`
	Category string     `json:"category"`
	Words    string     `json:"words"`
	Place    *placeView `json:"place,omitempty"`
}

// shift is the officer's shift so far: the way driven, the hits, the answers.
func (c *Console) shift(w http.ResponseWriter, _ *http.Request, me who) error {
	c.mu.Lock()
	points := append([]placeView{}, c.track.points...)
	metres := c.track.metres
	c.mu.Unlock()
	hits := c.board.shiftHits(me.started)
	answered := 0
	for _, h := range hits {
		if h.Words != waitsWords {
			answered++
		}
	}
	return reply(w, http.StatusOK, map[string]any{"track": points, "hits": hits,
		"words": fmt.Sprintf("On since %s. %s, %d answered. %s driven.", me.started.In(c.zone()).Format("15:04"),
			plural(len(hits), "hit"), answered, c.distance(metres))})
}

func (c *Console) zone() *time.Location {
	if loc, err := time.LoadLocation(c.words().TimeZone); err == nil && c.words().TimeZone != "" {
		return loc
	}
	return time.Local
}

func (c *Console) distance(m float64) string {
	if c.words().Units == "km/h" {
		return fmt.Sprintf("%.1f km", m/1000)
	}
	return fmt.Sprintf("%.1f mi", m/1609.344)
}

const waitsWords = "waits for an answer"

// shiftHits are the hits since an instant, oldest first.
func (b *board) shiftHits(since time.Time) []shiftHit {
	b.mu.Lock()
	defer b.mu.Unlock()
	hits := []shiftHit{}
	for _, id := range b.order {
		v := b.cases[id].view
		if v.At.Before(since) && !v.Open {
			continue
		}
		h := shiftHit{ID: v.ID, Read: v.Read, At: v.At, Priority: v.Priority, Category: v.Category, Place: v.Place, Words: waitsWords}
		switch {
		case v.Done != nil:
			h.Words = string(v.Done.Verdict)
		case v.Withdrawn:
			h.Words = "withdrawn"
		}
		hits = append(hits, h)
	}
	return hits
}
