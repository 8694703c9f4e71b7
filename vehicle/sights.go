package vehicle

import (
	"context"
	"time"

	"alpr/internal/logkey"
	"alpr/vehicle/sight"
)

// judgedEvery is how often a camera's picture is judged.
const judgedEvery = 2 * time.Second

// pictureFault is what is wrong with what a camera shows.
type pictureFault struct {
	fault sight.Fault
	why   string // and what to do, a sentence
}

// watchPictures judges what the cameras show, until ctx ends. A fault is told once
// in the log, and stands on the page, in the health event and in the metrics while
// it lasts.
func (v *Vehicle) watchPictures(ctx context.Context) error {
	watches := make([]pictureWatch, len(v.cameras))
	tick := time.NewTicker(judgedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for i, c := range v.cameras {
				v.judgePicture(&watches[i], c, now)
			}
		}
	}
}

// pictureWatch is what is kept from one judgement of a camera to the next.
type pictureWatch struct {
	watch sight.Watch
	last  uint64 // frame judged
}

func (v *Vehicle) judgePicture(w *pictureWatch, c *tap, now time.Time) {
	f := c.newest.Load()
	if f == nil || f.Seq == w.last {
		return // a camera that sends nothing is told as such
	}
	w.last = f.Seq
	fault, why, isNews := w.watch.Observe(f, now)
	if !isNews {
		return
	}
	if fault == sight.Sound {
		c.fault.Store(nil)
		v.log.Info("the camera's picture is sound again", logkey.Part, "camera "+c.Name())
		return
	}
	c.fault.Store(&pictureFault{fault, why})
	v.log.Warn("plates cannot be read in this camera's picture", logkey.Part, "camera "+c.Name(), logkey.Error, why)
}
