package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/retention"
	"alpr/store"
)

func newReportCmd() *cobra.Command {
	var f deskFlags
	var month string
	var isJSON bool
	c := &cobra.Command{
		Use:   "report --month 2031-05",
		Short: "Print a month's transparency report: numbers only",
		Long: `Print a month's transparency report, as Markdown or JSON: reads, hits by category,
what officers found, the share of misreads, the age of lists, and what was
deleted. It holds numbers only: no plate, time, place or person.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := time.Parse("2006-01", month)
			if err != nil {
				return &usageError{fmt.Errorf("--month %q: expected a month such as 2031-05", month)}
			}
			return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error {
				r, err := d.report(c.Context(), from, time.Now())
				if err != nil {
					return err
				}
				if isJSON {
					enc := json.NewEncoder(c.OutOrStdout())
					enc.SetIndent("", "  ")
					return enc.Encode(r)
				}
				return r.markdown(c.OutOrStdout())
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&month, "month", time.Now().UTC().Format("2006-01"), "the month")
	c.Flags().BoolVar(&isJSON, "json", false, "print JSON")
	return c
}

// report is one vehicle's month in numbers.
type report struct {
	Agency    string           `json:"agency"`
	Vehicle   string           `json:"vehicle"`
	Month     string           `json:"month"`
	Reads     int64            `json:"reads_recorded"`
	NotKept   map[string]int64 `json:"reads_not_kept"` // by reason
	Hits      map[string]int64 `json:"hits"`           // by category
	Withdrawn int64            `json:"hits_withdrawn"`
	Verdicts  map[string]int64 `json:"verdicts"`
	Actions   map[string]int64 `json:"actions"`
	Deleted   map[string]int64 `json:"deleted"`
	// MisreadShare is the share of misreads among the hits that an officer
	// looked at; nil where none was.
	MisreadShare *float64         `json:"misread_share"`
	Lists        []listReport     `json:"lists"`
	Retention    retention.Policy `json:"policy"`
}

// listReport is one list at the time of the report.
type listReport struct {
	List     string   `json:"list"`
	Entries  int      `json:"entries"`
	AgeHours *float64 `json:"age_hours"` // since its source published it; null: it does not say
}

func (d *desk) report(ctx context.Context, from, now time.Time) (*report, error) {
	tallies, err := d.store.Tallies(ctx, from, from.AddDate(0, 1, 0))
	if err != nil {
		return nil, err
	}
	r := &report{
		Agency: d.cfg.Agency, Vehicle: d.cfg.Vehicle, Month: from.Format("2006-01"), Retention: d.store.PolicyInForce(),
		NotKept: map[string]int64{}, Hits: map[string]int64{}, Verdicts: map[string]int64{}, Actions: map[string]int64{}, Deleted: map[string]int64{},
	}
	for _, t := range tallies {
		r.add(t)
	}
	looked := int64(0)
	for verdict, n := range r.Verdicts {
		if verdict != string(alpr.VerdictDismissed) {
			looked += n
		}
	}
	if looked > 0 {
		share := float64(r.Verdicts[string(alpr.VerdictMisread)]) / float64(looked)
		r.MisreadShare = &share
	}
	infos, err := d.store.Hotlists(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range infos {
		if !h.IsActive {
			continue
		}
		l := listReport{List: h.List, Entries: h.Entries}
		if !h.PublishedAt.IsZero() {
			age := max(0, now.Sub(h.PublishedAt).Round(time.Minute).Hours())
			l.AgeHours = &age
		}
		r.Lists = append(r.Lists, l)
	}
	return r, nil
}

func (r *report) add(t store.Tally) {
	switch t.What {
	case "reads":
		if t.Item == "" {
			r.Reads = t.N
		} else {
			r.NotKept[t.Item] = t.N
		}
	case "hits":
		r.Hits[t.Item] = t.N
	case "withdrawn":
		r.Withdrawn += t.N
	case "verdicts":
		r.Verdicts[t.Item] = t.N
	case "actions":
		r.Actions[t.Item] = t.N
	case "deleted":
		r.Deleted[t.Item] = t.N
	}
}

func (r *report) markdown(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Licence plate reader: %s\n\n%s, vehicle %s. Numbers only: no plate, time, place or person.\n\n", r.Month, r.Agency, r.Vehicle)
	total := int64(0)
	for _, n := range r.Hits {
		total += n
	}
	fmt.Fprintf(&b, "| | |\n|---|---:|\n| Reads recorded | %d |\n", r.Reads)
	countRows(&b, "Reads not kept: ", r.NotKept)
	fmt.Fprintf(&b, "| Hits | %d |\n", total)
	countRows(&b, "Hits: ", r.Hits)
	fmt.Fprintf(&b, "| Hits withdrawn by the machine | %d |\n", r.Withdrawn)
	countRows(&b, "Officers found: ", r.Verdicts)
	if r.MisreadShare != nil {
		fmt.Fprintf(&b, "| Misreads among hits looked at | %.1f %% |\n", 100**r.MisreadShare)
	}
	countRows(&b, "Action taken: ", r.Actions)
	countRows(&b, "Deleted: ", r.Deleted)
	for _, l := range r.Lists {
		age := "not said"
		if l.AgeHours != nil {
			age = ageText(time.Duration(*l.AgeHours * float64(time.Hour)))
		}
		fmt.Fprintf(&b, "| List %s: %d entries, age today | %s |\n", l.List, l.Entries, age)
	}
	k := r.Retention.Retention
	fmt.Fprintf(&b, "\nKept: reads on no list %s, hits %s, dispositions %s, manual entries %s after they expire.\n", k.Reads, k.Hits, k.Dispositions, k.Manual)
	_, err := io.WriteString(out, b.String())
	return err
}

func countRows(b *strings.Builder, prefix string, counts map[string]int64) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(b, "| %s%s | %d |\n", prefix, strings.ReplaceAll(name, "|", "/"), counts[name])
	}
}
