package road

import (
	"fmt"
	"math/rand/v2"
)

// Kind is what the cars of a scene do.
type Kind string

// The kinds of scene.
const (
	Oncoming   Kind = "oncoming"   // in the other lane, towards us
	Overtaking Kind = "overtaking" // in our lane and the next, slower than we are
	Parked     Kind = "parked"     // in a row beside the road
	Fleet      Kind = "fleet"      // the same, with serials that differ in one character
	Crossing   Kind = "crossing"   // two at a time, one before the other, changing sides
)

// Kinds are all kinds of scene.
func Kinds() []Kind { return []Kind{Oncoming, Overtaking, Parked, Fleet, Crossing} }

// Camera is a camera of the vehicle.
type Camera struct {
	Name     string
	AngleDeg float64 // clockwise from straight ahead
}

// Cameras are the first n cameras of a vehicle: front, rear, front right, front left.
func Cameras(n int) []Camera {
	all := []Camera{{"front", 3}, {"rear", 183}, {"right", 32}, {"left", -28}}
	return all[:min(n, len(all))]
}

// Scene is one setting of the benchmark.
type Scene struct {
	Kind     Kind
	SpeedKMH float64 // at which cars and vehicle close in
	FPS      float64
	Light    Light
	Height   int // of the picture: 720, 1080 or 2160
	Cars     int
	Cameras  int
	Seed     uint64
}

func (s Scene) String() string {
	return fmt.Sprintf("%s, %g km/h, %g frames/s, %s, %dp, %d cameras", s.Kind, s.SpeedKMH, s.FPS, s.Light, s.Height, s.Cameras)
}

// width is the picture's.
func (s Scene) width() int { return s.Height * 16 / 9 }

// focal is the lens's focal length in pixels: 32° across, as plate cameras have.
func (s Scene) focal() float64 { return 1.72 * float64(s.width()) }

// car is a car and its way. Metres; the vehicle stands at z = 0 and looks along z.
type car struct {
	rear, front body
	plate       plate
	x           float64
	z0          float64 // of its near end at second 0
	speed       float64 // metres a second towards us
	drift       float64 // metres a second sideways
	isFacing    bool    // its front is the near end
	hasLamps    bool
	lengthOfCar float64
	standsFor   float64 // where speed is 0: seconds in view, from second 0 on
	appearsAt   float64
}

// at is where the car's near end is.
func (c *car) at(sec float64) (x, z float64, isThere bool) {
	if c.speed == 0 {
		return c.x, c.z0, sec >= c.appearsAt && sec < c.appearsAt+c.standsFor
	}
	z = c.z0 - c.speed*sec
	return c.x + c.drift*(sec-c.z0/c.speed), z, z > -60 && z < 140
}

const (
	spacingParked = 6.4 // metres from one parked car to the next
	carLength     = 4.6 // metres
)

// cars puts the cars of the scene on the road.
func (s Scene) cars(a *assets) []car {
	rng := rand.New(rand.NewPCG(s.Seed, uint64(len(s.Kind))))
	speed := s.SpeedKMH / 3.6
	start := s.farthest()
	plates := s.plates(a, rng)
	list := make([]car, 0, s.Cars)
	for i, p := range plates {
		k := rng.IntN(len(a.rears))
		c := car{rear: a.rears[k], front: a.fronts[k], plate: p, speed: speed, lengthOfCar: carLength}
		if speed == 0 {
			c.appearsAt, c.standsFor = 2.8*float64(i), 2
			c.x, c.z0 = -.4+rng.Float64(), s.readable()*(.45+.3*rng.Float64())
			c.isFacing = s.Kind == Oncoming
			list = append(list, c)
			continue
		}
		switch s.Kind {
		case Oncoming:
			c.x, c.isFacing, c.z0 = -2.7-.5*rng.Float64(), true, start+float64(i)*(22+10*rng.Float64())
			c.hasLamps = true
		case Overtaking:
			c.x, c.z0 = .2+2.9*float64(i%2), start+float64(i)*(16+6*rng.Float64())
			c.hasLamps = true
		case Crossing:
			side := float64(i%2)*2 - 1
			c.x, c.drift, c.z0 = 0, side*min(3, speed*.35), start+float64(i/2)*34+2.5*float64(i%2)
		default:
			c.x, c.z0 = 2.5, start+float64(i)*spacingParked
		}
		list = append(list, c)
	}
	return list
}

// plates chooses what the cars say, each text once.
func (s Scene) plates(a *assets, rng *rand.Rand) []plate {
	if s.Kind != Fleet {
		var list []plate
		for _, i := range rng.Perm(len(a.plates))[:min(s.Cars, len(a.plates))] {
			list = append(list, a.plates[i])
		}
		return list
	}
	var list []plate
	regions := []string{"US-CA", "GB", "US-TX", "DE"}
	for i := range regions {
		list = append(list, a.fleets[regions[(i+int(s.Seed))%len(regions)]]...)
	}
	return list[:min(s.Cars, len(list))]
}

// farthest is the depth at which a plate of the US is 24 pixels wide.
func (s Scene) farthest() float64 { return s.focal() * .305 / 24 }

// readable is the depth at which it is 60 pixels wide.
func (s Scene) readable() float64 { return s.focal() * .305 / 60 }

// Seconds is how long the scene lasts.
func (s Scene) seconds(cars []car) float64 {
	end := 0.0
	for i := range cars {
		c := &cars[i]
		if c.speed == 0 {
			end = max(end, c.appearsAt+c.standsFor)
			continue
		}
		past := 0.0
		if s.Cameras > 1 { // until the rear camera has lost it
			past = s.readable() + carLength
		}
		end = max(end, (c.z0+past)/c.speed)
	}
	return end + 1/s.FPS
}
