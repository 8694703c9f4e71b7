// Package modelstest opens networks in tests.
package modelstest

import (
	"os"
	"path/filepath"
	"testing"

	"alpr/models"
)

// Open loads the three tiny networks of models/testdata, whose answers a test can
// predict (see make.py there), and closes them with the test.
func Open(tb testing.TB) *models.Set {
	tb.Helper()
	return open(tb, filepath.Join(Root(tb), "models", "testdata"), models.Auto)
}

// OpenTrained loads the trained networks of models/ and closes them with the
// test.
func OpenTrained(tb testing.TB, p models.Precision) *models.Set {
	tb.Helper()
	return open(tb, filepath.Join(Root(tb), "models"), p)
}

// Library is the ONNX Runtime that the build fetched into the checkout.
func Library(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(Root(tb), "build", "lib", models.LibraryName)
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("find ONNX Runtime: %v: run scripts/fetch-onnxruntime.sh", err)
	}
	return path
}

// Root is the checkout's top folder.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			tb.Fatal("find go.mod: none above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

func open(tb testing.TB, dir string, p models.Precision) *models.Set {
	tb.Helper()
	set, err := models.Open(models.Options{Dir: dir, Library: Library(tb), Threads: 1, Precision: p})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := set.Close(); err != nil {
			tb.Errorf("close the networks: %v", err)
		}
	})
	return set
}
