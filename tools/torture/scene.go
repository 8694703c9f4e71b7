package torture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The pictures that the cameras send.
const (
	sceneWidth, sceneHeight = 960, 540
	plateWidth              = 170 // pixels at which a plate is shown
	sceneQuality            = 88  // of the JPEGs
)

// car is a plate that can pass a camera.
type car struct {
	Plate, State string // as the list has them
	face         image.Image
}

// loadCars reads the rendered plates of the demonstration drive that are
// listed: files named ISSUER_TEXT.png.
func loadCars(root string, texts []string) ([]car, error) {
	files, err := filepath.Glob(filepath.Join(root, "demo/make/plates/*.png"))
	if err != nil {
		return nil, fmt.Errorf("look for plates: %w", err)
	}
	var cars []car
	for _, f := range files {
		issuer, text, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".png"), "_")
		if !slices.Contains(texts, text) {
			continue
		}
		face, err := readPNG(f)
		if err != nil {
			return nil, err
		}
		cars = append(cars, car{Plate: text, State: strings.TrimPrefix(issuer, "US-"), face: face})
	}
	if len(cars) != len(texts) {
		return nil, fmt.Errorf("load plates: %d of %d are in demo/make/plates", len(cars), len(texts))
	}
	return cars, nil
}

func readPNG(path string) (image.Image, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load a plate: %w", err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode plate %s: %w", path, err)
	}
	return img, nil
}

// street is an empty street.
func street(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	paintStreet(img)
	return img
}

// picture is a street as JPEG, with a car's rear in it whose plate's left edge
// is at x, or with none.
func picture(empty *image.RGBA, c *car, x int) ([]byte, error) {
	img := empty
	if c != nil {
		img = &image.RGBA{Pix: slices.Clone(empty.Pix), Stride: empty.Stride, Rect: empty.Rect}
		paintCar(img, c, x)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: sceneQuality}); err != nil {
		return nil, fmt.Errorf("encode a picture: %w", err)
	}
	return out.Bytes(), nil
}

// paintStreet paints a sky above a road with a little grain, so that nothing
// in it is flat.
func paintStreet(img *image.RGBA) {
	size := img.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			v := 170 - 40*y/size.Y
			if y > size.Y/3 {
				v = 80 + 40*y/size.Y
			}
			v += (x*7919+y*104729+x*y*31)%13 - 6
			img.SetRGBA(x, y, color.RGBA{uint8(v), uint8(v), uint8(v + 6), 255})
		}
	}
}

// paintCar paints a dark body around the plate.
func paintCar(img *image.RGBA, c *car, x int) {
	from := c.face.Bounds()
	height := plateWidth * from.Dy() / from.Dx()
	y := img.Bounds().Dy()/2 - height/2 + 40
	body := image.Rect(x-110, y-130, x+plateWidth+110, y+height+50)
	draw.Draw(img, body, image.NewUniform(color.RGBA{52, 58, 78, 255}), image.Point{}, draw.Src)
	window := image.Rect(x-60, y-115, x+plateWidth+60, y-55)
	draw.Draw(img, window, image.NewUniform(color.RGBA{24, 26, 30, 255}), image.Point{}, draw.Src)
	for dy := range height {
		for dx := range plateWidth {
			if p := image.Pt(x+dx, y+dy); p.In(img.Bounds()) {
				img.Set(p.X, p.Y, average(c.face, dx, dy, plateWidth, height))
			}
		}
	}
}

// average is the mean colour of what one pixel of a smaller picture of w×h
// covers in src.
func average(src image.Image, x, y, w, h int) color.Color {
	b := src.Bounds()
	x0, x1 := b.Min.X+x*b.Dx()/w, b.Min.X+(x+1)*b.Dx()/w
	y0, y1 := b.Min.Y+y*b.Dy()/h, b.Min.Y+(y+1)*b.Dy()/h
	var r, g, bl, n uint32
	for sy := y0; sy < max(y1, y0+1); sy++ {
		for sx := x0; sx < max(x1, x0+1); sx++ {
			sr, sg, sb, _ := src.At(sx, sy).RGBA()
			r, g, bl, n = r+sr>>8, g+sg>>8, bl+sb>>8, n+1
		}
	}
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(bl / n), 255}
}
