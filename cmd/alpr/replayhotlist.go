package main

import (
	"fmt"
	"io"
	"time"

	"alpr/hotlist"
	"alpr/hotlist/importer"
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
	list, report, err := importer.ImportFile(f.hotlist, nil, importer.Options{PublishedAt: published})
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
