// Package torture runs the built programs as a car and its agency have them,
// two cameras, a satellite receiver, an officer's page and a broker included,
// and does to them what the world does: one fault after the other, in an order
// that a seed decides. After each step a listed car passes, and what must hold
// is looked at. `make torture` runs it for an hour, a test of it for a minute;
// docs/developer/torture.md says what is tried and what came of it.
//
// Words: the car is the program `alpr run` with its folder; a pass is a listed
// car that drives past a camera; a fault is inflicted and, where it lasts,
// ended; a step is one or two faults with the checks; wounded is a car whose
// records were damaged on purpose: it is not asked for what it had on record.
package torture
