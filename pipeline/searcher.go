package pipeline

import (
	"time"

	"alpr"
)

// searcher finds the plates of frames, as closely as attention asks for and the
// governor allows. It is used by one goroutine.
type searcher struct {
	p        *Pipeline
	regions  RegionDetector // nil: every frame is searched as a whole
	cameras  map[string]*attention
	governor governor
}

func newSearcher(p *Pipeline) *searcher {
	s := &searcher{p: p, cameras: make(map[string]*attention), governor: governor{log: p.log}}
	if !p.cfg.SearchAll {
		s.regions, _ = p.parts.Detector.(RegionDetector)
	}
	return s
}

// at gives the plates of a frame; isSearched is false where the governor passes the
// frame over.
func (s *searcher) at(f *alpr.Frame) (plates []alpr.Plate, isSearched bool) {
	a := s.cameras[f.Camera]
	if a == nil {
		a = &attention{}
		s.cameras[f.Camera] = a
	}
	how := plan{search: searchAll}
	if s.regions != nil {
		how = a.plan(f, s.speed(f.CapturedAt), s.share())
	}
	if s.governor.passesOver(how.search, f.Seq) {
		s.p.stats.framesPassed.Add(1)
		return nil, false
	}
	if how.search == searchNone {
		s.p.stats.framesUnchanged.Add(1)
		return how.repeat, true
	}
	start := time.Now()
	err := s.p.finding.do(nameOf("detect plates", f), func() (err error) {
		if how.search == searchAll {
			plates, err = s.p.parts.Detector.Detect(f)
		} else if len(how.regions) > 0 {
			plates, err = s.regions.DetectIn(f, how.regions)
		}
		return err
	})
	s.p.stats.detect.since(start)
	if err != nil {
		s.p.stats.stageErrors.Add(1)
		return nil, true
	}
	if how.search == searchAll {
		s.p.stats.framesFull.Add(1)
	}
	a.found(f, &how, plates)
	return plates, true
}

// share is by how much less often than asked for frames are searched as a whole:
// a recording waits, a camera does not.
func (s *searcher) share() float64 {
	if s.p.cfg.IsLossless {
		return 1
	}
	waited, dropped := s.p.frames.load()
	s.governor.observe(time.Now(), waited, dropped)
	s.p.stats.attention.Store(s.governor.says())
	return s.governor.share()
}

// speed is the vehicle's in metres a second, -1 where it is not known.
func (s *searcher) speed(at time.Time) float64 {
	if s.p.parts.Locator == nil {
		return -1
	}
	if fix := s.p.parts.Locator.At(at); fix.IsValid() && fix.SpeedMPS >= 0 {
		return fix.SpeedMPS
	}
	return -1
}
