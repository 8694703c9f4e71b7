// Package usage marks what is wrong with a request as it was given: on a command
// line that is exit code 2.
package usage

import "fmt"

// Error is a request that cannot be carried out as given.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Errorf formats what is wrong with a request, as fmt.Errorf does.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }
