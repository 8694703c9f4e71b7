package models

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// LibraryName is the file name of the ONNX Runtime shared library.
const LibraryName = "libonnxruntime.so.1"

// ErrNoLibrary reports that ONNX Runtime cannot be loaded.
var ErrNoLibrary = errors.New("no usable ONNX Runtime library")

// environment guards the start of ONNX Runtime: the library itself holds one
// environment a process and refuses a second.
var environment sync.Mutex //nolint:gochecknoglobals // guards a global of the library's

// startRuntime loads the shared library once a process. A later call with
// another path keeps the library that is loaded.
func startRuntime(path string) error {
	environment.Lock()
	defer environment.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	found, err := findLibrary(path)
	if err != nil {
		return err
	}
	ort.SetSharedLibraryPath(found)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("load %s: %w: %w: fetch it again with scripts/fetch-onnxruntime.sh", found, ErrNoLibrary, err)
	}
	return nil
}

// findLibrary is the given path, or the library beside the executable, or the
// bare name, which the system's loader then looks for.
func findLibrary(given string) (string, error) {
	if given != "" {
		if _, err := os.Stat(given); err != nil {
			return "", fmt.Errorf("find ONNX Runtime: %w: %w: correct the path, or leave it out to use the one beside the program", ErrNoLibrary, err)
		}
		return given, nil
	}
	dir, err := executableDir()
	if err != nil {
		return "", err
	}
	places := []string{
		filepath.Join(dir, "lib", LibraryName),
		filepath.Join(dir, "..", "lib", LibraryName),
		filepath.Join(dir, "..", "lib", "alpr", LibraryName),
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return LibraryName, nil
}

// FindDir is the given folder of the models, or the one beside the executable:
// models, ../models or ../share/alpr/models from where the program lies.
func FindDir(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	dir, err := executableDir()
	if err != nil {
		return "", err
	}
	places := []string{
		filepath.Join(dir, "models"),
		filepath.Join(dir, "..", "models"),
		filepath.Join(dir, "..", "share", "alpr", "models"),
	}
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, ManifestName)); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("find the models: no %s in %s: give their folder with --models", ManifestName, places[1])
}

func executableDir() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program's own folder: %w", err)
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	return filepath.Dir(exe), nil
}
