package stills

import (
	"testing"

	"alpr"
)

func TestReadWithholds(t *testing.T) {
	for _, tt := range []struct {
		text       string
		confidence float64
		score      float32
		least      float64
		want       bool
	}{
		{"ABC123", 0.5, 0.9, 0.55, true},
		{"ABC123", 0.6, 0.5, 0.55, false},
		{"POLICE", 0.9, 0.5, 0.55, true},
		{"POLICE", 0.9, 0.9, 0.55, false},
		{"POLICE", 0.1, 0.5, 0, false},
	} {
		o := Options{MinConfidence: tt.least}
		if got := o.withholds(&alpr.Text{Text: tt.text, Confidence: tt.confidence}, alpr.Plate{Score: tt.score}); got != tt.want {
			t.Errorf("%s at %g, score %g, least %g: withheld %t", tt.text, tt.confidence, tt.score, tt.least, got)
		}
	}
}
