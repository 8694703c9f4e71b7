package pipeline

import "math"

// assign pairs rows with columns such that the sum of the costs is least (the
// Hungarian method, H. W. Kuhn, Naval Research Logistics Quarterly 2, 1955, by
// shortest augmenting paths, O(n³)). It returns for each row its column, or -1.
// A pair that costs more than leave is not made: row and column stay alone.
//
// Greedy pairing would do for one car; where two cross, the first pick takes
// the other's plate. With some ten plates a frame this costs microseconds.
func assign(cost [][]float64, leave float64) []int {
	rows := len(cost)
	result := make([]int, rows)
	if rows == 0 {
		return result
	}
	cols := len(cost[0])
	// One spare column a row, at the price of staying alone.
	n := cols + rows
	at := func(i, j int) float64 {
		if j < cols {
			return math.Min(cost[i][j], 2*leave+1)
		}
		return leave
	}
	u, v := make([]float64, rows+1), make([]float64, n+1)
	rowOf, way := make([]int, n+1), make([]int, n+1) // 1-based; 0: none
	for i := 1; i <= rows; i++ {
		augment(i, at, u, v, rowOf, way)
	}
	for i := range result {
		result[i] = -1
	}
	for j := 1; j <= cols; j++ {
		if i := rowOf[j]; i > 0 && cost[i-1][j-1] <= leave {
			result[i-1] = j - 1
		}
	}
	return result
}

// augment gives row i a column along the cheapest path of changed pairs; u and
// v are the potentials that keep all reduced costs at or above 0.
func augment(i int, at func(i, j int) float64, u, v []float64, rowOf, way []int) {
	n := len(v) - 1
	least := make([]float64, n+1)
	isUsed := make([]bool, n+1)
	for j := range least {
		least[j] = math.Inf(1)
	}
	rowOf[0] = i
	j0 := 0
	for {
		isUsed[j0] = true
		i0, delta, j1 := rowOf[j0], math.Inf(1), 0
		for j := 1; j <= n; j++ {
			if isUsed[j] {
				continue
			}
			if c := at(i0-1, j-1) - u[i0] - v[j]; c < least[j] {
				least[j], way[j] = c, j0
			}
			if least[j] < delta {
				delta, j1 = least[j], j
			}
		}
		for j := range least {
			if isUsed[j] {
				u[rowOf[j]] += delta
				v[j] -= delta
			} else {
				least[j] -= delta
			}
		}
		if j0 = j1; rowOf[j0] == 0 {
			break
		}
	}
	for j0 != 0 {
		rowOf[j0] = rowOf[way[j0]]
		j0 = way[j0]
	}
}
