package importer

import "fmt"

// RowError is one row that could not be taken whole.
type RowError struct {
	Line   int
	Reason string
}

// maxReported bounds the rows of each sort that a report names.
const maxReported = 1000

// Report says what became of every row of an import.
type Report struct {
	Format    string
	Encoding  string   // of the file, as far as its first bytes say
	Delimiter string   // what parts the fields; "" for fixed-width lines
	Columns   []Column // where the fields of an entry come from
	Unused    []string // headings that no field comes from
	Rows      int      // with content, the heading not counted
	Entries   int
	Cancelled int        // rows that take an entry back, and those that they take back
	Repeated  int        // rows that say again what an earlier one says
	Bad       int        // rows that were left out
	Errors    []RowError // the bad rows, at most 1,000 of them
	Doubts    int        // rows taken with something missing
	Warnings  []RowError // those, at most 1,000 of them
}

// Column is where a field of an entry comes from.
type Column struct{ Field, Heading string }

// Verdict is why a list of which that became is refused whole, nil where it is
// taken: more than the share maxBad of its rows are bad, or it has no entry and
// neither may be empty nor takes back what it had.
func (r *Report) Verdict(maxBad float64, mayBeEmpty bool) error {
	if float64(r.Bad) > maxBad*float64(r.Rows) {
		first := ""
		if len(r.Errors) > 0 {
			first = fmt.Sprintf(" (line %d: %s)", r.Errors[0].Line, r.Errors[0].Reason)
		}
		return fmt.Errorf("%d of %d rows%s: %w", r.Bad, r.Rows, first, ErrTooManyBad)
	}
	if r.Entries == 0 && !mayBeEmpty && (r.Cancelled == 0 || r.Bad > 0) {
		return ErrEmptyList
	}
	return nil
}

func (r *Report) fail(line int, reason error) {
	r.Bad++
	if len(r.Errors) < maxReported {
		r.Errors = append(r.Errors, RowError{line, reason.Error()})
	}
}

func (r *Report) warn(line int, reason string) {
	r.Doubts++
	if len(r.Warnings) < maxReported {
		r.Warnings = append(r.Warnings, RowError{line, reason})
	}
}
