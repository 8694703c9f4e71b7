package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/hotlist"
	"alpr/store"
	"alpr/vehicle"
)

// desk is what the commands on records and lists work at: the vehicle's store
// and the rules that lists alert by.
type desk struct {
	cfg     vehicle.Config
	store   *store.Store
	matcher *hotlist.Matcher
	lists   *vehicle.Lists
}

// deskFlags say which vehicle's desk it is, who works at it, and why.
type deskFlags struct {
	config           string
	officer, purpose string
}

// add gives a command, and all commands below it, the flags.
func (f *deskFlags) add(c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&f.config, "config", "alpr.yaml", "the configuration file")
	flags.StringVar(&f.officer, "officer", "", "who does this, for the audit log")
	flags.StringVar(&f.purpose, "purpose", "", "why, for the audit log")
}

// who names officer and purpose; both are required.
func (f *deskFlags) who() (store.Access, error) {
	who := store.Access{Officer: f.officer, Purpose: f.purpose}
	if err := who.Validate(); err != nil {
		return who, &usageError{fmt.Errorf("%w: say who asks and why with --officer and --purpose", err)}
	}
	return who, nil
}

// work opens the desk, lets f work at it, and closes it. It may be open beside
// a running alpr: both see what the other does.
func (f *deskFlags) work(ctx context.Context, errs io.Writer, do func(*desk) error) (err error) {
	if f.purpose != "" { // also where none is needed
		if err := alpr.CheckPurpose(f.purpose); err != nil {
			return &usageError{fmt.Errorf("--purpose %q: %w", f.purpose, err)}
		}
	}
	cfg, err := vehicle.LoadConfig(f.config)
	if err != nil {
		return err
	}
	log := vehicle.NewLog(cfg.Log, errs)
	d := &desk{cfg: cfg}
	if d.matcher, err = hotlist.NewMatcher(cfg.Hotlist); err != nil {
		return fmt.Errorf("hotlist: %w", err)
	}
	if d.store, err = store.Open(ctx, cfg.StoreOptions(), log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	d.lists = vehicle.NewLists(d.store, d.matcher, cfg.Hotlist, log)
	return do(d)
}

// workAs is work for a command whose officer and purpose are required.
func (f *deskFlags) workAs(c *cobra.Command, do func(*desk, store.Access) error) error {
	who, err := f.who()
	if err != nil {
		return err
	}
	return f.work(c.Context(), c.ErrOrStderr(), func(d *desk) error { return do(d, who) })
}
