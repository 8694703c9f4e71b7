package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alpr/hotlist/importer"
	"alpr/internal/usage"
	"alpr/store"
	"alpr/vehicle"
)

const hotlistImportHelp = `Import lists from files, or from every file of a folder such as a USB stick:
CSV with a heading line or fixed width, plain or packed with gzip or zstd.

The format is found by the heading (ncic, genetec, flock), named with --format,
or described in a column map of your own with --map; docs/technician/lists.md says how
to write one. Rows that cannot be taken are named with line and reason. A list
with too many of them is refused whole, and the last good one stays in use.`

// importFlags are the choices of alpr hotlist import.
type importFlags struct {
	list, format, mapFile, published string
	maxBad                           float64
}

func newHotlistImportCmd(f *recordFlags) *cobra.Command {
	var in importFlags
	c := &cobra.Command{
		Use:   "import PATH…",
		Short: "Import lists from files or a USB folder",
		Long:  hotlistImportHelp,
		Example: `  alpr hotlist import state.csv.gz --officer 4711 --purpose "morning list"
  alpr hotlist import /media/usb/lists --officer 4711 --purpose "shift start"
  alpr hotlist import wants.dat --map wants.yaml --list wants --officer 4711 --purpose "county wants"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.as(c, func(r *vehicle.Records, who store.Access) error {
				return importAll(c.Context(), r, who, in, args, c.OutOrStdout())
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&in.list, "list", "", "the list's name (default: the file's)")
	flags.StringVar(&in.format, "format", "auto", "auto, "+strings.Join(importer.ShippedNames(), ", "))
	flags.StringVar(&in.mapFile, "map", "", "a column map in YAML, for other formats")
	flags.StringVar(&in.published, "published", "", "when the source published it, as 2031-05-02T06:00:00Z (default: the file's time)")
	flags.Float64Var(&in.maxBad, "max-bad", 0.05, "share of bad rows above which a list is refused")
	return c
}

// columnMap is nil where each file's heading is to tell.
func (in *importFlags) columnMap() (*importer.Map, error) {
	if in.mapFile != "" {
		return importer.MapNamed(in.mapFile)
	}
	return importer.MapNamed(in.format)
}

// importAll imports every file. One that is refused does not keep the others
// from being imported.
func importAll(ctx context.Context, r *vehicle.Records, who store.Access, in importFlags, paths []string, out io.Writer) error {
	files, err := listFiles(paths)
	if err != nil {
		return err
	}
	if in.list != "" && len(files) > 1 {
		return usage.Errorf("--list names one list, and there are %d files", len(files))
	}
	columns, err := in.columnMap()
	if err != nil {
		return err
	}
	if err := r.Lists.Load(ctx); err != nil {
		return err
	}
	var errs []error
	for _, path := range files {
		if err := importFile(ctx, r, who, in, columns, path, out); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

// listFiles are the files that paths name, folders taken apart.
func listFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, p)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("find list files: %w", err)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("find list files: there is none in %s", strings.Join(paths, ", "))
	}
	slices.Sort(files)
	return files, nil
}

func importFile(ctx context.Context, r *vehicle.Records, who store.Access, in importFlags, columns *importer.Map, path string, out io.Writer) error {
	opt, err := in.options()
	if err != nil {
		return err
	}
	list, report, err := importer.ImportFile(path, columns, opt)
	printReport(out, path, &report)
	if err != nil {
		return err
	}
	if err := r.Lists.Replace(ctx, who, list); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: version %s is in use, %d entries\n", list.Name, list.Version, list.Len())
	return err
}

func (in *importFlags) options() (importer.Options, error) {
	opt := importer.Options{Name: in.list, MaxBad: in.maxBad}
	if in.published == "" {
		return opt, nil
	}
	at, err := time.Parse(time.RFC3339, in.published)
	if err != nil {
		return opt, usage.Errorf("--published: %w", err)
	}
	opt.PublishedAt = at
	return opt, nil
}

func printReport(out io.Writer, path string, r *importer.Report) {
	if r.Format == "" {
		return
	}
	fmt.Fprintf(out, "%s (%s): %d rows, %d entries, %d cancelled, %d repeated, %d bad\n",
		path, r.Format, r.Rows, r.Entries, r.Cancelled, r.Repeated, r.Bad)
	for _, e := range r.Errors {
		fmt.Fprintf(out, "  line %d left out: %s\n", e.Line, e.Reason)
	}
	if more := r.Bad - len(r.Errors); more > 0 {
		fmt.Fprintf(out, "  and %d more lines left out\n", more)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(out, "  line %d: %s\n", w.Line, w.Reason)
	}
	if more := r.Doubts - len(r.Warnings); more > 0 {
		fmt.Fprintf(out, "  and %d more lines with a doubt\n", more)
	}
}
