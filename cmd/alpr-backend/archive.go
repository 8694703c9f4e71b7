package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/internal/regular"
	"alpr/internal/usage"
)

// newArchiveCommand is a command that works on what consumers have kept.
func newArchiveCommand(use, short, long string, run func(context.Context, *cobra.Command, backend.Archive) error) *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, err := backend.OpenArchive(cmd.Context(), target)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.Close()) }()
			return run(cmd.Context(), cmd, a)
		},
	}
	cmd.Flags().StringVar(&target, "sink", "", "postgres://… or sqlite:FILE (needed)")
	return needed(cmd, "sink")
}

func newPictureCommand() *cobra.Command {
	var by backend.Access
	var out string
	cmd := newArchiveCommand("picture SHA256", "Save a picture that vehicles have sent",
		"Picture puts the kept pieces of a picture together, checks that they have the hash that reads and hits name, and\nsaves it. Who looks, and why, is recorded first: \"accesses\" prints the record.",
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			sha := cmd.Flags().Arg(0)
			by.At = time.Now().UTC()
			jpeg, err := backend.Picture(ctx, a, sha, by)
			if err != nil {
				return err
			}
			return savePicture(cmd, jpeg, sha, out)
		})
	cmd.Args = cobra.ExactArgs(1)
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "file for the picture; empty: its hash, and .jpg")
	f.StringVar(&by.Officer, "officer", "", "who looks (needed)")
	f.StringVar(&by.Purpose, "purpose", "", "why (needed)")
	return needed(cmd, "officer", "purpose")
}

func savePicture(cmd *cobra.Command, jpeg []byte, sha, path string) error {
	if path == "" {
		path = sha + ".jpg"
	}
	if err := os.WriteFile(path, jpeg, 0o600); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes\n", path, len(jpeg))
	return err
}

func newAccessesCommand() *cobra.Command {
	var verify, expect string
	cmd := newArchiveCommand("accesses", "Show who looked at what is kept, and why",
		`Accesses prints the record of looks at pictures and events, one JSON object a line, oldest first. Each look holds the
hash of the one before. With --verify FILE it checks such an export, without the database, and prints the last hash:
keep that elsewhere, and name it with --expect at a later check, which then also finds looks that were taken off the end.`,
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			list, err := a.Accesses(ctx)
			enc := json.NewEncoder(cmd.OutOrStdout())
			for _, x := range list {
				err = errors.Join(err, enc.Encode(x))
			}
			return err
		})
	show := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch sink := cmd.Flag("sink").Value.String(); {
		case verify != "" && sink == "":
			return verifyAccesses(cmd, verify, expect)
		case verify != "" || sink == "":
			return usage.Errorf("either --sink or --verify is needed")
		}
		return show(cmd, args)
	}
	delete(cmd.Flag("sink").Annotations, cobra.BashCompOneRequiredFlag)
	cmd.Flags().StringVar(&verify, "verify", "", "file that this command wrote; - for standard input: check it")
	cmd.Flags().StringVar(&expect, "expect", "", "hash of a look that must be there")
	return cmd
}

func verifyAccesses(cmd *cobra.Command, path, expect string) error {
	in := cmd.InOrStdin()
	if path != "-" {
		f, err := regular.Open(path)
		if err != nil {
			return fmt.Errorf("open the record of looks: %w", err)
		}
		defer f.Close()
		in = f
	}
	last, err := backend.VerifyAccesses(in, expect)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d looks, unbroken; the last has hash %s\n", last.Seq, last.Hash)
	return err
}

func newReplayCommand() *cobra.Command {
	return newArchiveCommand("replay", "Try dead letters again",
		"Replay checks every dead letter against the schema of this program, and keeps as events those that pass now.",
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			kept, still, err := backend.Replay(ctx, a)
			fmt.Fprintf(cmd.OutOrStdout(), "%d kept, %d are still dead letters\n", kept, still)
			return err
		})
}

func newPurgeCommand() *cobra.Command {
	var emergencies time.Duration
	cmd := newArchiveCommand("purge", "Delete what is past its purge time",
		`Purge deletes events, reads, hits and dead letters whose vehicles' retention policy says so, pictures with the last
record that they belong to, and old emergency events. Run it as often as the shortest retention asks for.`,
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			n, err := backend.Purge(ctx, a, time.Now(), emergencies)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%d events deleted\n", n)
			}
			return err
		})
	cmd.Flags().DurationVar(&emergencies, "emergencies", 30*24*time.Hour, "keep positions and snapshots of the emergency button for so long")
	return cmd
}

func newGapsCommand() *cobra.Command {
	return newArchiveCommand("gaps", "Show numbers of vehicles' counts that have not arrived",
		"Gaps prints what is missing between the first and the highest number of each boot: still on its way, or lost.\nWhat a vehicle's policy deleted or withheld is explained by the vehicle, and is no gap.",
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			gaps, err := backend.Gaps(ctx, a)
			for _, g := range gaps {
				fmt.Fprintf(cmd.OutOrStdout(), "%s boot %s: %d to %d\n", g.Vehicle, g.BootID, g.From, g.To)
			}
			return err
		})
}
