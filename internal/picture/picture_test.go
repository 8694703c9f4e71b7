package picture

import (
	"image"
	"math"
	"testing"

	"alpr"
)

func TestOversampling(t *testing.T) {
	for _, tt := range []struct {
		x, y float64
		want int
	}{{0.3, 0.5, 1}, {1.4, 1, 1}, {2.6, 1, 3}, {1, 4, 4}, {100, 3, maxOversampling}, {math.NaN(), 1, 1}, {math.Inf(1), 1, maxOversampling}} {
		if got := oversampling(tt.x, tt.y); got != tt.want {
			t.Errorf("oversampling(%g, %g) = %d, want %d", tt.x, tt.y, got, tt.want)
		}
	}
}

func BenchmarkRectify(b *testing.B) {
	f := alpr.Frame{Width: 1920, Height: 1080, Pix: make([]byte, 3*1920*1080)}
	frame, err := Wrap(&f)
	if err != nil {
		b.Fatal(err)
	}
	defer frame.Close()
	for name, size := range map[string]image.Point{"60px": {60, 20}, "150px": {150, 50}, "600px": {600, 200}} {
		b.Run(name, func(b *testing.B) {
			x, y := float32(400+size.X), float32(300+size.Y)
			p := alpr.Plate{Corners: [4]alpr.Point{{X: 400, Y: 300}, {X: x, Y: 310}, {X: x, Y: y}, {X: 400, Y: y}}}
			to, err := WrapBytes(make([]byte, 3*160*64), 160, 64)
			if err != nil {
				b.Fatal(err)
			}
			defer to.Close()
			for b.Loop() {
				if err := Rectify(&frame, &to, p, 0.1, 0.1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
