package doctor

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"

	"alpr"
)

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
