package importer

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"alpr"
	"alpr/internal/jurisdiction"
)

// heading finds the map and where its columns are.
func (im *importer) heading() error {
	skip := 0
	if im.m != nil {
		skip = im.m.SkipLines
	}
	for range skip {
		if _, _, err := im.lines.next(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if im.m != nil && im.m.Format == "fixed" {
		im.cols.width = len(fieldNames())
		for i := range fieldNames() {
			im.cols.at = append(im.cols.at, i)
		}
		return nil
	}
	line, err := im.firstLine()
	if err != nil {
		return err
	}
	return im.columns(line)
}

// columns finds the map's columns by the first line that holds something.
func (im *importer) columns(line string) (err error) {
	if im.m == nil {
		if im.m, err = im.detect(line); err != nil {
			return err
		}
	}
	if im.delimiter == 0 {
		im.delimiter = im.m.Delimiter[0]
	}
	names, err := splitCSV(line, im.delimiter, nil)
	if err != nil {
		return fmt.Errorf("read the heading line: %w", err)
	}
	if im.m.NoHeading {
		im.lines.again([]heldLine{{line, nil}})
		names = numbers(len(names))
	}
	im.report.Delimiter = string(rune(im.delimiter))
	var ok bool
	if im.cols, ok = im.m.locate(names); !ok {
		return fmt.Errorf("heading line %.80q has no plate column (%s): is this a %s list?", line, strings.Join(im.m.Columns.Plate, " or "), im.m.Name)
	}
	im.report.Columns, im.report.Unused = im.cols.origins(names)
	return nil
}

// firstLine is the first line that holds something. One that only says what parts
// the fields (sep=;), as spreadsheets write it, is none.
func (im *importer) firstLine() (string, error) {
	for {
		line, bad, err := im.lines.next()
		if errors.Is(err, io.EOF) {
			return "", fmt.Errorf("the file is empty: %w", ErrEmptyList)
		}
		if err = errors.Join(bad, err); err != nil {
			return "", fmt.Errorf("read the heading line: %w", err)
		}
		mark := strings.ToLower(strings.Trim(strings.TrimSpace(line), `"`))
		switch {
		case strings.HasPrefix(mark, "sep=") && len(mark) == len("sep=x"):
			im.delimiter = mark[len("sep=")]
		case mark == "sep=" && strings.Contains(line, "\t"):
			im.delimiter = '\t'
		case !isPadding(line):
			return line, nil
		case im.lines.number > maxBlank:
			return "", fmt.Errorf("%d lines are empty: %w", im.lines.number, ErrNoList)
		}
	}
}

// detect finds the shipped map that fits the heading, or where there is none and
// all first lines are plates, the one of plain lists.
func (im *importer) detect(line string) (*Map, error) {
	known := delimiters()
	if im.delimiter != 0 {
		known = []string{string(rune(im.delimiter))}
	}
	m, err := Detect(line, known...)
	if err == nil {
		return m, nil
	}
	plain, perr := Shipped("plain")
	if perr != nil {
		return nil, perr
	}
	codes, perr := plain.codes()
	if perr != nil {
		return nil, perr
	}
	first := im.peek(line, 50)
	for _, plain.Delimiter = range known {
		if arePlates(first, plain.Delimiter[0], codes) {
			return plain, nil
		}
	}
	return nil, err
}

// peek is the line and those that follow it, n at most, which are read again.
func (im *importer) peek(line string, n int) []string {
	var ahead []heldLine
	lines := []string{line}
	for len(lines) < n {
		text, bad, err := im.lines.next()
		if err != nil {
			im.lines.number--
			break
		}
		ahead = append(ahead, heldLine{text, bad})
		lines = append(lines, text)
	}
	im.lines.again(ahead)
	return lines
}

// arePlates says whether lines are plates, each alone or with its state, and no
// other table: every state is a known one, and most plates hold a digit.
func arePlates(lines []string, delimiter byte, codes jurisdiction.Codes) bool {
	n, withDigit := 0, 0
	for _, line := range lines {
		fields, bad := splitCSV(line, delimiter, nil)
		for len(fields) > 0 && isPadding(fields[len(fields)-1]) {
			fields = fields[:len(fields)-1]
		}
		if len(fields) == 0 && bad == nil {
			continue
		}
		if bad != nil || len(fields) > 2 {
			return false
		}
		plate, err := alpr.ParsePlate(clean(fields[0]))
		if err != nil {
			return false
		}
		if len(fields) == 2 {
			if _, ok := codes.Normalise(clean(fields[1])); !ok {
				return false
			}
		}
		n++
		if strings.ContainsAny(plate, "0123456789") {
			withDigit++
		}
	}
	return n > 0 && 2*withDigit > n
}

func numbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names
}
