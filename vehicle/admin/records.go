package admin

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"alpr/store"
	"alpr/vehicle"
)

// PrintNotices prints what befell the store.
func PrintNotices(notices []store.Notice, out io.Writer) error {
	for _, n := range notices {
		if _, err := fmt.Fprintf(out, "%s  %s\n", n.At.Format(time.RFC3339), n); err != nil {
			return err
		}
	}
	return nil
}

// SeeNotices takes note of all notices, and prints them a last time.
func SeeNotices(ctx context.Context, r *vehicle.Records, who store.Access, out io.Writer) error {
	seen, err := r.Store.Notices().See(ctx, who)
	if err != nil {
		return err
	}
	return PrintNotices(seen, out)
}

// Lookup prints the reads of a plate that are still on record, newest first.
func Lookup(ctx context.Context, r *vehicle.Records, who store.Access, plate string, limit int, out io.Writer) error {
	reads, err := r.Store.Reads().Lookup(ctx, who, plate, limit)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tREAD\tTEXT\tSURE\tCAMERA\tPOSITION")
	for _, read := range reads {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f%%\t%s\t%s\n",
			read.At.Format(time.RFC3339), read.ID, read.Text.Text, 100*read.Text.Confidence, read.Camera, whereText(read.Fix))
	}
	return w.Flush()
}
