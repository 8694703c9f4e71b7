package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"alpr/backend"
)

// errUnsound is the exit of a doctor that found something.
var errUnsound = errors.New("not all is in order: see above")

func newDoctorCommand() *cobra.Command {
	var atRest string
	cmd := newArchiveCommand("doctor", "Say whether what is kept is kept as it should be",
		`Doctor looks at where events are kept: whether the way to the database is encrypted, whether we have more rights there
than we need, whether plates, pictures and positions are encrypted at rest, and whether the record of looks is unbroken.
What cannot be seen from here, the encryption of another machine's disk, must be stated with --at-rest. The exit code is 1
where something is wrong.`,
		func(ctx context.Context, cmd *cobra.Command, a backend.Archive) error {
			var err error
			for _, f := range backend.Examine(ctx, a, atRest) {
				mark := "ok  "
				if !f.OK {
					mark, err = "FAIL", errUnsound
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %-22s  %s\n", mark, f.What, f.Text)
			}
			return err
		})
	cmd.Flags().StringVar(&atRest, "at-rest", "", "what encrypts the database's disk, who checked it and when, in words")
	return cmd
}
