package admin

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

	"alpr/hotlist/importer"
	"alpr/internal/usage"
	"alpr/store"
	"alpr/vehicle"
)

// Import says how list files are taken.
type Import struct {
	List      string  // the list's name; "": the file's
	Format    string  // auto, or a shipped format's name
	MapFile   string  // a column map, for other formats
	Published string  // when the source published it, RFC 3339; "": the file's time
	MaxBad    float64 // share of bad rows above which a list is refused
}

// columnMap is nil where each file's heading is to tell.
func (in *Import) columnMap() (*importer.Map, error) {
	if in.MapFile != "" {
		return importer.MapNamed(in.MapFile)
	}
	return importer.MapNamed(in.Format)
}

// Files imports every file that paths name, and every one of a folder. One that is
// refused does not keep the others from being imported.
func (in *Import) Files(ctx context.Context, r *vehicle.Records, who store.Access, paths []string, out io.Writer) error {
	files, err := listFiles(paths)
	if err != nil {
		return err
	}
	if in.List != "" && len(files) > 1 {
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
		if err := in.file(ctx, r, who, columns, path, out); err != nil {
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

func (in *Import) file(ctx context.Context, r *vehicle.Records, who store.Access, columns *importer.Map, path string, out io.Writer) error {
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

func (in *Import) options() (importer.Options, error) {
	opt := importer.Options{Name: in.List, MaxBad: in.MaxBad}
	if in.Published == "" {
		return opt, nil
	}
	at, err := time.Parse(time.RFC3339, in.Published)
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
