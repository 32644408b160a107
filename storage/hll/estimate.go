package hll

import "math"

// estimate counts by how many registers have which value. Source: Otmar Ertl, New cardinality estimation algorithms for
// HyperLogLog sketches, 2017, algorithm 6.
func estimate(histogram *[64]int) uint64 {
	const (
		m     = registers
		q     = 64 - indexBits
		alpha = 0.721347520444481703680 // 1 / (2 ln 2)
	)
	z := m * tau((m-float64(histogram[q+1]))/m)
	for v := q; v >= 1; v-- {
		z = (z + float64(histogram[v])) * 0.5
	}
	z += float64(m * sigma(float64(histogram[0])/m))
	if z == 0 { // registers that no hash has, which only SET can give
		return 1 << 63
	}
	return uint64(math.Round(alpha * m * m / z))
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		y *= 0.5
		was := z
		if z -= float64(float64((1-x)*(1-x)) * y); z == was {
			return z / 3
		}
	}
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		was := z
		if z += float64(x * y); z == was {
			return z
		}
		y += y
	}
}
