package alpr

import (
	"math"
	"testing"
)

// sharp is the posterior of text in which each slot holds its symbol with
// probability p and spreads the rest.
func sharp(text string, p float32) Posterior {
	var post Posterior
	for s := range post {
		for i := range post[s] {
			post[s][i] = (1 - p) / float32(Symbols-1)
		}
		sym := Pad
		if s < len(text) {
			sym = SymbolIndex(text[s])
		}
		post[s][sym] = p
	}
	return post
}

func TestCandidates(t *testing.T) {
	p := sharp("ABC0", 1)
	p[3][SymbolIndex('0')], p[3][SymbolIndex('O')], p[3][Pad] = 0.7, 0.2, 0.1
	p[0][SymbolIndex('A')], p[0][SymbolIndex('4')] = 0.6, 0.4
	want := []Candidate{{"ABC0", 0.42}, {"4BC0", 0.28}, {"ABCO", 0.12}, {"4BCO", 0.08}, {"ABC", 0.06}, {"4BC", 0.04}}
	got := p.Candidates(10)
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i].Text != want[i].Text || math.Abs(got[i].P-want[i].P) > 1e-6 {
			t.Errorf("candidate %d is %v, want %v", i, got[i], want[i])
		}
	}
	if got := p.Candidates(2); len(got) != 2 || got[0].Text != "ABC0" {
		t.Errorf("the best two are %v", got)
	}
	if got := p.Candidates(0); got != nil {
		t.Errorf("none asked, got %v", got)
	}
}

func TestCandidatesJoinsSpellingsOfOneText(t *testing.T) {
	p := sharp("AB", 1)
	p[1], p[2] = p[2], p[1] // A, pad, B
	p[2][SymbolIndex('B')], p[2][SymbolIndex('8')] = 0.9, 0.1
	p[1][Pad], p[1][SymbolIndex('B')] = 0.5, 0.5
	got := p.Candidates(3)
	if got[0].Text != "AB" && got[0].Text != "ABB" {
		t.Fatalf("got %v", got)
	}
	sum := 0.0
	for _, c := range p.Candidates(100) {
		sum += c.P
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("all candidates sum to %g", sum)
	}
}

// TestCandidatesIsExact compares with all texts of a small posterior.
func TestCandidatesIsExact(t *testing.T) {
	p := sharp("K7", 1)
	for s := range 2 {
		for i := range 36 {
			p[s][i] = float32((i*7+s*13)%36+1) / 666
		}
		p[s][Pad] = 0
	}
	best := 0.0
	for _, a := range Alphabet {
		for _, b := range Alphabet {
			best = math.Max(best, math.Exp(p.LogProb(string([]rune{a, b}))))
		}
	}
	got := p.Candidates(5)
	if math.Abs(got[0].P-best) > 1e-9 {
		t.Errorf("best is %v, should have probability %g", got[0], best)
	}
	for i := 1; i < len(got); i++ {
		if got[i].P > got[i-1].P {
			t.Errorf("not in order: %v", got)
		}
	}
}

func BenchmarkCandidates(b *testing.B) {
	p := sharp("ABC1234", 0.95)
	for b.Loop() {
		p.Candidates(5)
	}
}
