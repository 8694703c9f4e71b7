package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"
)

func chunks(texts ...string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, text := range texts {
			if !yield([]byte(text)) {
				return
			}
		}
	}
}

func (f *fixture) active(list string) (HotlistInfo, bool) {
	f.t.Helper()
	all, err := f.Lists().All(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(h HotlistInfo) bool { return h.List == list && h.IsActive })
	if i < 0 {
		return HotlistInfo{}, false
	}
	return all[i], true
}

func (f *fixture) content(h HotlistInfo) string {
	f.t.Helper()
	var b bytes.Buffer
	for chunk, err := range f.Lists().Load(context.Background(), h) {
		if err != nil {
			f.t.Fatal(err)
		}
		b.Write(chunk)
	}
	return b.String()
}

func TestHotlistVersions(t *testing.T) {
	f := open(t, nil)
	ctx := context.Background()
	for v := 1; v <= 5; v++ {
		info := HotlistInfo{List: "state", Version: fmt.Sprint(v), Entries: v, PublishedAt: day0.Add(time.Duration(v) * time.Hour)}
		if err := f.Lists().Save(ctx, officer, info, chunks("head ", fmt.Sprint("version ", v))); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Lists().Save(ctx, officer, HotlistInfo{List: "bolo", Version: "a"}, chunks("b")); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	h, ok := f.active("state")
	if !ok || h.Version != "5" || h.Entries != 5 || !h.PublishedAt.Equal(day0.Add(5*time.Hour)) || f.content(h) != "head version 5" {
		t.Errorf("active %+v holds %q", h, f.content(h))
	}
	if n := f.count("SELECT count(*) FROM hotlists WHERE list = 'state'"); n != keepVersions {
		t.Errorf("%d versions are kept, want %d", n, keepVersions)
	}
	for _, want := range []string{"4", "3"} {
		h, err := f.Lists().Rollback(ctx, officer, "state")
		if err != nil || h.Version != want || f.content(h) != "head version "+want {
			t.Errorf("rolled back to %+v, %v; want %s", h, err, want)
		}
		if now, _ := f.active("state"); now.Version != want {
			t.Errorf("active is %s", now.Version)
		}
	}
	if _, err := f.Lists().Rollback(ctx, officer, "state"); err == nil {
		t.Error("rolled back to nothing")
	}
	if h, _ := f.active("state"); h.Version != "3" {
		t.Errorf("a refused rollback left %+v", h)
	}
	if err := f.Lists().Drop(ctx, officer, "bolo"); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.active("bolo"); ok || f.count("SELECT count(*) FROM hotlist_chunks WHERE hotlist_id NOT IN (SELECT id FROM hotlists)") != 0 {
		t.Error("a dropped list left something")
	}
	if err := f.Lists().Save(ctx, Access{}, HotlistInfo{List: "x"}, chunks("x")); err == nil {
		t.Error("saved for nobody")
	}
}

func TestUnfinishedImportLeavesTheLastList(t *testing.T) {
	f := open(t, nil)
	if err := f.Lists().Save(context.Background(), officer, HotlistInfo{List: "state", Version: "1"}, chunks("good")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := f.Lists().Save(ctx, officer, HotlistInfo{List: "state", Version: "2"}, func(yield func([]byte) bool) {
		if yield([]byte("half")) {
			f.writer <- struct{}{} // nobody commits any more
			cancel()
			yield([]byte("never"))
		}
	})
	<-f.writer
	if err == nil {
		t.Fatal("saved")
	}
	if h, _ := f.active("state"); h.Version != "1" || f.content(h) != "good" {
		t.Errorf("active is %+v", h)
	}
	f.clock.Add(2 * time.Hour)
	f.reopen()
	if n := f.count("SELECT count(*) FROM hotlists"); n != 1 {
		t.Errorf("%d versions after the next start", n)
	}
}
