package main

import (
	"github.com/spf13/cobra"

	"alpr/internal/cli"
	"alpr/internal/reference"
)

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:     "alpr",
		Short:   "Read licence plates from a moving car",
		Version: version,
		Long: `alpr reads licence plates from a moving car's cameras, checks them against
hotlists, alerts the officer, and keeps and sends what it read.

Exit codes: 0 done, 1 something failed (one line on standard error says what),
2 the command line is wrong, 130 interrupted.`,
	}
	root.AddCommand(
		newRunCmd(),
		newDoctorCmd(),
		newDemoCmd(),
		newReadCmd(),
		newReplayCmd(),
		newHotlistCmd(),
		newLookupCmd(),
		newPolicyCmd(),
		newAuditCmd(),
		newNoticesCmd(),
		newReportCmd(),
		newContributeCmd(),
		newConfigCmd(),
		newUserCmd(),
		newVersionCmd(),
		reference.NewManCmd(),
	)
	return cli.Prepare(root)
}
