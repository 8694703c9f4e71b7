package road

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"gocv.io/x/gocv"
)

//go:embed assets/*
var files embed.FS

// texture is a picture in ever smaller copies, so that none is scaled down by
// more than two.
type texture struct{ levels []gocv.Mat }

// plate is a picture of a plate and what it says.
type plate struct {
	texture
	text   string
	region string
	width  float64 // metres
}

// body is the end of a car, without its plate.
type body struct {
	texture
	width, height, plateY float64 // metres
}

// assets are everything that is drawn. Close frees it.
type assets struct {
	plates []plate
	fleets map[string][]plate
	rears  []body
	fronts []body
	street gocv.Mat
}

// sizes are the width, height and height of the plate of each kind of car.
var sizes = map[string][3]float64{
	"sedan": {1.82, 1.46, .72}, "hatch": {1.76, 1.50, .74}, "suv": {1.92, 1.74, .86}, "pickup": {1.96, 1.84, .66}, "van": {1.98, 2.05, .62},
}

func loadAssets() (*assets, error) {
	a := &assets{fleets: make(map[string][]plate)}
	names, err := files.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("list pictures of the benchmark: %w", err)
	}
	for _, n := range names {
		if err := a.load(n.Name()); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *assets) load(name string) error {
	content, err := files.ReadFile(path.Join("assets", name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	m, err := gocv.IMDecode(content, gocv.IMReadUnchanged)
	if err != nil || m.Empty() {
		return fmt.Errorf("decode %s: %w", name, err)
	}
	parts := strings.Split(strings.TrimSuffix(name, path.Ext(name)), "_")
	switch parts[0] {
	case "street":
		a.street = m
	case "car":
		s := sizes[parts[1]]
		b := body{texture: newTexture(m), width: s[0], height: s[1], plateY: s[2]}
		if parts[2] == "front" {
			a.fronts = append(a.fronts, b)
		} else {
			a.rears = append(a.rears, b)
		}
	case "plate", "fleet":
		p := plate{texture: newTexture(m), region: parts[1], text: parts[2], width: .52}
		if strings.HasPrefix(p.region, "US-") || strings.HasPrefix(p.region, "CA-") {
			p.width = .305
		}
		if parts[0] == "fleet" {
			a.fleets[p.region] = append(a.fleets[p.region], p)
		} else {
			a.plates = append(a.plates, p)
		}
	default:
		return fmt.Errorf("%s: not a picture of the benchmark", name)
	}
	return nil
}

// close frees the pictures.
func (a *assets) close() {
	_ = a.street.Close()
	for _, p := range a.plates {
		p.close()
	}
	for _, fleet := range a.fleets {
		for _, p := range fleet {
			p.close()
		}
	}
	for _, b := range append(append([]body(nil), a.rears...), a.fronts...) {
		b.close()
	}
}

func newTexture(m gocv.Mat) texture {
	t := texture{levels: []gocv.Mat{m}}
	for last := m; last.Cols() > 12 && last.Rows() > 8; {
		half := gocv.NewMat()
		_ = gocv.Resize(last, &half, halfOf(last), 0, 0, gocv.InterpolationArea)
		t.levels = append(t.levels, half)
		last = half
	}
	return t
}

func (t texture) close() {
	for _, m := range t.levels {
		_ = m.Close()
	}
}

// level is the copy that is drawn at a width with the least loss.
func (t texture) level(width float64) gocv.Mat {
	i := 0
	for i+1 < len(t.levels) && float64(t.levels[i+1].Cols()) >= width {
		i++
	}
	return t.levels[i]
}
