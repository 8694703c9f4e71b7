package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/sync/event"
)

// errAlarms is the exit of a command that found alarms, for a watch over it.
var errAlarms = errors.New("audit logs are not what they were: see above, and ask in each vehicle with `alpr audit verify`")

func newAuditCommand() *cobra.Command {
	var asJSON bool
	var since time.Duration
	cmd := newArchiveCommand("audit", "Say how far each vehicle's audit log has come, and which were tampered with",
		`Audit shows the furthest that each vehicle's audit log was seen, and every log that was set back (the store was
replaced by an older copy), changed, replaced by another, or that the vehicle itself found broken. Each is kept
once and for good. A store that was damaged and begun anew shows as another log. The exit code is 1 where there
are alarms.`,
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			heads, err := a.AuditHeads(ctx)
			if err != nil {
				return err
			}
			alarms, err := a.AuditAlarms(ctx)
			if err != nil {
				return err
			}
			if since > 0 {
				before := time.Now().Add(-since)
				alarms = slices.DeleteFunc(alarms, func(a backend.AuditAlarm) bool { return a.FoundAt.Before(before) })
			}
			if err := printAudit(cmd.OutOrStdout(), furthest(heads), alarms, asJSON); err != nil {
				return err
			}
			if len(alarms) > 0 {
				return errAlarms
			}
			return nil
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: a line for each vehicle's log, then one for each alarm")
	cmd.Flags().DurationVar(&since, "since", 0, "only alarms found in so long; 0: all")
	return cmd
}

// furthest leaves the furthest head of each vehicle's log.
func furthest(heads []backend.AuditHead) (out []backend.AuditHead) {
	type log struct {
		vehicle event.Vehicle
		name    string
	}
	at := map[log]int{}
	for _, h := range heads {
		i, ok := at[log{h.Vehicle, h.Log}]
		switch {
		case !ok:
			at[log{h.Vehicle, h.Log}] = len(out)
			out = append(out, h)
		case h.Seq > out[i].Seq:
			out[i] = h
		}
	}
	return out
}

func printAudit(w io.Writer, heads []backend.AuditHead, alarms []backend.AuditAlarm, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		for _, h := range heads {
			if err := enc.Encode(h); err != nil {
				return err
			}
		}
		for _, a := range alarms {
			if err := enc.Encode(a); err != nil {
				return err
			}
		}
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "VEHICLE\tLOG\tRECORDS\tLAST HASH")
	for _, h := range heads {
		fmt.Fprintf(tw, "%s\t%.12s\t%d\t%.12s\n", h.Vehicle, h.Log, h.Seq, h.Hash)
	}
	for _, a := range alarms {
		fmt.Fprintf(tw, "%s\tALARM %s: %s %s\n", a.Vehicle, a.FoundAt.Format(time.RFC3339), a.Kind, a.Text)
	}
	return tw.Flush()
}
