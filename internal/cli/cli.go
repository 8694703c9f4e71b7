// Package cli is what the command lines of both programs share: signals, exit
// codes, what is a mistake on a command line, and output that is safe to print.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"alpr/internal/printable"
	"alpr/internal/usage"
)

// The exit codes, as --help lists them.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130
)

// Main runs the process's command line until it ends or a signal does, and returns
// the exit code.
func Main(root *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, root, os.Args[1:], os.Stdout, os.Stderr)
}

// Run runs a command line, says on errs what failed, and returns the exit code.
func Run(ctx context.Context, root *cobra.Command, args []string, out, errs io.Writer) int {
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	code := ExitCode(err)
	if code == ExitFailed || code == ExitUsage {
		fmt.Fprintf(errs, "%s: %s\n", root.Name(), printable.Text(err.Error()))
	}
	return code
}

// ExitCode is the exit code of what a command ended with.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.As(err, new(*usage.Error)):
		return ExitUsage
	}
	return ExitFailed
}

// Prepare gives a finished tree of commands what every program has: help for a
// command that needs another, usage errors, safe output.
func Prepare(root *cobra.Command) *cobra.Command {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q: see %s --help", args[0], c.CommandPath())
		}
		return nil
	}
	root.PersistentPreRun = func(c *cobra.Command, _ []string) { // lists, file names and records hold what others wrote
		c.SetOut(printable.NewWriter(c.OutOrStdout()))
		c.SetErr(printable.NewWriter(c.ErrOrStderr()))
	}
	prepare(root)
	return root
}

func prepare(c *cobra.Command) {
	if c.RunE == nil && c.Run == nil {
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		if c.Args == nil {
			c.Args = cobra.NoArgs
		}
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage.Errorf("%w: see %s --help", err, c.CommandPath())
	})
	check := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if check != nil {
			if err := check(c, args); err != nil {
				return &usage.Error{Err: err}
			}
		}
		if err := c.ValidateRequiredFlags(); err != nil {
			return &usage.Error{Err: err}
		}
		return nil
	}
	for _, sub := range c.Commands() {
		prepare(sub)
	}
}
