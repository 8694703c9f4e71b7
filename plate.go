package alpr

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrBadPlate reports a text that cannot be a plate as the reader reads one.
var ErrBadPlate = errors.New("not a plate that can be read")

// separators are what stands between the characters of a plate, beside blanks,
// dashes and what shows nothing.
const separators = "-.·•/_'’‘−"

// folds are the letters that the reader reads as another: each word begins with
// the letter read. A mark over a letter is smaller than what is read of a
// plate, and letters of other scripts that look like a Latin one are that one.
const folds = "AÀÁÂÃÄÅĀĂĄǍАΑ BВΒ CÇĆĈĊČС DĎĐÐ EÈÉÊËĒĔĖĘĚЕЁΕ GĜĞĠĢǦ HĤĦНΗ IÌÍÎÏĨĪĬĮİІЇΙ " +
	"JĴЈ KĶКΚ LĹĻĽĿŁ MМΜ NÑŃŅŇΝ OÒÓÔÕÖØŌŎŐǑОΟ PРΡ RŔŖŘ SŚŜŞŠȘЅ TŢŤŦȚТΤ " +
	"UÙÚÛÜŨŪŬŮŰŲǓ WŴẀẂẄ XХΧ YÝŶŸУҮΥ ZŹŻŽΖ"

// ParsePlate is a plate as it is compared, A–Z and 0–9, from a plate as people
// write and paste it. It takes what an eye takes for the plate: letters of
// either case, an accented letter for the bare one that the reader reads
// (Ü is U), any blank, dash or invisible character for nothing. A character
// that may be on the plate and that the reader cannot read (#, *, ß) would
// never match and is an error, as is a text without or with too many
// characters. The error wraps ErrBadPlate and says which.
func ParsePlate(given string) (string, error) {
	var b strings.Builder
	isAfterLetter := false
	for _, r := range given {
		c, ok := plateChar(r)
		switch {
		case ok:
			b.WriteByte(c)
			isAfterLetter = true
			continue
		case isSeparator(r):
		case unicode.Is(unicode.Mn, r) && isAfterLetter: // the mark of the letter before it
			continue
		default:
			return "", fmt.Errorf("%w: %q holds %q, which the reader cannot see", ErrBadPlate, given, r)
		}
		isAfterLetter = false
	}
	switch n := b.Len(); {
	case n == 0 && strings.TrimSpace(given) == "":
		return "", fmt.Errorf("%w: there is none", ErrBadPlate)
	case n == 0:
		return "", fmt.Errorf("%w: %q has no letter or digit", ErrBadPlate, given)
	case n > Slots:
		return "", fmt.Errorf("%w: %q has %d characters: more than the %d of any plate", ErrBadPlate, given, n, Slots)
	}
	return b.String(), nil
}

// Normalise is ParsePlate for texts that are compared whatever they hold: what
// is not read is left out.
func Normalise(text string) string {
	var b strings.Builder
	for _, r := range text {
		if c, ok := plateChar(r); ok {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// IsReadAsWritten says whether a plate as given shows no other letter than the
// reader reads for it.
func IsReadAsWritten(given string) bool {
	return strings.IndexFunc(given, func(r rune) bool { return r >= utf8.RuneSelf && unicode.IsLetter(r) }) < 0
}

// plateChar is the character of Alphabet that the reader reads for r.
func plateChar(r rune) (c byte, ok bool) {
	if r >= '！' && r <= '～' { // the full-width forms of ASCII
		r -= '！' - '!'
	}
	switch {
	case r >= 'a' && r <= 'z':
		return byte(r - 'a' + 'A'), true
	case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return byte(r), true
	case r < utf8.RuneSelf:
		return 0, false
	}
	r = unicode.ToUpper(r)
	for word := range strings.FieldsSeq(folds) {
		if strings.ContainsRune(word, r) {
			return word[0], true
		}
	}
	return 0, false
}

// isSeparator says whether r is nothing of the plate itself: a blank of any
// width, a dash, or what takes no room at all, such as the zero-width space and
// the byte order mark that copies carry.
func isSeparator(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(separators, r) || unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf)
}
