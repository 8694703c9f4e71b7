package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"alpr/hotlist"
	"alpr/store"
)

// desk is what the commands on records and lists work at: the vehicle's store
// and the rules it is kept by.
type desk struct {
	store    *store.Store
	matching hotlist.Policy
	log      *slog.Logger
}

// openDesk opens the desk a command works at. The caller closes its store.
type openDesk func(ctx context.Context) (*desk, error)

// rules are the parts of the configuration that an agency governs: what is
// kept and for how long, and what may alert.
type rules struct {
	Agency string         `yaml:"agency"`
	Keep   store.Policy   `yaml:"keep"`
	Match  hotlist.Policy `yaml:"match"`
}

// readRules reads a rules file. Keys left out of match have their defaults;
// keep has none, because nothing may be stored without a rule.
func readRules(path string) (rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return rules{}, fmt.Errorf("read rules: %w", err)
	}
	r := rules{Match: hotlist.DefaultPolicy()}
	if err := yaml.UnmarshalWithOptions(text, &r, yaml.Strict()); err != nil {
		return rules{}, fmt.Errorf("read rules %s: %w", path, err)
	}
	if err := r.Keep.Validate(); err != nil {
		return rules{}, fmt.Errorf("read rules %s: keep: %w", path, err)
	}
	if err := r.Match.Validate(); err != nil {
		return rules{}, fmt.Errorf("read rules %s: match.%w", path, err)
	}
	return r, nil
}

// deskFlags open the desk by command line.
type deskFlags struct {
	store, rules string
}

func (f *deskFlags) add(c *cobra.Command) {
	c.PersistentFlags().StringVar(&f.store, "store", "data/alpr.db", "the vehicle's store")
	c.PersistentFlags().StringVar(&f.rules, "rules", "rules.yaml", "what is kept, for how long, and what may alert")
}

func (f *deskFlags) open(ctx context.Context) (*desk, error) {
	r, err := readRules(f.rules)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(ctx, store.Config{Path: f.store, Agency: r.Agency, Policy: r.Keep}, log)
	if err != nil {
		return nil, err
	}
	return &desk{store: s, matching: r.Match, log: log}, nil
}

// at runs f at the desk and closes it.
func (open openDesk) at(ctx context.Context, f func(*desk) error) error {
	d, err := open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.store.Close())
}

// whoFlags name who acts and why, for the audit log.
type whoFlags struct {
	officer, purpose string
}

func (f *whoFlags) add(c *cobra.Command) {
	c.PersistentFlags().StringVar(&f.officer, "officer", "", "who does this, for the audit log (required)")
	c.PersistentFlags().StringVar(&f.purpose, "purpose", "", "why, for the audit log (required)")
}

// access is who acts and why; both are required.
func (f *whoFlags) access() (store.Access, error) {
	who := store.Access{Officer: f.officer, Purpose: f.purpose}
	if err := who.Validate(); err != nil {
		return who, &usageError{fmt.Errorf("%w: give --officer and --purpose", err)}
	}
	return who, nil
}
