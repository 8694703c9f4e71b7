package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// printTables writes the figures of all sets as Markdown.
func printTables(out io.Writer, scores []*score) error {
	w := &tableWriter{out: out}
	w.row("set", "pictures", "plates", "detected", "texts", "exact", "wrong", "missed",
		"exact at ≤ 1 % wrong", "state right", "unknown", "wrong", "ECE", "read elsewhere", "ms median", "ms p90")
	w.rule(16)
	for _, sc := range scores {
		printSet(w, sc)
	}
	var all []truth
	for _, sc := range scores {
		all = append(all, sc.withText()...)
	}
	w.line("")
	w.line("What is wrong with the wrong reads, and the figures if O were 0 and I were 1:")
	w.line("")
	printMistakes(w, scores)
	w.line("")
	w.line("By the plate's width in the picture (all sets with boxes):")
	w.line("")
	printRanges(w, "width, px", widths(), scores, func(t *truth) float64 {
		if t.Box == nil {
			return -1
		}
		return t.Box[2]
	})
	w.line("")
	w.line("By the plate's mean brightness, 0 to 255 (all sets; where there is no box, that of the whole picture):")
	w.line("")
	printRanges(w, "brightness", lights(), scores, func(t *truth) float64 { return t.light })
	w.line("")
	w.line("By state or country (all sets; those with ten texts and more):")
	w.line("")
	printRegions(w, all)
	w.line("")
	w.line("Reliability (all sets): of the reads of like confidence, the share that is exactly right:")
	w.line("")
	printReliability(w, all)
	return w.err
}

func printSet(w *tableWriter, sc *score) {
	texts := sc.withText()
	right, unknown, bad := states(sc.truths)
	ece, reads := calibrationError(reliability(texts))
	error1 := "-"
	if reads > 0 {
		error1 = fmt.Sprintf("%.3f", ece)
	}
	median, p90 := "-", "-"
	if n := len(sc.times); n > 0 {
		median, p90 = fmt.Sprintf("%.1f", sc.times[n/2]), fmt.Sprintf("%.1f", sc.times[min(n-1, n*9/10)])
	}
	w.row(sc.name, fmt.Sprint(sc.pictures), fmt.Sprint(len(sc.truths)), percent(sc.detected()), fmt.Sprint(len(texts)),
		percent(exact(texts)), percent(wrong(texts)), percent(missed(texts)), percent(exactAt(texts, 0.01)),
		percent(right), percent(unknown), percent(bad), error1, fmt.Sprint(sc.elsewhere), median, p90)
}

// printRanges tells the plates apart by a value, of those where it is known (0
// and more).
func printRanges(w *tableWriter, title string, bounds []float64, scores []*score, value func(*truth) float64) {
	w.row(title, "plates", "detected", "texts", "exact", "wrong", "missed")
	w.rule(7)
	for i := range len(bounds) - 1 {
		var in score
		for _, sc := range scores {
			for _, t := range sc.truths {
				if v := value(&t); v >= bounds[i] && v < bounds[i+1] {
					in.truths = append(in.truths, t)
				}
			}
		}
		name := fmt.Sprintf("%.0f–%.0f", bounds[i], bounds[i+1])
		if bounds[i+1] > 1e6 {
			name = fmt.Sprintf("%.0f and more", bounds[i])
		}
		texts := in.withText()
		w.row(name, fmt.Sprint(len(in.truths)), percent(in.detected()),
			fmt.Sprint(len(texts)), percent(exact(texts)), percent(wrong(texts)), percent(missed(texts)))
	}
}

// leastTexts is how many plates of a state say something about it.
const leastTexts = 10

func printRegions(w *tableWriter, truths []truth) {
	by := map[string][]truth{}
	for _, t := range truths {
		if isRegion(t.Region) {
			by[t.Region] = append(by[t.Region], t)
		}
	}
	w.row("state", "texts", "exact", "wrong", "missed", "state right", "unknown", "wrong")
	w.rule(8)
	for _, region := range slices.Sorted(maps.Keys(by)) {
		texts := by[region]
		if len(texts) < leastTexts {
			continue
		}
		right, unknown, bad := states(texts)
		w.row(region, fmt.Sprint(len(texts)), percent(exact(texts)), percent(wrong(texts)), percent(missed(texts)),
			percent(right), percent(unknown), percent(bad))
	}
}

func printReliability(w *tableWriter, truths []truth) {
	w.row("confidence", "reads", "mean confidence", "exact")
	w.rule(4)
	list := reliability(truths)
	for i, b := range list {
		mean := "-"
		if b.n > 0 {
			mean = fmt.Sprintf("%.1f", 100*b.confidence/float64(b.n))
		}
		w.row(fmt.Sprintf("%d–%d", i*100/bins, (i+1)*100/bins), fmt.Sprint(b.n), mean, percent(share{b.right, b.n}))
	}
	if ece, n := calibrationError(list); n > 0 {
		w.line("")
		w.line(fmt.Sprintf("Expected calibration error over %d reads: %.3f.", n, ece))
	}
}

func percent(s share) string {
	if s.whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", 100*s.value())
}

// tableWriter remembers the first error.
type tableWriter struct {
	out io.Writer
	err error
}

func (w *tableWriter) row(fields ...string) { w.line("| " + strings.Join(fields, " | ") + " |") }
func (w *tableWriter) rule(columns int)     { w.line("|" + strings.Repeat("---|", columns)) }

func (w *tableWriter) line(s string) {
	if w.err == nil {
		_, w.err = fmt.Fprintln(w.out, s)
	}
}
