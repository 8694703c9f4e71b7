package alpr

import (
	"errors"
	"unicode"
)

// ErrBadPurpose reports a purpose that says nothing.
var ErrBadPurpose = errors.New("the purpose says nothing: write in words, or with a case number, what it is for")

// CheckPurpose says whether text can stand in the audit log as the reason of a
// look at records: three letters or digits, not all the same.
func CheckPurpose(text string) error {
	n, first, isVaried := 0, rune(0), false
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		if n++; n == 1 {
			first = unicode.ToLower(r)
		}
		isVaried = isVaried || unicode.ToLower(r) != first
	}
	if n < 3 || !isVaried {
		return ErrBadPurpose
	}
	return nil
}
