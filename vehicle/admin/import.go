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

	"alpr/hotlist"
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

	IsForced   bool // a publication older than the one in use is taken
	MayBeEmpty bool // a list without an entry is taken
}

// ErrOlder refuses a list that would go back in time.
var ErrOlder = errors.New("a newer list is in use: alpr hotlist rollback goes back to the one before; --force takes this one all the same")

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
	list, report, err := importer.ImportFile(ctx, path, columns, opt)
	printReport(out, path, &report)
	if err != nil {
		return err
	}
	from, err := in.resolveAge(ctx, r, list, time.Now())
	if err != nil {
		return err
	}
	if err := r.Lists.Replace(ctx, who, list); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: version %s is in use, %d entries, published %s (%s)\n",
		list.Name, list.Version, list.Len(), list.PublishedAt.UTC().Format(time.RFC3339), from)
	return err
}

// resolveAge says where a list's publication is known from. The age of a version
// never gets younger by a copy: of the same content the earliest file counts, and
// none is of the future. A list that is older than the one in use is refused unless
// that is forced.
func (in *Import) resolveAge(ctx context.Context, r *vehicle.Records, list *hotlist.List, now time.Time) (from string, err error) {
	from = "as said"
	if in.Published == "" {
		from = "the file's time"
		if list.PublishedAt.After(now) {
			list.PublishedAt, from = now.UTC().Truncate(time.Second), "now: the file's time is still to come"
		}
	}
	infos, err := r.Store.Lists().All(ctx)
	if err != nil {
		return from, err
	}
	for _, h := range infos {
		isSame := h.List == list.Name && h.Version == list.Version
		if isSame && in.Published == "" && !h.PublishedAt.IsZero() && h.PublishedAt.Before(list.PublishedAt) {
			list.PublishedAt, from = h.PublishedAt, "when its content was first imported"
		}
	}
	for _, h := range infos {
		isOlder := h.List == list.Name && h.IsActive && h.Version != list.Version && list.PublishedAt.Before(h.PublishedAt)
		if isOlder && !in.IsForced && !h.PublishedAt.After(now) {
			return from, fmt.Errorf("list %s of %s, in use is one of %s: %w", list.Name,
				list.PublishedAt.UTC().Format(time.RFC3339), h.PublishedAt.UTC().Format(time.RFC3339), ErrOlder)
		}
	}
	return from, nil
}

func (in *Import) options() (importer.Options, error) {
	opt := importer.Options{Name: in.List, MaxBad: in.MaxBad, AllowEmpty: in.MayBeEmpty}
	if in.Published == "" {
		return opt, nil
	}
	at, err := time.Parse(time.RFC3339, in.Published)
	if err != nil {
		return opt, usage.Errorf("--published: %w", err)
	}
	if at.After(time.Now()) {
		return opt, usage.Errorf("--published %s is still to come", in.Published)
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
