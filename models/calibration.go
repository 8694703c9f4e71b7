package models

import (
	"fmt"
	"math"
)

// The kinds of calibration.
const (
	// CalibrationNone takes the probability as it is.
	CalibrationNone = "none"
	// CalibrationPlatt is Platt's scaling (J. Platt, "Probabilistic outputs
	// for support vector machines", 1999) on the logit of the product of the
	// slots' best probabilities: p' = sigma(a·logit(p) + b).
	CalibrationPlatt = "platt-on-logit-product"
)

// Calibration turns the product of the slots' best probabilities into the
// probability that the whole text is exactly right. Slots err together (a
// blurred plate is blurred everywhere), so the product alone is not honest.
type Calibration struct {
	Kind string  `json:"kind"`
	A    float64 `json:"a"`
	B    float64 `json:"b"`
}

// Confidence is the calibrated probability for the natural logarithm of the
// product. The result is within 0..1, and grows with logProduct.
func (c Calibration) Confidence(logProduct float64) float64 {
	p := math.Exp(math.Min(logProduct, 0))
	if c.Kind != CalibrationPlatt {
		return p
	}
	const eps = 1e-9 // keeps the logit finite at 0 and 1
	p = math.Min(math.Max(p, eps), 1-eps)
	return 1 / (1 + math.Exp(-(c.A*math.Log(p/(1-p)) + c.B)))
}

func (c Calibration) validate() error {
	switch c.Kind {
	case CalibrationNone:
		return nil
	case CalibrationPlatt:
		if !(c.A > 0) || math.IsInf(c.A, 0) || math.IsNaN(c.B) || math.IsInf(c.B, 0) {
			return fmt.Errorf("calibration a %g, b %g: a must be positive, both finite", c.A, c.B)
		}
		return nil
	}
	return fmt.Errorf("calibration.kind %q is neither %q nor %q", c.Kind, CalibrationNone, CalibrationPlatt)
}
