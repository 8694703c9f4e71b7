package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/hotlist"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle"
)

// nothing are no changes to a list.
func nothing(func(alpr.Entry, error) bool) {}

// listInUse loads the lists and returns the one of that name.
func (d *desk) listInUse(ctx context.Context, name string) (*hotlist.List, error) {
	if err := d.lists.Load(ctx); err != nil {
		return nil, err
	}
	var names []string
	for _, l := range d.matcher.Index().Lists() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return nil, fmt.Errorf("there is no list %q in use; there are %s", name, strings.Join(names, ", "))
}

func newHotlistShowCmd(f *deskFlags) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:     "show LIST",
		Short:   "Print the entries of a list",
		Example: `  alpr hotlist show state --limit 20 --officer 4711 --purpose "check the import"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.workAs(c, func(d *desk, who store.Access) error {
				list, err := d.listInUse(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := d.store.Audit(c.Context(), accessRecord(who, alpr.ActionHotlistView, list.Name)); err != nil {
					return err
				}
				return printEntries(c.OutOrStdout(), list, limit)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 50, "print so many entries; 0: all")
	return c
}

func accessRecord(who store.Access, action alpr.AuditAction, subject string) alpr.AuditRecord {
	return alpr.AuditRecord{Officer: who.Officer, Agency: who.Agency, Purpose: who.Purpose, Action: action, Subject: subject}
}

func printEntries(out io.Writer, list *hotlist.List, limit int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tPLATE\tSTATE\tCATEGORY\tPRIORITY\tREASON\tVEHICLE\tCASE\tEXPIRES\tCAUTION")
	n := 0
	for e := range list.All() {
		if n++; limit > 0 && n > limit {
			fmt.Fprintf(w, "… %d more\n", list.Len()-limit)
			break
		}
		expires := ""
		if !e.Expires.IsZero() {
			expires = e.Expires.Format(time.RFC3339)
		}
		v := e.Vehicle
		vehicle := strings.Join(strings.Fields(strings.Join([]string{v.Year, v.Colour, v.Make, v.Model, v.Style}, " ")), " ")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			e.ID, e.PlateGiven, e.State, e.Category, priorityText(e.Priority), e.Reason, vehicle, e.CaseNumber, expires, e.Caution)
	}
	return w.Flush()
}

func priorityText(p alpr.Priority) string {
	switch p {
	case alpr.PriorityLow:
		return "low"
	case alpr.PriorityHigh:
		return "high"
	}
	return "normal"
}

// addFlags are the fields of an officer's own entry.
type addFlags struct {
	entry    alpr.Entry
	priority string
	expires  string
	matches  bool
}

func newHotlistAddCmd(f *deskFlags) *cobra.Command {
	var in addFlags
	c := &cobra.Command{
		Use:   "add PLATE",
		Short: "Add an entry of your own: reason, case number and expiry are required",
		Example: `  alpr hotlist add ABC123 --state US-FL --reason "armed robbery" --case 31-0815 --expires 12h \
      --officer 4711 --purpose "BOLO from dispatch" --past`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.workAs(c, func(d *desk, who store.Access) error {
				return d.addEntry(c.Context(), who, in, args[0], c.OutOrStdout())
			})
		},
	}
	flags := c.Flags()
	e := &in.entry
	flags.StringVar(&e.State, "state", "", "issuing state, ISO 3166 such as US-FL; empty: any")
	flags.StringVar(&e.Reason, "reason", "", "why the plate is wanted (required)")
	flags.StringVar(&e.CaseNumber, "case", "", "case number (required)")
	flags.StringVar(&in.expires, "expires", "", "when it ends: 12h, 3d, or 2031-05-02T18:00:00Z (required)")
	flags.StringVar(&e.Category, "category", "BOLO", "category")
	flags.StringVar(&in.priority, "priority", "normal", "low, normal or high")
	flags.StringVar(&e.Caution, "caution", "", "what the officer must know")
	flags.StringVar(&e.Vehicle.Make, "make", "", "make of the vehicle")
	flags.StringVar(&e.Vehicle.Model, "model", "", "model of the vehicle")
	flags.StringVar(&e.Vehicle.Colour, "colour", "", "colour of the vehicle")
	flags.StringVar(&e.Vehicle.Year, "year", "", "year of the vehicle")
	flags.BoolVar(&e.IsCovert, "covert", false, "alert without sound or light")
	flags.BoolVar(&in.matches, "past", false, "also compare with the reads on record")
	return c
}

func (in *addFlags) complete(who store.Access, plate string, now time.Time) (e alpr.Entry, err error) {
	e = in.entry
	e.List, e.Source, e.IsManual, e.PlateGiven = vehicle.ManualList, who.Officer, true, plate
	if e.Plate, err = alpr.ParsePlate(plate); err != nil {
		return e, err
	}
	e.Effective, e.PublishedAt = now, now
	switch in.priority {
	case "low":
		e.Priority = alpr.PriorityLow
	case "normal":
		e.Priority = alpr.PriorityNormal
	case "high":
		e.Priority = alpr.PriorityHigh
	default:
		return e, &usageError{fmt.Errorf("--priority %q: expected low, normal or high", in.priority)}
	}
	if in.expires == "" {
		return e, &usageError{fmt.Errorf("%w: give --expires", store.ErrIncomplete)}
	}
	if span, err := retention.ParseSpan(in.expires); err == nil {
		e.Expires = now.Add(time.Duration(span))
	} else if e.Expires, err = time.Parse(time.RFC3339, in.expires); err != nil {
		return e, &usageError{fmt.Errorf("--expires %q: expected a time span such as 12h or 3d, or a time such as 2031-05-02T18:00:00Z", in.expires)}
	}
	id, err := alpr.NewID(now, rand.Reader)
	e.ID = id.String()
	return e, err
}

func (d *desk) addEntry(ctx context.Context, who store.Access, in addFlags, plate string, out io.Writer) error {
	e, err := in.complete(who, plate, time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	one, err := hotlist.FromEntries(vehicle.ManualList, "", time.Time{}, []alpr.Entry{e}) // also checks it
	if err != nil {
		return err
	}
	if err := d.store.AddManual(ctx, who, e); err != nil {
		return err
	}
	fmt.Fprintf(out, "entry %s is in use until %s\n", e.ID, e.Expires.Format(time.RFC3339))
	if !in.matches {
		return nil
	}
	return d.matchPast(ctx, who, e, one, out)
}

// matchPast compares an entry that was just added with what is on record. It
// alerts nobody: it says which reads to look at.
func (d *desk) matchPast(ctx context.Context, who store.Access, e alpr.Entry, one *hotlist.List, out io.Writer) error {
	index := hotlist.NewIndex(one)
	n := 0
	err := d.store.MatchPast(ctx, who, e, func(r *alpr.Read) error {
		then := *r
		then.At = e.Effective // the entry is as good for the past as for now
		for _, h := range index.Match(&then, &d.cfg.Hotlist) {
			n++
			fmt.Fprintf(out, "%s  %s  read as %s  %.0f%%  state %s  %s\n", r.At.Format(time.RFC3339), r.ID, r.Text.Text, 100*h.P, h.State, whereText(r.Fix))
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d past reads may be this plate: verify plate and state in each picture\n", n)
	return err
}

func whereText(f alpr.Fix) string {
	if !f.IsValid() {
		return "no position"
	}
	return fmt.Sprintf("%.5f,%.5f", f.Lat, f.Lon)
}

func newHotlistCheckCmd(f *deskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "check PLATE",
		Short: "Say what a plate would alert, and why not",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.workAs(c, func(d *desk, who store.Access) error {
				return d.check(c.Context(), who, args[0], time.Now(), c.OutOrStdout())
			})
		},
	}
}

func (d *desk) check(ctx context.Context, who store.Access, plate string, now time.Time, out io.Writer) error {
	plate, err := alpr.ParsePlate(plate)
	if err != nil {
		return err
	}
	tag, err := d.store.PlateTag(plate)
	if err != nil {
		return err
	}
	if err := d.store.Audit(ctx, accessRecord(who, alpr.ActionHotlistLookup, tag)); err != nil {
		return err
	}
	if err := d.lists.Load(ctx); err != nil {
		return err
	}
	entries := d.matcher.Index().Lookup(plate)
	for _, e := range entries {
		verdict := "alerts: verify plate and state"
		if why := d.matcher.WhyNot(e, now); why != "" {
			verdict = "does not alert: " + why
		}
		fmt.Fprintf(out, "%s  %s %s  list %s  %s (%s)  %s\n", e.ID, e.Plate, e.State, e.List, e.Category, e.Reason, verdict)
	}
	if len(entries) == 0 {
		fmt.Fprintln(out, "on no list")
	}
	return nil
}

func newHotlistStatsCmd(f *deskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count the entries in use by list, category and whether they alert",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error {
				if err := d.lists.Load(c.Context()); err != nil {
					return err
				}
				return d.printStats(c.OutOrStdout(), time.Now())
			})
		},
	}
}

func (d *desk) printStats(out io.Writer, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LIST\tCATEGORY\tENTRIES\tALERT\tWHY THE OTHERS DO NOT")
	for _, l := range d.matcher.Index().Lists() {
		total, silent := map[string]int{}, map[string]map[string]int{}
		for e := range l.All() {
			total[e.Category]++
			if why := d.matcher.WhyNot(e, now); why != "" {
				if silent[e.Category] == nil {
					silent[e.Category] = map[string]int{}
				}
				silent[e.Category][why]++
			}
		}
		for _, category := range slices.Sorted(maps.Keys(total)) {
			var reasons []string
			alerting := total[category]
			for _, why := range slices.Sorted(maps.Keys(silent[category])) {
				reasons = append(reasons, fmt.Sprintf("%d %s", silent[category][why], why))
				alerting -= silent[category][why]
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", l.Name, category, total[category], alerting, strings.Join(reasons, ", "))
		}
		fmt.Fprintf(w, "%s\tall\t%d\t\t%.1f MB in memory\n", l.Name, l.Len(), float64(l.Bytes())/1e6)
	}
	return w.Flush()
}
