package doctor

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"

	"alpr"
)

// What a picture must have to read plates in it. The bounds are wide: a night
// with one lamp is sound, a cap on the lens is not.
const (
	darkMean     = 8.0  // of 255: nearly nothing is seen
	brightShare  = 0.40 // of the picture is blown out
	flatContrast = 3.0  // standard deviation: covered, fogged, or no scene
	blurredEdges = 0.06 // steepest edge, as a share of the picture's range, over one pixel
	blownOut     = 250
)

// look is what is measured in one picture.
type look struct {
	mean, contrast float64 // of 255
	blown          float64 // share of pixels that are blown out
	edge           float64 // steepest step between neighbours, as a share of the range of grey
}

// inspect measures a picture in grey. The edge is the 99.9th percentile of steps
// between neighbours, against the range between the darkest and brightest
// hundredths: a sharp picture has somewhere an edge one or two pixels wide.
func inspect(f *alpr.Frame) look {
	var grey, steps [256]int
	var sum, squares float64
	pixels := 0
	for y := range f.Height {
		row := f.Pix[3*y*f.Width : 3*(y+1)*f.Width]
		before := -1
		for x := 0; x < len(row); x += 3 {
			g := (int(row[x])*29 + int(row[x+1])*150 + int(row[x+2])*77) >> 8
			grey[g]++
			sum += float64(g)
			squares += float64(g * g)
			pixels++
			if before >= 0 {
				steps[max(g-before, before-g)]++
			}
			before = g
		}
	}
	l := look{mean: sum / float64(pixels)}
	l.contrast = math.Sqrt(max(squares/float64(pixels)-l.mean*l.mean, 0))
	for g := blownOut; g < 256; g++ {
		l.blown += float64(grey[g]) / float64(pixels)
	}
	if span := quantile(grey[:], pixels, 0.99) - quantile(grey[:], pixels, 0.01); span > 0 {
		l.edge = float64(quantile(steps[:], pixels-f.Height, 0.999)) / float64(span)
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

// verdict says what is wrong with a picture and what to do, "" where nothing is.
func (l look) verdict() string {
	switch {
	case l.contrast < flatContrast && l.mean < darkMean:
		return "the picture is black: is the lens cap on, is it night without a lamp, is the exposure far too short?"
	case l.contrast < flatContrast:
		return "the picture shows nothing: is the lens covered, fogged or frozen over?"
	case l.blown > brightShare:
		return fmt.Sprintf("%.0f %% of the picture are blown out: shorten the exposure, look for a lamp or the sun in the lens", 100*l.blown)
	case l.mean < darkMean:
		return "the picture is nearly black: open the aperture, or light the plates"
	case l.edge < blurredEdges:
		return "no edge in the picture is sharp: focus the lens on a plate ten metres away, clean it"
	}
	return ""
}

// savePicture writes a camera's picture into a folder and returns its path.
func savePicture(dir, name string, f *alpr.Frame) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of pictures: %w", err)
	}
	img := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i := 0; i+2 < len(f.Pix); i += 3 {
		p := i / 3
		img.SetRGBA(p%f.Width, p/f.Width, color.RGBA{R: f.Pix[i+2], G: f.Pix[i+1], B: f.Pix[i], A: 255})
	}
	path = filepath.Join(dir, filepath.Base(name)+".jpg")
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // a street with people in it
	if err != nil {
		return "", fmt.Errorf("keep the picture: %w", err)
	}
	if err := jpeg.Encode(out, img, &jpeg.Options{Quality: 90}); err != nil {
		_ = out.Close()
		return "", fmt.Errorf("keep the picture %s: %w", path, err)
	}
	return path, out.Close()
}
