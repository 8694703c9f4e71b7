package main

import (
	"cmp"
	"math"
	"slices"

	"alpr"
)

// withheld is the confidence below which a text is not reported.
const withheld = 0.55

// figures of a way to read.
type figures struct {
	plates, exact, wrong int
	atOne                int     // right texts while at most 1 % of those as sure are wrong
	loss                 float64 // mean negative logarithm of the right text's probability
	ece                  float64 // expected calibration error in ten bins
}

func (g figures) percent(n int) float64 { return 100 * float64(n) / float64(max(g.plates, 1)) }

type verdict struct {
	confidence float64
	isRight    bool
}

func measure(list []seen, decide func(alpr.Text) alpr.Text) figures {
	g := figures{plates: len(list)}
	var all []verdict
	for i := range list {
		t := decide(list[i].Text)
		v := verdict{t.Confidence, t.Text == list[i].Truth}
		all = append(all, v)
		g.loss -= math.Log(probabilityOf(&t, list[i].Truth)) / float64(len(list))
		switch {
		case v.confidence < withheld:
		case v.isRight:
			g.exact++
		default:
			g.wrong++
		}
	}
	g.ece = calibrationError(all)
	slices.SortStableFunc(all, func(a, b verdict) int { return cmp.Compare(b.confidence, a.confidence) })
	wrong := 0
	for i, v := range all {
		if !v.isRight {
			wrong++
		}
		if 100*wrong <= i+1 {
			g.atOne = max(g.atOne, i+1-wrong)
		}
	}
	return g
}

func probabilityOf(t *alpr.Text, text string) float64 {
	const least = 1e-4 // of a text that is not among the candidates
	for _, c := range t.Candidates {
		if c.Text == text {
			return max(c.P, least)
		}
	}
	return least
}

func calibrationError(all []verdict) float64 {
	var gap [10]float64
	for _, v := range all {
		bin := min(int(v.confidence*10), 9)
		gap[bin] += v.confidence
		if v.isRight {
			gap[bin]--
		}
	}
	sum := 0.0
	for _, d := range gap {
		sum += math.Abs(d)
	}
	return sum / float64(max(len(all), 1))
}
