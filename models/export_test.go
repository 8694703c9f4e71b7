package models

// OpenNetwork opens one network in one way, without its self-test.
func OpenNetwork(dir string, e Entry, p Precision, isExact bool) (*Network, error) {
	return openNetwork(dir, e, way{p, isExact}, 1)
}

// StartRuntime loads the library.
func StartRuntime(library string) error { return startRuntime(library) }

// ModelName is the processor's name in the kernel's list.
var ModelName = modelName
