package hotlist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist/hotlisttest"
)

func TestChunksRoundTrip(t *testing.T) {
	l := randomList(t, 30000)
	back, err := FromChunks(chunksOf(l))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(slices.Collect(l.All()), slices.Collect(back.All())) {
		t.Error("entries changed")
	}
	for e := range l.All() {
		if !slices.Contains(slices.Collect(back.Lookup(e.Plate)), e) {
			t.Fatalf("%s is not found again", e.Plate)
		}
	}
}

func chunksOf(l *List) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for c := range l.Chunks() {
			if !yield(bytes.Clone(c), nil) {
				return
			}
		}
	}
}

// randomList makes a list with fields as real lists have them.
func randomList(t testing.TB, n int) *List {
	t.Helper()
	l, err := randomEntries(n)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func randomEntries(n int) (*List, error) {
	rng := rand.New(rand.NewPCG(3, 5))
	b := NewBuilder("state", "v1", noon)
	states := strings.Fields("AL AK AZ CA CO CT DC FL GA HI IL IN NY OH TX WA")
	pick := func(from []string) string { return from[rng.IntN(len(from))] }
	for i := range n {
		e := alpr.Entry{
			ID: fmt.Sprintf("V%09d", i), Source: fmt.Sprintf("FL%07d", rng.IntN(500)), Plate: hotlisttest.Plate(rng), State: "US-" + pick(states),
			Reason: "stolen vehicle", Category: "stolen vehicle", Priority: alpr.PriorityNormal, CaseNumber: fmt.Sprintf("31-%07d", i),
			Vehicle: alpr.Vehicle{
				Make: pick([]string{"TOYT", "FORD", "HOND"}), Model: pick([]string{"CAM", "F15", "ACC"}), Year: fmt.Sprint(2000 + rng.IntN(30)),
				Colour: pick([]string{"BLU", "WHI", "GRY"}), Style: "4D", VIN: fmt.Sprintf("1ZZZZ%012d", i),
			},
			Effective: noon.Add(-time.Duration(rng.IntN(1e6)) * time.Second),
		}
		e.PlateGiven = e.Plate
		if err := b.Add(&e); err != nil {
			return nil, err
		}
	}
	return b.Done()
}

func TestPlateCodes(t *testing.T) {
	for _, plate := range []string{"A", "0", "Z", "00", "ZZZZZZZZZZ", "0000000000", "ABC123"} {
		code, ok := plateCode(plate)
		if !ok || plateText(code) != plate {
			t.Errorf("%s became %s", plate, plateText(code))
		}
		if code >= 1<<(8*keyBytes) {
			t.Errorf("%s needs more than %d bytes", plate, keyBytes)
		}
	}
	for _, plate := range []string{"", "abc", "A-1", "ABCDEFGHIJK"} {
		if _, ok := plateCode(plate); ok {
			t.Errorf("%q has a code", plate)
		}
	}
}

func FuzzFromChunks(f *testing.F) {
	l, err := FromEntries("a", "1", noon, []alpr.Entry{{Plate: "ABC123", ID: "x", Caution: "y"}})
	if err != nil {
		f.Fatal(err)
	}
	chunks := slices.Collect(l.Chunks())
	f.Add(chunks[0], chunks[1])
	f.Add([]byte(`{"Format":1,"Entries":2}`), []byte("12345678901234567890"))
	f.Fuzz(func(t *testing.T, head, block []byte) {
		l, err := FromChunks(func(yield func([]byte, error) bool) {
			_ = yield(head, nil) && yield(block, nil)
		})
		if err != nil {
			return
		}
		if n := len(slices.Collect(l.All())); n != l.Len() {
			t.Fatalf("%d entries of %d", n, l.Len())
		}
	})
}

func TestApply(t *testing.T) {
	l, err := FromEntries("state", "1", noon, []alpr.Entry{{ID: "a", Plate: "AAA111"}, {ID: "b", Plate: "BBB222"}, {ID: "c", Plate: "CCC333"}})
	if err != nil {
		t.Fatal(err)
	}
	changes := func(yield func(alpr.Entry, error) bool) {
		_ = yield(alpr.Entry{ID: "b", PlateGiven: "bbb-999"}, nil) && yield(alpr.Entry{ID: "d", Plate: "DDD444"}, nil)
	}
	next, err := l.Apply("2", noon.Add(time.Hour), []string{"a", "unknown"}, changes)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range next.All() {
		got = append(got, e.ID+":"+e.Plate+":"+e.ListVersion)
	}
	slices.Sort(got)
	if want := []string{"b:BBB999:2", "c:CCC333:2", "d:DDD444:2"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if l.Len() != 3 || l.Version != "1" {
		t.Error("the version before was changed")
	}
	broken := func(yield func(alpr.Entry, error) bool) { yield(alpr.Entry{}, io.ErrUnexpectedEOF) }
	if _, err := l.Apply("3", noon, nil, broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken delta: %v", err)
	}
	if _, err := FromEntries("x", "1", noon, []alpr.Entry{{ID: "a", Plate: "?"}}); err == nil {
		t.Error("a plate that cannot be was taken")
	}
}

func TestOneBadEntryKeepsNoOtherFromAlerting(t *testing.T) {
	entries := []alpr.Entry{
		{ID: "1", PlateGiven: "ABC–123", Plate: "ABC123"}, {ID: "2", PlateGiven: "ABC#12", Plate: "ABC12"},
		{ID: "3", Plate: "ABCDEFGHIJKL"}, {ID: "4", Plate: "XYZ9", CaseNumber: strings.Repeat("x", blockSize)}, {ID: "5", Plate: "OK5"},
	}
	list, bad, err := FromSound("manual", "", time.Time{}, entries)
	if err != nil {
		t.Fatal(err)
	}
	if list.Len() != 2 || len(bad) != 3 || bad[0].Entry != "2" || !errors.Is(bad[0], alpr.ErrBadPlate) {
		t.Fatalf("%d entries, bad %v, %v", list.Len(), bad, err)
	}
	if _, err := FromEntries("manual", "", time.Time{}, entries); err == nil {
		t.Error("FromEntries took a bad one")
	}
	next, bad, err := list.ApplySound("2", time.Time{}, nil, sequence([]alpr.Entry{{ID: "5", Plate: "O#5"}}))
	if err != nil || len(bad) != 1 || next.Len() != 1 {
		t.Errorf("the entry that a bad one replaces still alerts: %d entries, %v, %v", next.Len(), bad, err)
	}
}
