package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"alpr/internal/printable"
	"alpr/internal/reference"
)

// usageError is a command line that cannot be run.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:     "alpr",
		Short:   "Read licence plates from a moving car",
		Version: version,
		Long: `alpr reads licence plates from a moving car's cameras, checks them against
hotlists, alerts the officer, and keeps and sends what it read.

Exit codes: 0 done, 1 something failed (one line on standard error says what),
2 the command line is wrong, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q: see alpr --help", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentPreRun = func(c *cobra.Command, _ []string) { // lists, file names and records hold what others wrote
		c.SetOut(printable.NewWriter(c.OutOrStdout()))
		c.SetErr(printable.NewWriter(c.ErrOrStderr()))
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
	asUsageErrors(root)
	return root
}

// asUsageErrors marks what cobra refuses in arguments and flags, for the exit
// code.
func asUsageErrors(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w: see %s --help", err, c.CommandPath())}
	})
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return &usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		asUsageErrors(sub)
	}
}
