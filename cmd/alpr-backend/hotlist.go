package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/hotlist/importer"
	"alpr/internal/usage"
)

func newPublishHotlistCommand() *cobra.Command {
	var (
		broker       backend.Broker
		order        backend.HotlistOrder
		signKey, how string
		isVerify     bool
		mayBeEmpty   bool
	)
	cmd := &cobra.Command{
		Use:   "publish-hotlist [FILE]",
		Short: "Publish a hotlist to an agency's vehicles, signed, as a new version",
		Long: `Publish-hotlist reads a list as "alpr hotlist import" does (NCIC, Genetec or Flock columns, or a column
map of your own; gzip and zstd), and publishes it with deltas from the last versions. Entries that are gone stop
alerting in connected vehicles at once.

With --verify and no FILE it compares what the broker holds of the list with what was published last, and publishes
again what is missing: run it after a broker was killed or restored. It needs no key, and prints what it mended.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isVerify && len(args) == 0 {
				return verifyHotlist(cmd, broker, order)
			}
			if len(args) == 0 || signKey == "" || isVerify {
				return usage.Errorf("a FILE and --sign-key, or --verify without either, are needed")
			}
			var err error
			if order.Signer, err = backend.LoadSigner(signKey); err != nil {
				return err
			}
			if err := readHotlist(cmd, args[0], how, mayBeEmpty, &order); err != nil {
				return err
			}
			order.Now = time.Now()
			m, err := backend.PublishHotlist(cmd.Context(), broker, order)
			if err != nil {
				return err
			}
			for _, id := range m.LeftOut {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s stays out: it was removed with \"hotlist remove\"; --restore %s lists it again\n", id, id)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "list %s version %d: %d entries, %d bytes whole, %d deltas, %d to remove at once\n",
				m.List, m.Version, m.Entries, m.Whole.Size, len(m.Deltas), len(m.RemoveNow))
			return err
		},
	}
	addBrokerFlags(cmd, &broker)
	f := cmd.Flags()
	f.StringVar(&order.Agency, "agency", "", "whose vehicles (needed)")
	f.StringVar(&order.List, "list", "", "name of the list (needed)")
	f.StringVar(&order.Dir, "state", "hotlists", "folder that keeps published versions")
	f.StringVar(&signKey, "sign-key", "", "private key file from keygen (needed with FILE)")
	f.BoolVar(&isVerify, "verify", false, "see that the broker holds what was published last, and mend it")
	f.StringSliceVar(&order.Restore, "restore", nil, "id of an entry that was removed with \"hotlist remove\" and is to be listed again; more than once")
	f.StringVar(&how, "map", "", "ncic, genetec, flock, or the file of a column map; empty: by the heading line")
	f.BoolVar(&mayBeEmpty, "allow-empty", false, "publish a list without an entry; one whose entries are all cancelled always is")
	return needed(cmd, "agency", "list")
}

func verifyHotlist(cmd *cobra.Command, broker backend.Broker, order backend.HotlistOrder) error {
	v, err := backend.VerifyHotlist(cmd.Context(), broker, order.Agency, order.List, order.Dir)
	if err != nil {
		return err
	}
	says := "is at the broker as published"
	if v.Pieces > 0 || v.IsManifest {
		says = fmt.Sprintf("is at the broker again: %d pieces and %d announcements were missing", v.Pieces, map[bool]int{true: 1}[v.IsManifest])
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "list %s version %d %s\n", v.Manifest.List, v.Manifest.Version, says)
	return err
}

func readHotlist(cmd *cobra.Command, path, how string, mayBeEmpty bool, order *backend.HotlistOrder) error {
	columns, err := importer.MapNamed(how)
	if err != nil {
		return err
	}
	list, report, err := importer.ImportFile(cmd.Context(), path, columns,
		importer.Options{Name: order.List, PublishedAt: time.Now(), AllowEmpty: mayBeEmpty})
	for _, bad := range report.Errors {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s:%d: left out: %s\n", path, bad.Line, bad.Reason)
	}
	for _, doubt := range report.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s:%d: %s\n", path, doubt.Line, doubt.Reason)
	}
	if err != nil {
		return fmt.Errorf("read hotlist %s: %w", path, err)
	}
	order.Entries = list.All()
	return nil
}

func newHotlistCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "hotlist", Short: "Change a published hotlist without publishing it anew"}
	cmd.AddCommand(newHotlistRemoveCommand())
	return cmd
}

func newHotlistRemoveCommand() *cobra.Command {
	var (
		broker  backend.Broker
		r       backend.Removal
		signKey string
	)
	cmd := &cobra.Command{
		Use:   "remove ENTRY...",
		Short: "Stop vehicles from alerting on entries, within seconds",
		Long: `Remove signs and publishes the removal alone: connected vehicles stop alerting on the entries at once and take
open alerts back, the others when they next connect. Take the entries out of the list's source as well. A later list
that still holds them is published without them, until publish-hotlist --restore names them.`,
		Example: "  alpr-backend hotlist remove V000123456 --agency pd --list stolen --state /var/lib/alpr/hotlists --sign-key lists.key",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if r.Signer, err = backend.LoadSigner(signKey); err != nil {
				return err
			}
			r.IDs, r.Now = args, time.Now()
			m, err := backend.RemoveEntries(cmd.Context(), broker, r)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "list %s version %d: %d entries, %d removed\n", m.List, m.Version, m.Entries, len(args))
			return err
		},
	}
	addBrokerFlags(cmd, &broker)
	f := cmd.Flags()
	f.StringVar(&r.Agency, "agency", "", "whose vehicles (needed)")
	f.StringVar(&r.List, "list", "", "name of the list (needed)")
	f.StringVar(&r.Dir, "state", "hotlists", "folder that keeps published versions")
	f.StringVar(&signKey, "sign-key", "", "private key file from keygen (needed)")
	return needed(cmd, "agency", "list", "sign-key")
}
