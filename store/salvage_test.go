package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alpr"
)

// TestMalformedFileIsSalvaged overwrites one page after the other of a store
// with many reads: each time it starts, most of what was there is there, what is
// lost is said, and the damaged file is kept.
func TestMalformedFileIsSalvaged(t *testing.T) {
	f := open(t, nil)
	info := HotlistInfo{List: "stolen", Version: "1", Entries: 1}
	if err := f.Lists().Save(t.Context(), officer, info, func(yield func([]byte) bool) { yield([]byte("a list")) }); err != nil {
		t.Fatal(err)
	}
	const reads = 60
	for i := range reads {
		r := f.read(fmt.Sprintf("P%05d", i))
		r.Crop.JPEG = make([]byte, 3000)
		f.record(r)
	}
	r := f.read("STLN01")
	if err := keepRead(t.Context(), f, r, []alpr.Hit{f.hit(r)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(f.cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	pages := len(whole) / 4096
	step := max(1, pages/20)
	tried, saved, lists := 0, 0, 0
	for page := 1; page < pages; page += step {
		tried++
		damaged := slices.Clone(whole)
		for i := range 4096 {
			damaged[page*4096+i] = byte(i * 7)
		}
		kept, hasList := f.salvageOf(damaged)
		saved += kept
		if hasList {
			lists++
		}
	}
	t.Logf("%d pages of %d overwritten: %d of %d reads taken over, the list %d times", tried, pages, saved, tried*(reads+1), lists)
	if saved*10 < tried*(reads+1)*8 {
		t.Errorf("of %d damaged files only %d of %d reads were taken over", tried, saved, tried*(reads+1))
	}
	if lists*10 < tried*8 {
		t.Errorf("of %d damaged files only %d kept their list", tried, lists)
	}
}

// salvageOf opens a damaged file, and counts what is left.
func (f *fixture) salvageOf(damaged []byte) (reads int, hasList bool) {
	t, ctx := f.t, context.Background()
	t.Helper()
	cfg := f.cfg
	cfg.Path = filepath.Join(t.(*testing.T).TempDir(), "store.db")
	key, err := os.ReadFile(keyOf(f.cfg.Path))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{cfg.Path: damaged, keyOf(cfg.Path): key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	s, err := Open(ctx, cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatalf("it does not start: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	kept, err := s.queryReads(ctx, "LIMIT 1000")
	if err != nil {
		t.Fatal(err)
	}
	lists, err := s.Lists().All(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range lists {
		for chunk, err := range s.Lists().Load(ctx, info) {
			hasList = err == nil && string(chunk) == "a list"
		}
	}
	aside, err := filepath.Glob(cfg.Path + markDamaged + "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(aside) == 0 { // a free page, or one whose content nothing tells
		if len(kept) < 60 && len(s.Notices().All()) == 0 {
			t.Errorf("%d reads are left and nothing is said", len(kept))
		}
		return len(kept), hasList
	}
	if text, err := os.ReadFile(aside[0]); err != nil || string(text) != string(damaged) {
		t.Errorf("the damaged file is not kept as it was: %v", err)
	}
	if !strings.Contains(fmt.Sprint(s.Notices().All()), "was damaged") || !strings.Contains(log.String(), "was damaged") {
		t.Errorf("it is not said: %v", s.Notices().All())
	}
	if err := keepRead(ctx, s, f.read("AFTER1"), nil); err != nil {
		t.Errorf("recording does not go on: %v", err)
	}
	return len(kept), hasList
}
