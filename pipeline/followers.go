package pipeline

import (
	"time"

	"alpr"
)

// followers are the followers of all cameras, with the time of each.
type followers struct {
	p       *Pipeline
	cameras map[string]*cameraFollower
	order   []string // of first frames, so that nothing hangs on a map's order
}

type cameraFollower struct {
	follower
	arrived time.Time // when the newest frame came here
}

func newFollowers(p *Pipeline) *followers {
	return &followers{p: p, cameras: make(map[string]*cameraFollower)}
}

func (fs *followers) of(f *alpr.Frame) *cameraFollower {
	c := fs.cameras[f.Camera]
	if c == nil {
		p := fs.p
		c = &cameraFollower{follower: follower{
			cfg: &p.cfg, camera: f.Camera, reader: p.parts.Reader, locator: p.parts.Locator,
			serials: p.parts.Serials, matcher: p.parts.Matcher, withdrawal: p.parts.Withdrawal, guard: p.parts.Guard, random: p.parts.Random, stats: &p.stats,
			versions: p.parts.Versions, mount: p.cfg.Mounts[f.Camera], photographer: p.parts.Photographer,
		}}
		c.others = func() []*follower { return fs.without(f.Camera) }
		fs.cameras[f.Camera] = c
		fs.order = append(fs.order, f.Camera)
	}
	return c
}

// without are the followers of all cameras but one.
func (fs *followers) without(camera string) []*follower {
	var others []*follower
	for _, name := range fs.order {
		if name != camera {
			others = append(others, &fs.cameras[name].follower)
		}
	}
	return others
}

func (fs *followers) frame(f found, out chan<- event) error {
	c := fs.of(f.frame)
	c.arrived = time.Now()
	events, err := c.contained(nameOf("follow plates", f.frame), func() ([]event, error) {
		return c.frame(f.frame, f.plates)
	})
	fs.send(events, out)
	return err
}

// expire ends passes by the clock: a camera that stands still has no frames to
// end them by.
func (fs *followers) expire(out chan<- event) {
	for _, name := range fs.order {
		c := fs.cameras[name]
		events, _ := c.contained("end passes of "+name, func() ([]event, error) {
			return c.retire(c.newest.Add(time.Since(c.arrived))), nil
		})
		fs.send(events, out)
	}
}

func (fs *followers) flush(out chan<- event) {
	for _, name := range fs.order {
		c := fs.cameras[name]
		events, _ := c.contained("end passes of "+name, func() ([]event, error) { return c.flush(), nil })
		fs.send(events, out)
	}
}

func (fs *followers) send(events []event, out chan<- event) {
	for _, e := range events {
		out <- e
	}
	tracks := 0
	for _, c := range fs.cameras {
		tracks += len(c.open)
	}
	fs.p.stats.tracks.Store(int64(tracks))
}
