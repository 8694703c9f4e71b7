package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"alpr/hotlist"
	"alpr/hotlist/importer"
	"alpr/internal/usage"
	"alpr/pipeline"
)

// matcher loads the replay's hotlist; nil without one. Rows that could not be
// taken are told on errs.
func (o *Options) matcher(ctx context.Context, start time.Time, errs io.Writer) (pipeline.Matcher, error) {
	if o.Hotlist == "" {
		return nil, nil
	}
	published := start
	if o.ListDate != "" {
		t, err := time.Parse(time.RFC3339, o.ListDate)
		if err != nil {
			return nil, usage.Errorf("--hotlist-date %q: give an instant as 2026-06-01T12:00:00Z", o.ListDate)
		}
		published = t
	}
	list, report, err := importer.ImportFile(ctx, o.Hotlist, nil, importer.Options{PublishedAt: published})
	for _, bad := range report.Errors {
		fmt.Fprintf(errs, "%s line %d: %s\n", o.Hotlist, bad.Line, bad.Reason)
	}
	if err != nil {
		return nil, fmt.Errorf("open hotlist %s: %w", o.Hotlist, err)
	}
	m, err := hotlist.NewMatcher(hotlist.DefaultAlertPolicy())
	if err != nil {
		return nil, err
	}
	m.Swap(hotlist.NewIndex(list))
	return m, nil
}
