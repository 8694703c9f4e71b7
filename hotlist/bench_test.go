package hotlist

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/hotlist/hotlisttest"
)

const million = 1_000_000

func big(b *testing.B) *List { return randomList(b, million) }

// passes are reads as they come by: nearly all on no list, one in ten with a
// character or two that are not sure.
func passes(n int) []alpr.Read {
	rng := rand.New(rand.NewPCG(11, 13))
	reads := make([]alpr.Read, n)
	for i := range reads {
		chars := strings.Split(hotlisttest.Plate(rng), "")
		confidence := 0.97
		if i%10 == 0 {
			for range 2 {
				k := rng.IntN(len(chars))
				chars[k] = chars[k][:1] + "|" + alpr.Alphabet[rng.IntN(len(alpr.Alphabet)):][:1]
			}
			confidence = 0.3
		}
		reads[i] = hotlisttest.Seen(confidence, chars...)
	}
	return reads
}

func BenchmarkExactLookup(b *testing.B) {
	l, rng := big(b), rand.New(rand.NewPCG(1, 1))
	plates := make([]string, 1<<14)
	for i := range plates {
		plates[i] = hotlisttest.Plate(rng)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for range l.Lookup(plates[i%len(plates)]) {
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	x, reads, p := NewIndex(big(b)), passes(1<<12), DefaultAlertPolicy()
	took := make([]time.Duration, 0, 1<<20)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		x.Match(&reads[i%len(reads)], &p)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkTenMillion loads and asks a list of ten million entries.
func BenchmarkTenMillion(b *testing.B) {
	l, err := randomEntries(10 * million)
	if err != nil {
		b.Fatal(err)
	}
	x, reads, p := NewIndex(l), passes(1<<12), DefaultAlertPolicy()
	for i := 0; b.Loop(); i++ {
		x.Match(&reads[i%len(reads)], &p)
	}
	b.ReportMetric(float64(l.Bytes())/1e6, "MB-list")
}

// What could break in a list of tens of millions is the packing of places into
// 32 bits: it is tried here at its far end.
func TestLastBlockIsReached(t *testing.T) {
	l, err := FromEntries("a", "1", noon, []alpr.Entry{{Plate: "ABC123", ID: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	const last = 1<<(32-blockBits) - 2
	far := &List{blocks: make([][]byte, last+1), words: l.words, n: 1, table: slices.Clone(l.table), shift: l.shift}
	far.blocks[last] = l.blocks[0]
	for i, ref := range far.table {
		if ref != 0 {
			far.table[i] = uint32(last<<blockBits) + 1
		}
	}
	if got := slices.Collect(far.Lookup("ABC123")); len(got) != 1 || got[0].ID != "x" {
		t.Errorf("found %+v", got)
	}
}
