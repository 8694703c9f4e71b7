package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alpr/internal/reference"
	"alpr/vehicle"
)

// TestReferencePages holds the pages of commands and of configuration keys
// against the program: `go test ./cmd/alpr -run Reference -update` writes them.
func TestReferencePages(t *testing.T) {
	var keys bytes.Buffer
	if err := reference.Configuration(&keys, vehicle.ExampleConfig()); err != nil {
		t.Fatal(err)
	}
	pages := map[string][]byte{
		"alpr.md": append([]byte("# Commands of alpr\n\nWritten by the program itself.\n\n"), reference.Commands(newRootCmd())...),
		"configuration.md": append([]byte("# Configuration keys\n\nWritten from `alpr config example`, whose values are the defaults.\n"),
			keys.Bytes()...),
	}
	for name, want := range pages {
		path := "../../docs/reference/" + name
		want = append(bytes.TrimRight(want, "\n"), '\n')
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the program says (-program +page); -update writes it:\n%s", path, diff)
		}
	}
}
