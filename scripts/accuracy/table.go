package main

import (
	"fmt"
	"io"
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
	w.line("By the plate's width in the picture (all sets with boxes):")
	w.line("")
	printWidths(w, scores)
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

func printWidths(w *tableWriter, scores []*score) {
	w.row("width, px", "plates", "detected", "texts", "exact", "wrong", "missed")
	w.rule(7)
	widths := widths()
	for i := range len(widths) - 1 {
		var plates, texts []truth
		for _, sc := range scores {
			for _, t := range sc.truths {
				if t.Box == nil || t.Box[2] < widths[i] || t.Box[2] >= widths[i+1] {
					continue
				}
				plates = append(plates, t)
				if t.Text != "" {
					texts = append(texts, t)
				}
			}
		}
		name := fmt.Sprintf("%.0f–%.0f", widths[i], widths[i+1])
		if i == len(widths)-2 {
			name = fmt.Sprintf("%.0f and more", widths[i])
		}
		w.row(name, fmt.Sprint(len(plates)), percent(count(plates, func(t *truth) bool { return t.isDetected })),
			fmt.Sprint(len(texts)), percent(exact(texts)), percent(wrong(texts)), percent(missed(texts)))
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
