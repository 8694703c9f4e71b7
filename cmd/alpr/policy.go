package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/internal/regular"
	"alpr/retention"
	"alpr/store"
)

const policyHelp = `What the agency allows to be kept, and for how long, is in the configuration under
"policy". Without a valid policy nothing is stored. The backend may tighten it,
never loosen it.`

func newPolicyCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Show the retention policy in force and the shipped profiles; keep the safe list",
		Long:  policyHelp,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPolicyShowCmd(), newPolicyProfilesCmd(), newPolicyRestoreCmd(), newSafeListCmd())
	return c
}

func newPolicyShowCmd() *cobra.Command {
	var f deskFlags
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the policy in force, as configured and as tightened by the backend",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error {
				p := d.store.PolicyInForce()
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				printPolicy(w, "in force", p)
				printPolicy(w, "configured", d.cfg.Policy)
				forbidden, err := d.store.Forbidden(c.Context())
				if err != nil {
					return err
				}
				if len(forbidden) > 0 {
					fmt.Fprintf(w, "categories forbidden by the backend: %s\n", strings.Join(forbidden, ", "))
				}
				return w.Flush()
			})
		},
	}
	f.add(c)
	return c
}

func printPolicy(w io.Writer, name string, p retention.Policy) {
	fmt.Fprintf(w, "%s\treads %s\thits %s\tdispositions %s\tmanual entries %s\tpictures of reads: %s\tof hits: %s\n", name,
		p.Retention.Reads, p.Retention.Hits, p.Retention.Dispositions, p.Retention.Manual, p.Pictures.Reads, p.Pictures.Hits)
}

func newPolicyRestoreCmd() *cobra.Command {
	var f deskFlags
	c := &cobra.Command{
		Use:   "restore",
		Short: "Put the configured policy in force after what was in force was lost",
		Long: `Put the configured policy in force after what was in force was lost to damage, for
which nothing new has been kept since. See first with the backend what it has
tightened: that is lost, too. Without such a loss this is refused.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.workAs(c, func(d *desk, who store.Access) error { return d.store.RestorePolicy(c.Context(), who) })
		},
	}
	f.add(c)
	return c
}

func newPolicyProfilesCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles",
		Short: "Print the shipped retention profiles",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := retention.Profiles()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				printPolicy(w, name, all[name])
				fmt.Fprintf(w, "\t%s\n", all[name].About)
			}
			return w.Flush()
		},
	}
}

func newSafeListCmd() *cobra.Command {
	var f deskFlags
	var file string
	c := &cobra.Command{
		Use:   "safelist add|remove|count [PLATE…]",
		Short: "Keep the plates whose reads vanish before storage",
		Long: `Keep the plates whose reads vanish before storage, unless they are on a hotlist.
Only keyed hashes of them are kept: the list can be added to and taken from, and
nobody can read it.`,
		Example: `  alpr policy safelist add --file members.txt --officer 0815 --purpose "opt-out register"
  alpr policy safelist remove ABC123 --officer 0815 --purpose "left the register"`,
		Args:      cobra.MinimumNArgs(1),
		ValidArgs: []string{"add", "remove", "count"},
		RunE: func(c *cobra.Command, args []string) error {
			plates, err := platesOf(args[1:], file)
			if err != nil {
				return err
			}
			return f.safeList(c, args[0], plates)
		},
	}
	f.add(c)
	c.Flags().StringVar(&file, "file", "", "a file with one plate a line")
	return c
}

func (f *deskFlags) safeList(c *cobra.Command, action string, plates []string) error {
	ctx := c.Context()
	switch action {
	case "count":
		return f.work(ctx, c.ErrOrStderr(), func(d *desk) error {
			n, err := d.store.SafeCount(ctx)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d plates\n", n)
			return err
		})
	case "add":
		return f.workAs(c, func(d *desk, who store.Access) error { return d.store.AddSafe(ctx, who, plates) })
	case "remove":
		return f.workAs(c, func(d *desk, who store.Access) error { return d.store.RemoveSafe(ctx, who, plates) })
	}
	return &usageError{fmt.Errorf("unknown action %q: expected add, remove or count", action)}
}

// platesOf are the plates of a command line and of a file's lines.
func platesOf(args []string, file string) ([]string, error) {
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
