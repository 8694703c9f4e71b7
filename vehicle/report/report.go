// Package report makes a month's transparency report of one vehicle: numbers only.
package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"alpr"
	"alpr/internal/printable"
	"alpr/retention"
	"alpr/store"
	"alpr/vehicle"
)

// Report is one vehicle's month in numbers.
type Report struct {
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
	Lists        []List           `json:"lists"`
	Retention    retention.Policy `json:"policy"`
}

// List is one list at the time of the report.
type List struct {
	List     string   `json:"list"`
	Entries  int      `json:"entries"`
	AgeHours *float64 `json:"age_hours"` // since its source published it; null: it does not say
}

// Of counts the month that begins at from. Lists are as of now.
func Of(ctx context.Context, records *vehicle.Records, from, now time.Time) (*Report, error) {
	tallies, err := records.Store.Reads().Tallies(ctx, from, from.AddDate(0, 1, 0))
	if err != nil {
		return nil, err
	}
	r := &Report{
		Agency: records.Config.Agency, Vehicle: records.Config.Vehicle, Month: from.Format("2006-01"), Retention: records.Store.Rules().InForce(),
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
	infos, err := records.Store.Lists().All(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range infos {
		if !h.IsActive {
			continue
		}
		l := List{List: h.List, Entries: h.Entries}
		if !h.PublishedAt.IsZero() {
			age := max(0, now.Sub(h.PublishedAt).Round(time.Minute).Hours())
			l.AgeHours = &age
		}
		r.Lists = append(r.Lists, l)
	}
	return r, nil
}

func (r *Report) add(t store.Tally) {
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

// JSON writes the report for programs.
func (r *Report) JSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// Markdown writes the report for people.
func (r *Report) Markdown(out io.Writer) error {
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
			age = printable.Age(time.Duration(*l.AgeHours * float64(time.Hour)))
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
