package main

import (
	"path/filepath"
	"strings"
	"testing"

	"alpr/models"
	"alpr/models/modelstest"
)

// TestVersionSaysWhatRuns asks for the processor, and for each network's
// version, file and kernels.
func TestVersionSaysWhatRuns(t *testing.T) {
	dir := filepath.Join(modelstest.Root(t), "models")
	stdout, _, err := alprCmd(t, "version", "--models", dir, "--onnxruntime", modelstest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"processor: " + models.ThisProcessor().String() + "\n",
		m.Detector.Name + " " + m.Detector.Version + ": " + m.Detector.FileINT8 + ", int8 by fast kernels\n",
		m.Reader.Name + " " + m.Reader.Version + ": " + m.Reader.FileINT8 + ", int8 by fast kernels\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q does not say %q", stdout, want)
		}
	}
}

func TestVersionFlag(t *testing.T) {
	out, _, err := alprCmd(t, "--version")
	if err != nil || !strings.HasPrefix(out, "alpr version ") || !strings.Contains(out, version) {
		t.Errorf("%q, %v", out, err)
	}
}
