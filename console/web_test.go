package console

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestThePagesLogic runs the tests of the page's own code with node.
func TestThePagesLogic(t *testing.T) {
	files, err := filepath.Glob("webtest/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of the page's code: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), "node", append([]string{"--test"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v (scripts/install-deps.sh test installs node)\n%s", err, out)
	}
}
