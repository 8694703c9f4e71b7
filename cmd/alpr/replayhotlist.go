package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"alpr/hotlist"
	"alpr/internal/regular"
	"alpr/pipeline"
)

// matcher loads the replay's hotlist; nil without one. Rows that could not be
// taken are told on errs.
func (f *replayFlags) matcher(start time.Time, errs io.Writer) (pipeline.Matcher, error) {
	if f.hotlist == "" {
		return nil, nil
	}
	published := start
	if f.listDate != "" {
		t, err := time.Parse(time.RFC3339, f.listDate)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--hotlist-date %q: give an instant as 2026-06-01T12:00:00Z", f.listDate)}
		}
		published = t
	}
	file, err := regular.OpenPiped(f.hotlist)
	if err != nil {
		return nil, fmt.Errorf("open hotlist: %w", err)
	}
	defer file.Close()
	name := listName(f.hotlist)
	list, report, err := hotlist.Import(file, nil, hotlist.Options{Name: name, PublishedAt: published})
	for _, bad := range report.Errors {
		fmt.Fprintf(errs, "%s line %d: %s\n", f.hotlist, bad.Line, bad.Reason)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.hotlist, err)
	}
	m, err := hotlist.NewMatcher(hotlist.DefaultPolicy())
	if err != nil {
		return nil, err
	}
	m.Swap(hotlist.NewIndex(list))
	return m, nil
}

// listName is what a list is called that comes from a file.
func listName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
