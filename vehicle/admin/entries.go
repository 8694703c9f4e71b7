package admin

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

	"alpr"
	"alpr/hotlist"
	"alpr/internal/usage"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle"
)

// nothing are no changes to a list.
func nothing(func(alpr.Entry, error) bool) {}

// listInUse loads the lists and returns the one of that name.
func listInUse(ctx context.Context, r *vehicle.Records, name string) (*hotlist.List, error) {
	if err := r.Lists.Load(ctx); err != nil {
		return nil, err
	}
	var names []string
	for _, l := range r.Matcher.Index().Lists() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return nil, fmt.Errorf("there is no list %q in use; there are %s", name, strings.Join(names, ", "))
}

// ShowList prints the entries of a list, limit of them; 0: all.
func ShowList(ctx context.Context, r *vehicle.Records, who store.Access, name string, limit int, out io.Writer) error {
	list, err := listInUse(ctx, r, name)
	if err != nil {
		return err
	}
	if err := r.Store.AuditLog().Audit(ctx, who.Record(alpr.ActionHotlistView, list.Name, nil)); err != nil {
		return err
	}
	return printEntries(out, list, limit)
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
			e.ID, e.PlateGiven, e.State, e.Category, e.Priority, e.Reason, vehicle, e.CaseNumber, expires, e.Caution)
	}
	return w.Flush()
}

// NewEntry is an officer's own entry, as he gives it.
type NewEntry struct {
	Entry      alpr.Entry // State, Reason, CaseNumber, Category, Caution, Vehicle, IsCovert
	Plate      string
	Priority   string // low, normal or high
	Expires    string // a time span such as 12h or 3d, or an instant, RFC 3339
	MatchesOld bool   // also compare with the reads on record
}

func (in *NewEntry) complete(who store.Access, now time.Time) (e alpr.Entry, err error) {
	e = in.Entry
	e.List, e.Source, e.IsManual, e.PlateGiven = vehicle.ManualList, who.Officer, true, in.Plate
	if e.Plate, err = alpr.ParsePlate(in.Plate); err != nil {
		return e, err
	}
	e.Effective, e.PublishedAt = now, now
	if e.Priority, err = alpr.ParsePriority(in.Priority); err != nil {
		return e, usage.Errorf("--priority: %w", err)
	}
	if in.Expires == "" {
		return e, usage.Errorf("%w: give --expires", store.ErrIncomplete)
	}
	if span, err := retention.ParseSpan(in.Expires); err == nil {
		e.Expires = now.Add(time.Duration(span))
	} else if e.Expires, err = time.Parse(time.RFC3339, in.Expires); err != nil {
		return e, usage.Errorf("--expires %q: expected a time span such as 12h or 3d, or a time such as 2031-05-02T18:00:00Z", in.Expires)
	}
	id, err := alpr.NewID(now, rand.Reader)
	e.ID = id.String()
	return e, err
}

// AddEntry puts an officer's own entry in use.
func AddEntry(ctx context.Context, r *vehicle.Records, who store.Access, in NewEntry, out io.Writer) error {
	e, err := in.complete(who, time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	one, err := hotlist.FromEntries(vehicle.ManualList, "", time.Time{}, []alpr.Entry{e}) // also checks it
	if err != nil {
		return err
	}
	if err := r.Store.Manual().Add(ctx, who, e); err != nil {
		return err
	}
	fmt.Fprintf(out, "entry %s is in use until %s\n", e.ID, e.Expires.Format(time.RFC3339))
	if !in.MatchesOld {
		return nil
	}
	return matchPast(ctx, r, who, e, one, out)
}

// matchPast compares an entry that was just added with what is on record. It
// alerts nobody: it says which reads to look at.
func matchPast(ctx context.Context, records *vehicle.Records, who store.Access, e alpr.Entry, one *hotlist.List, out io.Writer) error {
	index := hotlist.NewIndex(one)
	n := 0
	err := records.Store.Reads().MatchPast(ctx, who, e, func(r *alpr.Read) error {
		then := *r
		then.At = e.Effective // the entry is as good for the past as for now
		for _, h := range index.Match(&then, &records.Config.Hotlist) {
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

// Check prints what a plate would alert, and why not. The look is in the audit log.
func Check(ctx context.Context, r *vehicle.Records, who store.Access, plate string, now time.Time, out io.Writer) error {
	plate, err := alpr.ParsePlate(plate)
	if err != nil {
		return err
	}
	tag, err := r.Store.AuditLog().PlateTag(plate)
	if err != nil {
		return err
	}
	if err := r.Store.AuditLog().Audit(ctx, who.Record(alpr.ActionHotlistLookup, tag, nil)); err != nil {
		return err
	}
	if err := r.Lists.Load(ctx); err != nil {
		return err
	}
	entries := r.Matcher.Index().Lookup(plate)
	for _, e := range entries {
		verdict := "alerts: verify plate and state"
		if why := r.Matcher.WhyNot(e, now); why != "" {
			verdict = "does not alert: " + why
		}
		fmt.Fprintf(out, "%s  %s %s  list %s  %s (%s)  %s\n", e.ID, e.Plate, e.State, e.List, e.Category, e.Reason, verdict)
	}
	if len(entries) == 0 {
		fmt.Fprintln(out, "on no list")
	}
	return nil
}

// PrintStats counts the entries in use by list, category and whether they alert.
func PrintStats(ctx context.Context, r *vehicle.Records, now time.Time, out io.Writer) error {
	if err := r.Lists.Load(ctx); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LIST\tCATEGORY\tENTRIES\tALERT\tWHY THE OTHERS DO NOT")
	for _, l := range r.Matcher.Index().Lists() {
		total, silent := map[string]int{}, map[string]map[string]int{}
		for e := range l.All() {
			total[e.Category]++
			if why := r.Matcher.WhyNot(e, now); why != "" {
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
