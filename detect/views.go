package detect

import (
	"image"
	"math"

	"alpr/models"
)

const (
	// stride is what the input's sides must be multiples of.
	stride = 32
	// overlap of neighbouring tiles, in frame pixels. A plate up to this width
	// is whole in one of them; a wider one is found in the view of the whole.
	overlap = 96
	// maxTiles a side bounds the work on a gigapixel panorama.
	maxTiles = 8
)

// plan says at which scales frames are searched, as the model's manifest has it.
type plan struct{ models.Search }

// view is a part of the frame and the size at which the model sees it.
type view struct {
	part          image.Rectangle // of the frame
	width, height int             // of the part, scaled, in input pixels
}

// padded is the input's size: the view's, up to the stride.
func (v view) padded() (width, height int) {
	return roundUp(v.width), roundUp(v.height)
}

// scale is input pixels for each frame pixel.
func (v view) scale() (x, y float32) {
	return float32(v.width) / float32(v.part.Dx()), float32(v.height) / float32(v.part.Dy())
}

// whole is the view of the full frame within the budget, at no more than
// MaxScale if the frame is large, and never enlarged.
func (p plan) whole(width, height int) view {
	most := min(1, max(p.MaxScale, float64(p.SmallFrame)/float64(max(width, height))))
	return p.fit(image.Rect(0, 0, width, height), most)
}

// downscaled is the full frame at half the scale of whole. A plate that nearly
// fills a picture is larger than what the model was made for, and is of a usual
// size there.
func (p plan) downscaled(width, height int) view {
	v := p.whole(width, height)
	v.width, v.height = max(1, v.width/2), max(1, v.height/2)
	return v
}

// fit scales a part as large as the budget and most allow.
func (p plan) fit(part image.Rectangle, most float64) view {
	w, h := float64(part.Dx()), float64(part.Dy())
	v := view{part: part}
	for pw := stride; ; pw += stride {
		s := min(float64(pw)/w, most)
		sw, sh := scaled(w, s), scaled(h, s)
		if roundUp(sw)*roundUp(sh) > p.Budget && v.width > 0 {
			return v
		}
		v.width, v.height = sw, sh
		if s == most {
			return v
		}
	}
}

// tiles covers a frame that the view of the whole shows too small, by as few
// parts as the budget allows at MinScale. It is empty where the whole is at that
// scale.
func (p plan) tiles(width, height int) []view {
	if sx, _ := p.whole(width, height).scale(); sx >= float32(p.MinScale) {
		return nil
	}
	nx, ny := p.grid(width, height)
	var views []view
	for y := range ny {
		for x := range nx {
			x0, x1 := span(x, nx, width)
			y0, y1 := span(y, ny, height)
			views = append(views, p.fit(image.Rect(x0, y0, x1, y1), 1))
		}
	}
	return views
}

// grid is the smallest number of tiles that are at MinScale.
func (p plan) grid(width, height int) (nx, ny int) {
	nx, ny = maxTiles, maxTiles
	for x := 1; x <= maxTiles; x++ {
		for y := 1; y <= maxTiles; y++ {
			if x*y >= nx*ny {
				continue
			}
			x0, x1 := span(0, x, width)
			y0, y1 := span(0, y, height)
			if sx, _ := p.fit(image.Rect(x0, y0, x1, y1), 1).scale(); sx >= float32(p.MinScale) {
				nx, ny = x, y
			}
		}
	}
	return nx, ny
}

// span is where the i-th of n overlapping parts of a length begins and ends.
func span(i, n, length int) (from, to int) {
	size := (length + (n-1)*overlap + n - 1) / n
	if n == 1 || size >= length {
		return 0, length
	}
	from = i * (length - size) / (n - 1)
	return from, from + size
}

func scaled(length, s float64) int { return max(1, int(math.Round(length*s))) }

func roundUp(n int) int { return (n + stride - 1) / stride * stride }
