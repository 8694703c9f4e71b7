package backend

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"alpr"
	"alpr/sync/downlink"
)

// TestOneCaseMayListSeveralPlates: entries of one id change together, for a
// vehicle replaces all of an id by what a delta brings.
func TestOneCaseMayListSeveralPlates(t *testing.T) {
	s, err := openShelf(t.TempDir(), "pd", "stolen")
	if err != nil {
		t.Fatal(err)
	}
	m := downlink.Manifest{Agency: "pd", List: "stolen", Version: 1, PublishedAt: time.Now()}
	before := []alpr.Entry{{ID: "case", Plate: "AAA111"}, {ID: "case", Plate: "BBB222"}, {ID: "other", Plate: "CCC333"}, {ID: "gone", Plate: "DDD444"}}
	o := HotlistOrder{Agency: "pd", List: "stolen", Entries: slices.Values(before)}
	p := Published{Manifest: m}
	x, blobs, err := o.blobs(&p, s)
	if err != nil || len(blobs) != 1 || p.Entries != 4 {
		t.Fatalf("%d blobs of %d entries, %v", len(blobs), p.Entries, err)
	}
	if err := s.put(1, x, nil); err != nil {
		t.Fatal(err)
	}
	var after []alpr.Entry
	for i := range 60 { // so that a delta is worth it
		after = append(after, alpr.Entry{ID: "more", Plate: "M" + string(rune('A'+i/26)) + string(rune('A'+i%26))})
	}
	o.Entries = slices.Values(slices.Concat([]alpr.Entry{{ID: "other", Plate: "CCC333"}, {ID: "case", Plate: "BBB222"}, {ID: "case", Plate: "AAA119"}}, after))
	p.Version, p.Entries = 2, 0
	if x, _, err = o.blobs(&p, s); err != nil {
		t.Fatal(err)
	}
	before2, err := s.sums(1)
	if err != nil {
		t.Fatal(err)
	}
	d := before2.diff(x)
	if !slices.Equal(d.removed, []string{"gone"}) || len(d.changed) != 2 || !slices.Equal(p.RemoveNow, []string{"gone"}) {
		t.Errorf("removed %v, %d ids changed, at once %v", d.removed, len(d.changed), p.RemoveNow)
	}
	lines := map[uint64][][]byte{hash64([]byte("case")): nil}
	if err := o.collect(p.Manifest, s, lines); err != nil {
		t.Fatal(err)
	}
	delta, _, err := diff{removed: d.removed, changed: map[uint64]bool{hash64([]byte("case")): true}}.blob(lines)
	if err != nil {
		t.Fatal(err)
	}
	var plates []string
	for e, err := range downlink.ReadEntries(bytes.NewReader(delta)) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ListVersion != "2" || !e.PublishedAt.Equal(m.PublishedAt.UTC()) || e.List != "stolen" {
			t.Errorf("entry %+v", e)
		}
		plates = append(plates, e.Plate)
	}
	if !slices.Equal(plates, []string{"BBB222", "AAA119"}) {
		t.Errorf("the delta tells of %v", plates)
	}
}
