package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/sync/event"
)

func newFleetCommand() *cobra.Command {
	var (
		broker backend.Broker
		agency string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Show who is alive, with which lists, and how far behind",
		Long:  "Fleet reads the status that every vehicle leaves at the broker, and that the broker itself changes\nto \"connection lost\" when a vehicle goes silent.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lines, err := backend.Fleet(cmd.Context(), broker, agency)
			if lines != nil {
				printErr := printFleet(cmd.OutOrStdout(), lines, asJSON, time.Now())
				if err == nil {
					err = printErr
				}
			}
			return err
		},
	}
	addBrokerFlags(cmd, &broker)
	cmd.Flags().StringVar(&agency, "agency", "+", "show only this agency; + for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one vehicle a line")
	return cmd
}

func printFleet(w io.Writer, lines []backend.FleetLine, asJSON bool, now time.Time) error {
	if asJSON {
		enc := json.NewEncoder(w)
		for _, l := range lines {
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "VEHICLE\tSTATE\tSAID\tWAITING\tOLDEST\tUNRECEIPTED\tSET ASIDE\tAUDIT LOG\tLISTS\tVERSION")
	for _, l := range lines {
		state := "online"
		if !l.Status.IsOnline {
			state = l.Status.Reason
		}
		lists := listWords(l.Status, now)
		d := l.Status.Depth
		fmt.Fprintf(tw, "%s\t%s\t%s ago\t%d\t%s\t%d\t%d\t%s\t%s\t%s\n", l.Vehicle, state, now.Sub(l.SaidAt).Round(time.Second), d.Total(),
			time.Duration(d.OldestUnsentAge*float64(time.Second)).Round(time.Second), d.Unreceipted, d.Quarantined, auditWords(l.Status.Audit), strings.Join(lists, " "), l.Status.Version)
	}
	return tw.Flush()
}

// auditWords is what a vehicle last said of its own audit log.
func auditWords(h *event.AuditHead) string {
	switch {
	case h == nil:
		return "-"
	case h.BrokenAt > 0:
		return fmt.Sprintf("BROKEN at %d", h.BrokenAt)
	}
	return fmt.Sprintf("%d records", h.Seq)
}

// listWords are the lists that a vehicle uses: those of the link by their number,
// the others by their version and age.
func listWords(st event.Status, now time.Time) (words []string) {
	for _, name := range slices.Sorted(maps.Keys(st.Hotlists)) {
		words = append(words, fmt.Sprintf("%s:%d", name, st.Hotlists[name]))
	}
	for _, l := range st.Lists {
		if _, isOfLink := st.Hotlists[l.Name]; isOfLink {
			continue
		}
		age := "no date"
		if !l.PublishedAt.IsZero() {
			age = now.Sub(l.PublishedAt).Round(time.Minute).String() + " old"
		}
		words = append(words, fmt.Sprintf("%s:%.12s (%s)", l.Name, l.Version, age))
	}
	return words
}
