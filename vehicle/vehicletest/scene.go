package vehicletest

import (
	"log/slog"
	"path/filepath"
	"testing"

	"alpr"
	"alpr/camera"
	"alpr/models/modelstest"
)

// Scene is the still of the demonstration, as the camera gives it.
func Scene(t *testing.T) *alpr.Frame {
	t.Helper()
	src, err := camera.New(camera.Config{Location: filepath.Join(modelstest.Root(t), "demo/still.jpg")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var f *alpr.Frame
	if err := src.Run(t.Context(), func(next *alpr.Frame) { f = next }); err != nil || f == nil {
		t.Fatalf("no picture: %v", err)
	}
	return f
}
