package vehicle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"alpr/console"
	"alpr/store"
)

// openStore opens the vehicle's store. Where that cannot be used at all a store
// in memory takes its place, so that the page answers, and what the backend
// sends alerts; that nothing is kept is said.
func (v *Vehicle) openStore(ctx context.Context, isDemo bool) (err error) {
	cfg := v.cfg.StoreOptions()
	cfg.MayRenew, cfg.Guard = true, v.guard
	notes := tightenFiles(&v.cfg)
	v.store, err = store.Open(ctx, cfg, v.log)
	if err != nil {
		if isDemo || ctx.Err() != nil {
			return err
		}
		if err := v.openVolatile(ctx, cfg, err); err != nil {
			return err
		}
	}
	for _, n := range notes {
		v.store.Notices().Note(ctx, store.PartFiles, n)
	}
	return nil
}

func (v *Vehicle) openVolatile(ctx context.Context, cfg store.Config, cause error) (err error) {
	base := "/dev/shm"
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		base = ""
	}
	if v.volatile, err = os.MkdirTemp(base, "alpr-*"); err != nil {
		return errors.Join(cause, err)
	}
	cfg.Path, cfg.KeyPath = filepath.Join(v.volatile, "alpr.db"), filepath.Join(v.volatile, "device.key")
	if cfg.MaxBytes == 0 || cfg.MaxBytes > volatileBytes {
		cfg.MaxBytes = volatileBytes
	}
	if v.store, err = store.Open(ctx, cfg, v.log); err != nil {
		return errors.Join(cause, err)
	}
	v.trouble("the store cannot be used: NOTHING is kept over a restart, and no hotlist on this computer alerts until this is mended and alpr started anew: " + cause.Error())
	return nil
}

// volatileBytes bounds a store in memory.
const volatileBytes = 256 << 20

// trouble keeps and logs what did not work at the start.
func (v *Vehicle) trouble(text string) {
	v.log.Error(text)
	v.troubles = append(v.troubles, text)
}

// problems are what the officer and the backend must know, a sentence each.
func (v *Vehicle) problems() []string {
	st := v.pipeline.Stats()
	all := slices.Clone(st.Stages)
	if cause := v.networks.Trouble(); cause != nil && len(all) == 0 {
		all = append(all, fmt.Sprintf("plates are NOT found or read, no alert can come from the cameras: %v", cause))
	}
	if st.Attention != "" {
		all = append(all, st.Attention)
	}
	all = append(all, v.troubles...)
	if text := v.unloaded.Load(); text != nil {
		all = append(all, *text)
	}
	if t := v.console.Trouble(); t != "" {
		all = append(all, "there is NO officer's page: "+t)
	}
	all = append(append(all, v.keeper.problems(time.Now())...), v.lists.Problems()...)
	all = append(all, v.hits.problems()...)
	for _, n := range v.store.Notices().All() {
		all = append(all, n.String())
	}
	return all
}

// addUnrecorded says that the disk refuses to take anything.
func (v *Vehicle) addUnrecorded(s *console.Status) {
	since, waiting, cause := v.store.Recorder().Unrecorded()
	if cause == nil {
		return
	}
	look := "Look-ups are refused meanwhile."
	if v.cfg.Store.LookupsWhenFull == lookupsAllowed {
		look = "Look-ups are recorded later."
	}
	s.Store.PartStatus = console.PartStatus{Level: console.LevelDown, Detail: fmt.Sprintf(
		"the disk takes nothing since %s, %d entries of the audit log wait in memory: free some room. %s (%v)",
		since.Format(time.TimeOnly), waiting, look, cause)}
}
