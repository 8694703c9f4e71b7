package camera

// maxScans bounds the work: a few bytes can stand for a scan of a huge picture.
// Encoders write ten or so.
const maxScans = 64

// plane is what is known of one component's coefficients in a progressive JPEG:
// which of each block's 64 are not zero. A later scan's codes depend on it.
type plane struct {
	across int // blocks in a row of all units
	set    []uint64
}

// progression is one scan of a progressive JPEG (ITU T.81, annex G).
type progression struct {
	from, to int  // the coefficients it holds
	isFirst  bool // else it refines by one bit what scans before it have given
	skip     int  // blocks that have no more in this scan
}

// progressive decodes the blocks of a progressive scan. b is what its header says
// behind the components.
func (s *jpegScan) progressive(b []byte, ids []byte, coders []coder, maxH, maxV int) error {
	p := progression{from: int(b[0]), to: int(b[1]), isFirst: b[2]>>4 == 0}
	if p.from > p.to || p.to > 63 || p.from == 0 && p.to > 0 || p.from > 0 && len(coders) > 1 {
		return errUnknown
	}
	across, down := ceil(s.width, 8*maxH), ceil(s.height, 8*maxV)
	for i := range coders {
		c := &coders[i]
		if p.from == 0 && p.isFirst && c.dc == nil || p.from > 0 && c.ac == nil {
			return errUnknown
		}
		if s.planes[ids[i]] == nil {
			s.planes[ids[i]] = &plane{across: across * c.h, set: make([]uint64, across*c.h*down*c.v)}
		}
		c.plane = s.planes[ids[i]]
	}
	if len(coders) == 1 { // not interleaved: a unit is a block, and none is beside the picture
		c := &coders[0]
		across, down = ceil(ceil(s.width*c.h, maxH), 8), ceil(ceil(s.height*c.v, maxV), 8)
		c.sampling = sampling{1, 1}
	}
	return s.progress(&p, coders, across, down)
}

// progress goes through the units of a scan, row by row.
func (s *jpegScan) progress(p *progression, coders []coder, across, down int) error {
	s.bits, s.n = 0, 0
	for unit := range across * down {
		if s.restart > 0 && unit > 0 && unit%s.restart == 0 {
			if err := s.restartMarker(unit/s.restart - 1); err != nil {
				return err
			}
			p.skip = 0
		}
		for i := range coders {
			c := &coders[i]
			for v := range c.v {
				for h := range c.h {
					at := (unit/across*c.v+v)*c.plane.across + unit%across*c.h + h
					if !s.part(p, c, &c.plane.set[at]) {
						return errScan
					}
				}
			}
		}
	}
	return nil
}

// part decodes what a scan holds of one block; false where there are no such codes.
func (s *jpegScan) part(p *progression, c *coder, set *uint64) bool {
	switch {
	case p.from == 0 && p.isFirst:
		size, err := s.code(c.dc)
		return err == nil && size <= 11 && s.skip(int(size))
	case p.from == 0:
		return s.skip(1)
	case p.isFirst:
		return s.firstPart(p, c, set)
	}
	return s.finerPart(p, c, set)
}

func (s *jpegScan) firstPart(p *progression, c *coder, set *uint64) bool {
	if p.skip > 0 {
		p.skip--
		return true
	}
	for k := p.from; k <= p.to; k++ {
		v, err := s.code(c.ac)
		if err != nil {
			return false
		}
		run, size := int(v>>4), int(v&15)
		switch {
		case size > 0:
			if k += run; k > p.to || !s.skip(size) {
				return false
			}
			*set |= 1 << k
		case run == 15:
			k += 15
		default:
			n, ok := s.endOfBand(run)
			p.skip = n - 1
			return ok
		}
	}
	return true
}

// endOfBand is for how many blocks, with this one, there is no more.
func (s *jpegScan) endOfBand(run int) (int, bool) {
	if !s.fill(run) {
		return 0, false
	}
	s.n -= run
	return 1<<run + int(s.bits>>s.n)&(1<<run-1), true
}

func (s *jpegScan) finerPart(p *progression, c *coder, set *uint64) bool {
	k := p.from
	for p.skip == 0 && k <= p.to {
		v, err := s.code(c.ac)
		if err != nil {
			return false
		}
		run, size := int(v>>4), int(v&15)
		if size == 0 && run < 15 {
			n, ok := s.endOfBand(run)
			if !ok {
				return false
			}
			p.skip = n
			break
		}
		if size > 1 || !s.skip(size) { // its sign
			return false
		}
		var ok bool
		if k, ok = s.refine(k, p.to, run, *set); !ok || size == 1 && k > p.to {
			return false
		}
		if size == 1 {
			*set |= 1 << k
		}
		k++
	}
	if p.skip == 0 {
		return true
	}
	p.skip--
	_, ok := s.refine(k, p.to, 64, *set)
	return ok
}

// refine reads a bit for each coefficient that is set, from k on, up to the place
// behind run others.
func (s *jpegScan) refine(k, to, run int, set uint64) (int, bool) {
	for ; k <= to; k++ {
		if set>>k&1 == 0 {
			if run == 0 {
				break
			}
			run--
			continue
		}
		if !s.skip(1) {
			return k, false
		}
	}
	return k, true
}
