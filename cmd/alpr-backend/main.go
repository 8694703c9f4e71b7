// Command alpr-backend is the agency's side of the sync: it keeps what vehicles
// publish, and publishes what vehicles need.
package main

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
)

// Exit codes, as --help lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// version is set by the build.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs a command line and gives its exit code. What fails before a command
// has begun is a mistake on the command line.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	out, errs = printable.NewWriter(out), printable.NewWriter(errs) // events hold what others wrote
	root.SetOut(out)
	root.SetErr(errs)
	hasBegun := false
	for _, c := range root.Commands() {
		work := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			hasBegun = true
			return work(c, args)
		}
	}
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	fmt.Fprintln(errs, "alpr-backend:", err)
	if !hasBegun || errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}
