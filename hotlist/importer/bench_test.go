package importer

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"
)

const million = 1_000_000

// bigFile is an NCIC-style file of a million rows.
func bigFile() []byte {
	var b bytes.Buffer
	b.WriteString("LIC,LIS,VIN,VYR,VMA,VMO,VST,VCO,NIC,ORI,OCA,MKE,DOT\n")
	for i := range million {
		fmt.Fprintf(&b, "%c%c%c%04d,%s,1ZZZZ%012d,20%02d,%s,CAM,4D,%s,V%09d,FL%07d,31-%07d,EV,203104%02d\n",
			'A'+i/7%26, 'A'+i/182%26, 'A'+i/4732%26, i*7919%10000, []string{"FL", "GA", "TX", "NY"}[i%4], i, i%30,
			[]string{"TOYT", "FORD", "HOND"}[i%3], []string{"BLU", "WHI"}[i%2], i, i%500, i, 1+i%28)
	}
	return b.Bytes()
}

// BenchmarkImport imports a million rows and reports what the list then takes.
func BenchmarkImport(b *testing.B) {
	text := bigFile()
	heap := heapOf(b, text) // first: a list of the loop may still be there after it
	for b.Loop() {
		l, _, err := Import(context.Background(), bytes.NewReader(text), nil, Options{})
		if err != nil || l.Len() != million {
			b.Fatal(err)
		}
	}
	b.ReportMetric(heap, "MB-heap")
}

// heapOf is how much the heap grows by one imported list.
func heapOf(b *testing.B, text []byte) float64 {
	b.Helper()
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapInuse)
	}
	before := heap()
	l, _, err := Import(context.Background(), bytes.NewReader(text), nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	after := heap()
	runtime.KeepAlive(l)
	return (after - before) / 1e6
}
