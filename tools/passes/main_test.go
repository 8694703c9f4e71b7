package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	clips, err := parse(strings.NewReader("clip\tframes\tplates\na.avi\t36\tAB-12-CD,xy 9\n\nb.avi\t36\t1-ABC-2\n"), "in")
	if err != nil {
		t.Fatal(err)
	}
	if len(clips) != 2 || clips[0].path != filepath.Join("in", "a.avi") ||
		!slices.Equal(clips[0].plates, []string{"AB12CD", "XY9"}) || !slices.Equal(clips[1].plates, []string{"1ABC2"}) {
		t.Errorf("got %+v", clips)
	}
	if _, err := parse(strings.NewReader("heading\na.avi 36\n"), "in"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v", err)
	}
}

func TestCompare(t *testing.T) {
	got := compare([]string{"A1", "B2", "C3"}, []string{"A1", "B3", "A1", "C3"})
	if got.exact != 2 || !slices.Equal(got.wrong, []string{"B3"}) || !slices.Equal(got.second, []string{"A1"}) ||
		!slices.Equal(got.missed, []string{"B2"}) {
		t.Errorf("got %+v", got)
	}
}

// TestTable runs the measurement on a program that answers as recorded.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "alpr")
	script := `#!/bin/sh
case "$1 $*" in
replay*road*) ;;
replay*) echo '{"text":"AB12CD"}' ;;
read*) echo '{"text":"AB12CD"}'; echo '{"text":"A812CD"}'; echo '{"ms":3}' ;;
esac
`
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "clips.tsv"), []byte("clip\tframes\tplates\na.avi\t36\tAB-12-CD\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"--alpr", program, "--empty", "road.mp4", dir}, &out, &errs); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	for _, want := range []string{
		"| a.avi | 1 | 1 | 0 | 0 | 1 of 2 (50.0 %) |",
		"| road.mp4 | 0 | 0 | 0 | 0 |  |",
		"| **all** | 1 | 1 of 1 (100.0 %) | 0 | 0 | 1 of 2 (50.0 %) |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, &out)
		}
	}
}

func TestNetworkArgs(t *testing.T) {
	got := networkArgs([]string{"--sure-from", "1", "--precision", "fp32", "--models=m", "--every", "2", "--onnxruntime"})
	if want := []string{"--precision", "fp32", "--models=m", "--onnxruntime"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
