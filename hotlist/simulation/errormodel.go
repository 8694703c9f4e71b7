package simulation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"alpr"
)

// ErrorModel is how a reader errs, measured on real plates whose text is known.
// It holds what the reader said of single characters, mixed over all plates, and
// of states; no plate can be put together from it.
type ErrorModel struct {
	Reader      string        `json:"reader"`       // name and version
	Plates      int           `json:"plates"`       // it was measured on
	WrongLength int           `json:"wrong_length"` // of them, read with a character too many or too few
	Bins        []QualityBin  `json:"bins"`
	States      []StateSample `json:"states"`
	// Confidence is the reader's calibration: pairs of the logarithm of the
	// characters' product and the confidence made of it, in rising order.
	Confidence [][2]float64 `json:"confidence"`
}

// QualityBin is the plates that the reader was about as sure of.
type QualityBin struct {
	UpTo  float64   `json:"up_to"` // confidence
	Share float64   `json:"share"` // of all plates
	Chars []CharRow `json:"chars"`
}

// CharRow is what the reader said of one character: Alphabet's, or '-' for the
// place after the last.
type CharRow struct {
	True string             `json:"true"`
	Said map[string]float64 `json:"said"` // the rest to 1 is spread evenly
}

// StateSample is what the reader said of one plate's state.
type StateSample struct {
	True string             `json:"true"`
	Said map[string]float64 `json:"said"`
}

// qualityEdges part plates by the confidence of their reading.
func qualityEdges() []float64 { return []float64{0.5, 0.8, 0.95, 0.99, 1} }

// leastSaid is the least probability that an error model keeps.
const leastSaid = 0.0005

// Meter collects an ErrorModel.
type Meter struct {
	model  ErrorModel
	counts []int
}

// NewMeter starts a measurement of a reader.
func NewMeter(reader string) *Meter {
	m := &Meter{model: ErrorModel{Reader: reader}, counts: make([]int, len(qualityEdges()))}
	for _, edge := range qualityEdges() {
		m.model.Bins = append(m.model.Bins, QualityBin{UpTo: edge})
	}
	return m
}

// Add takes one plate: what the reader said, and what is true. state may be
// empty where it is not known.
func (m *Meter) Add(read *alpr.Text, truth, state string) {
	if plate, err := alpr.ParsePlate(truth); err != nil || plate != truth || read.Text == "" {
		return
	}
	m.model.Plates++
	if state != "" {
		s := StateSample{True: state, Said: map[string]float64{}}
		for _, r := range read.Regions {
			if r.P >= leastSaid {
				s.Said[r.Region] = round4(r.P)
			}
		}
		m.model.States = append(m.model.States, s)
	}
	m.model.Confidence = append(m.model.Confidence, [2]float64{read.Posterior.LogProb(read.Text), read.Confidence})
	if len(read.Text) != len(truth) {
		m.model.WrongLength++
		return
	}
	b := binOf(read.Confidence)
	m.counts[b]++
	for s := range min(len(truth)+1, alpr.Slots) {
		row := CharRow{True: "-", Said: map[string]float64{}}
		if s < len(truth) {
			row.True = truth[s : s+1]
		}
		for sym, p := range read.Posterior[s] {
			if p >= leastSaid {
				row.Said[symbolName(sym)] = round4(float64(p))
			}
		}
		m.model.Bins[b].Chars = append(m.model.Bins[b].Chars, row)
	}
}

// Model ends the measurement. rng mixes the characters of all plates, so that
// their order tells nothing.
func (m *Meter) Model(rng *rand.Rand) *ErrorModel {
	total := 0
	for _, n := range m.counts {
		total += n
	}
	for b := range m.model.Bins {
		bin := &m.model.Bins[b]
		bin.Share = float64(m.counts[b]) / float64(max(1, total))
		rng.Shuffle(len(bin.Chars), func(i, j int) { bin.Chars[i], bin.Chars[j] = bin.Chars[j], bin.Chars[i] })
	}
	rng.Shuffle(len(m.model.States), func(i, j int) {
		m.model.States[i], m.model.States[j] = m.model.States[j], m.model.States[i]
	})
	slices.SortFunc(m.model.Confidence, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
	m.model.Confidence = slices.DeleteFunc(m.model.Confidence, func(p [2]float64) bool { return math.IsInf(p[0], 0) })
	for i, p := range m.model.Confidence {
		m.model.Confidence[i] = [2]float64{round4(p[0]), round4(p[1])}
	}
	m.model.Confidence = slices.Compact(m.model.Confidence)
	return &m.model
}

func binOf(confidence float64) int {
	edges := qualityEdges()
	i, _ := slices.BinarySearch(edges, confidence)
	return min(i, len(edges)-1)
}

func symbolName(sym int) string {
	if sym == alpr.Pad {
		return "-"
	}
	return alpr.Alphabet[sym : sym+1]
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

var errBadModel = errors.New("not an error model")

// ReadErrorModel reads what Write wrote, and checks it.
func ReadErrorModel(r io.Reader) (*ErrorModel, error) {
	var m ErrorModel
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadModel, err)
	}
	if m.Plates == 0 || len(m.Confidence) == 0 || len(m.States) == 0 {
		return nil, fmt.Errorf("%w: it was measured on no plate, or lacks confidences or states", errBadModel)
	}
	rows := 0
	for _, b := range m.Bins {
		for _, c := range b.Chars {
			if !isSymbol(c.True) {
				return nil, fmt.Errorf("%w: character %q", errBadModel, c.True)
			}
			for said, p := range c.Said {
				if !isSymbol(said) || !(p >= 0 && p <= 1) {
					return nil, fmt.Errorf("%w: %q with probability %v", errBadModel, said, p)
				}
			}
			rows++
		}
	}
	if rows == 0 {
		return nil, fmt.Errorf("%w: it has no characters", errBadModel)
	}
	return &m, nil
}

func isSymbol(s string) bool { return s == "-" || len(s) == 1 && alpr.SymbolIndex(s[0]) >= 0 }

// Write writes the model as JSON.
func (m *ErrorModel) Write(w io.Writer) error { return json.NewEncoder(w).Encode(m) }
