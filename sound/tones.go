package sound

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Rate is the tones' samples a second, of 16 bits, on one channel.
const Rate = 16000

// Kind is the shape of a sound. Each is told from the others without looking.
type Kind string

// The kinds, the gravest first.
const (
	High      Kind = "high"      // three times two alternating tones
	Normal    Kind = "normal"    // two rising tones
	Low       Kind = "low"       // one soft tone
	Withdrawn Kind = "withdrawn" // two falling tones
	Trouble   Kind = "trouble"   // one low tone
)

// rank orders kinds: the higher cuts the lower short.
func (k Kind) rank() int {
	switch k {
	case High:
		return 4
	case Normal:
		return 3
	case Low, Withdrawn:
		return 2
	case Trouble:
		return 1
	}
	return 0
}

// tone is one pitch for a while.
type tone struct {
	start, length float64 // seconds
	hz, loudness  float64 // loudness 0..1
}

// tones are those of a kind, the same as the page's.
func (k Kind) tones() []tone {
	switch k {
	case High:
		var all []tone
		for i := range 3 {
			at := float64(i) * 0.5
			all = append(all, tone{at, 0.2, 988, 1}, tone{at + 0.22, 0.2, 1319, 1})
		}
		return all
	case Normal:
		return []tone{{0, 0.18, 659, 0.9}, {0.22, 0.3, 880, 0.9}}
	case Low:
		return []tone{{0, 0.35, 523, 0.6}}
	case Withdrawn:
		return []tone{{0, 0.25, 587, 0.7}, {0.28, 0.4, 392, 0.7}}
	case Trouble:
		return []tone{{0, 0.5, 294, 0.7}}
	}
	return nil
}

const (
	fade = 0.015 // seconds in which a tone comes and goes: without it, it clicks
	// leastForHigh is the volume under which high priority never falls.
	leastForHigh = 0.5
)

// wave makes a kind's samples at a volume of 0 to 1.
func wave(k Kind, volume float64) []int16 {
	if k == High {
		volume = max(volume, leastForHigh)
	}
	end := 0.0
	for _, t := range k.tones() {
		end = max(end, t.start+t.length)
	}
	samples := make([]int16, int((end+0.1)*Rate))
	for _, t := range k.tones() {
		first := int(t.start * Rate)
		for i := range int(t.length * Rate) {
			s := float64(i) / Rate
			shape := min(1, s/fade, (t.length-s)/fade)
			// A triangle is heard through road noise better than a sine.
			x := math.Asin(math.Sin(2*math.Pi*t.hz*s)) * 2 / math.Pi
			samples[first+i] = int16(x * shape * t.loudness * volume * math.MaxInt16 * 0.9)
		}
	}
	return samples
}

// wav is a WAV file of samples.
func wav(samples []int16) []byte {
	var b bytes.Buffer
	size := uint32(2 * len(samples))
	b.WriteString("RIFF")
	le := binary.LittleEndian
	b.Write(le.AppendUint32(nil, 36+size))
	b.WriteString("WAVEfmt ")
	b.Write(le.AppendUint32(nil, 16))
	for _, v := range []uint16{1, 1} { // PCM, one channel
		b.Write(le.AppendUint16(nil, v))
	}
	b.Write(le.AppendUint32(nil, Rate))
	b.Write(le.AppendUint32(nil, 2*Rate))
	for _, v := range []uint16{2, 16} { // bytes a sample, bits
		b.Write(le.AppendUint16(nil, v))
	}
	b.WriteString("data")
	b.Write(le.AppendUint32(nil, size))
	for _, s := range samples {
		b.Write(le.AppendUint16(nil, uint16(s)))
	}
	return b.Bytes()
}
