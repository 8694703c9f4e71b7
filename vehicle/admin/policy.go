package admin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"alpr"
	"alpr/internal/regular"
	"alpr/retention"
	"alpr/vehicle"
)

// PrintPolicy prints the policy in force, as configured and as tightened.
func PrintPolicy(ctx context.Context, r *vehicle.Records, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	printPolicy(w, "in force", r.Store.Rules().InForce())
	printPolicy(w, "configured", r.Config.Policy)
	forbidden, err := r.Store.Rules().Forbidden(ctx)
	if err != nil {
		return err
	}
	if len(forbidden) > 0 {
		fmt.Fprintf(w, "categories forbidden by the backend: %s\n", strings.Join(forbidden, ", "))
	}
	return w.Flush()
}

// PrintProfiles prints the shipped retention profiles.
func PrintProfiles(out io.Writer) error {
	all, err := retention.Profiles()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		printPolicy(w, name, all[name])
		fmt.Fprintf(w, "\t%s\n", all[name].About)
	}
	return w.Flush()
}

func printPolicy(w io.Writer, name string, p retention.Policy) {
	fmt.Fprintf(w, "%s\treads %s\thits %s\tdispositions %s\tmanual entries %s\tpictures of reads: %s\tof hits: %s\n", name,
		p.Retention.Reads, p.Retention.Hits, p.Retention.Dispositions, p.Retention.Manual, p.Pictures.Reads, p.Pictures.Hits)
}

// CountSafe prints how many plates are on the safe list.
func CountSafe(ctx context.Context, r *vehicle.Records, out io.Writer) error {
	n, err := r.Store.SafeList().Count(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d plates\n", n)
	return err
}

// Plates are the plates of a command line and of a file's lines.
func Plates(args []string, file string) ([]string, error) {
	if file == "" {
		return args, nil
	}
	f, err := regular.OpenPiped(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			if _, err := alpr.ParsePlate(line); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			args = append(args, line)
		}
	}
	return args, lines.Err()
}
