package main

import (
	"fmt"
	"strings"
)

// mistake is in what a wrong read differs from its label.
type mistake int

const (
	lookAlike mistake = iota // O for 0 or I for 1, either way, and nothing else
	oneCharacter
	severalCharacters
	otherLength
	mistakes // how many there are
)

// mistakeOf tells wrong reads apart.
func mistakeOf(t *truth) mistake {
	if len(t.read.Text) != len(t.Text) {
		return otherLength
	}
	if folded(t.read.Text) == folded(t.Text) {
		return lookAlike
	}
	differ := 0
	for i := range len(t.Text) {
		if t.Text[i] != t.read.Text[i] {
			differ++
		}
	}
	if differ == 1 {
		return oneCharacter
	}
	return severalCharacters
}

// folded writes characters that many issuers give one shape as one.
func folded(text string) string { return strings.NewReplacer("O", "0", "I", "1").Replace(text) }

// withFolded is the truths with such characters taken for the same, in label and
// read: how much of what is wrong is wrong beyond the typeface.
func withFolded(truths []truth) []truth {
	list := make([]truth, len(truths))
	for i, t := range truths {
		t.Text, t.read.Text = folded(t.Text), folded(t.read.Text)
		list[i] = t
	}
	return list
}

// printMistakes says what is wrong with the wrong reads of each set.
func printMistakes(w *tableWriter, scores []*score) {
	w.row("set", "wrong reads", "O for 0, I for 1", "one other character", "several", "another length",
		"exact, were these the same", "wrong", "exact at ≤ 1 % wrong")
	w.rule(9)
	for _, sc := range scores {
		texts := sc.withText()
		if len(texts) == 0 {
			continue
		}
		var n [mistakes]int
		for i := range texts {
			if t := &texts[i]; t.isRead() && !t.isExact() {
				n[mistakeOf(t)]++
			}
		}
		same := withFolded(texts)
		w.row(sc.name, fmt.Sprint(wrong(texts).part), fmt.Sprint(n[lookAlike]), fmt.Sprint(n[oneCharacter]),
			fmt.Sprint(n[severalCharacters]), fmt.Sprint(n[otherLength]),
			percent(exact(same)), percent(wrong(same)), percent(exactAt(same, 0.01)))
	}
}
