package camera

import (
	"bytes"
	"image/png"
	"os"
	"os/exec"
	"slices"
	"testing"

	"gocv.io/x/gocv"
)

// TestLibrariesAreQuiet: what OpenCV and the libraries under it complain of fills
// no log. The test runs itself, for they write to the process's standard error.
func TestLibrariesAreQuiet(t *testing.T) {
	const child = "ALPR_TEST_QUIET"
	m := textured(64, 64)
	jpeg := encoded(t, m, 90)
	jpeg = slices.Insert(jpeg, len(jpeg)/2, 0xff, 0xd5, 1, 2, 3)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	b.Bytes()[b.Len()/2] ^= 0xff
	files := map[string][]byte{"no file": nil, "a JPEG": jpeg, "a PNG": b.Bytes()}
	if how := os.Getenv(child); how != "" {
		if how == "quiet" {
			Quiet()
		}
		complain(t, files[os.Getenv(child+"_OF")])
		return
	}
	for name := range files {
		for how, isQuiet := range map[string]bool{"quiet": true, "loud": false} {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLibrariesAreQuiet$")
			cmd.Env = append(os.Environ(), child+"="+how, child+"_OF="+name)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			if (errs.Len() == 0) != isQuiet {
				t.Errorf("%s, %s: on standard error is %q", name, how, errs.String())
			}
		}
	}
}

func complain(t *testing.T, content []byte) {
	t.Helper()
	if content == nil {
		m := gocv.IMRead("/nonexistent/picture.png", gocv.IMReadColor)
		if !m.Empty() {
			t.Error("there is such a picture")
		}
		m.Close()
		return
	}
	m, err := gocv.IMDecode(content, gocv.IMReadColor)
	if err != nil {
		t.Logf("decode: %v", err)
	}
	m.Close()
}
