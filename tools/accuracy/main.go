// Command accuracy measures alpr read on labelled pictures: it runs the program
// over every set in a folder and prints one table, as Markdown.
//
// A set is a folder with labels.jsonl, a line a picture:
//
//	{"image": "images/1.jpg", "width": 960, "plates": [{"box": [x, y, w, h], "text": "ABC123", "region": "US-FL"}]}
//
// Box, text and region may each be missing. A set of small pictures without
// boxes holds plates that are cut out already, and is read with --crops.
//
// Usage: go run ./tools/accuracy [flags] FOLDER
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

// options of the measurement.
type options struct {
	program string
	extra   []string // arguments for alpr read
	sets    []string // only these; empty: all
	holdout string   // a file that names pictures of one set to measure apart
	keep    string   // folder for the CSV files; empty: they are not kept
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("accuracy", flag.ContinueOnError)
	flags.SetOutput(errs)
	var o options
	flags.StringVar(&o.program, "alpr", "bin/alpr", "the program to measure")
	extra := flags.String("args", "", "more arguments for alpr read, such as \"--precision int8\"")
	sets := flags.String("sets", "", "measure only these sets, by name, with commas between")
	flags.StringVar(&o.holdout, "holdout", "", `a JSON file {"set": …, "images": […]}: of that set, measure only these pictures`)
	flags.StringVar(&o.keep, "keep", "", "keep what alpr read wrote for each set as CSV in this folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("give one folder that holds the labelled sets")
	}
	o.extra = strings.Fields(*extra)
	if *sets != "" {
		o.sets = strings.Split(*sets, ",")
	}
	scores, err := measure(ctx, flags.Arg(0), o, errs)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n\n", scores[0].computed); err != nil {
		return err
	}
	return printTables(out, scores)
}

// measure scores every chosen set of a folder.
func measure(ctx context.Context, folder string, o options, progress io.Writer) ([]*score, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "labels.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("look for sets: %w", err)
	}
	only, err := readHoldout(o.holdout)
	if err != nil {
		return nil, err
	}
	var scores []*score
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if len(o.sets) > 0 && !slices.Contains(o.sets, name) {
			continue
		}
		set, err := readLabels(file)
		if err != nil {
			return nil, err
		}
		if name == only.Set {
			set.keep(only.Images)
			name += " (held out)"
		}
		fmt.Fprintf(progress, "reading %s, %d pictures\n", name, len(set.pictures))
		reads, computed, err := readSet(ctx, set, o, filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, fmt.Errorf("read set %s: %w", name, err)
		}
		sc := scoreSet(name, set, reads)
		sc.computed = computed
		scores = append(scores, sc)
	}
	if len(scores) == 0 {
		return nil, fmt.Errorf("look for sets in %s: none: a set is a folder with a labels.jsonl", folder)
	}
	return scores, nil
}

// holdout names pictures of one set that no network was trained on.
type holdout struct {
	Set    string   `json:"set"`
	Images []string `json:"images"`
}

func readHoldout(path string) (holdout, error) {
	var h holdout
	if path == "" {
		return h, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return h, fmt.Errorf("read the held-out pictures: %w", err)
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("read the held-out pictures of %s: %w", path, err)
	}
	return h, nil
}

// networksLine is what alpr read logs of the processor and of the networks'
// files and kernels.
var networksLine = regexp.MustCompile(`msg=networks processor=(".*?"|\S+) run=(".*"|\S+)`)

// computed is a sentence on what computed the networks, from alpr read's log.
func computed(log string) string {
	m := networksLine.FindStringSubmatch(log)
	if m == nil {
		return "The program did not say which processor and which kernels computed the networks."
	}
	text := fmt.Sprintf("Processor: %s. Networks: %s.", strings.Trim(m[1], `"`), strings.Trim(m[2], `"`))
	if strings.Contains(log, "was refused on this processor") {
		text += " Other ways of computing them failed the self-test."
	}
	return text
}

// readSet runs alpr read over a set's pictures, and says what computed it.
func readSet(ctx context.Context, s *set, o options, name string) (map[string]*pictureReads, string, error) {
	args := append([]string{"read", "--csv"}, o.extra...)
	if s.isCrops() {
		args = append(args, "--crops")
	}
	for _, p := range s.pictures {
		args = append(args, filepath.Join(s.folder, p.Image))
	}
	cmd := exec.CommandContext(ctx, o.program, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	csv, err := cmd.Output()
	if err != nil {
		return nil, "", fmt.Errorf("run %s: %w\n%s", o.program, err, errs.String())
	}
	if o.keep != "" {
		if err := os.MkdirAll(o.keep, 0o755); err != nil {
			return nil, "", fmt.Errorf("keep the reads: %w", err)
		}
		if err := os.WriteFile(filepath.Join(o.keep, name+".csv"), csv, 0o644); err != nil {
			return nil, "", fmt.Errorf("keep the reads: %w", err)
		}
	}
	reads, err := parseReads(strings.NewReader(string(csv)))
	return reads, computed(errs.String()), err
}
