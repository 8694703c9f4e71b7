// Package sight judges what a camera shows: whether plates could be read in its
// pictures at all. It knows nothing of plates, and a picture alone; Watch judges
// a camera while it runs.
package sight

import (
	"fmt"
	"math"

	"alpr"
)

// Fault is what is wrong with a picture, a word that monitoring may keep.
type Fault string

// The faults, gravest first.
const (
	Sound   Fault = ""
	Black   Fault = "black"
	Covered Fault = "covered"
	Blown   Fault = "blown_out"
	Dark    Fault = "dark"
	Blurred Fault = "out_of_focus"
	Frozen  Fault = "frozen" // only Watch sees it
)

// What a picture must have to read plates in it. The bounds are wide: a night
// with one lamp is sound, a cap on the lens is not.
const (
	darkMean     = 8.0  // of 255: nearly nothing is seen
	brightShare  = 0.40 // of the picture is blown out
	flatContrast = 3.0  // standard deviation: covered, fogged, or no scene
	blurredEdges = 0.06 // steepest edge, as a share of the picture's range, over one pixel
	blownOut     = 250
	// measuredRows is of how many rows at most a picture is measured, evenly
	// spread: more tell no more.
	measuredRows = 270
)

// Look is what is measured in one picture.
type Look struct {
	Mean, Contrast float64 // of grey, 0 to 255; contrast is the standard deviation
	Blown          float64 // share of pixels that are blown out
	Edge           float64 // steepest step between neighbours, as a share of the range of grey

	digest uint64 // of the grey of all measured pixels
}

// Inspect measures a picture in grey. The edge is the 99.9th percentile of steps
// between neighbours, against the range between the darkest and brightest
// hundredths: a sharp picture has somewhere an edge one or two pixels wide.
func Inspect(f *alpr.Frame) Look {
	var grey, steps [256]int
	var sum, squares float64
	rows, pixels := 0, 0
	l := Look{digest: 14695981039346656037} // FNV-1a
	for y := 0; y < f.Height; y += max(1, f.Height/measuredRows) {
		row := f.Pix[3*y*f.Width : 3*(y+1)*f.Width]
		before := -1
		for x := 0; x < len(row); x += 3 {
			g := (int(row[x])*29 + int(row[x+1])*150 + int(row[x+2])*77) >> 8
			grey[g]++
			sum += float64(g)
			squares += float64(g * g)
			l.digest = (l.digest ^ uint64(g)) * 1099511628211
			if before >= 0 {
				steps[max(g-before, before-g)]++
			}
			before = g
		}
		rows++
		pixels += f.Width
	}
	l.Mean = sum / float64(pixels)
	l.Contrast = math.Sqrt(max(squares/float64(pixels)-l.Mean*l.Mean, 0))
	for g := blownOut; g < 256; g++ {
		l.Blown += float64(grey[g]) / float64(pixels)
	}
	if span := quantile(grey[:], pixels, 0.99) - quantile(grey[:], pixels, 0.01); span > 0 {
		l.Edge = float64(quantile(steps[:], pixels-rows, 0.999)) / float64(span)
	}
	return l
}

// quantile is the value below which a share of the counted ones lie.
func quantile(counts []int, total int, share float64) int {
	left := int(share * float64(total))
	for v, n := range counts {
		if left -= n; left < 0 {
			return v
		}
	}
	return len(counts) - 1
}

// Verdict says what is wrong with a picture and what to do; Sound and "" where
// nothing is.
func (l Look) Verdict() (f Fault, why string) {
	switch {
	case l.Contrast < flatContrast && l.Mean < darkMean:
		return Black, "the picture is black: is the lens cap on, is it night without a lamp, is the exposure far too short?"
	case l.Contrast < flatContrast:
		return Covered, "the picture shows nothing: is the lens covered, fogged or frozen over?"
	case l.Blown > brightShare:
		return Blown, fmt.Sprintf("%.0f %% of the picture are blown out: shorten the exposure, look for a lamp or the sun in the lens", 100*l.Blown)
	case l.Mean < darkMean:
		return Dark, "the picture is nearly black: open the aperture, or light the plates"
	case l.Edge < blurredEdges:
		return Blurred, "no edge in the picture is sharp: focus the lens on a plate ten metres away, clean it"
	}
	return Sound, ""
}
