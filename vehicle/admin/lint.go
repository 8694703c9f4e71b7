package admin

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"alpr/hotlist/importer"
)

// lintSample is how many entries a look at a list file shows.
const lintSample = 5

// Lint says what an import would take of each file, and why not, and changes
// nothing. Its error is why a file would be refused.
func (in *Import) Lint(ctx context.Context, path string, out io.Writer) error {
	columns, err := in.columnMap()
	if err != nil {
		return err
	}
	opt, err := in.options()
	if err != nil {
		return err
	}
	opt.MaxBad, opt.AllowEmpty = 1, true // what could be read is shown in any case
	list, report, err := importer.ImportFile(ctx, path, columns, opt)
	printOrigins(out, &report)
	printReport(out, path, &report)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nThe first entries as they would be taken:")
	if err := printEntries(out, list, lintSample); err != nil {
		return err
	}
	if err := report.Verdict(in.MaxBad, in.MayBeEmpty); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nIt would be list %s, version %s. Nothing was changed.\n", list.Name, list.Version)
	return err
}

// printOrigins says how a file is written, and which of its columns is what.
func printOrigins(out io.Writer, r *importer.Report) {
	if r.Format == "" {
		return
	}
	parted := "fixed-width lines"
	if r.Delimiter != "" {
		parted = fmt.Sprintf("fields parted by %q", r.Delimiter)
	}
	fmt.Fprintf(out, "format %s, %s, %s\n", r.Format, r.Encoding, parted)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range r.Columns {
		fmt.Fprintf(w, "  %s\t%s\n", c.Field, c.Heading)
	}
	_ = w.Flush() // out's own error shows with the next line
	if len(r.Unused) > 0 {
		fmt.Fprintf(out, "  not used: %s\n", strings.Join(r.Unused, ", "))
	}
}
