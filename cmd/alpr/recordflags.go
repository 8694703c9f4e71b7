package main

import (
	"errors"

	"github.com/spf13/cobra"

	"alpr"
	"alpr/internal/usage"
	"alpr/store"
	"alpr/vehicle"
)

// recordFlags say on which vehicle's records a command works, who works, and why.
type recordFlags struct {
	config           configFlags
	officer, purpose string
}

// add gives a command, and all commands below it, the flags.
func (f *recordFlags) add(c *cobra.Command) {
	flags := c.PersistentFlags()
	f.config.add(flags)
	flags.StringVar(&f.officer, "officer", "", "who does this, for the audit log")
	flags.StringVar(&f.purpose, "purpose", "", "why, for the audit log")
}

// with opens the records, lets do work on them, and closes them.
func (f *recordFlags) with(c *cobra.Command, do func(*vehicle.Records) error) (err error) {
	if f.purpose != "" { // also where none is needed
		if err := alpr.CheckPurpose(f.purpose); err != nil {
			return usage.Errorf("--purpose %q: %w", f.purpose, err)
		}
	}
	cfg, err := vehicle.Enter(f.config.path, f.config.overlays...)
	if err != nil {
		return err
	}
	r, err := vehicle.OpenRecords(c.Context(), cfg, vehicle.NewLog(cfg.Log, c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return do(r)
}

// as is with for a command whose officer and purpose are required.
func (f *recordFlags) as(c *cobra.Command, do func(*vehicle.Records, store.Access) error) error {
	who := store.Access{Officer: f.officer, Purpose: f.purpose}
	if err := who.Validate(); err != nil {
		return usage.Errorf("%w: say who asks and why with --officer and --purpose", err)
	}
	return f.with(c, func(r *vehicle.Records) error { return do(r, who) })
}
