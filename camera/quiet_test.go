package camera

import (
	"os"
	"os/exec"
	"testing"

	"gocv.io/x/gocv"
)

// TestOpenCVIsQuiet: what OpenCV complains of fills no log. The test runs itself,
// for OpenCV writes to the process's standard error.
func TestOpenCVIsQuiet(t *testing.T) {
	const child = "ALPR_TEST_QUIET"
	if how := os.Getenv(child); how != "" {
		if how == "quiet" {
			Quiet()
		}
		m := gocv.IMRead("/nonexistent/picture.png", gocv.IMReadColor)
		if !m.Empty() {
			t.Error("there is such a picture")
		}
		m.Close()
		return
	}
	for how, isQuiet := range map[string]bool{"quiet": true, "loud": false} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenCVIsQuiet$")
		cmd.Env = append(os.Environ(), child+"="+how)
		var errs bytesCounter
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if (errs == 0) != isQuiet {
			t.Errorf("%s: %d bytes on standard error", how, errs)
		}
	}
}

type bytesCounter int

func (c *bytesCounter) Write(b []byte) (int, error) {
	*c += bytesCounter(len(b))
	return len(b), nil
}
