package road

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gocv.io/x/gocv"

	"alpr"
)

// Start is the instant of a scene's first frame.
var Start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Road draws scenes. Close frees what it is drawn with. It is used by one
// goroutine.
type Road struct{ assets *assets }

// New loads what is drawn.
func New() (*Road, error) {
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	return &Road{assets: a}, nil
}

// Close frees the pictures.
func (r *Road) Close() { r.assets.close() }

// Truth is what the plates of a scene say.
func (r *Road) Truth(s Scene) []string {
	var texts []string
	for _, c := range s.cars(r.assets) {
		texts = append(texts, c.plate.text)
	}
	return texts
}

// Run draws the scene before every camera, frame by frame in the order in which
// they are taken. It is a pipeline's source.
func (r *Road) Run(ctx context.Context, s Scene, emit func(*alpr.Frame)) error {
	cars := s.cars(r.assets)
	var views []*view
	for i, c := range Cameras(s.Cameras) {
		v, err := r.newView(s, c, uint64(i))
		if err != nil {
			return err
		}
		defer v.close()
		views = append(views, v)
	}
	for n := range int(s.seconds(cars) * s.FPS) {
		sec := float64(n) / s.FPS
		for _, v := range views {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f, err := v.frame(cars, sec)
			if err != nil {
				return fmt.Errorf("draw %s, second %.2f: %w", s, sec, err)
			}
			f.Seq, f.CapturedAt = uint64(n+1), Start.Add(time.Duration(sec*float64(time.Second)))
			emit(f)
		}
	}
	return nil
}

// view is a scene before one camera.
type view struct {
	scene  Scene
	camera Camera
	optics optics
	rng    *rand.Rand
	ground gocv.Mat // the street in this light
	noise  gocv.Mat // larger than the picture; a part of it is taken for each frame
	sin    float64
	cos    float64
}

// grain is by how much the noise is larger than the picture.
const grain = 64

func (r *Road) newView(s Scene, c Camera, n uint64) (*view, error) {
	v := &view{scene: s, camera: c, optics: s.Light.optics(), rng: rand.New(rand.NewPCG(s.Seed, 100+n)), ground: gocv.NewMat()}
	v.sin, v.cos = math.Sincos(c.AngleDeg * math.Pi / 180)
	if err := gocv.Resize(r.assets.street, &v.ground, image.Pt(s.width(), s.Height), 0, 0, gocv.InterpolationLinear); err != nil {
		return nil, fmt.Errorf("scale the street: %w", err)
	}
	o := v.optics
	if err := v.ground.ConvertToWithParams(&v.ground, gocv.MatTypeCV8UC3, float32(o.gain*(1-o.haze)), float32(150*o.haze)); err != nil {
		return nil, fmt.Errorf("light the street: %w", err)
	}
	w, h := s.width()+grain, s.Height+grain
	pix := make([]byte, 3*w*h)
	for i := range pix {
		pix[i] = byte(max(0, min(255, 128+o.noise*v.rng.NormFloat64())))
	}
	var err error
	if v.noise, err = gocv.NewMatFromBytes(h, w, gocv.MatTypeCV8UC3, pix); err != nil {
		return nil, fmt.Errorf("make the sensor's noise: %w", err)
	}
	return v, nil
}

func (v *view) close() {
	_ = v.ground.Close()
	_ = v.noise.Close()
}

// project is where a point is in the picture; ok is false behind the camera.
func (v *view) project(x, y, z float64) (p gocv.Point2f, depth float64, ok bool) {
	const cameraY, horizon = 1.35, .42
	depth = x*v.sin + z*v.cos
	if depth < 1.2 {
		return p, depth, false
	}
	across, f := x*v.cos-z*v.sin, v.scene.focal()
	return gocv.Point2f{
		X: float32(float64(v.scene.width())/2 + f*across/depth),
		Y: float32(horizon*float64(v.scene.Height) + f*(cameraY-y)/depth),
	}, depth, true
}

// quad is a rectangle that stands across the road: its corners from the top left
// clockwise as this camera sees them.
func (v *view) quad(x, y, z, width, height float64) (q []gocv.Point2f, depth float64, ok bool) {
	left, right := x-width/2, x+width/2
	if v.cos < 0 { // seen from the other side
		left, right = right, left
	}
	for _, c := range [][2]float64{{left, y + height}, {right, y + height}, {right, y}, {left, y}} {
		p, d, isSeen := v.project(c[0], c[1], z)
		if !isSeen {
			return nil, 0, false
		}
		q, depth = append(q, p), d
	}
	return q, depth, true
}

// frame draws the picture of one instant.
func (v *view) frame(cars []car, sec float64) (*alpr.Frame, error) {
	canvas := v.ground.Clone()
	defer canvas.Close()
	type placed struct {
		*car
		x, z  float64
		depth float64
	}
	var there []placed
	for i := range cars {
		c := &cars[i]
		x, z, ok := c.at(sec)
		if !ok {
			continue
		}
		if v.cos < 0 {
			z += c.lengthOfCar // the rear camera sees the far end
		}
		there = append(there, placed{c, x, z, x*v.sin + z*v.cos})
	}
	slices.SortFunc(there, func(a, b placed) int { return int(math.Copysign(1, b.depth-a.depth)) })
	for _, c := range there {
		if err := v.car(&canvas, c.car, c.x, c.z, sec); err != nil {
			return nil, err
		}
	}
	if err := v.expose(&canvas); err != nil {
		return nil, err
	}
	return &alpr.Frame{Camera: v.camera.Name, Width: v.scene.width(), Height: v.scene.Height, Pix: canvas.ToBytes()}, nil
}

// car draws one car: its end, its plate, its lamps, and the blur of its motion.
func (v *view) car(canvas *gocv.Mat, c *car, x, z, sec float64) error {
	end := c.rear
	if c.isFacing != (v.cos < 0) {
		end = c.front
	}
	corners, depth, ok := v.quad(x, 0, z, end.width, end.height)
	if !ok {
		return nil
	}
	o := v.optics
	if err := paste(canvas, end.texture, corners, o.gain*(1-o.haze), 150*o.haze); err != nil {
		return err
	}
	height := c.plate.width * float64(c.plate.levels[0].Rows()) / float64(c.plate.levels[0].Cols())
	on, _, ok := v.quad(x, end.plateY-height/2, z-math.Copysign(.03, v.cos), c.plate.width, height)
	if !ok {
		return nil
	}
	lit := min(1.05, o.gain+o.retro*math.Min(1.3, math.Pow(12/depth, 1.1)))
	if err := paste(canvas, c.plate.texture, on, lit*(1-o.haze), 150*o.haze); err != nil {
		return err
	}
	if c.hasLamps && o.lamps > 0 {
		v.lamps(canvas, c, end, x, z)
	}
	return v.smear(canvas, c, corners, sec)
}

// smear is the blur of what moved while the shutter was open.
func (v *view) smear(canvas *gocv.Mat, c *car, corners []gocv.Point2f, sec float64) error {
	x, z, _ := c.at(sec + v.optics.exposure)
	if v.cos < 0 {
		z += c.lengthOfCar
	}
	then, _, ok := v.quad(x, c.rear.plateY, z, c.plate.width, .1)
	if !ok {
		return nil
	}
	x, z, _ = c.at(sec)
	if v.cos < 0 {
		z += c.lengthOfCar
	}
	now, _, _ := v.quad(x, c.rear.plateY, z, c.plate.width, .1)
	dx := float64(then[0].X+then[1].X-now[0].X-now[1].X) / 2
	dy := float64(then[0].Y+then[1].Y-now[0].Y-now[1].Y) / 2
	length := math.Hypot(dx, dy)
	if length < .7 {
		return nil
	}
	kernel := lineKernel(dx, dy)
	defer kernel.Close()
	part := canvas.Region(bounds(corners).Intersect(image.Rect(0, 0, canvas.Cols(), canvas.Rows())))
	defer part.Close()
	if part.Empty() || part.Cols() < 3 || part.Rows() < 3 {
		return nil
	}
	blurred := gocv.NewMat()
	defer blurred.Close()
	if err := gocv.Filter2D(part, &blurred, -1, kernel, image.Pt(-1, -1), 0, gocv.BorderReplicate); err != nil {
		return fmt.Errorf("blur: %w", err)
	}
	return blurred.CopyTo(&part)
}

// lamps draws what dazzles: bright discs at the lamps.
func (v *view) lamps(canvas *gocv.Mat, c *car, end body, x, z float64) {
	tint := color.RGBA{R: 255, G: 250, B: 235}
	strength := 1.0
	if c.isFacing == (v.cos < 0) {
		tint, strength = color.RGBA{R: 235, G: 30, B: 30}, .45
	}
	for _, side := range []float64{-.38, .38} {
		p, depth, ok := v.project(x+side*end.width, end.plateY+.02, z)
		if !ok {
			continue
		}
		radius := v.scene.focal() / depth * v.optics.lamps * strength
		glow(canvas, image.Pt(int(p.X), int(p.Y)), radius, tint)
	}
}

// expose is what lens, rain and sensor make of the light.
func (v *view) expose(canvas *gocv.Mat) error {
	for range v.optics.streaks {
		x, y := v.rng.IntN(canvas.Cols()), v.rng.IntN(canvas.Rows())
		length := 6 + v.rng.IntN(canvas.Rows()/30)
		grey := uint8(110 + v.rng.IntN(60))
		if err := gocv.Line(canvas, image.Pt(x, y), image.Pt(x-length/6, y+length), color.RGBA{grey, grey, grey, 0}, 1); err != nil {
			return fmt.Errorf("draw rain: %w", err)
		}
	}
	sigma := v.optics.blur * math.Sqrt(float64(canvas.Rows())/720)
	if err := gocv.GaussianBlur(*canvas, canvas, image.Pt(0, 0), sigma, sigma, gocv.BorderReplicate); err != nil {
		return fmt.Errorf("blur: %w", err)
	}
	at := image.Pt(v.rng.IntN(grain), v.rng.IntN(grain))
	noise := v.noise.Region(image.Rectangle{at, at.Add(image.Pt(canvas.Cols(), canvas.Rows()))})
	defer noise.Close()
	if err := gocv.AddWeighted(*canvas, 1, noise, 1, -128, canvas); err != nil {
		return fmt.Errorf("add noise: %w", err)
	}
	return nil
}
