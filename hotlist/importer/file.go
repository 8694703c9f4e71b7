package importer

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"alpr/hotlist"
	"alpr/internal/regular"
)

// ImportFile imports the list in a file, or a pipe that a shell has handed over,
// as Import does. Without a name in opt the list is called as ListName says;
// without a publication instant, the file's own time counts.
func ImportFile(ctx context.Context, path string, m *Map, opt Options) (*hotlist.List, Report, error) {
	f, err := regular.OpenPiped(path)
	if err != nil {
		return nil, Report{}, err
	}
	defer f.Close()
	defer context.AfterFunc(ctx, func() { f.Close() })() // ends a read from a pipe
	if opt.Name == "" {
		opt.Name = ListName(path)
	}
	if opt.PublishedAt.IsZero() {
		info, err := f.Stat()
		if err != nil {
			return nil, Report{}, err
		}
		opt.PublishedAt = info.ModTime().UTC()
	}
	list, report, err := Import(ctx, f, m, opt)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("import a hotlist: %w", context.Cause(ctx))
	}
	return list, report, err
}

// ListName is what the list in a file is called: the file's name up to its first
// dot, so that state.csv, state.csv.gz and state.2031-05-02.csv are one list.
func ListName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}

// MapNamed is the column map that a person names: nothing or "auto", for the one
// that fits the heading (nil); a shipped one's name; or else the path of a file.
func MapNamed(how string) (*Map, error) {
	switch {
	case how == "" || how == "auto":
		return nil, nil
	case slices.Contains(ShippedNames(), how):
		return Shipped(how)
	}
	text, err := regular.ReadFile(how)
	if err != nil {
		return nil, fmt.Errorf("read column map: %w", err)
	}
	return ParseMap(text)
}
