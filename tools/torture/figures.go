package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// figures are what a run ends with.
type figures struct {
	tried        map[string]int // by fault
	failures     int
	expected     int // alerts
	missed, late int
	waited       int             // answers that were taken and recorded later
	took         []time.Duration // from a car's first frame to its alert
	relisted     int             // lists that a damaged record took away, and the program said so
	told         int             // reads and hits that the page showed, compared with store and backend
	lost, twice  int
	starts       int
	refused      int
	slowestStart time.Duration
	highKiB      int
	threads      int
}

func newFigures() *figures { return &figures{tried: map[string]int{}} }

// String is the table of docs/developer/torture.md.
func (f *figures) String() string {
	var b strings.Builder
	total := 0
	kinds := map[string]int{}
	for name, n := range f.tried {
		total += n
		kind, _, _ := strings.Cut(name, ":")
		kinds[kind] += n
	}
	line := func(what string, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	b.WriteString("| what | figure |\n|---|---|\n")
	line("faults tried", "%d of %d kinds", total, len(f.tried))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		line("… "+kind, "%d", kinds[kind])
	}
	slices.Sort(f.took)
	if n := len(f.took); n > 0 {
		line("from a car's first frame to its alert on the page", "median %d ms, 99 of 100 within %d ms, slowest %d ms",
			f.took[n/2].Milliseconds(), f.took[(n-1)*99/100].Milliseconds(), f.took[n-1].Milliseconds())
	}
	line("alerts expected / missed / late", "%d / %d / %d", f.expected, f.missed, f.late)
	line("lists imported again after their rows were damaged on purpose", "%d", f.relisted)
	line("reads and hits shown and compared / lost / twice", "%d / %d / %d", f.told, f.lost, f.twice)
	line("answers to alerts that waited to be recorded", "%d", f.waited)
	line("starts tried / refused", "%d / %d, the slowest took %.1f s", f.starts, f.refused, f.slowestStart.Seconds())
	line("most memory of the program", "%d MiB, %d threads", f.highKiB>>10, f.threads)
	line("checks failed", "%d", f.failures)
	return b.String()
}
