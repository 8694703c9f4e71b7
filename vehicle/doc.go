// Package vehicle is the program in the car: it opens what a configuration names,
// wires cameras, networks, pipeline, lists, store, page and uplink together, and
// runs them for as long as the car is on.
//
// The packages that do the work do not know each other; adapters here join them.
// Lists carries hotlists from the store to the matcher. Status and health say what
// works, by the same rules to officer, backend and log. What is run beside a car,
// such as a check of it, stands in packages below this one, which it does not know.
package vehicle
