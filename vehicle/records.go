package vehicle

import (
	"context"
	"fmt"
	"log/slog"

	"alpr/hotlist"
	"alpr/store"
)

// Records are a vehicle's store and hotlists, opened for a command. They may be
// open beside a running vehicle: both see what the other does.
type Records struct {
	Config  Config
	Store   *store.Store
	Matcher *hotlist.Matcher // without lists until Lists.Load
	Lists   *Lists
}

// OpenRecords opens the records of a configuration. Close them after use.
func OpenRecords(ctx context.Context, cfg Config, log *slog.Logger) (*Records, error) {
	matcher, err := hotlist.NewMatcher(cfg.Hotlist)
	if err != nil {
		return nil, fmt.Errorf("hotlist: %w", err)
	}
	s, err := store.Open(ctx, cfg.StoreOptions(), log)
	if err != nil {
		return nil, err
	}
	return &Records{Config: cfg, Store: s, Matcher: matcher, Lists: NewLists(s, matcher, cfg.Hotlist, log)}, nil
}

// Close closes the store.
func (r *Records) Close() error { return r.Store.Close() }
