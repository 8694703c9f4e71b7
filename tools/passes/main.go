// Command passes measures alpr replay on labelled recordings: how many vehicle
// passes are read exactly, how many reads are wrong, a second read of a pass, or
// made up where no plate is; and beside it how often a single frame is right.
//
// The folder holds clips.tsv, a line a clip after a heading: file, frames, and the
// plates that go by, with commas between. With --truth the recording is one
// video and its plates are in a file of JSON lines with "text".
//
// Usage:
//
//	go run ./tools/passes [--empty FILE,…] FOLDER
//	go run ./tools/passes --truth drive.truth.jsonl drive.mp4
//	go run ./tools/passes road [--help]
//	go run ./tools/passes cost [--help]
//
// The last two draw their own traffic, see package road: the one counts passes,
// the other the processor time of a frame.
package main

import (
	"bufio"
	"bytes"
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
	"slices"
	"strings"

	"alpr"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "passes:", err)
		os.Exit(1)
	}
}

// clip is one recording and the plates that go by in it.
type clip struct {
	path   string
	plates []string // normalised
}

// outcome is what a clip was read as.
type outcome struct {
	exact  int      // plates read exactly
	missed []string // plates that were not
	wrong  []string // reads of another text
	second []string // further reads of a plate already read
	sights int      // plates in single frames that have a text
	right  int      // of these, exact
}

// options of the measurement.
type options struct {
	program string
	extra   []string
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) > 0 && args[0] == "road" {
		return runRoad(ctx, args[1:], out, errs)
	}
	if len(args) > 0 && args[0] == "cost" {
		return runCost(ctx, args[1:], out, errs)
	}
	flags := flag.NewFlagSet("passes", flag.ContinueOnError)
	flags.SetOutput(errs)
	var o options
	flags.StringVar(&o.program, "alpr", "bin/alpr", "the program to measure")
	extra := flags.String("args", "", "more arguments for both alpr replay and alpr read, such as \"--precision int8\"")
	empty := flags.String("empty", "", "recordings in the folder without any plate, with commas between")
	truth := flags.String("truth", "", "JSON lines with the plates of the one video given")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("give one folder with clips.tsv, or --truth and one video")
	}
	o.extra = strings.Fields(*extra)
	clips, err := load(flags.Arg(0), *truth, *empty)
	if err != nil {
		return err
	}
	return measure(ctx, o, clips, out)
}

// load lists the clips.
func load(path, truth, empty string) ([]clip, error) {
	if truth != "" {
		text, err := os.ReadFile(truth)
		if err != nil {
			return nil, fmt.Errorf("read truth: %w", err)
		}
		c := clip{path: path}
		for line := range bytes.Lines(text) {
			var l struct{ Text string }
			if err := json.Unmarshal(line, &l); err != nil {
				return nil, fmt.Errorf("read truth %s: %w", truth, err)
			}
			c.plates = append(c.plates, alpr.Normalise(l.Text))
		}
		return []clip{c}, nil
	}
	file, err := os.Open(filepath.Join(path, "clips.tsv"))
	if err != nil {
		return nil, fmt.Errorf("open the list of clips: %w", err)
	}
	defer file.Close()
	clips, err := parse(file, path)
	if err != nil {
		return nil, err
	}
	for _, name := range strings.FieldsFunc(empty, func(r rune) bool { return r == ',' }) {
		clips = append(clips, clip{path: filepath.Join(path, name)})
	}
	return clips, nil
}

// parse reads clips.tsv.
func parse(r io.Reader, folder string) ([]clip, error) {
	var clips []clip
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(strings.TrimSpace(lines.Text()), "\t")
		if n == 1 || len(fields) == 1 && fields[0] == "" {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("clips.tsv line %d: %d columns, want file, frames and plates with tabs between", n, len(fields))
		}
		c := clip{path: filepath.Join(folder, fields[0])}
		for _, p := range strings.Split(fields[2], ",") {
			c.plates = append(c.plates, alpr.Normalise(p))
		}
		clips = append(clips, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read clips.tsv: %w", err)
	}
	return clips, nil
}

// measure replays every clip and prints a table.
func measure(ctx context.Context, o options, clips []clip, out io.Writer) error {
	said, err := exec.CommandContext(ctx, o.program, append([]string{"version"}, networkArgs(o.extra)...)...).Output()
	if err != nil {
		return fmt.Errorf("ask %s which processor and kernels compute the networks: %w", o.program, err)
	}
	fmt.Fprintf(out, "```\n%s```\n\n", said)
	fmt.Fprintln(out, "| clip | plates | read exactly | wrong | second | single frames right |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	var plates int
	var all outcome
	for _, c := range clips {
		got, err := o.watch(ctx, c)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %s |\n", filepath.Base(c.path), len(c.plates),
			got.exact, len(got.wrong), len(got.second), share(got.right, got.sights))
		plates += len(c.plates)
		all.exact += got.exact
		all.wrong = append(all.wrong, got.wrong...)
		all.second = append(all.second, got.second...)
		all.sights += got.sights
		all.right += got.right
	}
	fmt.Fprintf(out, "| **all** | %d | %s | %d | %d | %s |\n", plates,
		share(all.exact, plates), len(all.wrong), len(all.second), share(all.right, all.sights))
	return nil
}

// networkArgs is those of the arguments for alpr replay and read that choose the
// networks, which alpr version takes, too.
func networkArgs(args []string) (chosen []string) {
	for i := 0; i < len(args); i++ {
		name, _, isWhole := strings.Cut(args[i], "=")
		if !slices.Contains([]string{"--models", "--onnxruntime", "--precision"}, name) {
			continue
		}
		chosen = append(chosen, args[i])
		if !isWhole && i+1 < len(args) {
			i++
			chosen = append(chosen, args[i])
		}
	}
	return chosen
}

func share(n, of int) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d (%.1f %%)", n, of, 100*float64(n)/float64(of))
}

// watch reads one clip as a whole and frame by frame.
func (o options) watch(ctx context.Context, c clip) (outcome, error) {
	reads, err := o.texts(ctx, "replay", "--final", "--quiet", c.path)
	if err != nil {
		return outcome{}, err
	}
	got := compare(c.plates, reads)
	if len(c.plates) == 0 {
		return got, nil
	}
	frames, err := o.texts(ctx, "read", "--json", c.path)
	if err != nil {
		return outcome{}, err
	}
	for _, text := range frames {
		got.sights++
		if slices.Contains(c.plates, text) {
			got.right++
		}
	}
	return got, nil
}

// compare counts what was read against what went by.
func compare(plates, reads []string) outcome {
	var got outcome
	var seen []string
	for _, text := range reads {
		switch {
		case !slices.Contains(plates, text):
			got.wrong = append(got.wrong, text)
		case slices.Contains(seen, text):
			got.second = append(got.second, text)
		default:
			seen = append(seen, text)
		}
	}
	for _, p := range plates {
		if slices.Contains(seen, p) {
			got.exact++
		} else {
			got.missed = append(got.missed, p)
		}
	}
	return got
}

// texts runs the program and collects the "text" of its JSON lines.
func (o options) texts(ctx context.Context, command string, args ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, o.program, append(append([]string{command}, o.extra...), args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s %s: %w: %s", o.program, command, err, bytes.TrimSpace(errs.Bytes()))
	}
	var list []string
	for line := range bytes.Lines(text) {
		var l struct{ Text *string }
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("read what alpr %s wrote: %w", command, err)
		}
		if l.Text != nil && *l.Text != "" {
			list = append(list, *l.Text)
		}
	}
	return list, nil
}
