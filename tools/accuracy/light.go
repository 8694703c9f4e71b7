package main

import (
	"image"
	"image/color"
	_ "image/jpeg" // pictures of the sets
	_ "image/png"
	"os"
)

// lights are the bounds of the plates' mean brightness that are told apart, 0
// to 255.
func lights() []float64 { return []float64{0, 50, 90, 130, 170, 256} }

// brightness is the mean luma of a plate's box, or of the whole picture where
// there is none; -1 where the picture cannot be decoded.
func brightness(pic image.Image, box *[4]float64) float64 {
	if pic == nil {
		return -1
	}
	r := pic.Bounds()
	if box != nil {
		at := image.Rect(int(box[0]), int(box[1]), int(box[0]+box[2]), int(box[1]+box[3]))
		r = at.Add(r.Min).Intersect(r)
	}
	if r.Empty() {
		return -1
	}
	step := max(1, r.Dx()/100)
	var sum, n float64
	for y := r.Min.Y; y < r.Max.Y; y += step {
		for x := r.Min.X; x < r.Max.X; x += step {
			sum += float64(color.GrayModel.Convert(pic.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return sum / n
}

// decode opens a picture; nil where that is not possible.
func decode(path string) image.Image {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	pic, _, err := image.Decode(f)
	if err != nil {
		return nil
	}
	return pic
}
