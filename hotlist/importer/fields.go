package importer

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean is a field as it is meant: without the blanks around it, without what
// shows nothing (control characters, zero-width spaces, byte order marks), and
// without what a spreadsheet writes around a text to keep it one (="0012", '0012).
func clean(field string) string {
	if !isPlain(field) {
		field = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cc, unicode.Cf) && r != '\n' && r != '\t' {
				return -1
			}
			return r
		}, field)
	}
	field = strings.TrimSpace(field)
	if len(field) >= 3 && field[0] == '=' && field[1] == '"' && field[len(field)-1] == '"' {
		return strings.TrimSpace(strings.ReplaceAll(field[2:len(field)-1], `""`, `"`))
	}
	if len(field) > 1 && field[0] == '\'' && field[len(field)-1] != '\'' {
		return field[1:]
	}
	return field
}

// isPlain says that a field holds nothing but printable ASCII.
func isPlain(field string) bool {
	for i := range len(field) {
		if c := field[i]; c < ' ' || c >= utf8.RuneSelf-1 {
			return false
		}
	}
	return true
}

// isPadding says that a line holds nothing: blanks, and the marks that mainframes
// and DOS end or fill a file with (NUL, Ctrl-Z).
func isPadding(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf) }) < 0
}

// noDates are words that databases and people write for "no date".
const noDates = " null nil none n/a na never unknown unk open tbd - -- ? "

// noYears are the first years of calendars, which programs write for "no date":
// .NET's and ISO's, Windows', SQL Server's, spreadsheets'. Nothing that is wanted
// dates from them.
const noYears = " 0000 0001 1601 1753 1899 1900 "

// isNoDate says that a text in a column of times stands for "none".
func isNoDate(text string) bool {
	text = strings.ToLower(text)
	if strings.Contains(noDates, " "+text+" ") || strings.Trim(text, "0 -/.:") == "" {
		return true
	}
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < '0' || r > '9' }) {
		switch len(run) {
		case 4:
			if isNoYear(run) {
				return true
			}
		case 8, 14: // 19000101, 01011900, 19000101000000
			if isNoYear(run[:4]) || len(run) == 8 && isNoYear(run[4:]) && run[:4] == "0101" {
				return true
			}
		}
	}
	return false
}

func isNoYear(year string) bool { return strings.Contains(noYears, " "+year+" ") }

// isUnixZero says that an instant is what a program that knows none writes.
func isUnixZero(t time.Time) bool { return t.Unix() == 0 }

func isUnixZeroText(text string) bool {
	return strings.HasPrefix(text, "1970-01-01") || strings.HasPrefix(text, "19700101") || strings.HasPrefix(text, "01/01/1970") || strings.HasPrefix(text, "1/1/1970")
}

// layoutOf is a date format as package time writes layouts. People name formats by
// letters: YYYY-MM-DD, D.M.YY, MM/DD/YYYY hh:mm:ss. What holds no year so is taken
// for a layout of package time.
func layoutOf(format string) string {
	if !strings.Contains(format, "YY") {
		return format
	}
	return strings.NewReplacer("YYYY", "2006", "YY", "06", "MMM", "Jan", "MM", "01", "M", "1", "DD", "02", "D", "2",
		"hh", "15", "h", "15", "mm", "04", "ss", "05", "AM", "PM", "Z", "Z07:00").Replace(format)
}
