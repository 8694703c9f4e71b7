// Package doctor checks everything that a car needs and says how to mend it.
package doctor

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"alpr/vehicle"
)

// grade is how a check came out.
type grade int

const (
	fine grade = iota
	warns
	fails
)

func (g grade) String() string { return [...]string{"ok", "warn", "FAIL"}[g] }

// finding is one line of the doctor's report.
type finding struct {
	grade grade
	part  string
	text  string // what is, and where it is not well, how to mend it
}

func okay(part, format string, args ...any) finding {
	return finding{fine, part, fmt.Sprintf(format, args...)}
}

func warning(part, format string, args ...any) finding {
	return finding{warns, part, fmt.Sprintf(format, args...)}
}

func failure(part, format string, args ...any) finding {
	return finding{fails, part, fmt.Sprintf(format, args...)}
}

// Run checks the car of the configuration at path, and prints each finding as it
// is made. Its error counts the failures of the last look.
func Run(ctx context.Context, path string, out io.Writer, o Options) error {
	print := newPrinter(out, o.JSON)
	once := func(p printer) error { return examine(ctx, path, p, o) }
	if o.Watch > 0 {
		return watch(ctx, o.Watch, once, print)
	}
	return once(print)
}

// examine checks everything once.
func examine(ctx context.Context, path string, print printer, o Options) error {
	failed := 0
	tell := func(found ...finding) error {
		for _, f := range found {
			if f.grade == fails {
				failed++
			}
			if err := print(f); err != nil {
				return err
			}
		}
		return nil
	}
	cfg, err := vehicle.Enter(path, o.Overlays...)
	if err != nil {
		if err := tell(failure("configuration", "%v", err)); err != nil {
			return err
		}
		return fmt.Errorf("doctor: the rest cannot be checked without a configuration")
	}
	if err := tell(okay("configuration", "%s, vehicle %s of %s", path, cfg.Vehicle, cfg.Agency)); err != nil {
		return err
	}
	for _, check := range checks(&cfg, o) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := tell(check(ctx)...); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("doctor: %d of the checks failed", failed)
	}
	return nil
}

// checks lists what is checked, in the order in which a newcomer mends it.
func checks(cfg *vehicle.Config, o Options) []func(context.Context) []finding {
	one := func(f func(context.Context) finding) func(context.Context) []finding {
		return func(ctx context.Context) []finding { return []finding{f(ctx)} }
	}
	quiet := slog.New(slog.DiscardHandler) // what goes wrong is in the finding
	list := []func(context.Context) []finding{
		one(func(context.Context) finding { return checkNetworks(cfg.Models) }),
	}
	for _, c := range cfg.Cameras {
		list = append(list, one(func(ctx context.Context) finding { return checkCamera(ctx, c, o.Pictures, quiet) }))
	}
	return append(list,
		func(ctx context.Context) []finding { return checkPosition(ctx, cfg.GPS, quiet) },
		one(func(context.Context) finding { return checkDisk(cfg.DataDir) }),
		func(context.Context) []finding { return checkFiles(cfg) },
		one(func(context.Context) finding { return checkMemory() }),
		func(context.Context) []finding { return checkTemperature() },
		func(ctx context.Context) []finding { return checkStore(ctx, cfg, quiet) },
		func(context.Context) []finding { return checkConsole(cfg) },
		func(ctx context.Context) []finding { return checkBroker(ctx, cfg.Uplink) },
	)
}
