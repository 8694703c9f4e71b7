package road

// Light is the light of a scene.
type Light string

// The lights.
const (
	Day   Light = "day"
	Dusk  Light = "dusk"
	Night Light = "night"
	Rain  Light = "rain"
)

// Lights are all lights.
func Lights() []Light { return []Light{Day, Dusk, Night, Rain} }

// optics is what the light does to a picture.
type optics struct {
	gain     float64 // of what is lit by the sky
	retro    float64 // of a plate in our headlights, at 12 m
	noise    float64 // standard deviation, of 255
	exposure float64 // seconds that the shutter is open
	blur     float64 // pixels of a 720p picture, standard deviation
	lamps    float64 // how far lamps dazzle, metres around them
	streaks  int     // of rain
	haze     float64 // share of grey
}

func (l Light) optics() optics {
	switch l {
	case Dusk:
		return optics{gain: .42, retro: .25, noise: 3, exposure: 1. / 500, blur: .55, lamps: .14}
	case Night:
		return optics{gain: .07, retro: .85, noise: 5, exposure: 1. / 400, blur: .6, lamps: .3}
	case Rain:
		return optics{gain: .55, retro: .15, noise: 3, exposure: 1. / 640, blur: .9, lamps: .16, streaks: 420, haze: .12}
	}
	return optics{gain: 1, noise: 1.5, exposure: 1. / 1000, blur: .5}
}
