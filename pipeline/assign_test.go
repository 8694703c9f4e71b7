package pipeline

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAssign(t *testing.T) {
	far := 100.0
	tests := []struct {
		name string
		cost [][]float64
		want []int
	}{
		{"nothing", nil, []int{}},
		{"no track", [][]float64{{}, {}}, []int{-1, -1}},
		{"one each", [][]float64{{1, far}, {far, 1}}, []int{0, 1}},
		{"crossing: greedy would take the first pair", [][]float64{{1, 2}, {1.5, 7}}, []int{1, 0}},
		{"too far", [][]float64{{far}}, []int{-1}},
		{"two plates, one track", [][]float64{{3}, {2}}, []int{-1, 0}},
		{"one plate, two tracks", [][]float64{{3, 2}}, []int{1}},
		{"agreement is a negative cost", [][]float64{{-12, 1}, {-5, 1}}, []int{0, 1}},
		{"forbidden beats nothing", [][]float64{{math.Inf(1), 4}, {4, math.Inf(1)}}, []int{1, 0}},
	}
	for _, tt := range tests {
		got := assign(tt.cost, 8)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v", tt.name, got)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				break
			}
		}
	}
}

// TestAssignIsBest compares with all possible pairings.
func TestAssignIsBest(t *testing.T) {
	const leave = 5.0
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		rows, cols := 1+r.IntN(5), 1+r.IntN(5)
		cost := make([][]float64, rows)
		for i := range cost {
			cost[i] = make([]float64, cols)
			for j := range cost[i] {
				cost[i][j] = 20*r.Float64() - 8
			}
		}
		var best func(i int, used uint) float64
		best = func(i int, used uint) float64 {
			if i == rows {
				return 0
			}
			least := leave + best(i+1, used)
			for j := range cols {
				if used&(1<<j) == 0 && cost[i][j] <= leave {
					least = math.Min(least, cost[i][j]+best(i+1, used|1<<j))
				}
			}
			return least
		}
		total := 0.0
		taken := make(map[int]bool)
		for i, j := range assign(cost, leave) {
			if j < 0 {
				total += leave
				continue
			}
			if taken[j] {
				t.Fatalf("column %d twice", j)
			}
			taken[j] = true
			total += cost[i][j]
		}
		if want := best(0, 0); math.Abs(total-want) > 1e-9 {
			t.Fatalf("cost %.4f, best is %.4f: %v", total, want, cost)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	cost := make([][]float64, 10)
	for i := range cost {
		cost[i] = make([]float64, 10)
		for j := range cost[i] {
			cost[i][j] = 20 * r.Float64()
		}
	}
	for b.Loop() {
		assign(cost, 8)
	}
}
