package main

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"alpr"
)

const (
	pairIoU     = 0.1 // a read is not lost because a box is loose
	detectedIoU = 0.5
	bins        = 10 // of the reliability
)

// widths are the bounds of the plates' widths that are told apart, in pixels.
func widths() []float64 { return []float64{0, 50, 75, 100, 150, 250, 1e9} }

// truth is one labelled plate and what was read of it.
type truth struct {
	label
	isDetected bool // with enough overlap
	read       reported
	light      float64 // mean brightness, 0 to 255; -1: not known
}

func (t *truth) isRead() bool  { return t.read.Text != "" }
func (t *truth) isExact() bool { return t.isRead() && t.read.Text == t.Text }

// score is how one set was read.
type score struct {
	name      string
	pictures  int
	truths    []truth
	elsewhere int // plates read where no label is
	times     []float64
	computed  string // processor and kernels
}

// scoreSet pairs every label with what was reported there: the report that
// overlaps it most, or, where there are no boxes, the surest of the picture.
func scoreSet(name string, s *set, reads map[string]*pictureReads) *score {
	sc := &score{name: name, pictures: len(s.pictures)}
	for _, p := range s.pictures {
		r := reads[filepath.Base(p.Image)]
		if r == nil {
			r = &pictureReads{}
		} else {
			sc.times = append(sc.times, r.MS)
		}
		used := make([]bool, len(r.Plates))
		pic := decode(filepath.Join(s.folder, p.Image))
		for _, l := range p.Plates {
			t := truth{label: l, light: brightness(pic, l.Box)}
			if i, overlap := pair(l, r.Plates); i >= 0 {
				used[i] = true
				t.read = r.Plates[i]
				t.isDetected = overlap >= detectedIoU
			}
			sc.truths = append(sc.truths, t)
		}
		for i, plate := range r.Plates {
			if !used[i] && plate.Text != "" {
				sc.elsewhere++
			}
		}
	}
	slices.Sort(sc.times)
	return sc
}

func pair(l label, plates []reported) (best int, overlap float64) {
	best = -1
	for i, p := range plates {
		if l.Box == nil || p.Box == nil {
			if best < 0 || p.Confidence > plates[best].Confidence {
				best = i
			}
			continue
		}
		if v := boxOf(*l.Box).IoU(boxOf(*p.Box)); v >= pairIoU && v > overlap {
			best, overlap = i, v
		}
	}
	return best, overlap
}

func boxOf(b [4]float64) alpr.Box {
	return alpr.Box{X: float32(b[0]), Y: float32(b[1]), W: float32(b[2]), H: float32(b[3])}
}

// share is a part of a whole; it has no value where the whole is empty.
type share struct{ part, whole int }

func (s share) value() float64 { return float64(s.part) / float64(s.whole) }

// withText is the truths whose text is known: the others count for detection.
func (sc *score) withText() []truth {
	return slices.DeleteFunc(slices.Clone(sc.truths), func(t truth) bool { return t.Text == "" })
}

func (sc *score) detected() share {
	boxed := slices.DeleteFunc(slices.Clone(sc.truths), func(t truth) bool { return t.Box == nil })
	return count(boxed, func(t *truth) bool { return t.isDetected })
}

func count(truths []truth, is func(*truth) bool) share {
	s := share{whole: len(truths)}
	for i := range truths {
		if is(&truths[i]) {
			s.part++
		}
	}
	return s
}

func exact(truths []truth) share { return count(truths, (*truth).isExact) }
func missed(truths []truth) share {
	return count(truths, func(t *truth) bool { return !t.isRead() })
}
func wrong(truths []truth) share {
	return count(truths, func(t *truth) bool { return t.isRead() && !t.isExact() })
}

// exactAt is the greatest share read right when reads are kept from some
// confidence on, so that at most the given part of those kept is wrong.
func exactAt(truths []truth, mostWrong float64) share {
	read := slices.DeleteFunc(slices.Clone(truths), func(t truth) bool { return !t.isRead() })
	slices.SortStableFunc(read, func(a, b truth) int { return cmp.Compare(b.read.Confidence, a.read.Confidence) })
	best, right := 0, 0
	for i := range read {
		if read[i].isExact() {
			right++
		}
		isTied := i+1 < len(read) && read[i+1].read.Confidence == read[i].read.Confidence
		if bad := i + 1 - right; !isTied && float64(bad) <= mostWrong*float64(i+1) {
			best = max(best, right)
		}
	}
	return share{best, len(truths)}
}

// states is how the issuing state or country was told, of the plates whose own
// is known.
func states(truths []truth) (right, unknown, bad share) {
	known := slices.DeleteFunc(slices.Clone(truths), func(t truth) bool { return !isRegion(t.Region) })
	right = count(known, func(t *truth) bool { return t.read.Region == t.Region })
	unknown = count(known, func(t *truth) bool { return t.read.Region == "" })
	bad = share{len(known) - right.part - unknown.part, len(known)}
	return right, unknown, bad
}

// isRegion says whether a label names one state or country, as ISO 3166 does.
func isRegion(s string) bool {
	country, _, _ := strings.Cut(s, "-")
	return len(country) == 2 && country == strings.ToUpper(country)
}

// bin is the reads of like confidence.
type bin struct {
	n, right   int
	confidence float64 // sum
}

// reliability sorts the reads by their confidence into equal bins.
func reliability(truths []truth) [bins]bin {
	var list [bins]bin
	for i := range truths {
		t := &truths[i]
		if !t.isRead() {
			continue
		}
		b := &list[min(int(t.read.Confidence*bins), bins-1)]
		b.n++
		b.confidence += t.read.Confidence
		if t.isExact() {
			b.right++
		}
	}
	return list
}

// calibrationError is the expected calibration error (Naeini et al., 2015): the
// mean distance of confidence and accuracy over the bins, by their size.
func calibrationError(list [bins]bin) (float64, int) {
	var sum float64
	var n int
	for _, b := range list {
		if b.n > 0 {
			sum += max(b.confidence-float64(b.right), float64(b.right)-b.confidence)
			n += b.n
		}
	}
	if n == 0 {
		return 0, 0
	}
	return sum / float64(n), n
}
