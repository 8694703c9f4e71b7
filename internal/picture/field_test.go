package picture

import (
	"testing"

	"gocv.io/x/gocv"

	"alpr"
)

const wide, high = 160, 80

// bars is a frame of dark vertical strokes on a light plate, its odd rows moved to
// the right by so many pixels.
func bars(t *testing.T, moved int) *gocv.Mat {
	t.Helper()
	pix := make([]byte, 3*wide*high)
	for y := range high {
		for x := range wide {
			at := x
			if y%2 == 1 {
				at -= moved
			}
			v := byte(220)
			if at%20 >= 0 && at%20 < 6 && y > 15 && y < 65 {
				v = 40
			}
			for c := range 3 {
				pix[3*(y*wide+x)+c] = v
			}
		}
	}
	m, err := WrapBytes(pix, wide, high)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return &m
}

func plate(x, y, w, h float32) alpr.Plate {
	b := alpr.Box{X: x, Y: y, W: w, H: h}
	return alpr.Plate{Box: b, Corners: b.Corners()}
}

func TestIsCombed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		moved int
		p     alpr.Plate
		want  bool
	}{
		{"still", 0, plate(10, 10, 140, 60), false},
		{"moved by 2 px", 2, plate(10, 10, 140, 60), true},
		{"moved by 5 px", 5, plate(10, 10, 140, 60), true},
		{"too low to tell", 5, plate(10, 30, 140, 12), false},
		{"beyond the frame", 5, plate(150, 10, 140, 60), true},
		{"outside the frame", 5, plate(500, 500, 140, 60), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := IsCombed(bars(t, tt.moved), tt.p); got != tt.want {
				t.Errorf("IsCombed = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFieldShowsThePlateInOnePlace(t *testing.T) {
	for _, odd := range []bool{false, true} {
		f := bars(t, 5)
		m, moved, err := Field(f, plate(31, 21, 61, 39), odd)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if IsCombed(&m, moved) {
			t.Errorf("odd %v: still in two places", odd)
		}
		shift := 0
		if odd {
			shift = 5
		}
		// A stroke begins at every twentieth column of the frame, five later in odd rows.
		left := 31 - int(moved.Corners[0].X) // the frame's column at the field's left edge
		for y := 10; y < 40; y++ {
			for x := range m.Cols() {
				want := byte(220)
				if at := (left + x - shift) % 20; at >= 0 && at < 6 {
					want = 40
				}
				if got := m.GetVecbAt(y, x)[1]; got != want {
					t.Fatalf("odd %v: %d at %d, %d, want %d", odd, got, x, y, want)
				}
			}
		}
	}
}
