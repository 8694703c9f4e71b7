package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"alpr/store"
	"alpr/vehicle"
)

const hotlistHelp = `Import, look at and change the lists of wanted plates.

A change takes effect at once in a running alpr. Every command that shows or
changes entries is in the audit log, so it asks who does it and why.`

func newHotlistCmd() *cobra.Command {
	var f deskFlags
	c := &cobra.Command{
		Use:   "hotlist",
		Short: "Import, look at and change the lists of wanted plates",
		Long:  hotlistHelp,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f.add(c)
	c.AddCommand(
		newHotlistImportCmd(&f),
		newHotlistListCmd(&f),
		newHotlistShowCmd(&f),
		newHotlistAddCmd(&f),
		newHotlistRemoveCmd(&f),
		newHotlistCheckCmd(&f),
		newHotlistRollbackCmd(&f),
		newHotlistStatsCmd(&f),
		newCurveCmd(),
		newMeasureCmd(),
	)
	return c
}

func newHotlistListCmd(f *deskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Name the lists, their versions and their age",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error {
				return d.printLists(c.Context(), c.OutOrStdout(), time.Now())
			})
		},
	}
}

func (d *desk) printLists(ctx context.Context, out io.Writer, now time.Time) error {
	infos, err := d.store.Hotlists(ctx)
	if err != nil {
		return err
	}
	manual, err := d.store.ManualEntries(ctx)
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
			published, age = h.PublishedAt.Format(time.RFC3339), ageText(now.Sub(h.PublishedAt))
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", h.List, h.Version, h.Entries, published, age, inUse)
	}
	fmt.Fprintf(w, "%s\t\t%d\t\t\tyes\n", vehicle.ManualList, len(manual))
	return w.Flush()
}

// ageText is an age as a person says it.
func ageText(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", max(0, int(d.Minutes())))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func newHotlistRollbackCmd(f *deskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback LIST",
		Short: "Put the version before the one in use back in use",
		Long: `Put the version before the one in use back in use. The version that is left is
dropped: another rollback goes one further back. The last three are kept.`,
		Example: `  alpr hotlist rollback state --officer 4711 --purpose "today's file is wrong"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.workAs(c, func(d *desk, who store.Access) error {
				h, err := d.store.Rollback(c.Context(), who, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s: version %s is in use again, %d entries\n", h.List, h.Version, h.Entries)
				return err
			})
		},
	}
}

func newHotlistRemoveCmd(f *deskFlags) *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "remove ID",
		Short: "Take an entry out: it alerts no more",
		Long: `Take an entry out: it alerts no more. Without --list it is one of the officers'
own entries. With --list the list gets a new version without the entry; the
next import of its source brings the entry back if the source still lists it.`,
		Example: `  alpr hotlist remove m-20310502-1 --officer 4711 --purpose "recovered"
  alpr hotlist remove V100000001 --list state --officer 4711 --purpose "recovered, returns checked"`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.workAs(c, func(d *desk, who store.Access) error {
				if list == "" || list == vehicle.ManualList {
					return d.store.RemoveManual(c.Context(), who, args[0])
				}
				return d.removeListed(c.Context(), who, list, args[0])
			})
		},
	}
	c.Flags().StringVar(&list, "list", "", "the list that has the entry (default: officers' own entries)")
	return c
}

var errNoSuchEntry = errors.New("no such entry: see alpr hotlist show")

func (d *desk) removeListed(ctx context.Context, who store.Access, name, id string) error {
	list, err := d.listInUse(ctx, name)
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
	return d.lists.Replace(ctx, who, next)
}
