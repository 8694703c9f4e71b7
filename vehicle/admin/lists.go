package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"alpr/internal/printable"
	"alpr/store"
	"alpr/vehicle"
)

// PrintLists names the lists, their versions and their age.
func PrintLists(ctx context.Context, r *vehicle.Records, now time.Time, out io.Writer) error {
	infos, err := r.Store.Lists().All(ctx)
	if err != nil {
		return err
	}
	manual, err := r.Store.Manual().All(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LIST\tVERSION\tENTRIES\tPUBLISHED\tAGE\tIN USE")
	for _, h := range infos {
		inUse := "no"
		if h.IsActive {
			inUse = "yes"
		}
		published, age := "not said", "not known"
		if !h.PublishedAt.IsZero() {
			published, age = h.PublishedAt.Format(time.RFC3339), printable.Age(now.Sub(h.PublishedAt))
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", h.List, h.Version, h.Entries, published, age, inUse)
	}
	fmt.Fprintf(w, "%s\t\t%d\t\t\tyes\n", vehicle.ManualList, len(manual))
	return w.Flush()
}

// Rollback puts the version before the one in use back in use.
func Rollback(ctx context.Context, r *vehicle.Records, who store.Access, list string, out io.Writer) error {
	h, err := r.Store.Lists().Rollback(ctx, who, list)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: version %s is in use again, %d entries\n", h.List, h.Version, h.Entries)
	return err
}

// DropList deletes a list with all its versions.
func DropList(ctx context.Context, r *vehicle.Records, who store.Access, list string, out io.Writer) error {
	if err := r.Store.Lists().Drop(ctx, who, list); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s: dropped with all its versions\n", list)
	return err
}

// RemoveEntry takes an entry out of a list; "" is the list of officers' own.
func RemoveEntry(ctx context.Context, r *vehicle.Records, who store.Access, list, id string) error {
	if list == "" || list == vehicle.ManualList {
		return r.Store.Manual().Remove(ctx, who, id)
	}
	return removeListed(ctx, r, who, list, id)
}

var errNoSuchEntry = errors.New("no such entry: see alpr hotlist show")

func removeListed(ctx context.Context, r *vehicle.Records, who store.Access, name, id string) error {
	list, err := listInUse(ctx, r, name)
	if err != nil {
		return err
	}
	next, err := list.Apply(list.Version+"-", list.PublishedAt, []string{id}, nothing)
	if err != nil {
		return err
	}
	if next.Len() == list.Len() {
		return fmt.Errorf("remove %q from list %s: %w", id, name, errNoSuchEntry)
	}
	who.Purpose += " (entry " + id + " removed)"
	return r.Lists.Replace(ctx, who, next)
}
