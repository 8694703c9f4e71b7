// Command alpr reads licence plates from a moving car's cameras.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"alpr/camera"
	"alpr/internal/printable"
)

// Exit codes, as --help lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// version is set by the build.
var version = "unknown"

func main() {
	camera.Quiet()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCmd().ExecuteContext(ctx)
	stop()
	code := exitCode(err)
	if code != exitOK && code != exitInterrupted {
		fmt.Fprintln(os.Stderr, "alpr:", printable.Text(err.Error()))
	}
	os.Exit(code)
}

func exitCode(err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}
