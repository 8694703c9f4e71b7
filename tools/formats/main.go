// Command formats measures what knowledge of serials does to reads of labelled
// pictures, and which weights suit them.
//
//	formats -out reads.gob SET...   read the labelled plates of sets, and keep what was seen
//	formats -fit reads.gob          on these, the pictures alone, and with formats by several models
//
// Of the sets that the recogniser learned from, only the texts held out there
// are read.
package main

import (
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"alpr"
	"alpr/internal/issuer"
)

func main() {
	out := flag.String("out", "", "file to write what was read to")
	fit := flag.String("fit", "", "file of reads to try models on")
	flag.Parse()
	err := errors.New("give -out or -fit")
	switch {
	case *fit != "":
		err = try(os.Stdout, *fit)
	case *out != "":
		err = collect(flag.Args(), *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}

// seen is one labelled plate and what was read of it.
type seen struct {
	Set, Truth string
	Text       alpr.Text
}

func try(out io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open what was read: %w", err)
	}
	defer f.Close()
	var all []seen
	if err := gob.NewDecoder(f).Decode(&all); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	fmt.Fprintf(out, "%-34s %6s %7s %7s %9s %7s %7s\n", "", "plates", "exact", "wrong", "at <= 1 %", "loss", "ECE")
	for _, set := range setsOf(all) {
		for name, m := range map[string]*issuer.Model{"the picture": nil, "formats": new(issuer.Default())} {
			if err := print(out, set+", "+name, of(all, set), m); err != nil {
				return err
			}
		}
	}
	for _, trust := range []float64{0.75, 0.9} {
		for _, formatted := range []float64{0.5, 0.75, 0.9} {
			for _, slip := range []float64{0.02, 0.04, 0.1} {
				name := fmt.Sprintf("trust %.2f formatted %.2f slip %.2f", trust, formatted, slip)
				if err := print(out, name, all, &issuer.Model{Formatted: formatted, Slip: slip, Trust: trust}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func print(out io.Writer, name string, list []seen, m *issuer.Model) error {
	decide := func(t alpr.Text) alpr.Text { return t }
	if m != nil {
		formats, err := issuer.New(*m)
		if err != nil {
			return err
		}
		decide = func(t alpr.Text) alpr.Text { return formats.Decide(t, 10) }
	}
	g := measure(list, decide)
	fmt.Fprintf(out, "%-34s %6d %6.1f%% %6.1f%% %8.1f%% %7.4f %7.3f\n", name, g.plates, g.percent(g.exact), g.percent(g.wrong), g.percent(g.atOne), g.loss, g.ece)
	return nil
}

func setsOf(all []seen) (names []string) {
	for _, s := range all {
		if !slices.Contains(names, s.Set) {
			names = append(names, s.Set)
		}
	}
	return names
}

func of(all []seen, set string) (list []seen) {
	for _, s := range all {
		if s.Set == set {
			list = append(list, s)
		}
	}
	return list
}
