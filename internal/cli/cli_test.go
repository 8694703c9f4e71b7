package cli

import (
	"context"
	"errors"
	"testing"
)

func TestExitCodes(t *testing.T) {
	if got := ExitCode(nil); got != ExitDone {
		t.Errorf("no error exits %d", got)
	}
	if got := ExitCode(context.Canceled); got != ExitInterrupted {
		t.Errorf("an interrupt exits %d", got)
	}
	if got := ExitCode(errors.New("x")); got != ExitFailed {
		t.Errorf("an error exits %d", got)
	}
}
