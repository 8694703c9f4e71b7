package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alpr/internal/reference"
)

var update = flag.Bool("update", false, "write the page of docs/reference anew")

// TestReferencePage holds the page of commands against the program:
// `go test ./cmd/alpr-backend -run Reference -update` writes it.
func TestReferencePage(t *testing.T) {
	const path = "../../docs/reference/alpr-backend.md"
	want := append([]byte("# Commands of alpr-backend\n\nWritten by the program itself.\n\n"), reference.Commands(newRootCommand())...)
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

// TestManualPages has the hidden command write a page for each command.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	root := newRootCommand()
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alpr-backend.1", "alpr-backend-consume.1", "alpr-backend-fleet.1"} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, []byte(".SH SYNOPSIS")) {
			t.Errorf("%s has no synopsis:\n%s", name, page)
		}
	}
}
