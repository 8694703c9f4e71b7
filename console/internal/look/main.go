// Command look opens the console in a headless browser, as an officer would see
// it, takes the pictures of the documentation, and checks what a test of the
// handlers cannot: contrast, sizes of touch targets, that nothing overflows,
// and that a reload loses no hit. `make console-look` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"alpr/console"
)

func main() {
	out := flag.String("out", "build/console", "folder for all pictures")
	docs := flag.String("docs", "docs/img", "folder for those of them that the documentation shows")
	browser := flag.String("browser", "chromium", "the browser's program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	err := run(ctx, *browser, *out)
	if err == nil && *docs != "" {
		err = document(*out, *docs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "look:", err)
		os.Exit(1)
	}
}

// documented are the pictures that the documentation shows.
var documented = []string{"car-day-reads", "car-day-hit", "car-night-mismatch", "car-day-misread", "car-day-withdrawn", "car-night-degraded", "phone-night-hit"}

// document copies the pictures that the documentation shows.
func document(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("make the folder for pictures: %w", err)
	}
	for _, name := range documented {
		file := "console-" + name + ".png"
		png, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return fmt.Errorf("read a picture: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, file), png, 0o644); err != nil {
			return fmt.Errorf("write a picture: %w", err)
		}
	}
	return nil
}

// screens are the sizes at which the console must be usable.
var screens = []struct {
	name          string
	width, height int
	isPhone       bool
}{
	{"car", 1024, 600, false},
	{"wide", 1280, 800, false},
	{"phone", 390, 844, true},
}

func run(ctx context.Context, browser, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make the folder for pictures: %w", err)
	}
	b, err := openBrowser(ctx, browser)
	if err != nil {
		return err
	}
	defer b.stop()

	var failed []error
	for _, s := range screens {
		for _, theme := range []string{"day", "night"} {
			name := s.name + "-" + theme
			fmt.Println("looking at", name)
			err := withConsole(ctx, func(con *console.Console, rec *records, addr string) error {
				v := visit{ctx: ctx, b: b, con: con, rec: rec, url: "http://" + addr, out: out, name: name}
				return v.look(s.width, s.height, s.isPhone, theme)
			})
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	return errors.Join(failed...)
}

// withConsole serves a console of its own for as long as do runs.
func withConsole(ctx context.Context, do func(*console.Console, *records, string) error) error {
	rec := &records{}
	cfg := console.DefaultConfig()
	cfg.Demo, cfg.Listen, cfg.LockAfter = true, "127.0.0.1:0", 0
	con, err := console.New(cfg, rec.deps(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- con.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	addr, err := con.Addr(ctx)
	if err != nil {
		return err
	}
	return do(con, rec, addr)
}
